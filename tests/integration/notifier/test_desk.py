"""From a warning's event to people and back, on the real database; the page behind the link as a browser sees it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4
from xml.etree import ElementTree

import httpx
import psycopg
import pytest
from pydantic import TypeAdapter, ValidationError

from services.notifier.adapters.alarms import StoredAlarms
from services.notifier.adapters.capdesk import CapDesk
from services.notifier.adapters.desk import Desk, Plan
from services.notifier.adapters.links import Holder, Links
from services.notifier.adapters.outbox import Outbox
from services.notifier.adapters.outgoing import Parcels
from services.notifier.cap import Sender
from services.notifier.cards import load_cards
from services.notifier.domain.directory import Directory
from services.notifier.domain.policy import LevelPolicy, Settings
from services.notifier.domain.routing import Rank, Routing, Selector
from services.notifier.handlers import Notifier
from services.notifier.projections import Alarms, CapDocuments, Shelvings
from services.notifier.web.app import Facts, web_app
from services.notifier.web.page import alarm_page
from services.notifier.wiring import spending
from services.notifier.wording.steps import own_steps
from shared.contracts.base import Event
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.drills import StopDrill
from shared.contracts.levels import LevelName
from shared.contracts.monitor import Cause, WarningCleared, WarningClosed, WarningEased, WarningRaised
from shared.contracts.notifier import (
    NOTIFIER_EVENTS,
    ActOnCard,
    AlarmOpened,
    ListAlarms,
    ReportRead,
    Shelve,
    ShowAlarm,
    Unshelve,
)
from shared.contracts.people import (
    Channel,
    ContactChannel,
    ContactSet,
    DutyAssigned,
    DutyAssignment,
    DutyKind,
    PersonDescription,
    PersonLeft,
    PersonRegistered,
    Place,
    PlaceKind,
)
from shared.contracts.reading import bad_input_of
from shared.contracts.registry import PondDescription, PondRegistered
from shared.eventstore import EventStore, ServiceStore, verify
from shared.names import is_blank
from shared.postgres import Pool
from shared.problems import BadInput, Conflict, Forbidden, NotFound

ATOM = "{http://www.w3.org/2005/Atom}"
NOW = datetime(2025, 7, 22, 8, tzinfo=UTC)
POND = Place(kind=PlaceKind.POND, id="yi")
PLAN = Plan(
    Settings(levels={level: LevelPolicy(escalate_s=120, repeat_s=300) for level in LevelName}),
    Routing(
        chains={
            "red": (
                Rank(who=(Selector(duty=DutyKind.ENTERPRISE),)),
                Rank(who=(Selector(duty=DutyKind.GUARANTOR),)),
            )
        }
    ),
    load_cards(),
)


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time


class Office:
    """A desk with its people, and the events that reach it."""

    def __init__(self, pool: Pool, clock: Hands) -> None:
        self.parts = ServiceStore("notifier", EventStore(NOTIFIER_EVENTS), (Alarms(), Shelvings(), CapDocuments()))
        self.pool, self.clock, self.position = pool, clock, 0
        self.links = Links("a secret of this test", "http://warn.test")
        self.open()

    def open(self) -> None:
        outbox = Outbox(self.pool)
        directory = Directory()
        self.cap = CapDesk(self.pool, self.parts, directory, Sender(sender="desk@warn.test"), "http://warn.test")
        self.desk = Desk(
            self.pool, self.parts, PLAN, _late(self), self.clock, lambda: None, self.cap, directory
        )  # fmt: skip
        self.outgoing = Parcels(outbox, self.links, self.desk.directory)
        self.alarms = StoredAlarms(self.desk, self.parts.store)
        self.notifier = Notifier(self.alarms, self.clock, self.desk.directory)

    def wrapped(self, aggregate: str, event: Event) -> CloudEvent:
        self.position += 1
        return TypeAdapter(CloudEvent).validate_python(
            {
                "specversion": "1.0", "id": str(uuid4()), "source": "/tailwarden/x", "type": event.event_type,
                "subject": aggregate, "time": self.clock.now(), "datacontenttype": "application/json",
                "dataschema": f"urn:tailwarden:schema:{event.event_type}:1", "data": event.model_dump(mode="json"),
                "position": self.position, "stream": aggregate, "streamversion": 1, "hash": "0" * 64,
            }
        )  # fmt: skip

    async def registry(self, aggregate: str, event: Event) -> None:
        await self.desk.hear_registry(self.wrapped(aggregate, event))

    async def person(self, person_id: str, name: str) -> None:
        described = {"id": person_id, "name": name}
        stamp = {"on": date(2025, 6, 1), "at": NOW, "by": "clerk"}
        await self.registry(person_id, PersonRegistered.model_validate({"person": described, **stamp}))

    async def monitor(self, event: Event) -> CloudEvent:
        cloud_event = self.wrapped("yi", event)
        await self.desk.hear_monitor(cloud_event)
        return cloud_event

    async def parcels(self) -> list[tuple[str, str]]:
        async with self.pool.connection() as conn:
            cursor = await conn.execute("SELECT person_id, kind FROM delivery ORDER BY created_at, person_id, kind")
            return [(row[0], row[1]) for row in await cursor.fetchall()]


def _late(office: Office) -> Parcels:
    """The desk needs its outgoing side, which needs the desk's directory: bound when first used."""

    class Bound:
        async def put(self, *arguments: object) -> None:
            await office.outgoing.put(*arguments)  # type: ignore[arg-type]  # handed through as they come

    return Bound()  # type: ignore[return-value]  # stands in for it


