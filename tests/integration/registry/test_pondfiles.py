"""Ponds' files in PostgreSQL: any day can be asked about, and what falls overdue is raised by itself, once."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from services.registry import wiring
from services.registry.adapters.overdue import Overdue
from services.registry.adapters.ponds import StoredPonds
from services.registry.domain.overdue import OverdueRule
from services.registry.handlers import Registry
from services.registry.kinds import CLOSURE, PONDFILE
from services.registry.pondfiles import PondFiles
from shared.clock import ManualClock
from shared.contracts.pondfiles import (
    ChangePondUse,
    ClosureOverdue,
    ClosureStep,
    ListPondFiles,
    PondFacts,
    PondUse,
    RecordClosureStep,
    ReviewOutcome,
    SetPondFacts,
    ShowPondFile,
    StepState,
)
from shared.contracts.registry import PondDescription, RegisterPond
from shared.eventstore import verify
from shared.eventstore.aggregates import Aggregates
from shared.postgres import Pool
from shared.problems import Conflict, NotFound

START = datetime(2022, 4, 1, 2, 0, tzinfo=UTC)


class Office:
    """The registry's parts on one database, by a clock that is moved by hand."""

    def __init__(self, pool: Pool, clock: ManualClock) -> None:
        parts = wiring.store()
        self.clock = clock
        self.records = Aggregates(pool, parts.store, parts.projections, clock, ZoneInfo("Asia/Shanghai"), lambda: None)
        self.files = PondFiles(self.records, parts.store)
        self.overdue = Overdue(self.records, OverdueRule())
        self.register = Registry(StoredPonds(pool, parts.store, parts.projections, lambda: None), clock)

    async def pond(self, pond_id: str, county: str = "平山县", grade: int = 5) -> None:
        pond = PondDescription(id=pond_id, name=f"{pond_id}尾矿库", county=county, grade=grade)
        await self.register.change(RegisterPond(pond=pond, by="王工"))

    async def stop(self, pond_id: str, since: date, on: date | None = None) -> None:
        await self.files.act(
            ChangePondUse(pond_id=pond_id, use=PondUse.OUT_OF_USE, since=since, reason="停产", by="王工", on=on)
        )

    async def raised(self, pond_id: str) -> list[tuple[int, date, date]]:
        story = [stored.event for stored in await self.records.story(CLOSURE, pond_id)]
        return [(each.stage, each.due_on, each.on) for each in story if isinstance(each, ClosureOverdue)]

    def until(self, day: date) -> None:
        noon = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
        self.clock.advance(noon - self.clock.now())


@pytest.fixture
def office(pool: Pool) -> Office:
    return Office(pool, ManualClock(START))


async def test_a_file_as_of_any_day(office: Office, pool: Pool) -> None:
    await office.pond("p", grade=5)
    with pytest.raises(NotFound, match="nothing is on file"):
        await office.files.show(ShowPondFile(pond_id="p"))
    facts = PondFacts(volume_10k_m3=150, dam_height_m=35, above_residents=True, people_downstream=120)
    view = await office.files.act(SetPondFacts(pond_id="p", facts=facts, by="王工", on=date(2020, 1, 1)))
    assert (view.computed_grade, view.grade_differs, view.changed, view.version) == (4, True, True, 1)
    again = await office.files.act(SetPondFacts(pond_id="p", facts=facts, by="王工", on=date(2020, 1, 1)))
    assert (again.changed, again.version) == (False, 1)
    await office.stop("p", date(2019, 3, 1), on=date(2020, 2, 1))
    step = RecordClosureStep(
        pond_id="p", step=ClosureStep.CLOSURE_DESIGN, state=StepState.COMMISSIONING, by="王工", on=date(2022, 3, 15)
    )
    await office.files.act(step)

    async def on(day: date) -> tuple[PondUse, date | None, int]:
        found = await office.files.show(ShowPondFile(pond_id="p", as_of=day))
        return found.file.use, found.overdue_since, found.version

    assert await on(date(2020, 1, 31)) == (PondUse.IN_USE, None, 1)
    assert await on(date(2022, 3, 1)) == (PondUse.OUT_OF_USE, None, 2)
    assert await on(date(2022, 3, 2)) == (PondUse.OUT_OF_USE, date(2022, 3, 1), 2)
    assert await on(date(2022, 3, 15)) == (PondUse.CLOSING, date(2022, 3, 1), 4)
    with pytest.raises(NotFound):
        await office.files.show(ShowPondFile(pond_id="p", as_of=date(2019, 12, 31)))
    with pytest.raises(Conflict) as stale:
        await office.files.act(step.model_copy(update={"expected_version": 2, "state": StepState.DONE}))
    assert stale.value.code == "acts.stale"
    # The pond's own version is of its own stream.
    async with pool.connection() as conn:
        assert await (await conn.execute("SELECT version FROM pond WHERE id = 'p'")).fetchone() == (1,)
    parts = wiring.store()
    assert await verify(pool, parts.store, parts.projections) == []


async def test_a_pond_nobody_registered_has_no_file(office: Office) -> None:
    with pytest.raises(NotFound, match="no pond nowhere"):
        await office.stop("nowhere", date(2019, 1, 1))
    with pytest.raises(NotFound, match="no pond nowhere"):
        await office.files.show(ShowPondFile(pond_id="nowhere"))


