"""Every template, level, language, length and mark: whole, marked first, and never too long."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.cards import load_cards
from services.notifier.domain.message import Message
from services.notifier.wording import Language, Length, fits, render, segments, units
from services.notifier.wording.steps import own_steps, role_word
from shared.contracts.levels import LevelName
from shared.contracts.monitor import Cause
from shared.contracts.notifier import MessageKind
from shared.words import catalogue, say
from tests.prove import examples

KINDS = [kind for kind in MessageKind if kind is not MessageKind.BULLETIN]
LEVELS: list[LevelName | None] = [None, *LevelName]
LANGUAGES: list[Language] = ["zh", "en"]
LENGTHS: list[Length] = ["full", "short"]
MARKS = list(itertools.product([False, True], repeat=4))
NAMES = {"zh": "建国矿业下口分公司尾矿库", "en": "Xiakou tailings pond"}
LINK = "https://desk.example.cn/a/7Hf0-kQ2vXw9aLm3"
TIME = datetime(2025, 7, 22, 8, 5, tzinfo=UTC)
CARDS = load_cards()


def causes(level: LevelName | None) -> tuple[Cause, ...]:
    document = {"document": "2025 flood routing", "limits_version": 3}
    return (
        Cause(sensor="", rule="roll_up", level=level),
        Cause(
            sensor="level-1", rule="threshold", value=311.456, limit=311.4, level=level, unit="m", **document,
            detail={"quantity": "level", "rise_1h_per_h": 0.32, "rise_3h_per_h": None},
        ),
        Cause(
            sensor="level-2", rule="trend", value=310.2, limit=311.4, level=LevelName.BLUE, unit="m", **document,
            detail={
                "slope_per_h": 0.2, "to": "red", "hours_to_limit": 2.0, "hours_to_limit_earliest": 0.75,
                "hours_to_limit_latest": 3.4,
            },
        ),
        Cause(
            sensor="rain-1", rule="rainfall", value=105.0, limit=100.0, level=LevelName.BLUE, unit="mm", verified=False,
            detail={"hours": 3, "coverage": 0.8},
        ),
        Cause(sensor="level-3", rule="blind"),
    )  # fmt: skip


def message(
    kind: MessageKind,
    level: LevelName | None,
    language: Language,
    held: tuple[bool, bool, bool, bool] = (False,) * 4,
    **more: object,
) -> Message:
    exercise, unverified, late, again = held
    given: dict[str, object] = {
        "kind": kind, "alarm_id": "w1", "pond_id": "xiakou", "pond_name": NAMES[language], "level": level,
        "county": "平山县" if language == "zh" else "Pingshan", "previous": LevelName.YELLOW,
        "verified": not unverified, "late": late, "exercise": exercise, "maybe_again": again, "time": TIME,
        "causes": causes(level), "role": "enterprise@pond", "card": () if level is None else CARDS[level], "link": LINK,
        "also": ("张三", "李四") if language == "zh" else ("Zhang San", "Li Si"), "channel": "sms", "why": "no route",
    }  # fmt: skip
    return Message.model_validate({**given, **more})


def marks_of(language: Language, held: tuple[bool, bool, bool, bool]) -> str:
    names = [name for name, is_held in zip(("exercise", "unverified", "late", "again"), held, strict=True) if is_held]
    words = [catalogue()[f"message.mark_{name}"][language] for name in names]
    if not words:
        return ""
    return "".join(f"【{word}】" for word in words) if language == "zh" else f"({', '.join(words)}) "


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_text_is_whole_marked_first_and_short_enough(kind: MessageKind, language: Language) -> None:
    for level, length, held in itertools.product(LEVELS, LENGTHS, MARKS):
        said = message(kind, level, language, held)
        rendered = render(said, language, length)
        for text in (rendered.subject, rendered.body):
            assert text
            assert text == text.strip()
            assert not re.search(r"[{}]|None|\bmessage\.|\blevel\.|\bquantity\.|\brule\.|\brole\.", text), text
            assert "  " not in text
            assert text.startswith(marks_of(language, held))
            assert not text.removeprefix(marks_of(language, held)).startswith(("【", "("))
        assert "\n" not in rendered.subject
        assert all(line.strip(" -·：:") for line in rendered.body.splitlines())
        assert LINK in rendered.body
        assert NAMES[language] in rendered.body
        if level is not None:
            assert say(f"level.{level.value}", language).lower() in rendered.body.lower()
        assert "+08:00" in rendered.body
        if length == "short":
            assert "\n" not in rendered.body
            assert rendered.body.endswith(f" {LINK}")
            assert fits(rendered.body), (units(rendered.body), rendered.body)
            assert segments(rendered.body) <= 2
        if language == "en":
            assert not re.search("[\u3000-\u9fff\uff00-\uffef]", rendered.body)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("level", list(LevelName))
def test_an_alarm_says_what_how_high_how_fast_how_long_and_what_to_do(level: LevelName, language: Language) -> None:
    said = message(MessageKind.ALARM, level, language)
    body = render(said, language, "full").body
    color = say(f"level.{level.value}", language)
    limit = f"{color}限值 311.4 m" if language == "zh" else f"{color} limit 311.4 m"
    for part in ("311.456 m", limit, "2025 flood routing", "0.32 m", "45", "3.4", "105 mm", "2025-07-22 16:05 +08:00"):
        assert part in body
    for step in own_steps(CARDS[level], "enterprise@pond"):
        assert (step.zh if language == "zh" else step.en) in body
        assert str(step.within_minutes) in body
    assert all(name in body for name in said.also)


@pytest.mark.parametrize("language", LANGUAGES)
def test_red_says_go_even_where_nothing_else_has_room(language: Language) -> None:
    said = message(MessageKind.REPEAT, LevelName.RED, language, (True,) * 4, pond_name="下口分公司尾矿库")
    body = render(said, language, "short").body
    assert ("撤人" if language == "zh" else "EVACUATE") in body
    assert units(body) <= 134


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_step_up_and_down_names_the_level_before(language: Language) -> None:
    yellow = say("level.yellow", language)
    up = render(message(MessageKind.ALARM, LevelName.RED, language), language, "full").subject
    down = render(message(MessageKind.STEP_DOWN, LevelName.BLUE, language), language, "full").subject
    clear = render(message(MessageKind.ALL_CLEAR, None, language), language, "full").subject
    assert all(yellow in subject for subject in (up, down, clear))
    verified = render(message(MessageKind.ALARM, LevelName.YELLOW, language), language, "full").subject
    assert say("level.yellow", language).lower() in verified.lower()
    assert "原" not in verified
    assert "was" not in verified


def test_nothing_that_stands_is_called_over_and_nothing_over_an_alarm() -> None:
    standing = message(MessageKind.ALL_CLEAR, LevelName.RED, "zh")
    assert "解除" not in render(standing, "zh", "full").body
    assert "红色" in render(standing, "zh", "short").body
    for kind in (MessageKind.ALARM, MessageKind.REPEAT, MessageKind.STEP_DOWN):
        assert render(message(kind, None, "en"), "en", "short").body.startswith("ALL CLEAR")
    taken_back = message(MessageKind.ALL_CLEAR, None, "zh", corrected=True)
    assert render(taken_back, "zh", "full").subject.startswith("预警撤销")


def test_times_are_those_of_the_pond_and_an_unknown_zone_stops_nothing() -> None:
    far = message(MessageKind.ALARM, LevelName.RED, "en", timezone="America/Sao_Paulo")
    assert "2025-07-22 05:05 -03:00" in render(far, "en", "full").body
    nowhere = message(MessageKind.ALARM, LevelName.RED, "en", timezone="Mars/Olympus")
    assert "2025-07-22 08:05 +00:00" in render(nowhere, "en", "full").body


def test_somebody_without_a_step_sees_whose_the_steps_are() -> None:
    body = render(message(MessageKind.ALARM, LevelName.RED, "zh", role="duty:巡查@city"), "zh", "full").body
    assert "报告市级领导" in body
    body = render(message(MessageKind.ALARM, LevelName.RED, "zh", role="fallback"), "zh", "full").body
    assert "库区值班人员：立即撤离" in body
    body = render(message(MessageKind.ALARM, LevelName.RED, "en", card=(), causes=()), "en", "full").body
    assert "Evacuate at once" in body
    assert role_word("duty:night watch@pond", "en") == "person on duty at the pond"
    assert role_word("diver", "en") == "diver"


def test_a_bulletin_has_its_own_function() -> None:
    with pytest.raises(ValueError, match="render_bulletin"):
        render(message(MessageKind.BULLETIN, None, "zh"), "zh", "full")


def test_length_is_counted_as_operators_count() -> None:
    assert (units("a" * 160), segments("a" * 160), segments("a" * 161)) == (160, 1, 2)
    assert (units("{€}"), units("水位😀")) == (6, 4)
    assert (segments("水" * 70), segments("水" * 71), segments("水" * 135)) == (1, 2, 3)
    assert fits("水" * 134)
    assert not fits("水" * 135)
    assert fits("a" * 306)
    assert not fits("a" * 307)


texts = st.text(max_size=40)
numbers = st.none() | st.floats(-1e6, 1e6)
any_cause = st.builds(
    Cause, sensor=texts, rule=st.sampled_from(["threshold", "trend", "rainfall", "blind", "new"]), value=numbers,
    limit=numbers, level=st.sampled_from(LEVELS), unit=st.sampled_from(["m", "mm", ""]), document=texts,
    detail=st.dictionaries(
        st.sampled_from(["hours", "to", "slope_per_h", "hours_to_limit", "quantity", "coverage"]),
        st.none() | st.booleans() | st.floats(-1e3, 1e3) | st.sampled_from(["red", "level", "x"]), max_size=5,
    ),
)  # fmt: skip


@given(
    st.sampled_from(KINDS), st.sampled_from(LEVELS), st.sampled_from(LANGUAGES), st.lists(any_cause, max_size=9),
    texts, texts, st.lists(texts, max_size=14), st.text(max_size=30), st.sampled_from(MARKS),
)  # fmt: skip
@settings(max_examples=examples(200), deadline=None)
def test_whatever_it_holds_it_is_told(
    kind: MessageKind,
    level: LevelName | None,
    language: Language,
    seen: list[Cause],
    name: str,
    why: str,
    also: list[str],
    role: str,
    held: tuple[bool, bool, bool, bool],
) -> None:
    said = message(kind, level, language, held, causes=tuple(seen), pond_name=name, why=why, also=also, role=role)
    for length in LENGTHS:
        rendered = render(said, language, length)
        assert rendered.subject.startswith(marks_of(language, held).strip())
        assert rendered.body.startswith(marks_of(language, held).strip())
        assert len(rendered.subject.splitlines()) == 1
        assert LINK in rendered.body
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u2028\u202e]", rendered.body)
    short = render(said, language, "short").body
    head = units(f"{render(said, language, 'short').subject} {LINK}")
    assert len(short.splitlines()) == 1
    assert fits(short) or head > 130 or len(name) > 10


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_channel_that_works_again_is_told_as_such(language: Language) -> None:
    said = message(MessageKind.CHANNEL_REPORT, None, language, channel_up=True, why="", pond_name="", county="")
    for length in LENGTHS:
        rendered = render(said, language, length)
        assert ("恢复" if language == "zh" else "works again") in rendered.subject
        assert "sms" in rendered.body
        assert "message." not in rendered.body


def test_in_little_room_the_reading_comes_before_a_long_step() -> None:
    said = message(MessageKind.ALARM, LevelName.RED, "en", pond_name="建国矿业下口分公司尾矿库", role="duty:夜班@pond")
    body = render(said, "en", "short").body
    assert "EVACUATE" in body
    assert "311.456 m" in body
    assert "Get everybody off" not in body
    roomy = message(MessageKind.ALARM, LevelName.RED, "en", role="duty:夜班@pond")
    assert "Get everybody off" in render(roomy, "en", "short").body
