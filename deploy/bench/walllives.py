"""A city for the dashboards: its register, its plan from 57 to 48, findings with look-backs; as events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from deploy.bench import office
from deploy.bench.fleet import Fleet
from deploy.bench.office import COUNTIES, Life
from shared.contracts.acts import Recorded
from shared.contracts.base import Event
from shared.contracts.cases import LookBackScheduled
from shared.contracts.levels import SensorState
from shared.contracts.mines import (
    ClosurePlan,
    ClosurePlanned,
    DocumentRef,
    MineClosed,
    MineDescription,
    MineRegistered,
)
from shared.contracts.plans import PlannedClosing, PlannedMerging, PlanSet, ReductionPlan, ScopeKind
from shared.contracts.registry import LimitsAdopted, PondRegistered, PondView, SensorRegistered, SensorView

__all__ = ["PLAN_ID", "case_lives", "pond_lives", "pond_views", "record_lives"]

PLAN_ID = "city-57-48"
_BASELINE = date(2022, 12, 31)
_MINES, _CLOSING, _CLOSED, _PAIRS = 57, 6, 2, 3
WEST, SOUTH = 113.6, 37.9
"""Corner of the map [°]."""


def pond_views(fleet: Fleet) -> list[PondView]:
    """Return the fleet's ponds as the registry describes them: in counties, on a map; the last on none."""
    views = []
    for index, setup in enumerate(fleet.setups()):
        where = {"latitude": SOUTH + index % 10 * 0.08, "longitude": WEST + index // 10 * 0.09}
        placed = {} if index == fleet.ponds - 1 else where
        pond = setup.pond.model_copy(update={"county": COUNTIES[index % len(COUNTIES)], **placed})
        sensors = tuple(SensorView(sensor=each.description, state=SensorState.IN_SERVICE) for each in setup.sensors)
        # A pond that is registered and has no sensor yet: nobody watches it.
        views.append(PondView(pond=pond, sensors=sensors if index != 3 else (), limits=setup.limits, version=1))
    return views


def pond_lives(views: list[PondView]) -> Iterator[Life]:
    """Yield each pond's registration with its sensors and limits."""
    at = datetime(2021, 1, 4, tzinfo=UTC)
    for view in views:
        events: list[Event] = [PondRegistered(pond=view.pond, at=at)]
        events += [
            SensorRegistered(pond_id=view.pond.id, sensor=each.sensor, state=each.state, at=at) for each in view.sensors
        ]
        events += [
            LimitsAdopted(pond_id=view.pond.id, limits=limits, limits_version=number, at=at)
            for number, limits in enumerate(view.limits, start=1)
        ]
        yield f"pond-{view.pond.id}", view.pond.id, events


def _stamp(on: date) -> dict[str, object]:
    return {"on": on, "at": datetime.combine(on, time(9), UTC), "by": "clerk"}


def _mine(number: int) -> str:
    return f"w{number:02d}"


def record_lives(ponds: int) -> Iterator[Life]:
    """Yield ponds' files, the mines, and the plan: six to close, of which two have; six to merge into three."""
    yield from office.ponds(ponds)
    for number in range(_MINES):
        description = MineDescription(id=_mine(number), name=f"Mine {number}", county=COUNTIES[number % 3])
        events: list[Recorded] = [MineRegistered.model_validate({"mine": description, **_stamp(date(2022, 3, 1))})]
        if number < _CLOSING:
            plan = ClosurePlan(
                basis="law-01", deadline=date(2023, 12, 29), responsible="Zhao", planned_on=date(2023, 3, 20)
            )
            events.append(ClosurePlanned.model_validate({"plan": plan, **_stamp(date(2023, 3, 20))}))
        if number < _CLOSED:
            evidence = (DocumentRef(title="acceptance", dated=date(2023, 9, 15)),)
            events.append(
                MineClosed.model_validate({"basis": "law-01", "evidence": evidence, **_stamp(date(2023, 9, 15))})
            )
        yield f"mine-{_mine(number)}", _mine(number), events
    plan_events: list[Recorded] = [PlanSet.model_validate({"plan": _plan(), **_stamp(date(2023, 3, 20))})]
    yield f"plan-{PLAN_ID}", PLAN_ID, plan_events


def _plan() -> ReductionPlan:
    pairs = [(_mine(_CLOSING + 2 * pair), _mine(_CLOSING + 2 * pair + 1)) for pair in range(_PAIRS)]
    return ReductionPlan(
        id=PLAN_ID,
        title="From 57 to 48",
        scope=ScopeKind.CITY,
        place="the city",
        counties=COUNTIES[:3],
        baseline_on=_BASELINE,
        baseline_count=_MINES,
        target_count=_MINES - _CLOSING - _PAIRS,
        deadline=date(2024, 6, 28),
        closures=tuple(
            PlannedClosing(mine_id=_mine(number), deadline=date(2023, 12, 29)) for number in range(_CLOSING)
        ),
        mergers=tuple(PlannedMerging(members=pair, into=pair[0], deadline=date(2024, 6, 28)) for pair in pairs),
    )


def case_lives(findings: int, today: date) -> Iterator[Life]:
    """Yield letters and findings; every fifth finding has a look-back due about *today*."""
    letters = max(1, findings // 25)
    yield from office.letters(letters)
    for number, (stream, finding_id, events) in enumerate(office.findings(findings, letters)):
        about = {"finding_id": finding_id, "due": today + timedelta(days=number % 30 - 10)}
        # Later than anything the office's findings do.
        last = _stamp(office.FIRST + timedelta(days=800))
        due = () if number % 5 else (LookBackScheduled.model_validate({**about, **last}),)
        yield stream, finding_id, (*events, *due)
