"""What the registry and the monitor say: a finding, an incident, known subjects; each event once, however it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from services.cases import wiring
from services.cases.adapters.listening import Listening
from services.cases.domain.heard import closure_finding_id, incident_id
from services.cases.kinds import FINDING
from services.cases.workkinds import CASEFILE, DEADLINE
from shared.bus.connection import connect
from shared.clock import SystemClock
from shared.contracts.base import Command, Event
from shared.contracts.cases import Finding, FindingSource, RaiseFinding, Subject, SubjectKind
from shared.contracts.casework import CaseKind
from shared.contracts.cloudevents import CloudEvent, envelope, read_cloud_event, subject_of
from shared.contracts.levels import LevelName
from shared.contracts.mines import ClosurePlan, ClosurePlanned, MineDescription, MineRegistered
from shared.contracts.monitor import Cause, PondStanding, PondStandings, WarningEscalated, WarningRaised
from shared.contracts.pondfiles import ClosureOverdue, PondFacts, PondFactsSet, PondUse, PondUseChanged
from shared.contracts.registry import PondDescription, PondRegistered, PondView
from shared.eventstore import StoredEvent
from shared.eventstore.aggregates import Aggregates
from shared.postgres import Pool, open_pool
from shared.problems import NotFound, Unavailable
from shared.settings import Connection

AT = datetime(2023, 5, 9, 2, tzinfo=UTC)
DUE = date(2022, 5, 2)
POND = PondDescription(id="xiakou", name="下口尾矿库", county="平山县")
REGISTERED = PondRegistered(pond=POND, at=AT)


def told(event: Event, about: str, event_id: UUID | None = None) -> CloudEvent:
    service = event.event_type.split(".")[0]
    stored = StoredEvent(
        1, event_id or uuid4(), f"s-{about}", 1, event, event.event_type, 1, about, {}, AT, b"\x00" * 32
    )
    return read_cloud_event(envelope(service, stored))


def overdue(stage: int, pond: str = "xiakou", county: str = "平山县") -> ClosureOverdue:
    return ClosureOverdue(
        on=DUE, at=AT, by="clock", pond_id=pond, name="下口尾矿库", county=county,
        out_of_use_since=date(2019, 5, 1), term=1, stage=stage, due_on=DUE,
    )  # fmt: skip


@pytest.fixture
async def cases_pool(database: dict[str, str]) -> AsyncIterator[Pool]:
    made = await open_pool(database["cases"], schema="cases")
    yield made
    await made.close()


@pytest.fixture
def records(cases_pool: Pool) -> Aggregates:
    parts = wiring.store()
    zone = ZoneInfo("Asia/Shanghai")
    return Aggregates(cases_pool, parts.store, parts.projections, SystemClock(), zone, lambda: None)


class World:
    """The other services, as they answer."""

    def __init__(self) -> None:
        self.asked = 0
        self.failure: Exception | None = None

    async def __call__(self, question: Command, reply: type[BaseModel]) -> Any:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        if reply is PondView:
            return PondView(pond=POND)
        return PondStandings(ponds=(PondStanding(pond_id="xiakou", registry_version=3, values={"level-1": 310.9}),))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def listening(records: Aggregates, world: World) -> Listening:
    return Listening(records, world)


async def state(records: Aggregates, finding_id: str) -> Finding:
    found = await records.find(FINDING, finding_id)
    assert found is not None
    return found.state


async def notes(records: Aggregates, finding_id: str) -> list[int]:
    found = await records.find(DEADLINE, finding_id)
    return [] if found is None else [note.closure_stage for note in found.state.notes]


async def test_an_overdue_closure_opens_one_finding_and_later_stages_are_notes(
    listening: Listening, records: Aggregates
) -> None:
    await listening.registry(told(REGISTERED, "xiakou"))
    first = told(overdue(1, county=""), "xiakou")
    await asyncio.gather(*(listening.registry(first) for _ in range(3)))
    finding_id = closure_finding_id("xiakou", 1, date(2019, 5, 1))
    finding = await state(records, finding_id)
    assert (finding.source, finding.found_on, finding.county) == (FindingSource.CLOSURE_OVERDUE, DUE, "平山县")
    assert finding.subjects == (Subject(kind=SubjectKind.POND, id="xiakou", name="下口尾矿库"),)
    await listening.registry(told(overdue(2), "xiakou"))
    await listening.registry(first)
    assert len(await records.story(FINDING, finding_id)) == 1
    assert await notes(records, finding_id) == [1, 2]


async def test_an_overdue_closure_is_noted_on_the_open_finding_of_a_letter(
    listening: Listening, records: Aggregates
) -> None:
    pond = Subject(kind=SubjectKind.POND, id="xiakou", name="下口")
    mine = Subject(kind=SubjectKind.MINE, id="xiakou", name="同名的矿")
    for finding_id, subject, source in (
        ("inspected", pond, FindingSource.INSPECTION),
        ("mine", mine, FindingSource.LETTER),
        ("letter", pond, FindingSource.LETTER),
    ):
        raising = RaiseFinding(
            finding_id=finding_id, title="未闭库", quote="停用超过3年", subjects=(subject,), county="平山县",
            source=source, by="王工", on=date(2023, 2, 7),
        )  # fmt: skip
        await records.ask(FINDING, finding_id, raising)
    await listening.registry(told(overdue(1), "xiakou"))
    assert await notes(records, "letter") == [1]
    assert await records.find(FINDING, closure_finding_id("xiakou", 1, date(2019, 5, 1))) is None


async def test_mines_and_ponds_are_known_by_name_county_and_state(listening: Listening, cases_pool: Pool) -> None:
    mine = MineDescription(id="m1", name="甲矿", county="行唐县")
    plan = ClosurePlan(basis="law-01", deadline=date(2023, 12, 1), responsible="x", planned_on=DUE)
    common: dict[str, Any] = {"on": DUE, "at": AT, "by": "王工"}
    facts = PondFacts()
    for event, about in (
        (REGISTERED, "xiakou"),
        (PondUseChanged(pond_id="xiakou", use=PondUse.OUT_OF_USE, since=DUE, reason="停", **common), "xiakou"),
        (
            PondFactsSet(pond_id="xiakou", name="下口", county="平山县", declared_grade=4, facts=facts, **common),
            "xiakou",
        ),
        (MineRegistered(mine=mine, **common), "m1"),
        (ClosurePlanned(plan=plan, **common), "m1"),
    ):
        await listening.registry(told(event, about))
    async with cases_pool.connection() as conn:
        rows = await (await conn.execute("SELECT kind, id, name, county, tag FROM known_subject ORDER BY 1")).fetchall()
    assert rows == [("mine", "m1", "甲矿", "行唐县", "closing"), ("pond", "xiakou", "下口", "平山县", "out_of_use")]


def raised(level: LevelName, warning: str = "xiakou-20230729-1") -> WarningRaised:
    cause = Cause(sensor="level-1", rule="threshold", value=310.9, limit=310.6, level=level)
    return WarningRaised(
        warning_id=warning, pond_id="xiakou", at=AT, time=datetime(2023, 7, 28, 17, tzinfo=UTC), level=level,
        verified=True, causes=(cause,),
    )  # fmt: skip


async def test_a_grave_warning_opens_one_incident_with_its_data_frozen(
    listening: Listening, records: Aggregates, world: World
) -> None:
    await listening.monitor(told(raised(LevelName.YELLOW), "xiakou"))
    assert (await records.find(CASEFILE, incident_id("xiakou-20230729-1")), world.asked) == (None, 0)
    orange = told(raised(LevelName.ORANGE), "xiakou")
    await asyncio.gather(*(listening.monitor(orange) for _ in range(3)))
    found = await records.find(CASEFILE, incident_id("xiakou-20230729-1"))
    assert found is not None
    incident = found.state
    assert (incident.case_kind, incident.level, incident.county) == (CaseKind.INCIDENT, LevelName.ORANGE, "平山县")
    assert incident.opened_on == date(2023, 7, 29)  # in Shijiazhuang it was past midnight
    assert "下口尾矿库" in incident.title
    frozen = incident.frozen[0]
    assert frozen.event["causes"][0]["value"] == 310.9
    assert frozen.pond is not None
    assert frozen.pond["pond"]["name"] == "下口尾矿库"
    assert frozen.standing is not None
    assert frozen.standing["ponds"][0]["values"] == {"level-1": 310.9}

    step = raised(LevelName.RED)
    red = WarningEscalated(**step.model_dump(exclude={"level"}), level=LevelName.RED, previous=LevelName.ORANGE)
    asked = world.asked
    for _ in range(2):
        await listening.monitor(told(red, "xiakou", UUID(int=7)))
    assert world.asked == asked + 2
    story = await records.story(CASEFILE, incident.id)
    assert [stored.type for stored in story] == ["cases.casefile.opened", "cases.casefile.escalated"]
    assert (await records.find(CASEFILE, incident.id)).state.level is LevelName.RED  # type: ignore[union-attr]


async def test_an_incident_waits_for_services_that_are_away_but_not_for_what_they_do_not_know(
    listening: Listening, records: Aggregates, world: World
) -> None:
    event = told(raised(LevelName.RED), "xiakou")
    world.failure = Unavailable("bus.no_responders", service="registry")
    with pytest.raises(Unavailable):
        await listening.monitor(event)
    assert await records.find(CASEFILE, incident_id("xiakou-20230729-1")) is None
    world.failure = NotFound("registry.no_pond", pond="xiakou")
    await listening.monitor(event)
    found = await records.find(CASEFILE, incident_id("xiakou-20230729-1"))
    assert found is not None
    assert (found.state.frozen[0].pond, found.state.title[:6]) == (None, "xiakou")


async def test_the_service_hears_what_was_told_before_it_ran(connection: Connection, records: Aggregates) -> None:
    nc = await connect(connection, name="tests")
    try:
        js = nc.jetstream()
        for event in (REGISTERED, overdue(1)):
            stored = StoredEvent(1, uuid4(), "s", 1, event, event.event_type, 1, "xiakou", {}, AT, b"\x00" * 32)
            await js.publish(subject_of(event.event_type, "xiakou"), envelope("registry", stored))
        stop = asyncio.Event()
        service = asyncio.create_task(wiring.serve(stop, connection))
        finding_id = closure_finding_id("xiakou", 1, date(2019, 5, 1))
        try:
            async with asyncio.timeout(15):
                while not service.done() and not await notes(records, finding_id):
                    await asyncio.sleep(0.02)
        finally:
            # A service is ended by its event: cancelled while a library waits for it, it may never end.
            stop.set()
        await asyncio.wait_for(service, 15)
        assert await notes(records, finding_id) == [1]
    finally:
        await nc.close()