@pytest.fixture
async def office(pool: Pool, delivery_urls: dict[str, str]) -> AsyncIterator[Office]:
    with psycopg.connect(delivery_urls["owner"]) as owner:
        owner.execute("ALTER TABLE notifier.event DISABLE TRIGGER event_append_only")
        owner.execute(
            "TRUNCATE notifier.event, notifier.snapshot, notifier.inbox, notifier.alarm, notifier.shelving,"
            " notifier.heard, notifier.spent_token, notifier.cap_document"
        )
        owner.execute("ALTER TABLE notifier.event ENABLE ALWAYS TRIGGER event_append_only")
    made = Office(pool, Hands())
    stamp = {"on": date(2025, 6, 1), "at": NOW, "by": "clerk"}
    await made.registry("yi", PondRegistered(pond=PondDescription(id="yi", name="Yi pond", county="A"), at=NOW))
    for person, duty in (("wang", DutyKind.ENTERPRISE), ("li", DutyKind.GUARANTOR)):
        described = PersonDescription(id=person, name=person.title())
        await made.registry(person, PersonRegistered.model_validate({"person": described, **stamp}))
        contact = ContactChannel(channel=Channel.MOBILE, order=1, masked="138****0000")
        await made.registry(person, ContactSet.model_validate({"contact": contact, **stamp}))
        assignment = DutyAssignment(duty=duty, person_id=person, since=date(2025, 6, 1))
        await made.registry(POND.key, DutyAssigned.model_validate({"place": POND, "assignment": assignment, **stamp}))
    yield made
    assert await verify(pool, made.parts.store, made.parts.projections) == []


def wish(**given: object) -> Shelve:
    expires = NOW + timedelta(hours=1)
    whole = {"pond_id": "yi", "highest": "red", "reason": "works", "by": "Li", "expires": expires, **given}
    return Shelve.model_validate(whole)


def raised(at: datetime = NOW, warning: str = "yi-1") -> WarningRaised:
    cause = Cause(sensor="level-1", rule="threshold", value=311.6, limit=311.4, level=LevelName.RED, unit="m")
    return WarningRaised(
        warning_id=warning, pond_id="yi", at=at, time=at, level=LevelName.RED, verified=True, causes=(cause,)
    )


