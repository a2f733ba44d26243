"""The warning decider: what the monitor says about a pond, and the life of each warning (pure).

One stream per pond. ``decide`` compares what the judge found with what has been said and returns the events
that bring the two together; so a restart, a redelivery or a shuffled batch says nothing twice. Times and
names come in the command.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never
from zoneinfo import ZoneInfo

from shared.contracts.base import Event
from shared.contracts.levels import Level
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

__all__ = ["Announce", "Life", "Standing", "WatchEvent", "WatchState", "act", "announce", "evolve"]

_REMEMBERED = 500
"""So many of the newest warnings are remembered by name when they are closed (the watchdog closes 288 a day)."""

WatchEvent = (
    WarningRaised
    | WarningEscalated
    | WarningVerified
    | WarningEased
    | WarningCleared
    | WarningAcknowledged
    | WarningHandled
    | WarningClosed
    | PondBlind
    | PondRestored
    | PondNoticed
    | TimelineCorrected
)
"""Every event of a pond's watch stream."""


@dataclass(frozen=True, slots=True)
class Life:
    """One warning that no person has closed yet."""

    level: Level
    verified: bool
    acknowledged_by: str | None = None
    handled: bool = False
    sensors: frozenset[str] = frozenset()
    """Sensors among its causes, since it was raised."""


@dataclass(frozen=True, slots=True)
class WatchState:
    """What has been said about a pond."""

    count: int = 0
    """Warnings raised so far; the running number in their ids."""
    current: str | None = None
    """The warning whose condition still stands, if any."""
    open: dict[str, Life] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    blind: frozenset[str] = frozenset()
    """The silent sensors that were last said to make the pond blind."""
    dismissed: frozenset[str] = frozenset()
    """Sensors of a warning that was closed by hand because none of them could see whether it still stood."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the pond stands at the newest slot judged, and why."""

    time: datetime
    level: Level = Level.NONE
    """The warning level of the timeline, which includes its hold."""
    up: Level = Level.NONE
    """The level that the newest slot shows by itself."""
    verified: bool = True
    causes: tuple[Cause, ...] = ()
    blind: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True)
class Announce:
    """Bring what has been said in line with what the judge found.

    ``added`` follows what was on the record; ``removed`` is what stood on the record after the last change
    both agree on, and is empty unless late data changed the past.
    """

    pond_id: str
    zone: ZoneInfo
    at: datetime
    standing: Standing
    added: tuple[TimelineChange, ...] = ()
    removed: tuple[TimelineChange, ...] = ()
    flood_season: bool = True


def announce(state: WatchState, command: Announce) -> list[WatchEvent]:
    """Return the events that say what is new.

    Without corrections each change is told in order, those overtaken by a later one marked *superseded*. When
    the past was corrected, the correction goes on the record and only the present is told, with the notices that
    nobody heard yet: a stale alarm is never fired as if it were now.
    """
    if command.removed:
        first = min(change.time for change in (*command.removed, *command.added))
        corrected = TimelineCorrected(
            pond_id=command.pond_id, since=first, removed=command.removed, added=command.added, at=command.at
        )
        return [corrected, *_unheard(command), *_reconcile(state, command, corrected=True)]
    events: list[WatchEvent] = []
    for index, change in enumerate(command.added):
        later = command.added[index + 1 :]
        for event in _tell(state, command, change, later):
            events.append(event)
            state = evolve(state, event)
    # The record may agree while what was said does not (a warning closed by hand while its pond was blind).
    return events + _reconcile(state, command, corrected=False)


def _unheard(command: Announce) -> list[WatchEvent]:
    """Return the notices that a correction brings and that were not told before: no alarm, but told once."""
    heard = {about for change in command.removed if (about := _about(change))}
    return [
        PondNoticed(pond_id=command.pond_id, time=change.time, causes=change.causes, superseded=True, at=command.at)
        for change in command.added
        if (about := _about(change)) and about not in heard
    ]


def _about(change: TimelineChange) -> frozenset[tuple[str, str]]:
    """Return what a notice is about; nothing for other changes, and for a confirmation."""
    about = frozenset((cause.rule, cause.sensor) for cause in change.causes)
    return frozenset() if change.event != "notice" or ("confirmed", "") in about else about


_LEVEL_CHANGES = ("raised", "escalated", "eased", "cleared")


