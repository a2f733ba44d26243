"""What keeping a sensor does to its readings: maintenance windows, and another instrument in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.contracts.registry import FormerMeasure, MaintenanceWindow, SensorDescription
from shared.contracts.sensorcare import EndMaintenance, PlanMaintenance
from shared.problems import BadInput, Conflict

__all__ = ["LONGEST", "Replace", "check_since", "ended", "former_after", "planned", "window_at"]

LONGEST = timedelta(days=31)
"""Our own limit: a window in which nothing is judged must not be left open by a slip of the pen. What takes longer is
a change of state, which a person ends."""

Windows = tuple[MaintenanceWindow, ...]


@dataclass(frozen=True, slots=True)
class Replace:
    """Another instrument in a sensor's place, its description ready made."""

    pond_id: str
    sensor_id: str
    sensor: SensorDescription
    since: datetime | None


def window_at(windows: Sequence[MaintenanceWindow], moment: datetime) -> MaintenanceWindow | None:
    """Return the window that runs at *moment*."""
    return next((each for each in windows if each.begin <= moment < each.end), None)


def planned(windows: Windows, asked: PlanMaintenance) -> Windows:
    """Return the windows with the one asked for.

    Raises
    ------
    BadInput
        ``sensorcare.window_empty``, ``sensorcare.window_long``.
    Conflict
        ``sensorcare.window_overlaps``.
    """
    new = MaintenanceWindow(begin=asked.begin, end=asked.end, reason=asked.reason)
    if new in windows:
        return windows
    if new.end <= new.begin:
        raise BadInput("sensorcare.window_empty", field="end", begin=new.begin.isoformat(), end=new.end.isoformat())
    if new.end - new.begin > LONGEST:
        raise BadInput("sensorcare.window_long", field="end", days=LONGEST.days)
    for each in windows:
        if each.begin < new.end and new.begin < each.end:
            raise Conflict(
                "sensorcare.window_overlaps", field="begin", begin=each.begin.isoformat(), end=each.end.isoformat()
            )
    return tuple(sorted((*windows, new), key=lambda window: window.begin))


def ended(windows: Windows, asked: EndMaintenance, at: datetime) -> Windows:
    """Return the windows with the running one ended, or the one that was to begin taken back.

    Raises
    ------
    BadInput
        ``registry.since_future``.
    Conflict
        ``sensorcare.no_window``, ``sensorcare.window_begun``.
    """
    if asked.begin is not None:
        found = next((each for each in windows if each.begin == asked.begin), None)
        if found is None:
            raise Conflict("sensorcare.no_window", field="begin", sensor=asked.sensor_id, at=asked.begin.isoformat())
        if found.begin <= at:
            raise Conflict("sensorcare.window_begun", field="begin", begin=found.begin.isoformat())
        return tuple(each for each in windows if each is not found)
    end = at if asked.at is None else asked.at
    if end > at:
        raise BadInput("registry.since_future", field="at", since=end.isoformat(), at=at.isoformat())
    if any(each.end == end for each in windows):
        return windows
    found = window_at(windows, end)
    if found is None:
        raise Conflict("sensorcare.no_window", field="at", sensor=asked.sensor_id, at=end.isoformat())
    left = () if found.begin == end else (found.model_copy(update={"end": end}),)
    return tuple(kept for each in windows for kept in (left if each is found else (each,)))


def former_after(
    former: tuple[FormerMeasure, ...], was: SensorDescription, new: SensorDescription, since: datetime
) -> tuple[FormerMeasure, ...]:
    """Return how readings from before the instruments of now are to be taken, once *new* measures since *since*."""
    if (was.unit, was.zero_level) == (new.unit, new.zero_level):
        return former
    return (*former, FormerMeasure(until=since, unit=was.unit, zero_level=was.zero_level))


def check_since(sensor: str, since: datetime, former: Sequence[FormerMeasure], at: datetime) -> None:
    """Refuse a replacement that lies ahead or before the last one that changed how readings are taken.

    Raises
    ------
    BadInput
        ``registry.since_future``.
    Conflict
        ``registry.since_order``.
    """
    if since > at:
        raise BadInput("registry.since_future", field="since", since=since.isoformat(), at=at.isoformat())
    if former and since < former[-1].until:
        raise Conflict(
            "registry.since_order", field="since", sensor=sensor, since=since.isoformat(),
            last=former[-1].until.isoformat(),
        )  # fmt: skip
