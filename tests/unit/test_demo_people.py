"""The demonstration's last mile: its people are in order, and what was told is judged from the events alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.message import EmailMessage
from io import StringIO
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from rich.cells import cell_len
from rich.console import Console

from deploy.demo.answering import link_in, newest_mail
from deploy.demo.judge import Record, SeenWarning
from deploy.demo.people import HERE, people, place_of, set_up
from deploy.demo.scenario import scenario, site
from deploy.demo.told import Told, missed
from deploy.demo.toldview import ROWS, told_panel
from deploy.demo.view import STYLES
from deploy.demo.waiting import STORED
from services.notifier.settings import load_rules
from shared.contracts.base import Event
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.levels import LevelName
from shared.contracts.monitor import Cause
from shared.contracts.notifier import (
    AlarmAnswered,
    AlarmChanged,
    AlarmEscalated,
    AlarmOpened,
    AlarmRead,
    Answer,
    CardStepDone,
    DeliverySent,
    MessageKind,
    PersonDecided,
)
from shared.contracts.synthetic import WATCHDOG_POND

WHOLE = scenario()
NOW = datetime.fromisoformat("2026-07-20T10:00:00+08:00")
SLOT = WHOLE.begins + timedelta(hours=17)
CAUSE = Cause(sensor="level-1", rule="threshold", value=310.3, limit=310.2, level=LevelName.RED, unit="m")
ABOUT = {"alarm_id": "w", "pond_id": "qingshi", "at": NOW}


def cloud(event: Event, position: int, id_: UUID | None = None) -> CloudEvent:
    return CloudEvent(
        id=uuid4() if id_ is None else id_, source="/tailwarden/notifier", type=event.event_type, subject="qingshi",
        time=NOW, dataschema=f"urn:tailwarden:schema:{event.event_type}:1", data=event.model_dump(mode="json"),
        position=position, stream="alarm-w", streamversion=position, hash="",
    )  # fmt: skip


def opened(level: LevelName, superseded: bool = False) -> AlarmOpened:
    return AlarmOpened(
        level=level, verified=True, late=False, time=SLOT, causes=(CAUSE,), superseded=superseded, **ABOUT
    )


def changed(level: LevelName | None, previous: LevelName) -> AlarmChanged:
    return AlarmChanged(level=level, previous=previous, verified=True, time=SLOT, causes=(CAUSE,), **ABOUT)


def telling(
    person: str, kind: MessageKind = MessageKind.ALARM, after: float = 0.25
) -> tuple[tuple[PersonDecided, UUID], tuple[DeliverySent, UUID]]:
    decision = uuid4()
    decided = PersonDecided(
        person_id=person, name=person.title(), role="enterprise@pond", rank=0, kind=kind, reason="on_call",
        channels=("mail",), **ABOUT,
    )  # fmt: skip
    sent = DeliverySent(
        delivery_id=str(decision), person_id=person, kind=kind, channel="mailbox", attempt=1,
        **{**ABOUT, "at": NOW + timedelta(seconds=after)},
    )  # fmt: skip
    return (decided, decision), (sent, uuid4())


def told_of(*events: Event | tuple[Event, UUID]) -> Told:
    told = Told()
    for position, each in enumerate(events, 1):
        event, id_ = each if isinstance(each, tuple) else (each, None)
        assert told.hear(cloud(event, position, id_)) is not None
    return told


def warned(highest: LevelName) -> Record:
    seen = SeenWarning("w", "qingshi", None, NOW, True, [LevelName.BLUE, highest], NOW)
    return Record(warnings={"w": seen})


def test_everybody_named_is_known_and_every_pond_has_somebody() -> None:
    everybody = people()
    ids = {each.id for each in everybody.person}
    assert len(ids) == len(everybody.person)
    assert {each.person for each in everybody.answer} <= ids
    ponds = {script.id for script in WHOLE.pond}
    counties = {site(pond).pond.county for pond in ponds}
    places = [place_of(text) for each in everybody.person for text in (*each.on_duty, *(d.place for d in each.duties))]
    assert {place.id for place in places if place.kind == "pond"} == ponds
    assert {place.id for place in places if place.kind == "county"} == counties
    for each in everybody.person:
        assert each.mail.endswith(".example"), "no mail may reach anybody"
        assert all(set(duty.deputies) <= ids for duty in each.duties)


def test_the_routing_is_one_the_notifier_takes_with_the_products_own_chains(tmp_path: Path) -> None:
    set_up(tmp_path)
    rules, own = load_rules(tmp_path / "routing.toml"), load_rules()
    assert rules.routing.chains == own.routing.chains
    cities = {place_of(text).id for each in people().person for text in each.on_duty if text.startswith("city:")}
    assert cities == {rules.routing.city}
    for level in LevelName:
        assert rules.settings.of(level).settle_s == 0
        assert not rules.settings.of(level).quiet_at_night
    years = timedelta(seconds=rules.settings.late_s).days / 365
    assert years > 90, "the storm of another year is not late: it plays now"
    assert (HERE / "routing.toml").is_file()


def test_reactions_are_by_person_and_level() -> None:
    everybody = people()
    red = everybody.reaction("zhang-jingli", LevelName.RED)
    assert red is not None
    assert red.answer is Answer.CANNOT_GO
    assert everybody.reaction("zhang-jingli", LevelName.BLUE) is None
    assert everybody.reaction("wu-zhiban", None) is None


def test_what_was_told_is_folded() -> None:
    told = told_of(
        opened(LevelName.ORANGE), *telling("wang"), changed(LevelName.RED, LevelName.ORANGE),
        *telling("wang", after=0.5), *telling("zhang", after=0.75), AlarmRead(person_id="wang", **ABOUT),
        AlarmAnswered(person_id="zhang", answer=Answer.ON_SITE, via="link", **ABOUT),
        CardStepDone(person_id="zhang", step_id="red-evacuate", **ABOUT),
        AlarmEscalated(rank=1, reason="unanswered", **ABOUT), changed(None, LevelName.RED),
        *telling("wang", MessageKind.ALL_CLEAR), *telling("zhang", MessageKind.ALL_CLEAR),
    )  # fmt: skip
    alarm = told.alarms["w"]
    assert [step.level for step in alarm.steps] == [LevelName.ORANGE, LevelName.RED]
    assert (alarm.level, alarm.rank) == (None, 1)
    assert (alarm.people["wang"].read, alarm.people["zhang"].answer, alarm.people["zhang"].steps) == (
        True, Answer.ON_SITE, 1,
    )  # fmt: skip
    sent = {("qingshi", "level-1", alarm.steps[0].slot_us): 100.0}
    offset = NOW.timestamp() - 100.1
    assert told.as_json(told.first_message_ms(sent, offset)) == {
        "messages": 5, "people": 2, "answered": 1, "escalations": 1, "all_clears": 2,
        "first_message_ms": {"p50": 475.0, "p99": 597.5},
    }  # fmt: skip
    assert missed(warned(LevelName.RED), told, "en") == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_grave_warning_that_told_nobody_is_not_well(language: str) -> None:
    nobody = missed(warned(LevelName.RED), Told(), language)
    assert len(nobody) == 1
    assert "qingshi" in nobody[0]
    assert not missed(warned(LevelName.YELLOW), Told(), language), "yellow may have settled meanwhile"
    only_blue = told_of(opened(LevelName.BLUE), *telling("wang"), changed(LevelName.RED, LevelName.BLUE))
    assert len(missed(warned(LevelName.RED), only_blue, language)) == 1
    past = told_of(opened(LevelName.RED, superseded=True), *telling("wang", MessageKind.STEP_DOWN))
    assert len(missed(warned(LevelName.RED), past, language)) == 1, "not even of its end"


def test_who_got_the_alarm_but_no_all_clear_is_named() -> None:
    told = told_of(
        opened(LevelName.RED), *telling("wang"), *telling("zhang"), changed(None, LevelName.RED),
        *telling("wang", MessageKind.ALL_CLEAR),
    )  # fmt: skip
    assert [("Zhang" in line, "Wang" in line) for line in missed(warned(LevelName.RED), told, "en")] == [(True, False)]


def test_an_unknown_event_is_passed_over() -> None:
    told = Told()
    strange = cloud(opened(LevelName.RED), 9).model_copy(update={"type": "notifier.alarm.sung"})
    assert told.hear(strange) is None
    assert told.position == 9


@pytest.mark.parametrize(
    ("language", "words"), [("zh", ("已到场", "不能前往", "解除")), ("en", ("on site", "cannot go", "over"))]
)
def test_the_panel_shows_who_did_what(language: str, words: tuple[str, ...]) -> None:
    told = told_of(
        opened(LevelName.RED), *telling("wang"), *telling("zhang"),
        AlarmAnswered(person_id="wang", answer=Answer.CANNOT_GO, via="link", **ABOUT),
        AlarmAnswered(person_id="zhang", answer=Answer.ON_SITE, via="link", **ABOUT), changed(None, LevelName.RED),
    )  # fmt: skip
    console = Console(width=100, record=True, file=StringIO())
    console.print(told_panel(told, {"qingshi": "青石沟"}, STYLES, language))
    lines = console.export_text().splitlines()
    assert len(lines) <= ROWS
    assert max(cell_len(line) for line in lines) <= 100
    assert all(word in "\n".join(lines) for word in ("青石沟", "Zhang", *words))


def test_the_newest_mails_link_is_the_one_opened(tmp_path: Path) -> None:
    assert newest_mail(tmp_path) == ""
    for name, token in (("1", "old"), ("2", "WyJ3Il0.aw-x_1.9~")):
        mail = EmailMessage()
        mail["To"] = "wang"
        mail.set_content(f"红色预警\n应答和详情：http://127.0.0.1:8023/a/{token}\n", cte="8bit")
        (tmp_path / f"{name}.eml").write_bytes(mail.as_bytes())
    assert link_in(newest_mail(tmp_path)) == "http://127.0.0.1:8023/a/WyJ3Il0.aw-x_1.9~"
    assert link_in("no link") is None


def test_the_watchdogs_readings_are_not_counted() -> None:
    assert f"'{WATCHDOG_POND}'" in STORED