def _tell(
    state: WatchState, command: Announce, change: TimelineChange, later: Sequence[TimelineChange]
) -> list[WatchEvent]:
    sight_change = change.event in ("blind", "restored")
    superseded = any(
        (other.event in ("blind", "restored")) if sight_change else (other.event in _LEVEL_CHANGES) for other in later
    )
    pond, at, time = command.pond_id, command.at, change.time
    match change.event:
        case "blind":
            return [
                PondBlind(
                    pond_id=pond,
                    time=time,
                    causes=change.causes,
                    flood_season=command.flood_season,
                    superseded=superseded,
                    at=at,
                )
            ]
        case "restored":
            return [PondRestored(pond_id=pond, time=time, superseded=superseded, at=at)] if state.blind else []
        case "notice" if any(cause.rule == "confirmed" for cause in change.causes):
            return _move(state, command, time, Level.of(change.level), True, change.causes, superseded=superseded)
        case "notice":
            return [PondNoticed(pond_id=pond, time=time, causes=change.causes, superseded=superseded, at=at)]
        case "eased" | "cleared" if state.current is None:
            return []
        case "raised" | "escalated" | "eased" | "cleared":
            return _move(
                state, command, time, Level.of(change.level), change.verified, change.causes, superseded=superseded
            )
        case _:
            assert_never(change.event)


def _move(
    state: WatchState,
    command: Announce,
    time: datetime,
    level: Level,
    verified: bool,
    causes: tuple[Cause, ...],
    *,
    superseded: bool = False,
    corrected: bool = False,
) -> list[WatchEvent]:
    """Return the event that takes what was said to *level*; none when it is there already."""
    pond, at, label = command.pond_id, command.at, level.label
    if state.current is None:
        if label is None:
            return []
        day = time.astimezone(command.zone).strftime("%Y%m%d")
        new = f"{pond}-{day}-{state.count + 1}"
        return [
            WarningRaised(
                warning_id=new, pond_id=pond, time=time, level=label, verified=verified, causes=causes,
                superseded=superseded, at=at,
            )
        ]  # fmt: skip
    warning, said = state.current, state.open[state.current]
    previous = said.level.label
    assert previous is not None, "a current warning has a level"
    if label is None:
        return [
            WarningCleared(
                warning_id=warning, pond_id=pond, time=time, previous=previous, corrected=corrected,
                superseded=superseded, at=at,
            )
        ]  # fmt: skip
    if level > said.level:
        return [
            WarningEscalated(
                warning_id=warning, pond_id=pond, time=time, level=label, previous=previous, verified=verified,
                causes=causes, superseded=superseded, at=at,
            )
        ]  # fmt: skip
    if level < said.level:
        return [
            WarningEased(
                warning_id=warning, pond_id=pond, time=time, level=label, previous=previous, causes=causes,
                corrected=corrected, superseded=superseded, at=at,
            )
        ]  # fmt: skip
    if verified and not said.verified:
        return [
            WarningVerified(
                warning_id=warning, pond_id=pond, time=time, level=label, causes=causes, superseded=superseded, at=at
            )
        ]
    return []


def _reconcile(state: WatchState, command: Announce, *, corrected: bool) -> list[WatchEvent]:
    now = command.standing
    level = now.level
    if state.current is None and state.dismissed:
        # A person ended it on evidence while nothing could be seen of it: only fresh sight raises it again.
        level = Level.NONE if state.dismissed <= {cause.sensor for cause in now.blind} else now.up
    events = _move(state, command, now.time, level, now.verified, now.causes, corrected=corrected)
    if now.blind and not state.blind:
        events.append(
            PondBlind(
                pond_id=command.pond_id,
                time=now.time,
                causes=now.blind,
                flood_season=command.flood_season,
                at=command.at,
            )
        )
    elif state.blind and not now.blind:
        events.append(PondRestored(pond_id=command.pond_id, time=now.time, at=command.at))
    return events


