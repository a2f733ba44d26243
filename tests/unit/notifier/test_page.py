"""The page behind a link, and `tailwarden alarms`: what people see of an alarm."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from services.notifier.cards import load_cards
from services.notifier.digest import FULL, compose
from services.notifier.domain import stages
from services.notifier.domain.message import Message
from services.notifier.web.page import alarm_page
from services.notifier.wording import render
from services.notifier.wording.figures import span_between
from services.notifier.wording.situation import in_full, named
from shared.contracts.levels import LevelName
from shared.contracts.monitor import Cause
from shared.contracts.notifier import (
    AlarmView,
    Answer,
    CardAct,
    Delivery,
    HeldBack,
    LevelCard,
    MessageKind,
    PersonProof,
    Shelving,
)
from shared.contracts.registry import PondDescription
from shared.words import catalogue
from tailwarden.cli.alarms_shown import shelvings, table, tell
from tailwarden.cli.wording import because

NOW = datetime(2026, 7, 20, 2, tzinfo=UTC)
POND = PondDescription(id="qingshi", name="青石沟<b>", county="演示县")
CAUSES = (Cause(sensor="level-1", rule="threshold", value=310.254, limit=310.2, level=LevelName.RED, unit="m"),)
CARDS = load_cards()
MAIL = Delivery(delivery_id="1", kind=MessageKind.ALARM, channel="mail", attempts=2, sent=NOW, maybe_again=True)
SMS = Delivery(delivery_id="2", kind=MessageKind.REPEAT, channel="sms", attempts=3, failed=NOW, why="http_503")
KEEPER = PersonProof(
    person_id="wang", name="王守坝", role="duty:值班@pond", rank=0, decided=NOW, sent=NOW, read=NOW,
    answered=NOW + timedelta(days=1), answer=Answer.ON_SITE, note="in [bold]red[/bold]", deliveries=(MAIL, SMS),
)  # fmt: skip
MANAGER = PersonProof(person_id="zhang", name="Zhang", role="enterprise@pond", rank=1, decided=NOW)


def view(level: LevelName | None, **more: object) -> AlarmView:
    about = {
        "alarm_id": "w", "pond_id": "qingshi", "exercise": False, "level": level, "highest": LevelName.RED,
        "verified": True, "late": False, "opened": NOW, "changed": NOW, "rank": 1, "answered": True,
        "people": (KEEPER, MANAGER), "card": CARDS[LevelName.RED],
    }  # fmt: skip
    return AlarmView.model_validate({**about, **more})


def page(of: AlarmView, language: str = "en") -> str:
    tokens = count()
    return alarm_page(of, CAUSES, NOW, POND, KEEPER, lambda: f"token-{next(tokens)}", language)


def test_a_standing_alarms_page_asks_for_an_answer_and_for_ones_own_steps() -> None:
    html = page(view(LevelName.RED, exercise=True, verified=False, late=True))
    assert [html.count(f'value="{answer.value}"') for answer in Answer] == [1, 1, 1]
    assert html.count('name="step"') == 1, "the manager's steps are not the keeper's"
    acts = re.findall(r'name="act" value="([^"]+)"', html)
    assert len(set(acts)) == len(acts) == 2, "each form has a token of its own"
    assert all(said in html for said in ("EXERCISE", "UNVERIFIED", "LATE", "310.254 m", "演示县", "Zhang", "told"))
    assert "<b>" not in html
    assert html.count("<script") == 0


@pytest.mark.parametrize(("language", "words"), [("zh", "无需再答复"), ("en", "no answer is needed")])
def test_a_page_of_what_is_over_asks_for_nothing_and_keeps_what_was_done(language: str, words: str) -> None:
    mine = "red-evacuate"
    assert "<form" not in page(view(None), language)
    assert words in page(view(None), language)
    done = page(view(None, steps_done={mine: NOW}), language)
    assert "✓" in done
    assert "<form" not in done


HEAD = {
    "zh": (
        "现况：水位（level-1）：310.254 m，红色限值 310.2 m", "剩余时间：已超过红色限值", "消息迟到",
        "目前没有通知其他人",
    ),
    "en": (
        "How high: water level (level-1): 310.254 m, red limit 310.2 m", "Time left: the red limit has been passed",
        "This comes late", "Nobody else has been told",
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_begins_with_how_high_and_time_left(language: str) -> None:
    measured = (CAUSES[0].model_copy(update={"detail": {"quantity": "level"}}),)
    of = view(LevelName.RED, late=True, people=(KEEPER,))
    html = alarm_page(of, measured, NOW, POND, KEEPER, lambda: "t", language)
    assert [said for said in HEAD[language] if said not in html] == []
    head, body = html.split("</header>")
    assert "青石沟" in head
    assert "青石沟" not in body, "the pond's name stands once"


def test_an_answer_from_before_a_step_up_is_not_shown_as_one() -> None:
    before = KEEPER.model_copy(update={"answer_stands": False})
    html = alarm_page(view(LevelName.RED), CAUSES, NOW, POND, before, lambda: "t", "en")
    assert "stepped up since you answered" in html
    assert "aria-pressed" not in html


def test_lengths_of_time_have_one_style() -> None:
    assert span_between(2.8, 2.92, "en") == "2.8–2.9 h"
    assert span_between(0.75, 3.4, "en") == "45 min–3.4 h"
    assert span_between(0.5, 0.75, "zh") == "30–45 分钟"
    assert span_between(9.26, 9.26, "zh") == "9.3 小时"


@pytest.mark.parametrize(
    ("rule", "zh", "en"),
    [
        ("roll_up", "合并判定为红色", "together make it red"),
        ("compound", "降雨的同时", "raining while the water rises"),
    ],
)
def test_what_no_reading_explains_is_a_sentence(rule: str, zh: str, en: str) -> None:
    cause = Cause(sensor="", rule=rule, level=LevelName.RED)
    assert zh in named(cause, "zh")
    assert en in named(cause, "en")
    assert because(cause, "en") == named(cause, "en")
    assert in_full((*CAUSES, cause))[0] is cause


def test_a_trend_is_told_alike_everywhere() -> None:
    foreseen = {"slope_per_h": 0.17999, "to": "orange", "hours_to_limit_earliest": 9.26, "hours_to_limit_latest": 11.0}
    cause = Cause(sensor="l", rule="trend", value=308.954, limit=309.8, level=LevelName.BLUE, unit="m", detail=foreseen)
    assert because(cause, "en") == "l rising 0.18 m/h, about 9.3–11 h to the orange limit 309.8 m"
    assert "about 9.3–11 h to the orange limit" in named(cause, "en")


def test_a_whole_digest_tells_the_worst_in_full_and_every_pond() -> None:
    told = [
        Message(
            kind=MessageKind.ALARM, alarm_id=f"w{n}", pond_id=f"p{n}", pond_name=f"pond {n};", level=LevelName.BLUE,
            time=NOW, causes=CAUSES, link=f"https://warn.example/a/{n}",
        )
        for n in range(FULL + 2)
    ]  # fmt: skip
    told.append(
        told[0].model_copy(update={"alarm_id": "r", "pond_id": "r", "pond_name": "the red one", "level": LevelName.RED})
    )
    text = compose(render, told, "en", "full")
    parts = text.body.split("─" * 16)
    assert parts[0].strip() == text.subject == f"{FULL + 3} tailings ponds: alarms up to red"
    assert "RED WARNING: the red one" in parts[1]
    assert [("Situation:" in part) for part in parts[1:]] == [True] * FULL + [False] * 3
    assert all(message.pond_name in text.body and str(message.link) in text.body for message in told)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_everything_of_an_alarm_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setenv("TAILWARDEN_LANGUAGE", language)
    monkeypatch.setenv("COLUMNS", "200")
    card = CARDS[LevelName.BLUE]
    act = CardAct(step_id="red-evacuate", zh="撤离", en="leave", person_id="wang", at=NOW, photo_sha256="ab" * 32)
    held = tuple(
        HeldBack(stage="shelve", reason=reason, at=NOW, until=until)
        for reason, until in (("shelved:s-1", NOW), ("settling", None), ("of_its_own", None))
    )
    tell(view(LevelName.BLUE, card=card, acts=(act,), held_back=held))
    said = capsys.readouterr().out
    for text in (
        "王守坝 (wang)",
        "“in [bold]red[/bold]”",
        "mail ×2、sms ×3" if language == "zh" else "mail ×2, sms ×3",
        "http_503",
        "red-evacuate",
        "abababab",
        "s-1",
    ):
        assert text in said, text
    assert "shelve: of_its_own" in said, "a reason without words is still shown"
    assert said.count("maybe again" if language == "en" else "可能重复") == 2
    assert ("leave" if language == "en" else "撤离") in said
    assert "07-21" in said, "the day, where it is another"
    table([view(None, ended=NOW), view(LevelName.RED, people=(), answered=False)])
    listed = capsys.readouterr().out
    assert all(text in listed for text in ("1/2", "0/0"))
    table([view(LevelName.RED, people=(), answered=False, nobody_responsible=True)])
    assert ("nobody is responsible" if language == "en" else "无人负责") in capsys.readouterr().out
    reached = tuple(LevelCard(level=level, steps=CARDS[level]) for level in (LevelName.RED, LevelName.BLUE))
    tell(view(None, card=card, cards=reached, acts=(act,)))
    both = capsys.readouterr().out
    assert all(step.id in both for card in reached for step in card.steps)
    shelvings([])
    shelving = Shelving(
        shelving_id="s-1", pond_id="p", highest=LevelName.RED, reason="[x]", by="Li", begins=NOW, expires=NOW
    )
    shelvings([shelving])
    assert "[x]" in capsys.readouterr().out


def test_every_reason_of_every_stage_has_words() -> None:
    source = "".join(path.read_text("utf-8") for path in Path(str(stages.__file__)).parent.glob("*.py"))
    reasons = set(re.findall(r'reason=f?"([a-z_]+)', source))
    assert len(reasons) >= 9
    assert {f"heldback.{reason}" for reason in reasons} <= set(catalogue())
