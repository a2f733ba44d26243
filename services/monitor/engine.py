"""The monitor's engine: readings in, changes of each pond's timeline out. Live and replay run this.

No clock, no bus, no database. The engine keeps the ring, each pond's own clock (its *head*), the fold's states
over the window, and the timeline as last reported. ``take`` puts readings in and returns what the timeline now
says differently; late readings run the window again from their slot.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
import numpy.typing as npt

from services.monitor.causes import blind_causes, causes_of, standing_causes
from services.monitor.domain.ponds import PondSetup
from services.monitor.domain.timeline import Policy, Sight, Watched, fold
from services.monitor.domain.watch import Standing
from services.monitor.judge import Findings, judge
from services.monitor.memory import SIGMA_FLOOR_MM, Memory
from services.monitor.points import LOOKBACK, NEVER_BLIND, Points, slot_moment
from services.monitor.policy import rule_settings
from services.monitor.pondwatch import PondWatch, Run, Turn, turn_of
from services.monitor.ring import ABOVE, BELOW, SLOT_US, Ring, slot_of
from services.monitor.sights import sight_of
from shared.contracts.monitor import TimelineChange

__all__ = ["LATE", "Engine", "PondWatch", "Turn"]

LATE = 288
"""The window: a reading older than its pond's newest by more than this many slots (24 h) is refused."""

_LIVE_WIDTH = 768
_TOGETHER = 2048
"""Ponds that are worked on at a time: all of a large worker's at once would hold every window at once."""
Ints = npt.NDArray[np.int64]


