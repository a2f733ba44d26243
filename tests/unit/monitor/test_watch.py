"""The warning decider: given what was said, when something is found or done, then these events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pytest

from services.monitor.domain.watch import Announce, Standing, WatchEvent, WatchState, act, announce, evolve
from shared.contracts.levels import Level, LevelName
from shared.contracts.monitor import (
    AcknowledgeWarning,
    Cause,
    CloseWarning,
    HandleWarning,
    PondBlind,
    PondNoticed,
    PondRestored,
    TimelineChange,
    TimelineCorrected,
    WarningAcknowledged,
    WarningCleared,
    WarningClosed,
    WarningEased,
    WarningEscalated,
    WarningHandled,
    WarningRaised,
    WarningVerified,
)
from shared.problems import BadInput, Conflict, NotFound

NOON = datetime(2024, 7, 10, 12, tzinfo=UTC)
AT = NOON + timedelta(seconds=7)
ZONE = ZoneInfo("Asia/Shanghai")
WHY = (Cause(sensor="level-1", rule="threshold", value=302.5, limit=302.0, level=LevelName.YELLOW),)
SILENT = (Cause(sensor="level-1", rule="blind"),)
FIRST = "pond-20240710-1"


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def change(
    minutes: int,
    event: Literal["raised", "escalated", "eased", "cleared", "blind", "restored", "notice"],
    level: str | None = None,
    verified: bool = True,
    causes: tuple[Cause, ...] = WHY,
) -> TimelineChange:
    name = None if level is None else LevelName(level)
    return TimelineChange(time=at(minutes), event=event, level=name, verified=verified, causes=causes)


def found(
    *added: TimelineChange,
    level: Level = Level.NONE,
    up: Level | None = None,
    verified: bool = True,
    blind: tuple[Cause, ...] = (),
    removed: Sequence[TimelineChange] = (),
    minutes: int = 0,
) -> Announce:
    standing = Standing(at(minutes), level, level if up is None else up, verified, WHY if level else (), blind)
    return Announce("pond", ZONE, AT, standing, tuple(added), tuple(removed))


def raised(level: str = "yellow", warning: str = FIRST, verified: bool = True, minutes: int = 0) -> WarningRaised:
    return WarningRaised(
        warning_id=warning, pond_id="pond", time=at(minutes), level=LevelName(level), verified=verified, causes=WHY,
        at=AT,
    )  # fmt: skip


def blind() -> PondBlind:
    return PondBlind(pond_id="pond", time=NOON, causes=SILENT, flood_season=True, at=AT)


def cleared(previous: str = "yellow", corrected: bool = False) -> WarningCleared:
    return WarningCleared(
        warning_id=FIRST, pond_id="pond", time=NOON, previous=LevelName(previous), corrected=corrected, at=AT
    )


def given(*events: WatchEvent) -> WatchState:
    state = WatchState()
    for event in events:
        state = evolve(state, event)
    return state


# -- announcing ---------------------------------------------------------------------------------------------


def test_nothing_found_says_nothing() -> None:
    assert announce(given(), found()) == []


def test_a_rise_is_raised_with_its_causes_and_the_local_day_in_its_name() -> None:
    evening = Announce(
        "pond", ZONE, AT, Standing(at(300), Level.YELLOW, Level.YELLOW, True, WHY), (change(300, "raised", "yellow"),)
    )
    (event,) = announce(given(), evening)
    assert event == raised(warning="pond-20240711-1", minutes=300)


def test_what_was_said_is_not_said_again() -> None:
    # A redelivery after a crash: the same change is found, but the stream has it.
    again = found(change(0, "raised", "yellow"), level=Level.YELLOW)
    assert announce(given(raised()), again) == []


def test_each_step_of_a_backlog_is_told_in_order_and_marked_when_overtaken() -> None:
    events = announce(
        given(),
        found(
            change(0, "raised", "yellow"),
            change(5, "blind", "yellow", causes=SILENT),
            change(10, "restored", "yellow"),
            change(15, "escalated", "red"),
            change(90, "eased", "yellow"),
            level=Level.YELLOW,
            minutes=90,
        ),
    )
    assert [(type(event).__name__, event.superseded) for event in events] == [
        ("WarningRaised", True),
        ("PondBlind", True),
        ("PondRestored", False),
        ("WarningEscalated", True),
        ("WarningEased", False),
    ]


def test_the_next_warning_of_a_pond_has_the_next_number() -> None:
    state = given(raised(), cleared())
    (event,) = announce(state, found(change(60, "raised", "blue"), level=Level.BLUE, minutes=60))
    assert isinstance(event, WarningRaised)
    assert event.warning_id == "pond-20240710-2"


def test_an_unverified_warning_that_is_confirmed_is_verified() -> None:
    confirmed = change(5, "notice", "yellow", causes=(Cause(sensor="", rule="confirmed"), *WHY))
    (event,) = announce(given(raised(verified=False)), found(confirmed, level=Level.YELLOW, minutes=5))
    assert isinstance(event, WarningVerified)
    assert event.warning_id == FIRST


def test_easing_to_what_is_seen_by_itself_verifies_too() -> None:
    events = announce(
        given(raised("red", verified=False)), found(change(60, "eased", "blue"), level=Level.BLUE, minutes=60)
    )
    assert [type(event) for event in events] == [WarningEased, WarningVerified]


def test_a_notice_is_no_warning() -> None:
    notice = change(0, "notice", causes=(Cause(sensor="level-1", rule="spike"),))
    (event,) = announce(given(), found(notice))
    assert isinstance(event, PondNoticed)


# -- corrections --------------------------------------------------------------------------------------------


def test_a_past_alarm_that_late_data_bring_is_on_record_and_not_fired() -> None:
    was = change(30, "notice", causes=(Cause(sensor="level-1", rule="spike"),))
    events = announce(
        given(),
        found(change(0, "raised", "red"), change(20, "cleared"), was, removed=[was], minutes=600),
    )
    (event,) = events
    assert isinstance(event, TimelineCorrected)
    assert event.since == at(0)


def test_an_alarm_that_late_data_take_back_is_cleared_as_corrected() -> None:
    events = announce(given(raised()), found(removed=[change(0, "raised", "yellow")], minutes=30))
    assert [type(event) for event in events] == [TimelineCorrected, WarningCleared]
    assert isinstance(events[1], WarningCleared)
    assert events[1].corrected
    assert events[1].time == at(30)


def test_a_correction_that_ends_higher_escalates_now() -> None:
    events = announce(
        given(raised()),
        found(
            change(-10, "raised", "red"),
            removed=[change(0, "raised", "yellow")],
            level=Level.RED,
            minutes=30,
        ),
    )
    assert [type(event) for event in events] == [TimelineCorrected, WarningEscalated]
    assert isinstance(events[1], WarningEscalated)
    assert (events[1].time, events[1].previous) == (at(30), "yellow")


def test_a_correction_that_ends_lower_eases_and_says_so() -> None:
    events = announce(
        given(raised("red")),
        found(change(0, "raised", "blue"), removed=[change(0, "raised", "red")], level=Level.BLUE, minutes=30),
    )
    assert isinstance(events[1], WarningEased)
    assert events[1].corrected


def test_a_notice_that_only_a_correction_brings_is_told_once() -> None:
    spike = change(5, "notice", causes=(Cause(sensor="level-1", rule="spike"),))
    old = change(10, "blind", causes=SILENT)
    events = announce(given(), found(spike, old, removed=[old], blind=SILENT, minutes=10))
    assert [type(event) for event in events] == [TimelineCorrected, PondNoticed, PondBlind]
    # One that moved was told before.
    moved = change(15, "notice", causes=spike.causes)
    events = announce(given(blind()), found(moved, removed=[spike], blind=SILENT, minutes=15))
    assert [type(event) for event in events] == [TimelineCorrected]


def test_blindness_that_late_data_take_back_is_restored() -> None:
    events = announce(given(blind()), found(removed=[change(0, "blind", causes=SILENT)]))
    assert [type(event) for event in events] == [TimelineCorrected, PondRestored]


# -- a warning's life ----------------------------------------------------------------------------------------


def acknowledge(by: str = "Li", warning: str = FIRST) -> AcknowledgeWarning:
    return AcknowledgeWarning(warning_id=warning, by=by, note=" seen ")


def handle(action: str = "opened the decant") -> HandleWarning:
    return HandleWarning(warning_id=FIRST, by="Wang", action=action)


def close(evidence: str = "gauge read on site", by: str = "Zhao") -> CloseWarning:
    return CloseWarning(warning_id=FIRST, by=by, evidence=evidence)


def test_acknowledged_is_not_handled_is_not_cleared_is_not_closed() -> None:
    state = given(raised())
    for command, kind in ((acknowledge(), WarningAcknowledged), (handle(), WarningHandled)):
        (event,) = act(state, command, "pond", AT)
        assert isinstance(event, kind)
        state = evolve(state, event)
    life = state.open[FIRST]
    assert (life.acknowledged_by, life.handled, state.current) == ("Li", True, FIRST)
    assert life.level == Level.YELLOW
    state = evolve(state, cleared())
    assert (state.current, FIRST in state.open, FIRST in state.closed) == (None, True, False)
    (event,) = act(state, close(), "pond", AT)
    assert isinstance(event, WarningClosed)
    state = evolve(state, event)
    assert (FIRST in state.open, FIRST in state.closed) == (False, True)


def test_acknowledging_again_changes_nothing_but_another_may() -> None:
    state = given(raised(), WarningAcknowledged(warning_id=FIRST, pond_id="pond", by="Li", at=AT))
    assert act(state, acknowledge("Li"), "pond", AT) == []
    (event,) = act(state, acknowledge("Sun"), "pond", AT)
    assert isinstance(event, WarningAcknowledged)
    assert event.note == "seen"


def test_handling_may_be_reported_more_than_once() -> None:
    state = given(raised(), WarningHandled(warning_id=FIRST, pond_id="pond", by="Wang", action="looked", at=AT))
    assert len(act(state, handle("pumped"), "pond", AT)) == 1


def test_a_warning_whose_condition_stands_cannot_be_closed() -> None:
    with pytest.raises(Conflict):
        act(given(raised()), close(), "pond", AT)


def test_a_blind_pond_may_be_closed_on_evidence() -> None:
    state = given(raised(), blind())
    (event,) = act(state, close(), "pond", AT)
    state = evolve(state, event)
    assert state.current is None
    assert state.dismissed


def test_another_silent_sensor_does_not_open_the_door() -> None:
    # The rain gauge is silent, the level that warned is not: the condition can be seen to stand.
    gauge = PondBlind(
        pond_id="pond", time=at(0), causes=(Cause(sensor="rain-1", rule="blind"),), flood_season=True, at=AT
    )
    close = CloseWarning(warning_id=FIRST, by="Li", evidence="none")
    with pytest.raises(Conflict):
        act(given(raised(), gauge), close, "pond", AT)
    with pytest.raises(Conflict):
        # What was last told of is not what counts when the caller knows better.
        act(given(raised(), blind()), close, "pond", AT, frozenset())


def test_dismissed_in_the_dark_only_fresh_sight_raises_again() -> None:
    state = given(raised(), blind(), WarningClosed(warning_id=FIRST, pond_id="pond", by="Li", evidence="e", at=AT))
    dark = found(level=Level.YELLOW, up=Level.NONE, blind=SILENT, minutes=5)
    assert announce(state, dark) == []
    # Seen again and dry: the timeline still holds its level for the hold, nobody is told of it.
    held = found(change(9, "restored", "yellow"), level=Level.YELLOW, up=Level.NONE, minutes=9)
    assert [type(event) for event in announce(state, held)] == [PondRestored]
    seen = found(change(9, "restored", "yellow"), level=Level.YELLOW, up=Level.YELLOW, minutes=9)
    events = announce(state, seen)
    assert {type(event) for event in events} == {PondRestored, WarningRaised}
    for event in events:
        state = evolve(state, event)
    assert state.current == "pond-20240710-2"
    assert not state.dismissed


@pytest.mark.parametrize("command", [acknowledge("  "), close(evidence=" "), close(by="\t"), handle(action=" ")])
def test_blank_names_actions_and_evidence_are_refused(
    command: AcknowledgeWarning | CloseWarning | HandleWarning,
) -> None:
    with pytest.raises(BadInput):
        act(given(raised(), cleared()), command, "pond", AT)


def test_unknown_and_closed_warnings_are_refused() -> None:
    with pytest.raises(NotFound):
        act(given(), acknowledge(), "pond", AT)
    closed = WarningClosed(warning_id=FIRST, pond_id="pond", by="Li", evidence="e", at=AT)
    state = given(raised(), cleared(), closed)
    for command in (acknowledge(), handle(), close()):
        with pytest.raises(Conflict):
            act(state, command, "pond", AT)


def test_a_pond_of_very_many_warnings_is_remembered_by_their_numbers() -> None:
    """The watchdog closes some 100,000 a year: what is kept of a pond must not grow with them."""
    state = WatchState(current=None)
    for number in range(1, 2001):
        name = f"pond-20240710-{number}"
        state = evolve(state, raised().model_copy(update={"warning_id": name}))
        state = evolve(state, cleared().model_copy(update={"warning_id": name}))
        state = evolve(state, WarningClosed(warning_id=name, pond_id="pond", by="w", evidence="e", at=AT))
    assert len(state.closed) <= 1000
    for number in (1, 700, 2000):
        with pytest.raises(Conflict):
            act(state, AcknowledgeWarning(warning_id=f"pond-20240710-{number}", by="Li"), "pond", AT)
    with pytest.raises(NotFound):
        act(state, AcknowledgeWarning(warning_id="pond-20240710-2001", by="Li"), "pond", AT)
