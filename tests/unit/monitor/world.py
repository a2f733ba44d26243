"""Ponds, weather and a desk for tests of the engine: everything of the monitor but its bus and its database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from services.monitor.adapters.records import _plain, _watched
from services.monitor.domain.ponds import PondSetup, SensorSetup
from services.monitor.domain.watch import Announce, Standing, WatchEvent, WatchState, announce, evolve
from services.monitor.engine import LATE, Engine
from services.monitor.points import LOOKBACK, slot_moment
from services.monitor.pondwatch import Turn, merged
from services.monitor.ring import SLOT_US, slot_of
from shared.contracts.levels import Level, SensorKind, SensorState
from shared.contracts.monitor import TimelineChange
from shared.contracts.registry import LimitBand, LimitDocument, PondDescription, SensorDescription

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
START = datetime(2024, 7, 10, tzinfo=UTC)
START_US = int(START.timestamp()) * 1_000_000

LIMITS = LimitDocument(
    document="limits of the test",
    effective_from=date(2000, 1, 1),
    bands={
        "level": (LimitBand(blue=301.0, yellow=302.0, orange=303.0, red=304.0),),
        "freeboard": (LimitBand(blue=5.0, yellow=4.0, orange=3.0, red=2.0),),
    },
)

Said = tuple[datetime, str, str | None, bool, tuple[tuple[str, str], ...]]
Readings = list[tuple[int, int, float]]
"""(sensor's place, time [us], canonical value)."""


def sensor(
    name: str,
    kind: SensorKind = SensorKind.WATER_LEVEL,
    interval_s: int = 300,
    gross: tuple[float, float] | None = None,
    states: Sequence[tuple[datetime | None, SensorState]] | None = None,
) -> SensorSetup:
    unit = "mm" if kind is SensorKind.RAIN else "m"
    description = SensorDescription(id=name, kind=kind, unit=unit, expected_interval_s=interval_s, range=gross)
    return SensorSetup(description) if states is None else SensorSetup(description, tuple(states))


def pond(
    *sensors: SensorSetup,
    limits: Sequence[LimitDocument] = (LIMITS,),
    rules: Mapping[str, Mapping[str, Any]] | None = None,
    name: str = "pond",
    zone: str = "UTC",
) -> PondSetup:
    described = PondDescription(id=name, name=name, timezone=zone, rules={k: dict(v) for k, v in (rules or {}).items()})
    return PondSetup(described, tuple(sensors), tuple(limits))


def said(change: TimelineChange) -> Said:
    causes = tuple(sorted((cause.sensor, cause.rule) for cause in change.causes))
    return (change.time, change.event, change.level, change.verified, causes)


@dataclass
class Counter:
    """A desk without a database: keeps the record, says what is new, and can be started again from what it kept."""

    setup: PondSetup
    width: int = 768
    engine: Engine = field(init=False)
    stored: dict[tuple[int, int], float] = field(default_factory=dict)
    record: list[TimelineChange] = field(default_factory=list)
    state: WatchState = field(default_factory=WatchState)
    events: list[WatchEvent] = field(default_factory=list)
    refused: int = 0

    def __post_init__(self) -> None:
        self.engine = Engine([self.setup], width=self.width)

    @property
    def watch(self) -> Any:
        return self.engine.ponds[self.setup.id]

    def row(self, place: int) -> int:
        return self.engine.row_of[(self.setup.id, self.setup.sensors[place].description.id)]

    def give(self, readings: Iterable[tuple[int, int, float]]) -> list[WatchEvent]:
        """Take a batch as the desk does: refuse what is too old, leave out what is known, judge, say."""
        batch = list(readings)
        if not batch:
            return []
        rows = np.array([self.row(place) for place, _, _ in batch], np.int64)
        times = np.array([time for _, time, _ in batch], np.int64)
        old = self.engine.too_old(rows, times)
        self.refused += int(old.sum())
        fresh: dict[tuple[int, int], float] = {}
        for (place, time, value), refuse in zip(batch, old.tolist(), strict=True):
            if not refuse and (place, time) not in self.stored:
                fresh.setdefault((place, time), value)
        if not fresh:
            return []
        self.stored.update(fresh)
        rows = np.array([self.row(place) for place, _ in fresh], np.int64)
        times = np.array([time for _, time in fresh], np.int64)
        return self.say(self.engine.take(rows, times, np.array(list(fresh.values()))))

    def tick(self, slot: int) -> list[WatchEvent]:
        return self.say(self.engine.tick([self.setup.id], slot))

    def say(self, turns: Sequence[Turn]) -> list[WatchEvent]:
        """Keep the record and announce, as ``Desk._say``."""
        if not turns:
            return []
        (turn,) = merged(turns)
        for change in turn.removed:
            self.record.remove(change)
        for was, now in turn.restated:
            self.record[self.record.index(was)] = now
        self.record.extend(turn.added)
        self.record.sort(key=lambda change: change.time)
        standing = self.watch.standing or Standing(slot_moment(self.watch.head or 0))
        command = Announce(
            self.setup.id, ZoneInfo("UTC"), standing.time, standing, tuple(turn.added), tuple(turn.removed)
        )
        events = announce(self.state, command)
        for event in events:
            self.state = evolve(self.state, event)
        self.events += events
        return events

    def hear(self, setup: PondSetup) -> list[WatchEvent]:
        """Take a new description of the pond, as ``Desk.hear``: the window is judged again."""
        self.setup = setup
        self.engine.set_up(setup)
        return self.say(self.engine.judge_again(setup.id))

    def restart(self) -> list[Turn]:
        """Throw the engine away and build it again from anchor, readings and record, as ``Desk._load``."""
        watch = self.watch
        if watch.head is None:
            self.engine = Engine([self.setup], width=self.width)
            return []
        slot, state = watch.anchor
        memory = self.engine.memory
        hour = int(memory.anchor_hour[watch.rows[0]])
        kept = {
            place: json.loads(json.dumps([None if np.isnan(part) else part for part in memory.anchor[self.row(place)]]))
            for place in range(len(self.setup.sensors))
        }
        state = _watched(json.loads(json.dumps(_plain(state))))
        born = watch.born
        self.engine = Engine([self.setup], width=self.width)
        restored = {
            self.row(place): [np.nan if part is None else part for part in values] for place, values in kept.items()
        }
        newest = max(time for _, time in self.stored)
        self.engine.restore(self.setup.id, born, (slot, state), hour, restored, newest)
        since = (slot - LOOKBACK) * SLOT_US
        there = {key: value for key, value in self.stored.items() if key[1] >= since}
        rows = np.array([self.row(place) for place, _ in there], np.int64)
        times = np.array([time for _, time in there], np.int64)
        self.engine.load(rows, times, np.array(list(there.values())))
        after = [(int(change.time.timestamp()) // 300, change) for change in self.record]
        return self.engine.resume(self.setup.id, [each for each in after if each[0] > slot])

    # -- what came of it ------------------------------------------------------------------------------------

    def told(self) -> list[Said]:
        return [said(change) for change in self.record]

    def consistent(self) -> None:
        """Hold record, engine, and what was announced to one another."""
        level, blind = Level.NONE, False
        for change in self.record:
            match change.event:
                case "raised":
                    assert level == Level.NONE, change
                    level = Level.of(change.level)
                case "escalated":
                    assert Level.NONE < level < Level.of(change.level), change
                    level = Level.of(change.level)
                case "eased":
                    assert level > Level.of(change.level) > Level.NONE, change
                    level = Level.of(change.level)
                case "cleared":
                    assert level > Level.NONE, change
                    level = Level.NONE
                case "blind":
                    blind = True
                case "restored":
                    assert blind, change
                    blind = False
                case "notice":
                    assert Level.of(change.level) == level, change
        watch = self.watch
        if watch.head is not None:
            end = watch.state_after(max(watch.shown, watch.head))
            assert (end.level, bool(end.blind)) == (level, blind)
            kept = [said(change) for _, change in watch.timeline]
            assert kept == self.told()[len(self.record) - len(kept) :]
        current = None if self.state.current is None else self.state.open[self.state.current]
        assert (Level.NONE if current is None else current.level) == level
        assert bool(self.state.blind) == blind
        follow(self.events)


def follow(events: Sequence[WatchEvent]) -> None:
    """Hold a stream of events to sense: raised before escalated, once each, and cleared when it ended."""
    current: str | None = None
    level = Level.NONE
    ever: set[str] = set()
    blind = False
    for event in events:
        match type(event).__name__:
            case "WarningRaised":
                assert current is None
                assert event.warning_id not in ever
                current, level = event.warning_id, Level.of(event.level)
                ever.add(current)
            case "WarningEscalated":
                assert event.warning_id == current
                assert Level.of(event.previous) == level < Level.of(event.level)
                level = Level.of(event.level)
            case "WarningEased":
                assert event.warning_id == current
                assert Level.of(event.previous) == level > Level.of(event.level)
                level = Level.of(event.level)
            case "WarningVerified":
                assert event.warning_id == current
            case "WarningCleared":
                assert event.warning_id == current
                assert Level.of(event.previous) == level
                current, level = None, Level.NONE
            case "PondBlind":
                # Again without being restored in between: one more sensor, or one that had come back, went silent.
                assert event.causes
                blind = True
            case "PondRestored":
                assert blind
                blind = False


def slot(time_us: int) -> int:
    return int(slot_of(np.array([time_us]))[0])


# -- weather ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trouble:
    """What befalls a series, each as a chance or a number of times."""

    storms: int = 1
    spikes: int = 0
    failures: int = 0
    gaps: int = 0
    stuck: int = 0
    loss: float = 0.0
    noise: float = 0.002
    rainless: bool = False
    bursts: int = 0
    """Times when slow sensors report every ten minutes."""


def weather(setup: PondSetup, hours: float, trouble: Trouble, rng: np.random.Generator) -> Readings:
    """Make a series for every sensor of a pond: storms raise the level, faults strike each sensor by itself."""
    grid = np.arange(0, int(hours * 60) + 1)  # minutes
    level = np.full(len(grid), 300.0 + rng.choice([0.0, 0.5, 0.9, 1.9]))
    rain = np.zeros(len(grid))
    for _ in range(trouble.storms):
        begin = int(rng.integers(0, max(1, len(grid) - 30)))
        rise, fall = rng.choice([1, 30, 120, 400]), rng.choice([60, 240, 700])
        size = rng.choice([0.05, 0.3, 1.2, 2.5, 5.0])
        since = grid - grid[begin]
        level += size * np.clip(since / rise, 0, 1) * np.exp(-np.clip(since - rise, 0, None) / fall)
        if not trouble.rainless:
            length = int(rng.choice([30, 120, 300]))
            total = rng.choice([4.0, 12.0, 30.0, 52.0, 110.0, 160.0])
            part = slice(max(0, begin - 30), max(0, begin - 30) + length)
            rain[part] += total / length
    readings: Readings = []
    for place, each in enumerate(setup.sensors):
        readings += _series(place, each, grid, level, rain, trouble, rng)
    return readings


def _series(
    place: int,
    setup: SensorSetup,
    grid: npt.NDArray[np.int64],
    level: npt.NDArray[np.float64],
    rain: npt.NDArray[np.float64],
    trouble: Trouble,
    rng: np.random.Generator,
) -> Readings:
    about = setup.description
    step = max(1, about.expected_interval_s // 60)
    at = np.arange(int(rng.integers(0, step)), len(grid), step)
    for _ in range(trouble.bursts if step >= 30 else 0):
        begin = int(rng.integers(0, len(grid)))
        at = np.union1d(at, np.arange(begin, min(len(grid), begin + int(rng.choice([60, 200, 500]))), 10))
    keep = rng.random(len(at)) >= trouble.loss
    for _ in range(trouble.gaps):
        begin = rng.integers(0, len(grid))
        length = rng.choice([step * 4, 200, 700, 1500])
        keep &= (at < begin) | (at >= begin + length)
    match about.kind:
        case SensorKind.RAIN:
            falls = np.add.reduceat(rain, at) if len(at) else rain[:0]
            tips = np.diff(np.floor(np.cumsum(falls) / 0.2 + 1e-6), prepend=0.0)
            values = np.round(tips * 0.2, 4)
        case SensorKind.FREEBOARD:
            values = 306.0 - level[at] + rng.normal(0, trouble.noise + 1e-12, len(at))
        case _:
            values = level[at] + rng.normal(0, trouble.noise + 1e-12, len(at)) + rng.choice([0.0, 0.1])
    if len(at):
        for _ in range(trouble.stuck):
            begin = int(rng.integers(0, len(at)))
            values[begin : begin + int(rng.choice([8, 30, 90]))] = values[begin]
        for _ in range(trouble.spikes):
            begin = int(rng.integers(0, len(at)))
            values[begin : begin + int(rng.choice([1, 1, 2, 3, 12]))] += rng.choice([-4.0, 0.6, 2.0, 4.0])
            values[begin : begin + 1] += rng.choice([0.0, 0.0, 2.0])
        for _ in range(trouble.failures):
            begin = int(rng.integers(0, len(at)))
            values[begin : begin + int(rng.choice([1, 2, 3, 20]))] = rng.choice([-50.0, 999.0])
    if about.kind is SensorKind.RAIN:
        values = np.abs(values)
    jitter = rng.integers(-20, 21, len(at)) if rng.random() < 0.5 else np.zeros(len(at), np.int64)
    times = START_US + grid[at] * MINUTE_US + jitter * 1_000_000
    return [
        (place, int(time), round(float(value), 3))
        for time, value, here in zip(times, values, keep, strict=True)
        if here
    ]


# -- how readings come ---------------------------------------------------------------------------------------


def arrivals(readings: Readings, style: str, rng: np.random.Generator) -> Readings:
    """Order readings by arrival. No delay is longer than the window, so none comes too late; some come at its edge."""
    times = np.array([time for _, time, _ in readings], np.int64)
    most = LATE * SLOT_US
    match style:
        case "ordered":
            delay = np.zeros(len(times), np.int64)
        case "jitter":
            delay = rng.integers(0, 30 * MINUTE_US, len(times))
        case "shuffled":
            delay = rng.integers(0, most + 1, len(times))
        case "edge":
            delay = np.where(rng.random(len(times)) < 0.1, most, 0)
        case "sensor":
            places = np.array([place for place, _, _ in readings])
            delay = rng.integers(0, most + 1, int(places.max(initial=0)) + 1)[places]
        case "backlog":
            # The link is down for a while and everything comes when it is back.
            begin = int(rng.integers(times.min(), times.max() + 1))
            length = int(rng.integers(0, most))
            down = (times >= begin) & (times <= begin + length)
            delay = np.where(down, begin + length - times, 0)
        case "reversed":
            block = int(rng.choice([3, 6, 23])) * HOUR_US
            delay = np.clip(2 * (block - 1 - times % block), 0, most)
        case _:
            raise AssertionError(style)
    # Of those that come together the newest first, so that the oldest stand at the very edge.
    order = np.lexsort((-times, times + delay))
    return [readings[index] for index in order.tolist()]


STYLES = ("ordered", "jitter", "shuffled", "edge", "sensor", "backlog", "reversed")


def batches(readings: Readings, count: int, rng: np.random.Generator) -> list[Readings]:
    """Cut what arrives into so many batches, each in any order."""
    cuts = sorted(rng.integers(0, len(readings) + 1, max(0, count - 1)).tolist())
    parts = [readings[a:b] for a, b in zip([0, *cuts], [*cuts, len(readings)], strict=True)]
    return [[part[index] for index in rng.permutation(len(part)).tolist()] for part in parts]