class Engine:
    """All ponds of one worker."""

    def __init__(self, setups: Iterable[PondSetup] = (), width: int = _LIVE_WIDTH) -> None:
        setups = list(setups)
        self.ring = Ring(width, max(64, sum(len(setup.sensors) for setup in setups)))
        self.points = Points()
        self.memory = Memory()
        self.ponds: dict[str, PondWatch] = {}
        self.row_of: dict[tuple[str, str], int] = {}
        self._by_index: list[PondWatch] = []
        self._kept: list[Turn] = []
        self._moved: set[int] = set()
        self.raining: npt.NDArray[np.bool_] = np.zeros(64, np.bool_)
        """By pond: whether enough rain fell lately that a level ought to move."""
        assert width > LATE + 13 + LOOKBACK, "what a late reading needs must still be in the ring"
        self._stride = width - LOOKBACK - 1
        """Slots that one step may open, so that each is judged while its past is in the ring."""
        for setup in setups:
            self.set_up(setup)

    # -- the register ---------------------------------------------------------------------------------------

    def set_up(self, setup: PondSetup) -> None:
        """Take a pond in, or take its new description, sensors and limits."""
        settings = rule_settings(setup.pond.rules)
        policy = Policy(hold=max(0, round(settings.hold.minutes / (SLOT_US / 60_000_000))))
        pond = self.ponds.get(setup.id)
        if pond is None:
            pond = PondWatch(setup, len(self._by_index), policy)
            self.ponds[setup.id] = pond
            self._by_index.append(pond)
            if pond.index >= len(self.raining):
                self.raining = np.concatenate([self.raining, np.zeros(max(64, pond.index), np.bool_)])
        pond.setup, pond.policy = setup, policy
        rows: list[int] = []
        for sensor in setup.sensors:
            key = (setup.id, sensor.description.id)
            if key in self.row_of:
                self.points.describe(self.row_of[key], setup, sensor, settings)
            else:
                row = self.points.add(pond.index, setup, sensor, settings)
                self.ring.add_rows(1)
                self.memory.grow(self.ring.used)
                self.row_of[key] = row
                if sensor.description.kind == "displacement":
                    self.memory.sigma_floor[row] = SIGMA_FLOOR_MM
                if pond.born is not None and pond.head is not None:
                    self.ring.head[row] = pond.head
                    self.memory.begin(np.array([row]), (max(pond.born - 1, pond.anchor[0])) // 12)
            rows.append(self.row_of[key])
        pond.rows = np.array(sorted(rows, key=lambda row: (int(self.points.item[row]), row)), np.int64)

    # -- readings -------------------------------------------------------------------------------------------

    def too_old(self, rows: Ints, time_us: Ints) -> npt.NDArray[np.bool_]:
        """Tell which readings are older than the window of their pond."""
        ponds, which = np.unique(self.points.pond[rows], return_inverse=True)
        newest = np.array([self._by_index[index].newest_us for index in ponds.tolist()], np.int64)
        return np.asarray(time_us < newest[which] - LATE * SLOT_US, np.bool_)

    def cells(self, rows: Ints, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Return what readings put into the ring: turned values, or the mark of a failed gross range."""
        turned = (values * self.points.sign[rows]).astype(np.float32)
        with np.errstate(invalid="ignore"):
            above, below = turned > self.points.high[rows], turned < self.points.low[rows]
        return np.where(above, ABOVE, np.where(below, BELOW, turned)).astype(np.float32)

    def take(self, rows: Ints, time_us: Ints, values: npt.NDArray[np.float64]) -> list[Turn]:
        """Put new, unique readings in (any order) and judge the ponds they touch.

        The caller has left out what ``too_old`` refuses and what is stored already.
        """
        dirty = self.put(rows, time_us, values)
        return self.settle(dirty)

    def put(self, rows: Ints, time_us: Ints, values: npt.NDArray[np.float64]) -> dict[int, int]:
        """Put readings in; returns pond index → first slot to judge. Opens slots by strides, judging as it goes.

        Long stretches (a backlog, a replay) are cut so that every slot is judged while its past is in the ring;
        their turns are kept and handed out by ``settle``.
        """
        slots, cells = slot_of(time_us), self.cells(rows, values)
        dirty: dict[int, int] = {}
        order = np.lexsort((slots, self.points.pond[rows]))
        rows, slots, cells, time_us = rows[order], slots[order], cells[order], time_us[order]
        pond_of = self.points.pond[rows]
        begins = np.flatnonzero(np.diff(pond_of, prepend=-1))
        ends = [*begins[1:].tolist(), len(rows)]
        rain = self.points.rain[rows]
        at = slots.tolist()
        todo: list[tuple[PondWatch, int, int]] = []
        for begin, end, index in zip(begins.tolist(), ends, pond_of[begins].tolist(), strict=True):
            pond = self._by_index[index]
            self._begin(pond, at[begin])
            todo.append((pond, begin, end))
        while todo:
            following: list[tuple[PondWatch, int, int]] = []
            now: list[tuple[int, int]] = []
            opening: list[tuple[PondWatch, int]] = []
            for pond, begin, end in todo:
                assert pond.head is not None
                first = at[begin]
                # Late ones keep the clock near: they are judged while their own past is still in the ring.
                reach = min(pond.head, first - 1) + self._stride
                stop = bisect_right(at, reach, begin, end)
                if stop == begin:
                    # Nothing within reach: judge the silence, then pass over what is left of it.
                    opening.append((pond, self._reach(pond, first - 1)))
                    following.append((pond, begin, end))
                    continue
                opening.append((pond, at[stop - 1]))
                self._touch(pond, first, dirty)
                now.append((begin, stop))
                if stop < end:
                    following.append((pond, stop, end))
            self._open(opening, dirty)
            if now:
                taken = np.concatenate([np.arange(begin, stop) for begin, stop in now])
                parts = np.cumsum([0, *(stop - begin for begin, stop in now[:-1])])
                newest = np.maximum.reduceat(time_us[taken], parts).tolist()
                for (begin, _), time in zip(now, newest, strict=True):
                    pond = self._by_index[pond_of[begin]]
                    pond.newest_us = max(pond.newest_us, time)
                falls = rain[taken]
                level, fall = taken[~falls], taken[falls]
                self.ring.write_worst(rows[level], slots[level], cells[level])
                self.ring.write_sum(rows[fall], slots[fall], cells[fall])
            if following:
                self._kept.extend(self._judge(dirty, {pond.index for pond, _, _ in following}))
                dirty.clear()
            todo = following
        return dirty

    def settle(self, dirty: dict[int, int]) -> list[Turn]:
        """Judge what is *dirty* and return every turn since the last call."""
        turns, self._kept = [*self._kept, *self._judge(dirty)], []
        self._anchor(self._by_index[index] for index in dirty)
        return turns

    def occupied(self, rows: Ints, time_us: Ints) -> npt.NDArray[np.bool_]:
        """Tell which readings come to a slot that is not surely empty: only those may be stored already."""
        slots = slot_of(time_us)
        head = self.ring.head[rows]
        inside = (slots <= head) & (slots > head - self.ring.width)
        taken = inside & ~np.isnan(self.ring.values[rows, slots % self.ring.width])
        taken |= (slots <= head) & ~inside
        return np.asarray(taken, np.bool_)

    def restore(
        self,
        pond_id: str,
        born: int,
        anchor: tuple[int, Watched],
        hour: int,
        memory: dict[int, list[float]],
        newest_us: int,
    ) -> None:
        """Put a pond's anchor back after a restart; ``load`` then brings the readings after it."""
        pond = self.ponds[pond_id]
        pond.born, pond.anchor, pond.newest_us = born, anchor, newest_us
        pond.runs.clear()
        pond.timeline.clear()
        pond.standing = None
        head = int(slot_of(np.array([newest_us]))[0])
        pond.head = pond.shown = head
        self.ring.head[pond.rows] = head
        self.ring.values[pond.rows] = np.nan
        self.memory.begin(pond.rows, hour)
        for row, state in memory.items():
            self.memory.restore(np.array([row]), hour, np.array([state]))

    def load(self, rows: Ints, time_us: Ints, values: npt.NDArray[np.float64]) -> None:
        """Put stored readings back into the ring without judging."""
        slots, cells = slot_of(time_us), self.cells(rows, values)
        head = self.ring.head[rows]
        inside = (slots <= head) & (slots > head - self.ring.width)
        fall = self.points.rain[rows]
        level, rain = inside & ~fall, inside & fall
        self.ring.write_worst(rows[level], slots[level], cells[level])
        self.ring.write_sum(rows[rain], slots[rain], cells[rain])

    def resume(self, pond_id: str, recorded: list[tuple[int, TimelineChange]]) -> list[Turn]:
        """Judge a restored pond again from its anchor; what differs from the record is returned."""
        pond = self.ponds[pond_id]
        pond.timeline = [each for each in recorded if each[0] > pond.anchor[0]]
        if pond.head is None:
            return []
        # The wall clock had gone on at least so far.
        pond.shown = max(pond.head, *(slot for slot, _ in pond.timeline), pond.shown)
        return self._judge({pond.index: pond.anchor[0] + 1})

    def anchored(self) -> list[PondWatch]:
        """Return the ponds whose anchor moved since the last call: what a restart needs has changed."""
        moved, self._moved = [self._by_index[index] for index in sorted(self._moved)], set()
        return moved

    def tick(self, pond_ids: Iterable[str], slot: int) -> list[Turn]:
        """Judge the silence of ponds up to *slot* although nothing came."""
        waiting: list[PondWatch] = []
        for pond_id in pond_ids:
            pond = self.ponds[pond_id]
            if pond.head is not None and pond.shown < slot:
                waiting.append(pond)
        groups: dict[int, list[PondWatch]] = {}
        for pond in waiting:
            groups.setdefault(pond.shown + 1, []).append(pond)
            pond.shown = slot
        return [turn for first, ponds in groups.items() for turn in self._judge_groups(ponds, first, slot)]

    def judge_again(self, pond_id: str) -> list[Turn]:
        """Judge a pond's whole window again (its limits or sensors changed), as a restart would."""
        pond = self.ponds[pond_id]
        if pond.head is None:
            return []
        return self._judge({pond.index: pond.anchor[0] + 1})

    # -- clocks ---------------------------------------------------------------------------------------------

    def _begin(self, pond: PondWatch, slot: int) -> None:
        """Start a pond's clock at its first reading, or move its birth back when an earlier one comes late."""
        if pond.born is None or slot < pond.born:
            self._moved.add(pond.index)
        if pond.head is None:
            pond.head, pond.shown, pond.born = slot - 1, slot - 1, slot
            pond.anchor = (slot - 1, Watched())
            self.memory.begin(pond.rows, (slot - 1) // 12 - 1)
            self.ring.advance(pond.rows, slot - 1 - self.ring.width, slot - 1)
        elif pond.born is not None and slot < pond.born:
            pond.born = slot
            pond.anchor = (slot - 1, Watched())
            pond.runs.clear()
            self.memory.begin(pond.rows, (slot - 1) // 12 - 1)

    def _reach(self, pond: PondWatch, target: int) -> int:
        """Return how far a silent pond's clock may go in one step; a settled silence is passed over whole."""
        assert pond.head is not None
        near = min(target, pond.head + self._stride)
        newest = int(slot_of(np.array([pond.newest_us]))[0])
        turns = self.points.service_turns(pond.rows)
        patience = self.points.silent_after[pond.rows]
        settled = max([newest, *(turn for turn in turns if turn <= pond.head)]) + LOOKBACK + LATE + pond.policy.hold
        settled += int(patience[patience < NEVER_BLIND].max(initial=0))
        far = min([target, *(turn for turn in turns if turn > pond.head)]) - LATE - LOOKBACK
        if pond.head > settled and far > near:
            # Everything is blind or cleared and nothing can change until the next reading.
            self.memory.skip(pond.rows, far // 12)
            self.ring.advance(pond.rows, pond.head, far)
            pond.anchor_at(far)
            self._moved.add(pond.index)
            pond.head, pond.shown = far, max(pond.shown, far)
            return min(target, far + self._stride)
        return near

    def _open(self, opening: Iterable[tuple[PondWatch, int]], dirty: dict[int, int]) -> None:
        """Let each pond's clock go on to its slot; ponds that go the same way go together."""
        ahead = [(pond, target) for pond, target in opening if pond.head is not None and target > pond.head]
        self._anchor([pond for pond, _ in ahead])
        ways: dict[tuple[int, int], list[Ints]] = {}
        for pond, target in ahead:
            assert pond.head is not None
            self._touch(pond, pond.head + 1, dirty)
            ways.setdefault((pond.head, target), []).append(pond.rows)
            pond.head = target
            pond.shown = max(pond.shown, target)
        for (head, target), rows in ways.items():
            self.ring.advance(np.concatenate(rows), head, target)

    def _touch(self, pond: PondWatch, slot: int, dirty: dict[int, int]) -> None:
        dirty[pond.index] = min(slot, dirty.get(pond.index, slot))

    def _anchor(self, ponds: Iterable[PondWatch]) -> None:
        """Move anchors up to what no reading can reach any more; forget what lies before them."""
        moving: dict[int, list[PondWatch]] = {}
        for pond in ponds:
            assert pond.head is not None
            assert pond.born is not None
            hour = (pond.head - LATE - 13) // 12
            if hour * 12 > pond.anchor[0] and hour * 12 >= pond.born:
                moving.setdefault(hour, []).append(pond)
        for hour, all_of_it in moving.items():
            for begin in range(0, len(all_of_it), _TOGETHER):
                part = all_of_it[begin : begin + _TOGETHER]
                self.memory.settle(self.ring, self.points, np.concatenate([pond.rows for pond in part]), hour)
                for pond in part:
                    pond.anchor_at(hour * 12)
                    self._moved.add(pond.index)

    # -- judging --------------------------------------------------------------------------------------------

    def _judge(self, dirty: dict[int, int], on_the_way: AbstractSet[int] = frozenset()) -> list[Turn]:
        """Judge ponds from their slot in *dirty*; of those *on the way* more slots are about to be opened."""
        groups: dict[tuple[int, int], list[PondWatch]] = {}
        for index, first in dirty.items():
            pond = self._by_index[index]
            if pond.head is None or not len(pond.rows):
                continue
            last = pond.head if index in on_the_way else pond.shown
            groups.setdefault((max(first, pond.anchor[0] + 1), last), []).append(pond)
        return [turn for (first, last), ponds in groups.items() for turn in self._judge_groups(ponds, first, last)]

    def _judge_groups(self, ponds: list[PondWatch], first: int, last: int) -> list[Turn]:
        turns: list[Turn] = []
        # A long silence in one call would hold every window at once, too.
        for low in range(first, last + 1, 4096):
            for begin in range(0, len(ponds), _TOGETHER):
                turns.extend(self._judge_group(ponds[begin : begin + _TOGETHER], low, min(last, low + 4095)))
        return turns

    def _judge_group(self, ponds: Sequence[PondWatch], first: int, last: int) -> list[Turn]:
        rows = np.concatenate([pond.rows for pond in ponds])
        sizes = [len(pond.rows) for pond in ponds]
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        born = np.repeat(np.array([pond.born for pond in ponds], np.int64), sizes)
        self.memory.late(rows, first)
        found = judge(self.ring, self.points, self.memory, rows, starts, born, first, last)
        self.raining[[pond.index for pond in ponds]] = found.raining
        shown = (found.up > 0).any(axis=1) | (found.release > 0).any(axis=1)
        shown |= np.logical_or.reduceat((found.blind.any(axis=1)) | (found.notice != 0).any(axis=1), starts)
        turns = []
        for place, pond in enumerate(ponds):
            before = pond.state_after(first - 1)
            busy = bool(shown[place]) or before.level or before.blind or pond.timeline
            if not busy and not pond.runs:
                if pond.standing is not None:
                    pond.standing = None
                continue
            turn = self._fold(pond, found, place, before, first, last)
            if turn:
                turns.append(turn)
        return turns

    def _fold(self, pond: PondWatch, found: Findings, place: int, state: Watched, first: int, last: int) -> Turn:
        pond.forget_from(first)
        changes: list[tuple[int, TimelineChange]] = []
        sight = Sight()
        for begin, end in found.runs(place):
            sight = sight_of(self.points, found, place, begin)
            after, told = fold(state, first + begin, first + end, sight, pond.policy)
            for change in told:
                causes = causes_of(self.ring, self.points, found, place, change)
                level = None if change.kind == "cleared" else change.level.label
                time = slot_moment(change.slot)
                told_as = TimelineChange(
                    time=time, event=change.kind, level=level, verified=change.verified, causes=causes
                )
                changes.append((change.slot, told_as))
            if after != state:
                pond.runs.append(Run(first + begin, first + end, state, sight))
                state = after
        kept = [each for each in pond.timeline if each[0] < first]
        old = [each for each in pond.timeline if first <= each[0] <= last]
        later = [each for each in pond.timeline if each[0] > last]
        pond.timeline = kept + changes + later
        turn = turn_of(pond, old, changes)
        news = bool(turn.added or turn.removed)
        # Causes cost a fit each: they are worked out only where somebody will be told.
        causes = standing_causes(self.ring, self.points, found, place, last) if news and sight.up else ()
        blind = blind_causes(self.points, found, place, last) if sight.blind else ()
        pond.standing = Standing(slot_moment(last), state.level, sight.up, state.verified, causes, blind)
        return turn
