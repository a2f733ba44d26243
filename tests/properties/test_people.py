"""Whatever is asked of them: rosters never have two of one role at a time, grids never two who bear one duty."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from services.registry.domain.grid import decide_grid, evolve_grid, in_force
from services.registry.domain.roster import covering, decide_roster, evolve_roster, gaps
from shared.contracts.acts import Act, Asked
from shared.contracts.people import DutyKind, Grid, Place, PlaceKind, Roster, Shift
from shared.contracts.peopleacts import (
    AddShifts,
    AssignDuty,
    CreateRoster,
    EndDuty,
    HandOverDuty,
    ReassignShift,
    RemoveShift,
    SetDeputies,
)
from shared.problems import Refusal
from tests.prove import examples

START = datetime(2023, 7, 1, tzinfo=UTC)
DAY = date(2023, 7, 1)
POND = Place(kind=PlaceKind.POND, id="xiakou")
ROLES = ("带班领导", "值班员")
PEOPLE = ("zhang", "li", "wang")

hours = st.integers(0, 72)
people = st.sampled_from(PEOPLE)
roles = st.sampled_from(ROLES)


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


@st.composite
def shifts(draw: st.DrawFn) -> Shift:
    start = draw(hours)
    return Shift(role=draw(roles), start=at(start), end=at(start + draw(st.integers(0, 30))), person_id=draw(people))


several = st.lists(shifts(), min_size=1, max_size=4).map(tuple)
roster_acts = st.one_of(
    st.builds(AddShifts, roster_id=st.just("r"), shifts=several, by=people),
    st.builds(RemoveShift, roster_id=st.just("r"), role=roles, start=hours.map(at), reason=st.just("x"), by=people),
    st.builds(
        ReassignShift, roster_id=st.just("r"), role=roles, start=hours.map(at), person_id=people, reason=st.just("x"),
        by=people,
    ),
)  # fmt: skip


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(roster_acts, max_size=12), hours)
def test_rosters_never_overlap_and_gaps_are_exactly_what_nobody_covers(acts: list[Act], hour: int) -> None:
    create = CreateRoster(roster_id="r", name="值班", place=POND, roles=ROLES, by="w")
    state: Roster | None = None
    story = []
    for act in [create, *acts]:
        with suppress(Refusal):
            for event in decide_roster(Asked(act, START, DAY), state):  # type: ignore[arg-type]  # one of its acts
                state = evolve_roster(state, event)  # type: ignore[arg-type]  # one of its events
                story.append(event)
            assert decide_roster(Asked(act, START, DAY), state) == [] or isinstance(act, RemoveShift)  # type: ignore[arg-type]  # as above
    assert state is not None
    for one, other in combinations(state.shifts, 2):
        assert one.role != other.role or one.end <= other.start or other.end <= one.start
    found = gaps(ROLES, state.shifts, at(0), at(72))
    moment = at(hour) + timedelta(minutes=1)
    for role in ROLES:
        held = any(shift.role == role for shift in covering(state.shifts, moment))
        missed = any(gap.role == role and gap.start <= moment < gap.end for gap in found)
        assert held != missed or hour == 72
    replayed: Roster | None = None
    for event in story:
        replayed = evolve_roster(replayed, type(event).model_validate_json(event.model_dump_json()))  # type: ignore[arg-type]  # as above
    assert replayed == state


days = st.integers(0, 40).map(lambda n: DAY + timedelta(days=n))
duties = st.sampled_from([DutyKind.LEADERSHIP, DutyKind.DEPARTMENT, DutyKind.GUARANTOR])
units = st.sampled_from(["", "应急管理局"])
deputies = st.lists(people, max_size=2).map(tuple)
about = {"place": st.just(POND), "duty": duties, "unit": units, "by": people}
grid_acts = st.one_of(
    st.builds(AssignDuty, person_id=people, deputies=deputies, since=st.none() | days, until=st.none() | days, **about),
    st.builds(HandOverDuty, to_person_id=people, from_person_id=st.none() | people, deputies=deputies, **about),
    st.builds(SetDeputies, deputies=deputies, **about),
    st.builds(EndDuty, reason=st.just("x"), **about),
)


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), grid_acts), max_size=12), days)
def test_nobody_shares_a_duty_and_a_day_is_its_story(acts: list[tuple[int, Act]], day: date) -> None:
    state: Grid | None = None
    story = []
    on = DAY
    for wait, act in acts:
        on += timedelta(days=wait)
        with suppress(Refusal):
            for event in decide_grid(Asked(act, START, on), state):  # type: ignore[arg-type]  # one of its acts
                state = evolve_grid(state, event)  # type: ignore[arg-type]  # one of its events
                story.append(event)
    if state is None:
        return
    held = in_force(state, day)
    assert len({(each.duty, each.unit) for each in held}) == len(held)
    for each in state.assignments:
        assert each.until is None or each.since <= each.until
        assert each.person_id not in each.deputies
    replayed: Grid | None = None
    for event in story:
        replayed = evolve_grid(replayed, type(event).model_validate_json(event.model_dump_json()))  # type: ignore[arg-type]  # as above
    assert replayed == state
