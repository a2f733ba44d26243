"""The points (sensors) of all ponds as columns, one row a sensor, so that kernels see arrays and not objects.

Rows of the ring and of this table are the same. Everything is in canonical units and turned so that up is
danger. Rule settings that many ponds share are held once and pointed at.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from services.monitor.domain.ponds import InForce, PondSetup, SensorSetup, quantity_of, schedule
from services.monitor.policy import RuleSettings
from services.monitor.ring import NEVER, SLOT_US
from shared.contracts.levels import SensorKind, SensorState
from shared.site.units import to_canonical

__all__ = [
    "CARRY",
    "FOREVER",
    "ITEMS",
    "LOOKBACK",
    "NEAR",
    "NEVER_BLIND",
    "TREND_WINDOW",
    "Points",
    "moment_slot",
    "slot_moment",
]

ITEMS = ("level", "rain", "freeboard", "beach_length", "phreatic_level", "displacement")
"""Monitored items; the index is the item code, and a bit in the judge's masks."""

FOREVER = np.int64(2**62)
CARRY = 288
"""A level that was observed stands for at most so many slots (24 h), and never past blindness."""
NEAR = 144
"""So many slots apart (12 h) observations may be and still know of each other; less for slow sensors."""
TREND_WINDOW = 72
LOOKBACK = CARRY + NEAR
"""Slots before a judged one that can matter: rain carried for 12 h with its 24 h sums, levels likewise."""
NEVER_BLIND = 2**30
_DOWNWARD = frozenset({SensorKind.FREEBOARD, SensorKind.BEACH_LENGTH})
_MM = frozenset({SensorKind.DISPLACEMENT, SensorKind.RAIN})