async def test_the_register_heard_again_from_the_beginning_changes_nothing(office: Office) -> None:
    """A restored system's relay publishes everything anew, and its consumers begin with the first event."""
    assignment = DutyAssignment(duty=DutyKind.DEPARTMENT, person_id="li", since=date(2025, 6, 1))
    stamp = {"on": date(2025, 6, 1), "at": NOW, "by": "clerk"}
    said = office.wrapped(POND.key, DutyAssigned.model_validate({"place": POND, "assignment": assignment, **stamp}))
    await office.desk.hear_registry(said)
    for again in (False, True):
        if again:
            office.open()
            await office.desk.restore()
        await office.desk.hear_registry(said)
        duties = [each.duty for each in office.desk.directory.grids[POND.key].assignments]
        assert duties == [DutyKind.ENTERPRISE, DutyKind.GUARANTOR, DutyKind.DEPARTMENT]


async def test_told_escalated_answered_and_over(office: Office) -> None:
    event = await office.monitor(raised())
    await office.desk.hear_monitor(event)  # delivered twice
    assert await office.parcels() == [("wang", "alarm")]
    office.clock.time += timedelta(seconds=119)
    assert await office.desk.tick() == 0
    office.clock.time += timedelta(seconds=2)
    assert await office.desk.tick() == 1
    assert await office.parcels() == [("wang", "alarm"), ("li", "alarm")]
    office.open()  # a restart: what is known is on record
    await office.desk.restore()
    assert await office.desk.tick() == 0
    over = WarningCleared(
        warning_id="yi-1", pond_id="yi", at=office.clock.now(), time=office.clock.now(), previous="red"
    )
    await office.monitor(over)
    assert set(await office.parcels()) >= {("wang", "all_clear"), ("li", "all_clear")}
    closing = WarningClosed(warning_id="yi-1", pond_id="yi", at=office.clock.now(), by="Sun", evidence="photo")
    await office.monitor(closing)
    view = await office.alarms.view("yi-1")
    assert view is not None
    assert view.ended is not None
    assert [proof.name for proof in view.people] == ["Wang", "Li"]
    assert office.desk.alarms == {}


async def test_what_an_alarm_was_at_its_worst_stays_to_be_seen(office: Office) -> None:
    await office.monitor(raised())
    wang = {"alarm_id": "yi-1", "person_id": "wang"}
    mine = own_steps(PLAN.cards[LevelName.RED], "enterprise@pond")[0].id
    await office.notifier.act_on_card(ActOnCard(**wang, step_id=mine))
    office.clock.time += timedelta(minutes=20)
    told = {"warning_id": "yi-1", "pond_id": "yi", "at": office.clock.time, "time": office.clock.time}
    low = Cause(sensor="level-1", rule="threshold", value=310.1, limit=310.0, level=LevelName.BLUE, unit="m")
    await office.monitor(WarningEased(**told, level=LevelName.BLUE, previous=LevelName.RED, causes=(low,)))
    await office.monitor(WarningCleared(**told, previous=LevelName.BLUE))
    view = await office.notifier.show(ShowAlarm(alarm_id="yi-1"))
    assert (view.level, view.highest, view.highest_time) == (None, LevelName.RED, NOW)
    assert [cause.value for cause in view.highest_causes] == [311.6]
    assert [(card.level, card.steps) for card in view.cards] == [
        (level, PLAN.cards[level]) for level in (LevelName.RED, LevelName.BLUE)
    ]
    wangs = next(each for each in view.people if each.person_id == "wang")
    html = alarm_page(view, (low,), office.clock.time, None, wangs, lambda: "t", "en")
    assert "It had been red" in html
    assert "311.6 m" in html
    assert "310.1" not in html
    assert html.count('class="step done"') == 1


async def test_lists_leave_exercises_out_and_say_when_nobody_is_responsible(office: Office) -> None:
    pond = PondRegistered(pond=PondDescription(id="er", name="Er"), at=NOW)  # nobody answers for it
    await office.registry("er", pond)
    await office.monitor(raised().model_copy(update={"warning_id": "er-1", "pond_id": "er"}))
    await office.monitor(raised())
    about = {"alarm_id": "d", "pond_id": "drill-yi", "at": NOW, "time": NOW, "exercise": True}
    opened = AlarmOpened(**about, level=LevelName.RED, verified=True, late=False, causes=())
    await office.desk._step("d", lambda _: [opened], "test")

    async def listed(**asked: object) -> dict[str, bool]:
        found = await office.notifier.list(ListAlarms.model_validate(asked))
        return {each.alarm_id: each.nobody_responsible for each in found.alarms}

    assert await listed() == {"er-1": True, "yi-1": False}
    assert set(await listed(exercises=True)) == {"er-1", "yi-1", "d"}
    assert set(await listed(pond_id="drill-yi")) == {"d"}


