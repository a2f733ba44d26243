"""From a warning's event to people and back, on the real database; the page behind the link as a browser sees it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from pydantic import TypeAdapter

from services.notifier.adapters.alarms import StoredAlarms
from services.notifier.adapters.desk import Desk, Plan
from services.notifier.adapters.links import Holder, Links
from services.notifier.adapters.outbox import Outbox
from services.notifier.adapters.outgoing import Parcels
from services.notifier.cards import load_cards
from services.notifier.domain.policy import LevelPolicy, Settings
from services.notifier.domain.routing import Rank, Routing, Selector
from services.notifier.handlers import Notifier
from services.notifier.projections import Alarms, Shelvings
from services.notifier.web.app import Facts, web_app
from services.notifier.web.page import alarm_page
from services.notifier.wording.steps import own_steps
from shared.contracts.base import Event
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.levels import LevelName
from shared.contracts.monitor import Cause, WarningCleared, WarningClosed, WarningEased, WarningRaised
from shared.contracts.notifier import NOTIFIER_EVENTS, ActOnCard, AlarmOpened, ListAlarms, Shelve, ShowAlarm
from shared.contracts.people import (
    Channel,
    ContactChannel,
    ContactSet,
    DutyAssigned,
    DutyAssignment,
    DutyKind,
    PersonDescription,
    PersonRegistered,
    Place,
    PlaceKind,
)
from shared.contracts.registry import PondDescription, PondRegistered
from shared.eventstore import EventStore, ServiceStore, verify
from shared.postgres import Pool
from shared.problems import BadInput, Conflict, Forbidden

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
        self.parts = ServiceStore("notifier", EventStore(NOTIFIER_EVENTS), (Alarms(), Shelvings()))
        self.pool, self.clock, self.position = pool, clock, 0
        self.links = Links("a secret of this test", "http://warn.test")
        self.open()

    def open(self) -> None:
        outbox = Outbox(self.pool)
        self.desk = Desk(self.pool, self.parts, PLAN, _late(self), self.clock, lambda: None)
        self.outgoing = Parcels(outbox, self.links, self.desk.directory)
        self.alarms = StoredAlarms(self.desk, self.parts.store)
        self.notifier = Notifier(self.alarms, self.clock)

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
            " notifier.heard, notifier.spent_token"
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


async def test_shelving_red_takes_two_and_ends(office: Office) -> None:
    shelve = {"pond_id": "yi", "highest": "red", "reason": "works", "by": "Sun Li", "expires": NOW + timedelta(hours=1)}
    with pytest.raises(BadInput, match="second approver"):
        await office.notifier.shelve(Shelve.model_validate(shelve))
    with pytest.raises(BadInput, match="same person"):
        await office.notifier.shelve(Shelve.model_validate({**shelve, "second_approver": "ＳＵＮ  li"}))
    await office.notifier.shelve(Shelve.model_validate({**shelve, "second_approver": "Zhou"}))
    await office.monitor(raised())
    assert await office.parcels() == []
    office.clock.time += timedelta(hours=1, seconds=1)
    await office.desk.tick()
    assert await office.parcels() == [("wang", "alarm")]


async def test_the_page_behind_the_link(office: Office) -> None:
    await office.monitor(raised())

    async def facts(alarm_id: str) -> Facts | None:
        alarm = office.desk.alarms.get(alarm_id)
        return None if alarm is None else Facts(alarm.causes, alarm.time, office.desk.directory.ponds.get("yi"))

    async def spend(token: str, holder: Holder) -> None:
        async with office.pool.connection() as conn, conn.transaction():
            await office.links.spend(conn, token, holder)

    app = web_app(office.links, office.notifier, facts, spend)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://warn.test") as browser:
        path = office.links.link("yi-1", "wang").removeprefix("http://warn.test")
        page = await browser.get(path, headers={"accept-language": "en-GB,en;q=0.8"})
        assert page.status_code == 200
        assert "Yi pond: red warning" in page.text
        assert "311.6" in page.text
        assert "311.4" in page.text
        act = re.findall(r'name="act" value="([^"]+)"', page.text)[-1]
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
