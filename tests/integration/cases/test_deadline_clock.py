"""The clock over deadlines on a real database: what was missed, restarts, two at once, extensions, close-outs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from services.cases import wiring
from services.cases.adapters.calendar import LAST_KNOWN, chinese
from services.cases.adapters.ticker import DeadlineClock
from services.cases.domain.deadlines import StagePolicy
from services.cases.handlers.deadlines import Deadlines
from services.cases.kinds import FINDING
from services.cases.workkinds import DEADLINE
from shared.clock import ManualClock
from shared.contracts.cases import (
    AssignFinding,
    CloseOutFinding,
    EvidenceRef,
    ExtendDeadline,
    RaiseFinding,
    Reinspect,
    ReportProgress,
    ScheduleLookBack,
    Subject,
    SubjectKind,
    SubmitRectification,
)
from shared.contracts.deadlines import DeadlineEscalated, DeadlineStanding, ListDeadlines, SupervisionLevel
from shared.eventstore import verify
from shared.eventstore.aggregates import Aggregates
from shared.postgres import Pool, open_pool

POLICY = StagePolicy()
XIAKOU = Subject(kind=SubjectKind.POND, id="xiakou", name="下口尾矿库")


def at(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T02:00:00+00:00").astimezone(UTC)


@pytest.fixture
async def cases_pool(database: dict[str, str]) -> AsyncIterator[Pool]:
    made = await open_pool(database["cases"], schema="cases")
    yield made
    await made.close()


@pytest.fixture
def now() -> ManualClock:
    return ManualClock(at("2023-03-02"))


@pytest.fixture
def records(cases_pool: Pool, now: ManualClock) -> Aggregates:
    parts = wiring.store()
    return Aggregates(cases_pool, parts.store, parts.projections, now, ZoneInfo("Asia/Shanghai"), lambda: None)


def clock(records: Aggregates, policy: StagePolicy = POLICY) -> DeadlineClock:
    """Return a clock as a service that has just started has it."""
    return DeadlineClock(records, policy, chinese(), LAST_KNOWN.isoformat())


async def assigned(records: Aggregates, finding_id: str, deadline: str) -> None:
    raising = RaiseFinding(
        finding_id=finding_id, title="未闭库", quote="停用超过3年", subjects=(XIAKOU,), county="平山县", by="王工"
    )
    await records.ask(FINDING, finding_id, raising)
    assigning = AssignFinding(
        finding_id=finding_id, target="闭库", responsible_unit="平山县政府", person="张三", measures=("设计",),
        deadline=date.fromisoformat(deadline), by="王工",
    )  # fmt: skip
    await records.ask(FINDING, finding_id, assigning)


async def closed_out(records: Aggregates, finding_id: str) -> None:
    evidence = (EvidenceRef(sha256="a" * 64, title="验收"),)
    await records.ask(FINDING, finding_id, ReportProgress(finding_id=finding_id, text="完成", by="李四"))
    submitting = SubmitRectification(finding_id=finding_id, text="完成", evidence=evidence, by="李四")
    await records.ask(FINDING, finding_id, submitting)
    await records.ask(FINDING, finding_id, Reinspect(finding_id=finding_id, passed=True, by="赵六"))
    await records.ask(FINDING, finding_id, CloseOutFinding(finding_id=finding_id, by="钱七"))


async def said(records: Aggregates, finding_id: str) -> list[str]:
    story = await records.story(DEADLINE, finding_id)
    return [f"{stored.event.on:%m-%d} {stored.event.stage}" for stored in story]  # type: ignore[attr-defined]  # stages


def go(now: ManualClock, day: str) -> None:
    now.advance(at(day) - now.now())


ALL = [
    "03-17 reminder-10", "03-28 reminder-3", "03-30 reminder-1", "04-03 overdue", "04-10 escalation-5",
    "04-17 escalation-10",
]  # fmt: skip


async def test_what_was_missed_is_said_once_whoever_ticks(
    records: Aggregates, now: ManualClock, cases_pool: Pool
) -> None:
    await assigned(records, "daily", "2023-03-31")
    await assigned(records, "missed", "2023-03-31")
    first = clock(records)
    assert await first.tick() == 0
    for day in ("2023-03-17", "2023-03-17", "2023-03-28", "2023-03-31"):
        go(now, day)
        await asyncio.gather(*(clock(records).tick() for _ in range(3)))  # restarted each time, and three at once
    assert await said(records, "daily") == ALL[:3]
    go(now, "2023-05-04")
    counts = await asyncio.gather(*(clock(records).tick() for _ in range(3)))
    assert sum(counts) == 6
    assert await clock(records).tick() == await first.tick() == 0
    assert await said(records, "daily") == await said(records, "missed") == ALL
    story = [stored.event for stored in await records.story(DEADLINE, "missed")]
    escalated = [(event.level, event.superseded) for event in story if isinstance(event, DeadlineEscalated)]
    assert escalated == [(SupervisionLevel.COUNTY, True), (SupervisionLevel.CITY, False)]
    assert (await records.find(FINDING, "missed")).version == 2  # type: ignore[union-attr]  # its own stream is undisturbed
    parts = wiring.store()
    assert await verify(cases_pool, parts.store, parts.projections) == []


async def test_an_extension_starts_new_stages_and_a_close_out_ends_them(records: Aggregates, now: ManualClock) -> None:
    await assigned(records, "extended", "2023-03-31")
    await assigned(records, "closed", "2023-03-31")
    go(now, "2023-04-03")
    assert await clock(records).tick() == 8
    more = ExtendDeadline(
        finding_id="extended", deadline=date(2023, 4, 28), reason="设计修改", approver="孙八", by="王工"
    )
    await records.ask(FINDING, "extended", more)
    await closed_out(records, "closed")
    go(now, "2023-05-04")  # the first working day after Labour Day
    await clock(records).tick()
    assert await said(records, "closed") == ALL[:4]
    assert await said(records, "extended") == [
        *ALL[:4], "04-17 reminder-10", "04-25 reminder-3", "04-27 reminder-1", "05-04 overdue",
    ]  # fmt: skip
    go(now, "2023-07-03")  # the look-back of the closing, 90 days later: a Sunday, so on Monday
    await clock(records).tick()
    assert (await said(records, "closed"))[4:] == ["07-03 look-back"]


async def test_a_finding_that_cannot_be_judged_holds_up_no_other(
    records: Aggregates, now: ManualClock, cases_pool: Pool
) -> None:
    for name in ("a", "b", "c"):
        await assigned(records, name, "2023-03-31")
    async with cases_pool.connection() as conn:
        await conn.execute("""UPDATE finding_history SET state = state || '{"state": "junk"}' WHERE id = 'b'""")
    go(now, "2023-03-17")
    assert await clock(records).tick() == 2
    assert await said(records, "c") == ALL[:1]


async def test_other_settings_are_taken_up(records: Aggregates, now: ManualClock) -> None:
    await assigned(records, "a", "2023-03-31")
    go(now, "2023-03-24")
    assert await clock(records).tick() == 1
    assert await clock(records, StagePolicy((5,), ())).tick() == 1
    assert await said(records, "a") == ["03-17 reminder-10", "03-24 reminder-5"]


async def test_the_list_says_how_each_stands_on_any_day(records: Aggregates, now: ManualClock) -> None:
    await assigned(records, "early", "2023-03-10")
    await assigned(records, "late", "2023-03-31")
    await assigned(records, "far", "2023-12-29")
    await assigned(records, "looked", "2023-12-29")
    later = ScheduleLookBack(finding_id="looked", due=date(2023, 3, 25), by="王工")
    await records.ask(FINDING, "looked", later)
    go(now, "2023-04-03")
    await clock(records).tick()
    desk = Deadlines(records, POLICY, chinese(), LAST_KNOWN)

    async def listed(day: str | None, **more: bool) -> list[tuple[str, DeadlineStanding, int]]:
        as_of = None if day is None else date.fromisoformat(day)
        found = await desk.list(ListDeadlines(as_of=as_of, **more))
        assert found.total == len(found.deadlines)
        return [(each.finding_id, each.standing, each.working_days) for each in found.deadlines]

    soon, gone, up = DeadlineStanding.DUE_SOON, DeadlineStanding.OVERDUE, DeadlineStanding.ESCALATED
    back, runs = DeadlineStanding.LOOK_BACK_DUE, DeadlineStanding.RUNNING
    assert await listed("2023-03-01") == []
    assert await listed("2023-03-09") == [("early", soon, 1)]
    assert await listed("2023-03-17") == [("early", up, -5), ("late", soon, 10)]
    assert await listed(None) == [("early", up, -16), ("looked", back, -6), ("late", gone, -1)]
    assert [each[:2] for each in await listed("2023-03-02", everything=True)][-2:] == [("far", runs), ("looked", runs)]
    page = await desk.list(ListDeadlines(limit=1, offset=2))
    assert (page.total, [each.finding_id for each in page.deadlines]) == (3, ["late"])
    assert [each.stage for each in page.deadlines[0].said] == ["reminder-10", "reminder-3", "reminder-1", "overdue"]
    assert page.deadlines[0].next_on == date(2023, 4, 10)