async def test_what_came_and_went_in_a_backlog_is_told_to_nobody(office: Office) -> None:
    long_ago = NOW - timedelta(hours=20)
    await office.monitor(raised(long_ago, "yi-0"))
    ended = long_ago + timedelta(hours=2)
    await office.monitor(WarningCleared(warning_id="yi-0", pond_id="yi", at=ended, time=ended, previous=LevelName.RED))
    await office.monitor(raised(NOW - timedelta(hours=1), "yi-1"))
    assert await office.parcels() == []
    office.clock.time += timedelta(seconds=4)
    await office.desk.tick()
    assert await office.parcels() == [("wang", "alarm")]
    view = await office.alarms.view("yi-1")
    assert view is not None
    assert view.late


async def test_what_was_heard_before_is_no_backlog(office: Office) -> None:
    event = await office.monitor(raised())
    office.clock.time += timedelta(minutes=5)
    await office.desk.hear_monitor(event)  # once more, and late
    await office.monitor(raised(office.clock.now(), "yi-2"))
    assert await office.parcels() == [("wang", "alarm"), ("wang", "alarm")], "nothing fresh waits for it"


async def test_an_answer_comes_before_the_rest_of_a_tick(office: Office) -> None:
    stamp = {"on": date(2025, 6, 1), "at": NOW, "by": "clerk"}
    ponds = [f"p{number}" for number in range(4)]
    for pond in ponds:
        place = Place(kind=PlaceKind.POND, id=pond)
        await office.registry(pond, PondRegistered(pond=PondDescription(id=pond, name=pond), at=NOW))
        for person, duty in (("wang", DutyKind.ENTERPRISE), ("li", DutyKind.GUARANTOR)):
            assignment = DutyAssignment(duty=duty, person_id=person, since=date(2025, 6, 1))
            given = {"place": place, "assignment": assignment, **stamp}
            await office.registry(place.key, DutyAssigned.model_validate(given))
        await office.monitor(raised().model_copy(update={"pond_id": pond, "warning_id": f"{pond}-1"}))
    office.clock.time += timedelta(seconds=121)
    ticking = asyncio.create_task(office.desk.tick())
    while not office.desk.lock.locked():
        await asyncio.sleep(0)
    reading = ReportRead(alarm_id="p3-1", person_id="wang")
    answering = asyncio.create_task(office.notifier.read(reading))
    assert await ticking == 4
    await answering
    async with office.pool.connection() as conn:
        cursor = await conn.execute(
            "SELECT type FROM event WHERE type = ANY(%s) ORDER BY position",
            (["notifier.alarm.escalated", "notifier.alarm.read"],),
        )
        order = [str(row[0]).rpartition(".")[2] for row in await cursor.fetchall()]
    assert order == ["escalated", "read", "escalated", "escalated", "escalated"]


async def test_shelving_red_takes_two_people_of_the_register_and_ends(office: Office) -> None:
    await office.person("keeper", "张三")
    for red, words in (
        ({}, "second approver"),
        ({"second_approver": "Ｌ i"}, "same person"),
        ({"second_approver": "li"}, "same person"),
        ({"second_approver": "Zhou"}, "nobody in post called Zhou"),
        ({"second_approver": "Lі"}, "nobody in post"),  # a Cyrillic і
        ({"by": "张三", "second_approver": "keeper"}, "same person"),
        ({"by": "张三", "second_approver": "張三"}, "nobody in post"),
        ({"by": "张三 县长", "second_approver": "li"}, "nobody in post"),
        ({"by": "Mr Li", "second_approver": "Li"}, "nobody in post"),
    ):
        with pytest.raises((BadInput, NotFound), match=words) as refused:
            await office.notifier.shelve(wish(**red))
        assert refused.value.words("zh") != refused.value.words("en")
    assert office.desk.shelvings == {}
    made = (await office.notifier.shelve(wish(by="LI", second_approver="wang"))).shelving
    assert (made.by, made.by_id, made.second_approver, made.second_approver_id) == ("Li", "li", "Wang", "wang")
    await office.monitor(raised())
    assert await office.parcels() == []
    office.clock.time += timedelta(hours=1, seconds=1)
    await office.desk.tick()
    assert await office.parcels() == [("wang", "alarm")]


