"""A pond's state over time, as a fold over what each slot shows (pure).

The judge reduces readings and limits to one ``Sight`` per slot; this module turns the sights into the
pond's timeline: raised, escalated, eased, cleared, blind, restored, notice. Nothing here knows how or when
the readings arrived, so the timeline is a function of the readings alone. Slots are whole numbers on one
global clock; equal neighbouring sights are folded as one *run*, and cutting a run in two changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from shared.contracts.levels import Level

__all__ = ["Change", "Kind", "NoticeKey", "Policy", "Sight", "Watched", "fold"]

Kind = Literal["raised", "escalated", "eased", "cleared", "blind", "restored", "notice"]
NoticeKey = tuple[str, str]
"""(rule, sensor): what a notice is about."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How slowly a pond steps down, in slots."""

    hold: int = 12
    """A lower level must last this long before the warning eases to it."""
    rearm: int = 288
    """A notice that was silent for longer than this is told again."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What one slot shows of a pond.

    ``release`` is the level that still stands when every limit is relaxed by its hysteresis; it is never
    below ``up``. ``items`` are the monitored items at or above blue, ``unseeing`` the items none of whose
    points can testify now (silent or stuck); ``blind`` names the silent sensors of the items that went silent.
    """

    up: Level = Level.NONE
    release: Level = Level.NONE
    verified: bool = True
    items: frozenset[str] = frozenset()
    unseeing: frozenset[str] = frozenset()
    blind: frozenset[str] = frozenset()
    notices: frozenset[NoticeKey] = frozenset()


@dataclass(frozen=True, slots=True)
class Watched:
    """The fold's state between two slots."""

    level: Level = Level.NONE
    verified: bool = True
    items: frozenset[str] = frozenset()
    below_since: int | None = None
    below_most: Level = Level.NONE
    blind: frozenset[str] = frozenset()
    noticed: Mapping[NoticeKey, int] = field(default_factory=dict)
    """Last slot in which each notice was active."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the pond's state at a slot; ``keys`` are the notices it tells."""

    slot: int
    kind: Kind
    level: Level
    verified: bool = True
    keys: tuple[NoticeKey, ...] = ()


def fold(state: Watched, first: int, last: int, sight: Sight, policy: Policy) -> tuple[Watched, list[Change]]:
    """Carry *state* through the run of slots ``first..last``, which all show *sight*.

    Returns the state after ``last`` and the changes in slot order.
    """
    state, seen = _look(state, first, sight)
    entered = _step(state, first, first, sight, policy)[0] if sight.notices and last > first else None
    state, stepped = _step(state, first, last, sight, policy)
    state, told = _tell(state, entered, first, last, sight, policy)
    return state, sorted(seen + stepped + told, key=lambda change: change.slot)


def _look(state: Watched, first: int, sight: Sight) -> tuple[Watched, list[Change]]:
    """Blindness begins (or grows), or ends."""
    if sight.blind == state.blind:
        return state, []
    changes: list[Change] = []
    if not sight.blind:
        changes.append(Change(first, "restored", state.level, state.verified))
    elif not sight.blind <= state.blind:
        keys = tuple(("blind", sensor) for sensor in sorted(sight.blind))
        changes.append(Change(first, "blind", state.level, state.verified, keys))
    return replace(state, blind=sight.blind), changes


def _step(state: Watched, first: int, last: int, sight: Sight, policy: Policy) -> tuple[Watched, list[Change]]:
    """Up at once; down only after the hold, and never on the word of an item that cannot see."""
    if sight.up > state.level:
        kind: Kind = "escalated" if state.level else "raised"
        risen = replace(
            state,
            level=sight.up,
            verified=sight.verified,
            items=state.items | sight.items,
            below_since=None,
            below_most=Level.NONE,
        )
        return risen, [Change(first, kind, sight.up, sight.verified)]
    if not state.level:
        return state, []
    changes: list[Change] = []
    if sight.up:
        state = replace(state, items=state.items | sight.items)
    if sight.up == state.level and sight.verified and not state.verified:
        state = replace(state, verified=True)
        changes.append(Change(first, "notice", state.level, True, (("confirmed", ""),)))
    release = max(sight.release, sight.up)
    if state.items & sight.unseeing or release >= state.level:
        if state.below_since is not None:
            state = replace(state, below_since=None, below_most=Level.NONE)
        return state, changes
    while release < state.level:
        since = first if state.below_since is None else state.below_since
        most = max(release, state.below_most)
        due = max(since + policy.hold, first)
        if due > last:
            return replace(state, below_since=since, below_most=most), changes
        if most == Level.NONE:
            changes.append(Change(due, "cleared", Level.NONE))
            return replace(
                state, level=Level.NONE, verified=True, items=frozenset(), below_since=None, below_most=Level.NONE
            ), changes
        # What is now seen by itself needs no more confirming.
        verified = state.verified or (sight.up == most and sight.verified)
        changes.append(Change(due, "eased", most, verified))
        state = replace(
            state, level=most, verified=verified, below_since=due if release < most else None, below_most=release
        )
    return replace(state, below_since=None, below_most=Level.NONE), changes


_SAID_BY_A_WARNING = frozenset({"slow_climb"})
"""Notices that a standing warning makes idle: a pond in flood climbs for a reason people know of."""


def _tell(
    state: Watched, entered: Watched | None, first: int, last: int, sight: Sight, policy: Policy
) -> tuple[Watched, list[Change]]:
    """Tell each notice once, and again only after it was silent for longer than the rearm time.

    *entered* is the state after the first slot, when the notice is told; None when that is *state*.
    """
    if not sight.notices:
        return state, []
    then = state if entered is None else entered
    fresh = [
        key
        for key in sorted(sight.notices)
        if not (then.level and key[0] in _SAID_BY_A_WARNING)
        if (before := state.noticed.get(key)) is None or first - before > policy.rearm
    ]
    noticed = {**state.noticed, **dict.fromkeys(sight.notices, last)}
    changes = [Change(first, "notice", then.level, then.verified, (key,)) for key in fresh]
    return replace(state, noticed=noticed), changes