def slot_moment(slot: int) -> datetime:
    """Return the end of a slot as an aware UTC time."""
    return datetime.fromtimestamp(int(slot) * (SLOT_US // 1_000_000), UTC)


def moment_slot(moment: datetime) -> int:
    """Return the slot whose end is at or next after *moment*."""
    return -int(-moment.timestamp() * 1_000_000 // SLOT_US)


class Points:
    """Struct of arrays over rows; grows in place with the ring."""

    def __init__(self) -> None:
        self.size = 0
        self.pond = np.zeros(0, np.int32)
        self.item = np.zeros(0, np.int8)
        self.rain = np.zeros(0, np.bool_)
        self.twin = np.zeros(0, np.int64)
        """Row of another level sensor of the same pond; -1 for none."""
        self._levels: dict[int, list[int]] = {}
        self.interval = np.ones(0, np.int32)
        """Expected interval [slots], at least 1."""
        self.silent_after = np.ones(0, np.int32)
        """Age [slots] beyond which a point is blind."""
        self.near = np.ones(0, np.int32)
        """Observations further apart than this [slots] know nothing of each other."""
        self.sign = np.ones(0, np.float32)
        self.low = np.zeros(0, np.float32)
        self.high = np.zeros(0, np.float32)
        """Gross range, turned; NaN where there is none."""
        self.hysteresis = np.zeros(0, np.float32)
        self.step_low = np.zeros(0, np.float32)
        self.step_high = np.zeros(0, np.float32)
        self.limits: npt.NDArray[np.float32] = np.zeros((0, 4), np.float32)
        self.limits_from = np.zeros(0, np.int64)
        self.limits_to = np.zeros(0, np.int64)
        self.serve_from = np.zeros(0, np.int64)
        self.serve_to = np.zeros(0, np.int64)
        self.rules = np.zeros(0, np.int32)
        """Index into ``settings``."""
        self.settings: list[RuleSettings] = []
        self._settings_index: dict[RuleSettings, int] = {}
        self._columns: dict[tuple[str, str], npt.NDArray[np.float64]] = {}
        """Rule settings as numbers, by index in ``settings``."""
        self.setups: list[tuple[PondSetup, SensorSetup]] = []
        self.spans: dict[int, list[tuple[int, int]]] = {}
        """In-service spans [from, to) of the rows that have more than one."""

    def add(self, pond_index: int, pond: PondSetup, sensor: SensorSetup, settings: RuleSettings) -> int:
        """Add a sensor and return its row."""
        row = self.size
        self.size += 1
        if self.size > len(self.pond):
            more = max(64, len(self.pond) // 4)
            for name, value in vars(self).items():
                if isinstance(value, np.ndarray):
                    pad = np.zeros((more, *value.shape[1:]), value.dtype)
                    setattr(self, name, np.concatenate([value, pad]))
        self.setups.append((pond, sensor))
        self.pond[row] = pond_index
        self.describe(row, pond, sensor, settings)
        return row

    def describe(self, row: int, pond: PondSetup, sensor: SensorSetup, settings: RuleSettings) -> None:
        """Set everything a registry event can change about *row*."""
        self.setups[row] = (pond, sensor)
        about = sensor.description
        quality, threshold = settings.quality, settings.threshold
        in_mm = about.kind in _MM
        self.item[row] = ITEMS.index(quantity_of(about.kind))
        self.rain[row] = about.kind is SensorKind.RAIN
        self._pair(row)
        self.interval[row] = max(1, -(-about.expected_interval_s * 1_000_000 // SLOT_US))
        silent = settings.blind.intervals * about.expected_interval_s * 1_000_000 / SLOT_US
        self.silent_after[row] = max(1, round(silent)) if settings.blind.enabled else NEVER_BLIND
        # What is carried, two steps between observations and a trend's window must fit into the look back.
        carried = min(int(self.silent_after[row]), CARRY)
        self.near[row] = min(NEAR, (LOOKBACK - TREND_WINDOW - carried) // 2)
        sign = -1.0 if about.kind in _DOWNWARD else 1.0
        self.sign[row] = sign
        ends = self._range(sensor, settings)
        self.low[row], self.high[row] = sorted(sign * end for end in ends) if ends else (np.nan, np.nan)
        self.hysteresis[row] = (
            threshold.hysteresis_mm
            if in_mm
            else threshold.hysteresis_beach_m
            if about.kind is SensorKind.BEACH_LENGTH
            else threshold.hysteresis_m
        )
        steps = (
            (quality.step_suspect_mm, quality.step_impossible_mm)
            if in_mm
            else (quality.step_suspect_m, quality.step_impossible_m)
        )
        if about.spike is not None:
            factor = abs(to_canonical(about.kind, about.unit)[0])
            steps = (about.spike[0] * factor, about.spike[1] * factor)
        self.step_low[row], self.step_high[row] = steps
        self.limits_from[row], self.limits_to[row] = FOREVER, NEVER
        self._serve(row, sensor)
        if settings not in self._settings_index:
            self._settings_index[settings] = len(self.settings)
            self.settings.append(settings)
        self.rules[row] = self._settings_index[settings]

    def _range(self, sensor: SensorSetup, settings: RuleSettings) -> tuple[float, float] | None:
        """Gross range in canonical units; rain has a physical one even where none is registered."""
        about = sensor.description
        if about.range is None:
            if about.kind is not SensorKind.RAIN:
                return None
            slots = max(1.0, about.expected_interval_s * 1_000_000 / SLOT_US)
            return 0.0, settings.quality.rain_most_mm * float(np.sqrt(slots))
        factor, offset = to_canonical(about.kind, about.unit)
        low, high = about.range
        ends = (low * factor + offset, high * factor + offset)
        if about.kind is SensorKind.WATER_DISTANCE and about.zero_level is not None:
            ends = (about.zero_level - ends[0], about.zero_level - ends[1])
        return min(ends), max(ends)

    def _pair(self, row: int) -> None:
        """Tell the level sensors of a pond of one another."""
        mine = [each for each in self._levels.get(int(self.pond[row]), []) if each != row]
        if self.item[row] == 0:
            mine = sorted([*mine, row])
        self._levels[int(self.pond[row])] = mine
        self.twin[row] = -1
        for place, each in enumerate(mine):
            self.twin[each] = mine[0] if place else mine[1] if len(mine) > 1 else -1

    def _serve(self, row: int, sensor: SensorSetup) -> None:
        """Spans in which the sensor was in service; one is the rule."""
        turns: list[tuple[int, bool]] = []
        for since, state in sensor.states:
            begin = int(NEVER) if since is None else moment_slot(since)
            # Told later goes before told earlier, from its time on.
            turns = [turn for turn in turns if turn[0] < begin]
            serves = state is SensorState.IN_SERVICE
            if not turns or turns[-1][1] != serves:
                turns.append((begin, serves))
        ends = [turn[0] for turn in turns[1:]] + [int(FOREVER)]
        spans = [(begin, end) for (begin, serves), end in zip(turns, ends, strict=True) if serves]
        self.serve_from[row], self.serve_to[row] = spans[-1] if spans else (FOREVER, FOREVER)
        self.spans.pop(row, None)
        if len(spans) > 1:
            self.spans[row] = spans

    def serving(self, rows: npt.NDArray[np.int64], slots: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Tell for each row and slot whether the sensor was in service, (rows, slots)."""
        mask = (slots >= self.serve_from[rows, None]) & (slots < self.serve_to[rows, None])
        if self.spans:
            for place, row in enumerate(rows.tolist()):
                for begin, end in self.spans.get(row, ()):
                    mask[place] |= (slots >= begin) & (slots < end)
        return np.asarray(mask, np.bool_)

    def serving_pairs(self, rows: npt.NDArray[np.int64], slots: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Tell for each pair (row, slot) whether the sensor was in service, (m,)."""
        mask = (slots >= self.serve_from[rows]) & (slots < self.serve_to[rows])
        for row in self.spans.keys() & set(np.unique(rows).tolist()):
            for begin, end in self.spans[row]:
                mask |= (rows == row) & (slots >= begin) & (slots < end)
        return np.asarray(mask, np.bool_)

    def serving_since(self, rows: npt.NDArray[np.int64], slots: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the first slot of the span in service that each slot lies in, (rows, 1) or (rows, slots)."""
        since = self.serve_from[rows, None]
        if not self.spans or not (set(rows.tolist()) & self.spans.keys()):
            return since
        since = np.repeat(since, len(slots), axis=1)
        for place, row in enumerate(rows.tolist()):
            for begin, end in self.spans.get(row, ()):
                since[place, (slots >= begin) & (slots < end)] = begin
        return since

    def serving_windows(
        self, rows: npt.NDArray[np.int64], slots: npt.NDArray[np.int64], length: int
    ) -> npt.NDArray[np.bool_] | None:
        """Tell where in the *length* slots up to each pair (row, slot) the sensor served; None is everywhere."""
        whole = (slots - length >= self.serve_from[rows]) & (slots < self.serve_to[rows])
        if whole.all():
            return None
        span = slots[:, None] + np.arange(1 - length, 1)
        mask = (span >= self.serve_from[rows, None]) & (span < self.serve_to[rows, None])
        for row in self.spans.keys() & set(np.unique(rows).tolist()):
            mine = np.flatnonzero(rows == row)
            for begin, end in self.spans[row]:
                mask[mine] |= (span[mine] >= begin) & (span[mine] < end)
        return np.asarray(mask, np.bool_)

    def service_turns(self, rows: npt.NDArray[np.int64]) -> list[int]:
        """Return the slots at which one of *rows* enters or leaves service, in order."""
        ends: set[int] = set()
        for row in rows.tolist():
            for span in self.spans.get(row, [(int(self.serve_from[row]), int(self.serve_to[row]))]):
                ends.update(span)
        return sorted(ends - {int(NEVER), int(FOREVER)})

    def in_force(self, row: int, slot: int) -> InForce:
        """Return the limits of a point at a slot, with their document."""
        pond, sensor = self.setups[row]
        moment = slot_moment(slot)
        return schedule(pond, sensor.description, moment, moment).at(moment)

    def limits_at(self, rows: npt.NDArray[np.int64], slots: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return the turned limits of each pair (row, slot), (m, 4), NaN where there is none.

        The span for which a row's limits hold is kept, so that the schedule is asked only when it ends.
        """
        outside = (slots < self.limits_from[rows]) | (slots >= self.limits_to[rows])
        found = self.limits[rows]
        if outside.any():
            order = np.argsort(rows, kind="stable")
            wanted = np.unique(rows[outside])
            begins, ends = (np.searchsorted(rows[order], wanted, side) for side in ("left", "right"))
            for row, begin, end in zip(wanted.tolist(), begins.tolist(), ends.tolist(), strict=True):
                hits = order[begin:end]
                self._limits_of(row, slots[hits], found, hits)
        return found

    def _limits_of(
        self, row: int, slots: npt.NDArray[np.int64], found: npt.NDArray[np.float32], hits: npt.NDArray[np.int64]
    ) -> None:
        pond, sensor = self.setups[row]
        first, last = slot_moment(int(slots.min())), slot_moment(int(slots.max()))
        # A year ahead, so that a live row asks once a season and not once a slot.
        until = last.replace(year=last.year + 1, day=min(last.day, 28))
        plan = schedule(pond, sensor.description, first, until)
        begins = np.array([moment_slot(start) for start in plan.starts], np.int64)
        begins[0] = min(begins[0], slots.min())
        table = np.array([self._turned(row, limits) for limits in plan.limits], np.float32).reshape(-1, 4)
        which = np.clip(np.searchsorted(begins, slots, "right") - 1, 0, None)
        found[hits] = table[which]
        newest = int(which.max())
        self.limits[row] = table[newest]
        self.limits_from[row] = begins[newest]
        self.limits_to[row] = begins[newest + 1] if newest + 1 < len(begins) else moment_slot(until)

    def _turned(self, row: int, limits: InForce) -> tuple[float, ...]:
        sign = float(self.sign[row])
        return tuple(np.nan if limit is None else sign * limit for limit in limits.four)

    def numbers(self, rule: str, name: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return one rule setting of each row as numbers."""
        column = self._columns.get((rule, name))
        if column is None or len(column) < len(self.settings):
            column = np.array([float(getattr(getattr(each, rule), name)) for each in self.settings])
            self._columns[rule, name] = column
        if len(column) == 1:
            return np.full(len(rows), column[0])
        taken: npt.NDArray[np.float64] = column[self.rules[rows]]
        return taken
