"""When a bulletin is due, to whom it goes, and what it says: schedule, readers and facts (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from services.notifier.domain.alarm import Alarm, Told
from services.notifier.domain.directory import Directory
from services.notifier.domain.routing import Routing, Selector, city_of, members_at
from services.notifier.domain.world import Member
from shared.contracts.base import Moment, Record
from shared.contracts.bulletins import Bulletin, DutyLine, OpenWarning, PondLine
from shared.contracts.monitor import PondStanding, WarningView
from shared.contracts.notifier import Answer
from shared.contracts.people import Place, PlaceKind
from shared.contracts.registry import MonthDay
from shared.contracts.synthetic import is_synthetic

__all__ = ["BulletinPlan", "Due", "due", "facts", "in_season", "on_duty", "readers"]

_FEW = 2
"""So many counties are named where there is no city."""
_FRESH = timedelta(hours=3)
"""A pond whose newest slot is older says nothing of the last 24 h's rain."""


class BulletinPlan(Record):
    """When bulletins are sent (local hours, within the flood season), and to whom."""

    times: tuple[time, ...] = (time(8), time(14), time(22))
    """Reports at 08:00, 14:00 and 22:00: practice in the flood season, domain reference section 2."""
    season_from: MonthDay = "06-01"
    season_to: MonthDay = "09-30"
    """Inclusive; may wrap the new year. Hebei's season, domain reference section 3."""
    timezone: str = "Asia/Shanghai"
    late_minutes: float = Field(default=15.0, ge=0)
    """One that goes out so long after its hour is marked late."""
    skip_hours: float = Field(default=4.0, gt=0)
    """One that was missed for so long is not sent any more: the next one says how things stand."""
    to: tuple[Selector, ...] = (Selector(of="city", roster=True), Selector(of="county", roster=True))
    """``county``: every county with a pond. The fallback people always get it."""

    @field_validator("times")
    @classmethod
    def _in_order(cls, times: tuple[time, ...]) -> tuple[time, ...]:
        return tuple(sorted(set(times)))


class Due(Record):
    """A bulletin that is to go out now."""

    hour: Moment
    late: bool


def in_season(plan: BulletinPlan, day: date) -> bool:
    """Tell whether *day* (local) lies in the flood season."""
    begins, ends, today = plan.season_from, plan.season_to, f"{day:%m-%d}"
    return begins <= today <= ends if begins <= ends else today >= begins or today <= ends


def due(plan: BulletinPlan, now: datetime, last: datetime) -> Due | None:
    """Return the newest scheduled hour after *last* that has come, unless it was missed for too long.

    Parameters
    ----------
    last
        The hour of the last bulletin issued; of a system that never issued one, when it began.
    """
    zone = ZoneInfo(plan.timezone)
    today = now.astimezone(zone).date()
    for day in (today, today - timedelta(days=1)):
        if not in_season(plan, day):
            continue
        for at in reversed(plan.times):
            hour = datetime.combine(day, at.replace(tzinfo=None), zone)
            # Between two aware times of one zone Python would compare the clocks' faces.
            if hour.timestamp() > now.timestamp():
                continue
            if hour.timestamp() <= last.timestamp():
                return None
            late = now.timestamp() - hour.timestamp()
            if late > plan.skip_hours * 3600:
                return None
            return Due(hour=hour, late=late > plan.late_minutes * 60)
    return None


def readers(directory: Directory, routing: Routing, plan: BulletinPlan, now: datetime) -> tuple[Member, ...]:
    """Return who gets a bulletin at *now*, each once."""
    found: dict[str, Member] = {}
    for selector in plan.to:
        for place in _places(directory, routing, selector):
            for member in members_at(directory, selector, place, now, plan.timezone):
                found.setdefault(member.person_id, member)
    for person_id in routing.fallback:
        person = directory.people.get(person_id)
        if person is not None and not person.left:
            channels = tuple(person.channels[order] for order in sorted(person.channels))
            found.setdefault(
                person_id, Member(person_id=person_id, name=person.name, role="fallback", channels=channels)
            )
    return tuple(found.values())