async def test_a_name_of_several_people_means_none_of_them_and_who_has_left_signs_nothing(office: Office) -> None:
    await office.person("keeper", "Li")
    with pytest.raises(BadInput, match="keeper, li; give the person's id") as refused:
        await office.notifier.shelve(wish(by="Wang", second_approver="L·i"))
    assert refused.value.field == "second_approver"
    left = {"reason": "retired", "on": date(2025, 6, 1), "at": NOW, "by": "clerk"}
    await office.registry("wang", PersonLeft.model_validate(left))
    with pytest.raises(NotFound, match="nobody in post called Wang"):
        await office.notifier.shelve(wish(by="Wang", second_approver="keeper"))
    made = (await office.notifier.shelve(wish(by="li", second_approver="keeper"))).shelving
    assert (made.by_id, made.second_approver_id) == ("li", "keeper"), "two people of one name have an id each"
    for twin in ("zhang1", "zhang-1"):
        await office.person(twin, "张三")
    made = (await office.notifier.shelve(wish(by="zhang1", second_approver="zhang-1"))).shelving
    assert made.by == made.second_approver == "张三"


async def test_what_is_set_aside_is_a_known_pond_for_a_time_one_can_see_the_end_of(office: Office) -> None:
    with pytest.raises(NotFound, match="no pond nowhere"):
        await office.notifier.shelve(wish(pond_id="nowhere", highest="blue"))
    with pytest.raises(BadInput, match="30 days at once"):
        await office.notifier.shelve(wish(highest="blue", expires=NOW + timedelta(days=30, seconds=1)))
    await office.notifier.shelve(wish(highest="blue", expires=NOW + timedelta(days=30)))


@pytest.mark.parametrize("blank", ["", " ", "-", "…", "\u200b", "👍", "张\n三", "\u202e三张", "Li\x1b[2J"])
@pytest.mark.parametrize("field", ["by", "second_approver", "reason"])
def test_nobody_signs_with_a_sign(field: str, blank: str) -> None:
    if field == "reason" and not is_blank(blank):
        return  # a text may have lines
    with pytest.raises(ValidationError) as refused:
        wish(**{field: blank})
    problem = bad_input_of(refused.value)
    assert problem.field == field
    assert problem.code in ("input.blank", "input.controls", "input.too_short")
    if field == "by":
        with pytest.raises(ValidationError):
            Unshelve(shelving_id="x", by=blank)
        with pytest.raises(ValidationError):
            StopDrill(drill_id="x", by=blank)


