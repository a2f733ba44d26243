"""The monitor's copy of the register: folded from registry events, and looked up by decoding."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.monitor.decode import SensorEntry
from services.monitor.domain.ponds import PondSetup, SensorSetup
from shared.contracts.base import Event
from shared.contracts.levels import SensorState
from shared.contracts.registry import (
    LimitsAdopted,
    PondAmended,
    PondRegistered,
    PondView,
    SensorAmended,
    SensorRegistered,
    SensorStateChanged,
    SensorView,
)
from shared.site.units import to_canonical

__all__ = ["Directory", "follow", "setup_of"]


def follow(view: PondView | None, event: Event, version: int) -> PondView | None:
    """Return the pond after a registry event; unknown events change nothing but the version."""
    if isinstance(event, PondRegistered):
        return PondView(pond=event.pond, version=version)
    if view is None:
        return None
    changed = view
    match event:
        case PondAmended():
            changed = view.model_copy(update={"pond": event.pond})
        case SensorRegistered():
            new = SensorView(sensor=event.sensor, state=event.state, state_history=((None, event.state),))
            changed = view.model_copy(update={"sensors": (*view.sensors, new)})
        case SensorAmended():
            sensors = tuple(
                each.model_copy(update={"sensor": event.sensor}) if each.sensor.id == event.sensor.id else each
                for each in view.sensors
            )
            changed = view.model_copy(update={"sensors": sensors})
        case SensorStateChanged():
            sensors = tuple(
                each.model_copy(
                    update={"state": event.state, "state_history": (*each.state_history, (event.since, event.state))}
                )
                if each.sensor.id == event.sensor_id
                else each
                for each in view.sensors
            )
            changed = view.model_copy(update={"sensors": sensors})
        case LimitsAdopted():
            changed = view.model_copy(update={"limits": (*view.limits, event.limits)})
        case _:
            pass
    return changed.model_copy(update={"version": version})


def setup_of(view: PondView) -> PondSetup:
    """Return the pond as the engine wants it."""
    sensors = tuple(
        SensorSetup(each.sensor, tuple(each.state_history) or ((None, each.state),)) for each in view.sensors
    )
    return PondSetup(view.pond, sensors, view.limits, view.version)


@dataclass(slots=True)
class Directory:
    """Who is known; implements ``decode.SensorDirectory``."""

    ponds: dict[str, dict[str, SensorEntry]] = field(default_factory=dict)

    def knows(self, pond: str) -> bool:
        """Return whether *pond* is registered."""
        return pond in self.ponds

    def find(self, pond: str, sensor: str) -> SensorEntry | None:
        """Return the sensor, or None."""
        return self.ponds.get(pond, {}).get(sensor)

    def put(self, view: PondView, keys: dict[tuple[str, str], int]) -> None:
        """Take a pond in, or take it anew."""
        entries: dict[str, SensorEntry] = {}
        for each in view.sensors:
            factor, offset = to_canonical(each.sensor.kind, each.sensor.unit)
            key = keys[(view.pond.id, each.sensor.id)]
            retired = each.state is SensorState.RETIRED
            entries[each.sensor.id] = SensorEntry(key, each.sensor.kind, factor, offset, retired)
        self.ponds[view.pond.id] = entries