def on_duty(directory: Directory, routing: Routing, now: datetime) -> tuple[DutyLine, ...]:
    """Return who is on duty at *now*: for the city, the counties, then the ponds."""
    places = _places(directory, routing, Selector(of="city"))
    places += _places(directory, routing, Selector(of="county"))
    places += _places(directory, routing, Selector(of="pond"))
    found: dict[tuple[str, str, str], DutyLine] = {}
    for place in places:
        pond = directory.ponds.get(place.id) if place.kind is PlaceKind.POND else None
        name = place.id if pond is None else pond.name
        for roster in directory.rosters_of(place):
            for shift in roster.on_duty(now):
                person = directory.people.get(shift.person_id)
                if person is None or person.left:
                    person = directory.people.get(shift.deputy_id or "")
                if person is not None and not person.left:
                    found[name, shift.role, person.person_id] = DutyLine(place=name, role=shift.role, name=person.name)
    return tuple(found.values())


def facts(
    plan: BulletinPlan,
    routing: Routing,
    directory: Directory,
    standings: Sequence[PondStanding],
    warnings: Sequence[WarningView],
    alarms: Mapping[str, Alarm],
    now: datetime,
    hour: datetime,
    late: bool = False,
) -> Bulletin:
    """Return what a bulletin for *hour* says at *now*. Ponds of exercises and the watchdog's are left out."""
    lines = [_line(directory, each, now) for each in standings if not is_synthetic(each.pond_id)]
    told = [each for each in lines if each.level is not None or each.blind or each.rain_24h_mm]
    quiet = [each for each in lines if each.level is None and not each.blind and not each.rain_24h_mm]
    return Bulletin(
        time=hour, timezone=plan.timezone, area=_area(directory, routing), ponds=tuple(told),
        quiet_dry=sum(each.rain_24h_mm is not None for each in quiet),
        quiet_unmeasured=sum(each.rain_24h_mm is None for each in quiet),
        warnings=tuple(
            _open(directory, each, alarms.get(each.warning_id))
            for each in warnings
            if each.closed_at is None and not is_synthetic(each.pond_id)
        ),
        on_duty=on_duty(directory, routing, now), late=late,
    )  # fmt: skip


def _area(directory: Directory, routing: Routing) -> str:
    """Return whose ponds these are: the city, or without one the counties if they are few."""
    if city := city_of(directory, routing):
        return city
    counties = {pond.county for pond in directory.ponds.values() if pond.county and not is_synthetic(pond.id)}
    return "、".join(sorted(counties)) if len(counties) <= _FEW else ""


def _line(directory: Directory, each: PondStanding, now: datetime) -> PondLine:
    fresh = each.head is not None and now - each.head <= _FRESH
    rain = None if each.rain_24h is None or not fresh else max(0.0, each.rain_24h)
    return PondLine(
        pond_id=each.pond_id, name=_name(directory, each.pond_id), level=each.level, verified=each.verified,
        blind=each.blind, rain_24h_mm=rain,
    )  # fmt: skip


def _open(directory: Directory, warning: WarningView, alarm: Alarm | None) -> OpenWarning:
    names = [] if alarm is None else _answered(alarm.recalled)
    if not names and warning.acknowledged_by:
        names = [warning.acknowledged_by]
    return OpenWarning(
        pond_name=_name(directory, warning.pond_id), level=warning.level, since=warning.raised,
        highest=warning.highest, cleared=None if warning.level is not None else warning.cleared, answered=bool(names),
        answered_by="、".join(names),
    )  # fmt: skip


def _answered(people: Iterable[Told]) -> list[str]:
    return [each.name for each in people if each.answer in (Answer.ACKNOWLEDGE, Answer.ON_SITE)]


def _name(directory: Directory, pond_id: str) -> str:
    pond = directory.ponds.get(pond_id)
    return pond_id if pond is None else pond.name


def _places(directory: Directory, routing: Routing, selector: Selector) -> list[Place]:
    ponds = [pond for pond in directory.ponds.values() if not is_synthetic(pond.id)]
    match selector.of:
        case "city":
            city = city_of(directory, routing)
            return [Place(kind=PlaceKind.CITY, id=city)] if city else []
        case "county":
            counties = dict.fromkeys(pond.county for pond in ponds if pond.county)
            return [Place(kind=PlaceKind.COUNTY, id=county) for county in sorted(counties)]
        case "pond":
            return [Place(kind=PlaceKind.POND, id=pond.id) for pond in sorted(ponds, key=lambda pond: pond.id)]