async def test_the_page_behind_the_link(office: Office) -> None:
    await office.monitor(raised())

    async def facts(alarm_id: str) -> Facts | None:
        alarm = office.desk.alarms.get(alarm_id)
        return None if alarm is None else Facts(alarm.causes, alarm.time, office.desk.directory.ponds.get("yi"))

    app = web_app(office.links, office.notifier, facts, spending(office.pool, office.links), office.cap)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://warn.test") as browser:
        path = office.links.link("yi-1", "wang").removeprefix("http://warn.test")
        head = await browser.head(path)
        assert (head.status_code, head.content, head.headers["cache-control"]) == (200, b"", "no-store")
        assert (await browser.head(path[:-2] + "xx")).status_code == 403
        assert office.desk.alarms["yi-1"].people["wang"].read is None, "a program that looks whether it is there"
        assert (await browser.get("/cap/%00.xml")).status_code == 404
        page = await browser.get(path, headers={"accept-language": "en-GB,en;q=0.8"})
        assert page.status_code == 200
        assert "Yi pond: red warning" in page.text
        assert "311.6" in page.text
        assert "311.4" in page.text
        act = re.findall(r'name="act" value="([^"]+)"', page.text)[-1]
        for form in (
            {"step": "no such step!! <b>"}, {"step": "no-such-step"}, {"answer": "on_site", "note": "a\x00b"}, {},
            {"answer": "perhaps"},
        ):  # fmt: skip
            refused = await browser.post(f"{path}?lang=en", data={"act": act, **form})
            assert refused.status_code in (404, 422), (form, refused.text)
            assert "<b>" not in refused.text
            assert "Yi pond: red warning" in refused.text, "the page, with what was refused"
        answered = await browser.post(f"{path}?lang=en", data={"act": act, "answer": "on_site", "note": "<b>there</b>"})
        assert answered.status_code == 200
        assert "✓ You answered: On site" in answered.text
        assert "Note: &lt;b&gt;there&lt;/b&gt;" in answered.text
        assert re.findall(r'value="(\w+)" aria-pressed="true"', answered.text) == ["on_site"]
        again = await browser.post(f"{path}?lang=en", data={"act": act, "answer": "cannot_go"})
        assert again.status_code == 409
        assert "sent already" in again.text
        assert (await browser.get(f"/a/{office.links.token('yi-1', 'li')}")).status_code == 404
        wrong = await browser.get(path[:-2] + "xx", headers={"accept-language": "en"})
        assert (wrong.status_code, wrong.headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert all(said in wrong.text for said in ("<header>", "call the control room", "值班室"))
        forged = Links("another secret", "http://warn.test").token("yi-1", "wang")
        assert (await browser.get(f"/a/{forged}")).status_code == 403
    view = await office.alarms.view("yi-1")
    assert view is not None
    (proof,) = view.people
    assert (proof.read is not None, proof.answer) == (True, "on_site")
    office.clock.time += timedelta(hours=3)
    assert await office.desk.tick() == 0  # answered: nobody else is woken


async def test_every_alert_in_force_is_in_the_feed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.notifier.adapters.capdesk.NEWEST", 2)
    for number in range(4):
        office.clock.time += timedelta(seconds=1)
        await office.monitor(raised(office.clock.time, f"yi-{number}"))
    for number in range(2):
        office.clock.time += timedelta(seconds=1)
        about = {"pond_id": "yi", "at": office.clock.time, "time": office.clock.time}
        await office.monitor(WarningCleared(warning_id=f"yi-{number}", previous=LevelName.RED, **about))
    feed = ElementTree.fromstring(await office.cap.atom())
    found = [(each.findtext(f"{ATOM}title") or "") for each in feed.iter(f"{ATOM}entry")]
    assert len(found) == 4, "two in force, and the newest two: the all-clears of the others"
    assert sum("RED WARNING" in title for title in found) == 2
    assert await office.cap.document("a\x00b") is None


async def test_links_expire_and_belong_to_one_person_and_alarm(office: Office) -> None:
    links = office.links
    gone = Links("a secret of this test", "http://warn.test", timedelta(seconds=-1))
    with pytest.raises(Forbidden, match="expired"):
        gone.holder(links.token("yi-1", "wang"))
    token = links.act_token(Holder("yi-1", "wang"))
    async with office.pool.connection() as conn:
        with pytest.raises(Forbidden, match="another message"):
            await links.spend(conn, token, Holder("yi-2", "wang"))
        await links.spend(conn, token, Holder("yi-1", "wang"))
        with pytest.raises(Conflict, match="already"):
            await links.spend(conn, token, Holder("yi-1", "wang"))


def test_the_default_chains_can_be_read() -> None:
    import tomllib

    text = (Path(__file__).parents[3] / "services/notifier/routing.toml").read_text("utf-8")
    read = tomllib.loads(text)
    settings = Settings.model_validate(read.pop("settings"))
    chains = {level: tuple(Rank(who=tuple(rank["who"])) for rank in ranks) for level, ranks in read["chains"].items()}
    routing = Routing(city=read["city"], chains=chains)
    assert set(settings.levels) == set(LevelName)
    assert [len(routing.ranks(level, 3)) for level in LevelName] == [1, 3, 4, 4]