def act(
    state: WatchState,
    command: AcknowledgeWarning | HandleWarning | CloseWarning,
    pond_id: str,
    at: datetime,
    silent: frozenset[str] | None = None,
) -> list[WatchEvent]:
    """Decide a person's act on a warning.

    Acknowledging twice by the same person changes nothing. Closing needs a condition that has ended, or one of which
    nothing can be seen any more: every sensor among its causes silent (such a warning never clears by itself).
    ``silent`` names the sensors that are silent now; None takes those last told of.

    Raises
    ------
    BadInput
        When the name, the action or the evidence is blank.
    NotFound
        When the pond never had such a warning.
    Conflict
        When the warning is closed already, or its condition still stands.
    """
    by = _said(command.by, "by")
    warning = command.warning_id
    if warning in state.closed or (warning not in state.open and 0 < _number(warning) <= state.count - _REMEMBERED):
        raise Conflict("watch.closed_already", field="warning_id", warning=warning)
    life = state.open.get(warning)
    if life is None:
        raise NotFound("watch.no_warning", field="warning_id", warning=warning)
    match command:
        case AcknowledgeWarning():
            if life.acknowledged_by == by:
                return []
            return [WarningAcknowledged(warning_id=warning, pond_id=pond_id, by=by, note=command.note.strip(), at=at)]
        case HandleWarning():
            action = _said(command.action, "action")
            return [WarningHandled(warning_id=warning, pond_id=pond_id, by=by, action=action, at=at)]
        case CloseWarning():
            evidence = _said(command.evidence, "evidence")
            unseen = bool(life.sensors) and life.sensors <= (state.blind if silent is None else silent)
            if warning == state.current and not unseen:
                raise Conflict("watch.still_standing", field="warning_id", warning=warning, level=str(life.level.label))
            return [WarningClosed(warning_id=warning, pond_id=pond_id, by=by, evidence=evidence, at=at)]
        case _:
            assert_never(command)


def _said(text: str, field_name: str) -> str:
    """Refuse a blank: a name or an evidence of spaces, or of signs nobody sees, is none."""
    if not any(letter.isalnum() for letter in text):
        raise BadInput("watch.blank", field=field_name, name=field_name)
    return text.strip()


def evolve(state: WatchState, event: Event) -> WatchState:
    """Return the state after *event*; events of other aggregates change nothing."""
    match event:
        case WarningRaised():
            life = Life(Level.of(event.level), event.verified, sensors=_sensors(event.causes))
            return replace(
                state,
                count=state.count + 1,
                current=event.warning_id,
                dismissed=frozenset(),
                open={**state.open, event.warning_id: life},
            )
        case WarningEscalated():
            sensors = state.open[event.warning_id].sensors | _sensors(event.causes)
            return _live(state, event.warning_id, level=Level.of(event.level), verified=event.verified, sensors=sensors)
        case WarningVerified():
            return _live(state, event.warning_id, verified=True)
        case WarningEased():
            return _live(state, event.warning_id, level=Level.of(event.level))
        case WarningCleared():
            return replace(_live(state, event.warning_id, level=Level.NONE), current=None)
        case WarningAcknowledged():
            return _live(state, event.warning_id, acknowledged_by=event.by)
        case WarningHandled():
            return _live(state, event.warning_id, handled=True)
        case WarningClosed():
            return replace(
                state,
                current=None if state.current == event.warning_id else state.current,
                dismissed=state.open[event.warning_id].sensors
                if state.current == event.warning_id
                else state.dismissed,
                open={key: life for key, life in state.open.items() if key != event.warning_id},
                closed=_remembered(state, event.warning_id),
            )
        case PondBlind():
            return replace(state, blind=_sensors(event.causes))
        case PondRestored():
            return replace(state, blind=frozenset())
        case _:
            return state


def _number(warning: str) -> int:
    """Return the running number in a warning's id; 0 when it has none."""
    last = warning.rpartition("-")[2]
    return int(last) if last.isdecimal() else 0


def _remembered(state: WatchState, closing: str) -> frozenset[str]:
    """Return the closed warnings after *closing*: old ones are known by their number, so that the set stays small."""
    closed = state.closed | {closing}
    if len(closed) <= 2 * _REMEMBERED:
        return closed
    return frozenset(warning for warning in closed if _number(warning) > state.count - _REMEMBERED)


def _sensors(causes: Sequence[Cause]) -> frozenset[str]:
    return frozenset(cause.sensor for cause in causes if cause.sensor)


def _live(state: WatchState, warning: str, **changes: object) -> WatchState:
    life = replace(state.open[warning], **changes)  # type: ignore[arg-type]  # the callers name Life's own fields
    return replace(state, open={**state.open, warning: life})
