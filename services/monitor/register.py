"""The monitor's copy of the register: folded from registry events, and looked up by decoding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from services.monitor.decode import Former, SensorEntry
from services.monitor.domain.ponds import PondSetup, SensorSetup
from shared.contracts.base import Event
from shared.contracts.levels import SensorKind, SensorState
from shared.contracts.registry import (
    FormerMeasure,
    LimitsAdopted,
    PondAmended,
    PondRegistered,
    PondView,
    SensorAmended,
    SensorDescription,
    SensorMaintenanceSet,
    SensorRegistered,
    SensorReplaced,
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
            changed = _with(view, event.sensor.id, lambda each: _amended(each, event.sensor))
        case SensorReplaced():
            told = {"sensor": event.sensor, "former": event.former}
            changed = _with(view, event.sensor_id, lambda each: each.model_copy(update=told))
        case SensorMaintenanceSet():
            windows = {"windows": event.windows}
            changed = _with(view, event.sensor_id, lambda each: each.model_copy(update=windows))
        case SensorStateChanged():
            turn = (event.since, event.state)
            changed = _with(
                view,
                event.sensor_id,
                lambda each: each.model_copy(
                    update={"state": event.state, "state_history": (*each.state_history, turn)}
                ),
            )
        case LimitsAdopted():
            changed = view.model_copy(update={"limits": (*view.limits, event.limits)})
        case _:
            pass
    return changed.model_copy(update={"version": version})


def _with(view: PondView, sensor_id: str, change: Callable[[SensorView], SensorView]) -> PondView:
    sensors = tuple(change(each) if each.sensor.id == sensor_id else each for each in view.sensors)
    return view.model_copy(update={"sensors": sensors})


def _amended(known: SensorView, sensor: SensorDescription) -> SensorView:
    # A corrected unit or zero level holds for whatever comes from now on, of any time.
    same = (sensor.unit, sensor.zero_level) == (known.sensor.unit, known.sensor.zero_level)
    return known.model_copy(update={"sensor": sensor, "former": known.former if same else ()})


def setup_of(view: PondView) -> PondSetup:
    """Return the pond as the engine wants it."""
    sensors = tuple(SensorSetup(each.sensor, each.states) for each in view.sensors)
    return PondSetup(view.pond, sensors, view.limits, view.version)


def _former(sensor: SensorDescription, known: FormerMeasure) -> Former:
    """Return how readings of an earlier instrument are to be taken, given how today's are."""
    factor, offset = to_canonical(sensor.kind, known.unit)
    shift = 0.0
    if sensor.kind is SensorKind.WATER_DISTANCE and sensor.zero_level is not None and known.zero_level is not None:
        # The engine takes every distance from the zero level of now: the earlier one is made up for here.
        shift = sensor.zero_level - known.zero_level
    return Former(round(known.until.timestamp() * 1_000_000), factor, offset, shift)


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
            former = tuple(_former(each.sensor, known) for known in each.former)
            entries[each.sensor.id] = SensorEntry(key, each.sensor.kind, factor, offset, retired, former)
        self.ponds[view.pond.id] = entries
