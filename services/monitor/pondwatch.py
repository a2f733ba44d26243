"""One pond as the engine holds it, and how what is said of it changes (no clock, no I/O)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from services.monitor.domain.ponds import PondSetup
from services.monitor.domain.timeline import Policy, Sight, Watched, fold
from services.monitor.domain.watch import Standing
from shared.contracts.monitor import TimelineChange

__all__ = ["PondWatch", "Run", "Turn", "merged", "turn_of"]

Said = tuple[int, TimelineChange]
"""(slot, change)."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of slots of one sight that moved the fold: where it began, and in which state."""

    first: int
    last: int
    before: Watched
    sight: Sight


@dataclass(slots=True)
class PondWatch:
    """One pond as the engine holds it."""

    setup: PondSetup
    index: int
    policy: Policy
    rows: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """Rows of its sensors, by item."""
    head: int | None = None
    """Slot of its newest reading: its clock on the ring."""
    shown: int = -(2**62)
    """Newest slot judged; past the head where the wall clock went on in silence."""
    born: int | None = None
    newest_us: int = -(2**62)
    """Time of its newest reading."""
    anchor: tuple[int, Watched] = (-(2**62), Watched())
    """A slot no reading can reach any more, and the fold's state after it."""
    runs: list[Run] = field(default_factory=list)
    """The runs since the anchor that changed the fold's state; between them it stays as it is."""
    timeline: list[Said] = field(default_factory=list)
    """What was reported since the anchor."""
    standing: Standing | None = None

    def state_after(self, slot: int) -> Watched:
        """Return the fold's state after *slot*, which is not before the anchor."""
        place = bisect_left(self.runs, slot + 1, key=lambda run: run.first)
        if place == 0:
            return self.anchor[1]
        run = self.runs[place - 1]
        # Cutting a run in two changes nothing: folding its first part gives the state within it.
        return fold(run.before, run.first, min(run.last, slot), run.sight, self.policy)[0]

    def anchor_at(self, slot: int) -> None:
        """Move the anchor to *slot* and forget what lies before it."""
        state = self.state_after(slot)
        self.runs = [
            run if run.first > slot else Run(slot + 1, run.last, state, run.sight)
            for run in self.runs
            if run.last > slot
        ]
        self.anchor = (slot, state)
        self.timeline = [each for each in self.timeline if each[0] > slot]

    def forget_from(self, slot: int) -> None:
        """Drop the runs from *slot* on: they are folded again."""
        self.runs = [
            run if run.last < slot else Run(run.first, slot - 1, run.before, run.sight)
            for run in self.runs
            if run.first < slot
        ]


@dataclass(slots=True)
class Turn:
    """What one pond's timeline now says differently: ``removed`` stood after the last common change.

    ``restated`` are changes that stand as they were, but whose causes late readings have made more exact:
    (as it was, as it is). They go on the record and are not worth saying.
    """

    pond: PondWatch
    removed: list[TimelineChange]
    added: list[TimelineChange]
    restated: list[tuple[TimelineChange, TimelineChange]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.removed or self.added or self.restated)


def turn_of(pond: PondWatch, old: list[Said], new: list[Said]) -> Turn:
    """Compare what was said of a stretch of slots with what is to be said."""
    same = 0
    restated: list[tuple[TimelineChange, TimelineChange]] = []
    while same < min(len(old), len(new)) and _alike(old[same][1], new[same][1]):
        if old[same][1] != new[same][1]:
            restated.append((old[same][1], new[same][1]))
        same += 1
    return Turn(pond, [each for _, each in old[same:]], [each for _, each in new[same:]], restated)


def merged(turns: Iterable[Turn]) -> list[Turn]:
    """Return one turn a pond: what was added and taken back in between never was."""
    found: dict[str, Turn] = {}
    for turn in turns:
        whole = found.setdefault(turn.pond.setup.id, Turn(turn.pond, [], []))
        for change in turn.removed:
            if change in whole.added:
                whole.added.remove(change)
                continue
            first = next((was for was, now in whole.restated if now == change), change)
            whole.restated = [(was, now) for was, now in whole.restated if now != change]
            whole.removed.append(first)
        for was, now in turn.restated:
            if was in whole.added:
                whole.added[whole.added.index(was)] = now
                continue
            first = next((begun for begun, ended in whole.restated if ended == was), was)
            whole.restated = [each for each in whole.restated if each[1] != was] + [(first, now)]
        whole.added.extend(turn.added)
    return list(found.values())


def _alike(a: TimelineChange, b: TimelineChange) -> bool:
    """Tell whether two changes say the same; causes that a slot's later reading made more exact do not count."""
    same = (a.time, a.event, a.level, a.verified) == (b.time, b.event, b.level, b.verified)
    if a.event in ("notice", "blind"):
        return same and [(c.rule, c.sensor) for c in a.causes] == [(c.rule, c.sensor) for c in b.causes]
    return same
