"""The watchdog: a reading goes out every minute, and has to come back as a warning's event (pure).

The monitor judges slots of five minutes, and within a slot the highest reading counts. So the readings climb through a
slot (blue, yellow, orange, red) and fall to nothing at the beginning of the next: with no hold at the watchdog's pond
each reading makes one event of its warning. Each event is known by its slot and level. In five minutes that is one
warning (closed by the watchdog) with six events, and three words of the monitor that it judged an open slot again.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal

from pydantic import Field

from shared.contracts.base import Moment, Record
from shared.contracts.levels import Level, LevelName, SensorKind
from shared.contracts.registry import LimitBand, LimitDocument, PondDescription, SensorDescription
from shared.contracts.synthetic import WATCHDOG_POND
from shared.contracts.watchdog import WatchdogRestored, WatchdogSilent

__all__ = [
    "BEAT",
    "LIMITS",
    "POND",
    "SENSOR",
    "Beat",
    "Step",
    "Watch",
    "beat",
    "heard",
    "look",
    "next_at",
    "slot_of",
    "standing",
    "tried",
    "value_of",
]

BEAT = timedelta(minutes=1)
_INTO = timedelta(seconds=1)
"""So far into its minute a beat goes out: never on the edge between two slots."""
_SLOT_S = 300
_OUTSTANDING = 30

POND = PondDescription(
    id=WATCHDOG_POND,
    name="预警自检库 watchdog",
    rules={
        "hold": {"minutes": 0},
        # Nor does a rise that is not over (its own setting, whether or not trends warn) hold anything up.
        "trend": {"enabled": False, "least_rise_m": 1000.0},
        "slow_climb": {"enabled": False},
        "compound": {"enabled": False},
        # An outage is the watchdog's own to tell: the pond is called blind only when it lasts.
        "blind": {"intervals": 60},
    },
)
"""No pond: levels at once up and down, and nothing but the threshold rule."""
SENSOR = SensorDescription(
    id="beat", kind=SensorKind.WATER_LEVEL, unit="m", expected_interval_s=60, range=(0.0, 10.0), spike=(100.0, 200.0)
)
LIMITS = LimitDocument(
    document="watchdog",
    effective_from=date(2000, 1, 1),
    bands={"level": (LimitBand(blue=1.0, yellow=2.0, orange=3.0, red=4.0),)},
)

Step = Literal["setup", "publish", "return"]
"""Where a beat may get stuck."""


class Beat(Record):
    """A reading that has to come back: the end of its slot, and the level it makes (None: the warning clears)."""

    at: Moment
    slot: int
    level: LevelName | None


class Watch(Record):
    """How the watchdog is. Times in seconds."""

    patience_s: float = Field(gt=0)
    slot: int | None = None
    level: LevelName | None = None
    """What the newest reading says, and in which slot."""
    beaten: Moment | None = None
    outstanding: tuple[Beat, ...] = ()
    waiting_since: Moment | None = None
    """When the first beat was tried that nothing has proved yet."""
    step: Step = "setup"
    silent_since: Moment | None = None
    beats: int = 0
    returned: int = 0
    last_return: Moment | None = None
    round_trip_s: float | None = None
    worst_s: float | None = None


def slot_of(moment: datetime) -> int:
    """Return the number of the monitor's slot that *moment* lies in: right-closed, five minutes."""
    return -(-_milliseconds(moment) // (_SLOT_S * 1000))


def value_of(level: LevelName | None) -> float:
    """Return the reading that makes a level [m].

    >>> value_of(None), value_of(LevelName.RED)
    (0.5, 4.5)
    """
    return Level.of(level) + 0.5


def next_at(watch: Watch, now: datetime) -> datetime:
    """Return when the next beat is due: at once in the beginning, then once in every minute of the clock."""
    if watch.beaten is None or watch.beaten > now:
        return now
    minute = watch.beaten.replace(second=0, microsecond=0)
    return minute + BEAT + _INTO


def standing(watch: Watch, head: datetime | None, level: LevelName | None) -> Watch:
    """Begin from what the monitor says of the pond: its newest slot judged, and the level there."""
    return watch if head is None else watch.model_copy(update={"slot": slot_of(head), "level": level})


def beat(watch: Watch, now: datetime) -> tuple[Watch, Beat | None]:
    """Return the beat that goes out at *now*; None when no reading could make an event before the next slot."""
    slot = slot_of(now)
    update: dict[str, object] = {"beaten": now}
    if watch.slot is not None and slot <= watch.slot:
        if slot < watch.slot or watch.level is LevelName.RED:
            return watch.model_copy(update=update), None
        level = Level(Level.of(watch.level) + 1).label
    else:
        level = None if watch.level is not None else LevelName.BLUE
    made = Beat(at=now, slot=slot, level=level)
    # Whether it arrives or not: the next one makes an event in either case.
    update |= {
        "slot": slot, "level": level, "beats": watch.beats + 1,
        "outstanding": (*watch.outstanding, made)[-_OUTSTANDING:],
    }  # fmt: skip
    return tried(watch.model_copy(update=update), now, "publish"), made


def tried(watch: Watch, now: datetime, step: Step) -> Watch:
    """Note how far the newest beat got; from its first try on something is awaited."""
    waiting = now if watch.waiting_since is None else watch.waiting_since
    return watch.model_copy(update={"step": step, "waiting_since": waiting, "beaten": watch.beaten or now})


def heard(
    watch: Watch, time: datetime, level: LevelName | None, now: datetime
) -> tuple[Watch, bool, WatchdogRestored | None]:
    """Take in an event of the watchdog's warning: *time* is the end of its slot.

    Returns
    -------
    watch
        After it.
    bool
        Whether a beat came back in time.
    event
        That the watchdog is back, if it was silent.
    """
    key = (slot_of(time), level)
    place = next((n for n, each in enumerate(watch.outstanding) if (each.slot, each.level) == key), None)
    if place is None:
        return watch, False, None
    took = (now - watch.outstanding[place].at).total_seconds()
    if took > watch.patience_s:
        return watch, False, None
    left = watch.outstanding[place + 1 :]
    after = watch.model_copy(
        update={
            "outstanding": left, "waiting_since": left[0].at if left else None, "silent_since": None,
            "returned": watch.returned + 1, "last_return": now, "round_trip_s": took,
            "worst_s": took if watch.worst_s is None else max(took, watch.worst_s),
        }
    )  # fmt: skip
    if watch.silent_since is None:
        return after, True, None
    return after, True, WatchdogRestored(silent_since=watch.silent_since, at=now)


def look(watch: Watch, now: datetime) -> tuple[Watch, WatchdogSilent | None]:
    """Return whether the patience is over: said once, until a beat comes back."""
    if watch.silent_since is not None or watch.waiting_since is None:
        return watch, None
    if (now - watch.waiting_since).total_seconds() <= watch.patience_s:
        return watch, None
    silent = WatchdogSilent(since=watch.waiting_since, why=watch.step, at=now)
    return watch.model_copy(update={"silent_since": watch.waiting_since}), silent


def _milliseconds(moment: datetime) -> int:
    return (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
