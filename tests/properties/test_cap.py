"""Any text makes a well-formed document that reads back as it was written, and references always chain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import capvalidator
from cap_tools.models import Alert
from hypothesis import given, settings
from hypothesis import strategies as st
from xsdata.formats.dataclass.parsers import XmlParser

from services.notifier.cap import Feed, Revision, Sender, Subject, atom_feed, cap_documents, identifier_of
from services.notifier.cap.xml import clean
from shared.contracts.levels import LevelName
from shared.contracts.monitor import Cause
from tests.prove import examples

START = datetime(2025, 7, 22, 8, tzinfo=UTC)
rough = st.text(st.characters(), max_size=30) | st.text("<>&'\"]\x00\x0b\r\n\t 尾矿库😀\ufffe", max_size=20)
levels = st.none() | st.sampled_from(LevelName)
causes = st.builds(
    Cause, sensor=rough, rule=st.sampled_from(["threshold", "trend", "rainfall", "roll_up"]) | rough,
    value=st.none() | st.floats(-1e5, 1e5), limit=st.none() | st.floats(-1e5, 1e5), level=levels, unit=rough,
    document=rough,
)  # fmt: skip


@given(
    pond=rough, county=rough, alarm=rough.map(lambda text: text or "w"), name=rough, contact=rough,
    seen=st.lists(causes, max_size=3), zone=st.sampled_from(["Asia/Shanghai", "UTC", "Asia/Kathmandu"]),
    exercise=st.booleans(),
)  # fmt: skip
@settings(max_examples=examples(150), deadline=None)
def test_any_text_reads_back_as_it_was_written(
    pond: str, county: str, alarm: str, name: str, contact: str, seen: list[Cause], zone: str, exercise: bool
) -> None:
    subject = Subject(
        alarm_id=alarm, pond_id="p", pond_name=pond, county=county, timezone=zone, exercise=exercise,
        exercise_id=name, geocodes=((name.strip() or "n", contact),),
    )  # fmt: skip
    sender = Sender(sender="desk", names={"zh": name}, contact=contact, restriction=pond)
    history = (Revision(number=1, sent=START, time=START, level=LevelName.RED, causes=tuple(seen)),)
    (document,) = cap_documents(subject, history, sender)
    assert capvalidator.check_schema(document.xml).passed
    alert = XmlParser().from_bytes(document.xml, Alert)
    assert alert.identifier == document.identifier
    info = alert.infos[0]
    assert info.headline == document.headlines["zh-CN"] == clean(document.headlines["zh-CN"])
    assert (info.contact or "") == clean(contact.strip())
    assert not name.strip() or info.sender_name == clean(name.strip())
    assert not contact.strip() or info.areas[0].geocodes[0].value.value == clean(contact)
    figures = {each.value_name.value: each.value.value for each in info.parameters}
    assert not alarm.strip() or figures["alarm"] == clean(alarm)
    for cause in seen:
        if cause.document.strip():
            assert clean(f"{cause.sensor or 'p'}.{cause.rule}.document") in figures
    feed = Feed(url="https://desk.example.cn/feed", documents="https://desk.example.cn/cap", title=pond)
    root = ElementTree.fromstring(atom_feed(feed, [document], START))
    assert (root.findtext("{http://www.w3.org/2005/Atom}title") or "") == clean(pond)


@given(
    st.lists(st.tuples(levels, st.booleans(), st.integers(0, 7200)), min_size=1, max_size=8),
    st.text("ab-:./ é", min_size=1, max_size=8),
    st.booleans(),
)  # fmt: skip
@settings(max_examples=examples(200), deadline=None)
def test_references_always_chain(story: list[tuple[LevelName | None, bool, int]], alarm: str, exercise: bool) -> None:
    at, history = START, []
    for number, (level, withdrawn, seconds) in enumerate(story, 1):
        at += timedelta(seconds=seconds)
        gone = level is None and withdrawn
        standing = history and not (history[-1].withdrawn or (exercise and history[-1].level is None))
        if level is not None or standing:
            history.append(Revision(number=number, sent=at, time=at, level=level, withdrawn=gone))
    subject = Subject(alarm_id=alarm, pond_id="p", pond_name="P", exercise=exercise)
    documents = cap_documents(subject, history, Sender(sender="desk"))
    assert documents == cap_documents(subject, history, Sender(sender="desk"))
    live: list[str] = []  # what a reader that missed nothing holds as standing
    for document in documents:
        root = ElementTree.fromstring(document.xml)
        named = (root.findtext("{urn:oasis:names:tc:emergency:cap:1.2}references") or "").split()
        assert all(len(each.split(",")) == 3 for each in named)
        assert (document.msg_type == "Alert") == (not named)
        assert set(live) <= set(named)
        assert document.reference not in named
        assert not (exercise and document.level is None) or document.msg_type == "Cancel"
        live = [] if document.msg_type == "Cancel" else [document.reference]


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "a:b", "b@c"]), st.text("ab:%1", min_size=1, max_size=4), st.integers(1, 12)),
        unique=True, max_size=12,
    )
)  # fmt: skip
@settings(max_examples=examples(200), deadline=None)
def test_no_two_documents_share_an_identifier(named: list[tuple[str, str, int]]) -> None:
    found = [
        identifier_of(
            Subject(alarm_id=alarm, pond_id="p", pond_name="P"),
            Revision(number=number, sent=START, time=START, level=LevelName.RED),
            Sender(sender=sender),
        )
        for sender, alarm, number in named
    ]
    assert len(set(found)) == len(named)
    assert not any(set(" ,<&") & set(each) for each in found)