async def test_lists_by_county_use_residents_and_overdue(office: Office) -> None:
    for pond_id, county in (("a", "平山县"), ("b", "行唐县"), ("c", "行唐县")):
        await office.pond(pond_id, county)
    await office.stop("a", date(2019, 1, 1), on=date(2021, 1, 1))
    await office.stop("b", date(2021, 1, 1), on=date(2021, 1, 1))
    above = PondFacts(above_residents=True)
    await office.files.act(SetPondFacts(pond_id="c", facts=above, by="x", on=date(2021, 6, 1)))

    async def ids(**wanted: object) -> list[str]:
        return [each.file.id for each in (await office.files.list(ListPondFiles.model_validate(wanted))).ponds]

    assert await ids() == ["a", "b", "c"]
    assert await ids(as_of=date(2021, 1, 1)) == ["a", "b"]
    assert await ids(county="行唐县") == ["b", "c"]
    assert await ids(use=(PondUse.OUT_OF_USE,)) == ["a", "b"]
    assert await ids(above_residents=True) == ["c"]
    assert await ids(overdue=True) == ["a"]
    assert await ids(overdue=False) == ["b", "c"]
    assert await ids(overdue=True, as_of=date(2022, 1, 1)) == []
    assert await ids(overdue=True, as_of=date(2022, 1, 2)) == ["a"]
    second = await office.files.list(ListPondFiles(limit=1, offset=1))
    assert (second.total, second.ponds[0].file.id, second.ponds[0].version) == (3, "b", 2)


async def test_each_stage_is_raised_once_on_the_day_it_fell_due(office: Office, pool: Pool) -> None:
    await office.pond("p")
    await office.stop("p", date(2019, 5, 1), on=date(2020, 1, 1))
    assert await office.overdue.look() == 0
    office.until(date(2022, 5, 1))
    assert await office.overdue.look() == 0, "the term's last day belongs to it"
    office.until(date(2022, 5, 2))
    assert await office.overdue.look() == 1
    assert await office.overdue.look() == 0
    # Months nobody looked, and a registry that starts anew: everything missed, each on its day.
    office.until(date(2023, 7, 1))
    anew = Office(pool, office.clock)
    assert await anew.overdue.look() == 2
    days = [date(2022, 5, 1), date(2022, 11, 1), date(2023, 5, 1)]
    assert await anew.raised("p") == [(stage, day, day) for stage, day in enumerate(days, 1)]
    # The file itself was not disturbed.
    file = await anew.records.find(PONDFILE, "p")
    assert file is not None
    assert (file.version, file.state.last_on) == (2, date(2020, 1, 1))
    parts = wiring.store()
    assert await verify(pool, parts.store, parts.projections) == []


async def test_two_registries_that_look_at_once_raise_each_stage_once(office: Office, pool: Pool) -> None:
    for pond_id in ("a", "b", "c"):
        await office.pond(pond_id)
        await office.stop(pond_id, date(2016, 1, 1), on=date(2020, 1, 1))
    others = [Office(pool, office.clock) for _ in range(3)]
    raised = await asyncio.gather(*(each.overdue.look() for each in (office, *others)))
    stages = len(await office.raised("a"))
    assert stages == 7
    assert sum(raised) == 3 * stages
    assert [stage for stage, _, _ in await office.raised("b")] == list(range(1, stages + 1))


async def test_a_corrected_day_is_told_once_and_deregistration_ends_them(office: Office) -> None:
    office.until(date(2022, 8, 1))
    await office.pond("p")
    await office.stop("p", date(2019, 5, 1))
    assert await office.overdue.look() == 1
    await office.stop("p", date(2018, 3, 1))
    assert await office.overdue.look() == 1
    assert await office.overdue.look() == 0
    # By the day now known the third stage fell due before the first was raised: it says its own day, in order.
    told = [(1, date(2022, 5, 1), date(2022, 5, 1)), (3, date(2022, 3, 1), date(2022, 5, 1))]
    assert await office.raised("p") == told
    done = [ClosureStep.STATUS_EVALUATION, ClosureStep.CLOSURE_DESIGN, ClosureStep.EXPERT_REVIEW]
    for step in (*done, ClosureStep.APPROVAL, ClosureStep.WORKS, ClosureStep.ACCEPTANCE, ClosureStep.DEREGISTRATION):
        outcome = ReviewOutcome.PASSED if step is ClosureStep.EXPERT_REVIEW else None
        act = RecordClosureStep(pond_id="p", step=step, state=StepState.DONE, outcome=outcome, by="王工")
        await office.files.act(act)
    office.until(date(2030, 1, 1))
    assert await office.overdue.look() == 0
    assert (await office.files.show(ShowPondFile(pond_id="p"))).overdue_since is None


async def test_a_running_look_is_woken_by_an_act(office: Office) -> None:
    await office.pond("p")
    looks = Overdue(office.records, OverdueRule(), every=3600)
    files = PondFiles(office.records, wiring.store().store, looks.wake)
    task = asyncio.create_task(looks.run())
    try:
        act = ChangePondUse(pond_id="p", use=PondUse.OUT_OF_USE, since=date(2019, 1, 1), reason="停产", by="王工")
        await files.act(act)
        async with asyncio.timeout(10):
            while not await office.raised("p"):
                await asyncio.sleep(0.02)
    finally:
        task.cancel()
    assert (await office.raised("p"))[0][:2] == (1, date(2022, 1, 1))
