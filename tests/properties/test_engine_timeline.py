"""The fold over what slots show: cutting a run in two changes nothing; and what never happens."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.monitor.domain.timeline import Change, Policy, Sight, Watched, fold
from shared.contracts.levels import Level
from tests.prove import examples

ITEMS = st.frozensets(st.sampled_from(["level", "rain", "freeboard"]), max_size=3)
NOTICES = st.frozensets(
    st.sampled_from([("spike", "a"), ("silent", "b"), ("slow_climb", "a"), ("gross_range", "b")]), max_size=3
)


@st.composite
def sights(draw: st.DrawFn) -> Sight:
    up = draw(st.sampled_from(Level))
    return Sight(
        up=up,
        release=max(up, draw(st.sampled_from(Level))),
        verified=draw(st.booleans()),
        items=draw(ITEMS) if up else frozenset(),
        unseeing=draw(ITEMS),
        blind=draw(st.frozensets(st.sampled_from(["a", "b"]), max_size=2)),
        notices=draw(NOTICES),
    )


runs = st.lists(st.tuples(st.integers(1, 40), sights()), min_size=1, max_size=8)
policies = st.builds(Policy, hold=st.sampled_from([0, 1, 5, 12]), rearm=st.sampled_from([1, 3, 20]))


def folded(parts: list[tuple[int, Sight]], policy: Policy) -> tuple[Watched, list[Change]]:
    state, changes, slot = Watched(), [], 100
    for length, sight in parts:
        state, told = fold(state, slot, slot + length - 1, sight, policy)
        changes += told
        slot += length
    return state, changes


@settings(max_examples=examples(400), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs, policies, st.data())
def test_cutting_runs_changes_nothing(parts: list[tuple[int, Sight]], policy: Policy, data: st.DataObject) -> None:
    singles = [(1, sight) for length, sight in parts for _ in range(length)]
    cut: list[tuple[int, Sight]] = []
    for length, sight in parts:
        first = data.draw(st.integers(0, length))
        cut += [(part, sight) for part in (first, length - first) if part]
    whole = folded(parts, policy)
    assert folded(cut, policy) == whole
    assert folded(singles, policy) == whole


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs, policies)
def test_the_timeline_makes_sense(parts: list[tuple[int, Sight]], policy: Policy) -> None:
    state, changes = folded(parts, policy)
    level, blind, slot = Level.NONE, False, 0
    for change in changes:
        assert change.slot >= slot
        slot = change.slot
        match change.kind:
            case "raised":
                assert level == Level.NONE < change.level
            case "escalated":
                assert Level.NONE < level < change.level
            case "eased":
                assert Level.NONE < change.level < level
            case "cleared":
                assert level > Level.NONE == change.level
            case "blind":
                blind = True
            case "restored":
                assert blind
                blind = False
        level = change.level
    assert (state.level, bool(state.blind)) == (level, blind)


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs, policies)
def test_a_pond_that_cannot_see_never_steps_down(parts: list[tuple[int, Sight]], policy: Policy) -> None:
    everything = frozenset({"level", "rain", "freeboard"})
    dark = [(length, replace(sight, unseeing=everything)) for length, sight in parts]
    # Whatever raised it, nothing that shows in the dark takes it back.
    named = [(length, replace(sight, items=sight.items | {"level"}) if sight.up else sight) for length, sight in dark]
    assert not [change for change in folded(named, policy)[1] if change.kind in ("eased", "cleared")]


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs, policies)
def test_stepping_up_is_at_once_and_down_only_after_the_hold(parts: list[tuple[int, Sight]], policy: Policy) -> None:
    slot, shown = 100, {}
    for length, sight in parts:
        for _ in range(length):
            shown[slot] = sight
            slot += 1
    state = Watched()
    for at in sorted(shown):
        state, changes = fold(state, at, at, shown[at], policy)
        assert state.level >= shown[at].up
        for change in changes:
            if change.kind in ("eased", "cleared"):
                held = [shown[back].release for back in range(at - policy.hold, at + 1)]
                assert max(held) <= change.level
