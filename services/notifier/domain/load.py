"""Alarm load: the figures of ISA-18.2 from how alarms came and went (pure)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from services.notifier.domain.policy import ORDER
from shared.contracts.alarmload import AlarmLoad, AnswerTimes, BlindHours, Chatter, DayLoad, StandingAlarm
from shared.contracts.base import Moment, Record
from shared.contracts.levels import LevelName
from shared.contracts.synthetic import is_synthetic

__all__ = ["STANDING", "Passage", "Spell", "alarm_load", "quantile"]

STANDING = timedelta(hours=24)
"""A condition that lasts longer is standing (stale): ISA-18.2."""


class Passage(Record):
    """How one alarm came and went, by the events' own time (when the water stood so, not when that was heard)."""

    alarm_id: str
    pond_id: str
    highest: LevelName
    opened: Moment
    cleared: Moment | None = None
    """When its condition was over; None: it stands."""
    answered: Moment | None = None
    """The first answer of somebody fit to act."""
    exercise: bool = False
    heard: Moment | None = None
    """When people could first be told; answers are counted from then. None: when it opened."""


class Spell(Record):
    """A stretch in which a pond was not seen; ``ended`` None: it goes on."""

    pond_id: str
    began: Moment
    ended: Moment | None = None


def alarm_load(
    passages: Iterable[Passage],
    spells: Iterable[Spell],
    since: datetime,
    until: datetime,
    *,
    chatter: timedelta = timedelta(hours=1),
    zone: str = "Asia/Shanghai",
) -> AlarmLoad:
    """Return the figures of the period from *since* to before *until*.

    Parameters
    ----------
    passages
        Alarms that stood at some time of the period, or cleared shortly before it; others do no harm.
    spells
        Likewise.
    chatter
        Opened again so soon after clearing is chatter.
    zone
        Whose days are counted.
    """
    every = [each for each in passages if each.opened < until]
    exercises = sum(each.exercise and each.opened >= since for each in every)
    real = [each for each in every if not each.exercise and not is_synthetic(each.pond_id)]
    opened = [each for each in real if each.opened >= since]
    days = _days(opened, zone)
    chattering = _chatter(real, since, chatter)
    blind = _blind([each for each in spells if not is_synthetic(each.pond_id)], since, until)
    length = (until - since) / timedelta(days=1)
    return AlarmLoad(
        since=since,
        until=until,
        warnings=len(opened),
        per_day=round(len(opened) / length, 3) if length > 0 else 0.0,
        most_in_a_day=max((each.warnings for each in days), default=0),
        days=days,
        chatter=chattering,
        chattered=sum(each.times for each in chattering),
        standing=_standing(real, since, until),
        answers=_answers(opened, until),
        blind=blind,
        blind_hours=round(sum(each.hours for each in blind), 3),
        exercises=exercises,
    )


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which *share* of *values* lie, interpolated between neighbours.

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5), quantile([5.0], 0.9)
    (2.5, 5.0)
    """
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _days(opened: Iterable[Passage], zone: str) -> tuple[DayLoad, ...]:
    there = ZoneInfo(zone)
    found: defaultdict[object, list[LevelName]] = defaultdict(list)
    for each in opened:
        found[each.opened.astimezone(there).date()].append(each.highest)
    return tuple(
        DayLoad.model_validate({"day": day, "warnings": len(levels), "by_level": dict(Counter(levels))})
        for day, levels in sorted(found.items(), key=lambda item: str(item[0]))
    )


def _chatter(real: Iterable[Passage], since: datetime, soon: timedelta) -> tuple[Chatter, ...]:
    by_pond: defaultdict[str, list[Passage]] = defaultdict(list)
    for each in real:
        by_pond[each.pond_id].append(each)
    times: Counter[str] = Counter()
    for pond_id, mine in by_pond.items():
        for one, other in pairwise(sorted(mine, key=lambda each: each.opened)):
            gap = None if one.cleared is None else other.opened - one.cleared
            if gap is not None and gap <= soon and other.opened >= since:
                times[pond_id] += 1
    return tuple(Chatter(pond_id=pond_id, times=n) for pond_id, n in sorted(times.items(), key=lambda x: (-x[1], x[0])))


def _standing(real: Iterable[Passage], since: datetime, until: datetime) -> tuple[StandingAlarm, ...]:
    found = []
    for each in real:
        ended = until if each.cleared is None or each.cleared > until else each.cleared
        if ended - each.opened > STANDING and ended >= since:
            cleared = each.cleared if each.cleared is not None and each.cleared <= until else None
            found.append(
                StandingAlarm(
                    alarm_id=each.alarm_id, pond_id=each.pond_id, highest=each.highest, opened=each.opened,
                    cleared=cleared, hours=_hours(ended - each.opened),
                )
            )  # fmt: skip
    return tuple(sorted(found, key=lambda each: (-each.hours, each.alarm_id)))


def _answers(opened: Iterable[Passage], until: datetime) -> tuple[AnswerTimes, ...]:
    by_level: defaultdict[LevelName, list[float | None]] = defaultdict(list)
    for each in opened:
        known = each.answered is not None and each.answered <= until
        asked = each.opened if each.heard is None else each.heard
        took = (each.answered - asked).total_seconds() if each.answered is not None and known else None
        by_level[each.highest].append(took)
    found = []
    for level in sorted(by_level, key=lambda level: -ORDER[level]):
        answered = [took for took in by_level[level] if took is not None]
        found.append(
            AnswerTimes(
                level=level, warnings=len(by_level[level]), answered=len(answered),
                median_s=round(quantile(answered, 0.5), 3) if answered else None,
                p90_s=round(quantile(answered, 0.9), 3) if answered else None,
            )
        )  # fmt: skip
    return tuple(found)


def _blind(spells: Iterable[Spell], since: datetime, until: datetime) -> tuple[BlindHours, ...]:
    lengths: defaultdict[str, list[tuple[timedelta, bool]]] = defaultdict(list)
    for each in spells:
        begin = max(each.began, since)
        end = until if each.ended is None else min(each.ended, until)
        if begin < end:
            lengths[each.pond_id].append((end - begin, each.ended is None or each.ended > until))
    found = [
        BlindHours(
            pond_id=pond_id, hours=_hours(sum((length for length, _ in mine), timedelta())), spells=len(mine),
            blind=any(on for _, on in mine),
        )
        for pond_id, mine in lengths.items()
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda each: (-each.hours, each.pond_id)))


def _hours(length: timedelta) -> float:
    return round(length / timedelta(hours=1), 3)
