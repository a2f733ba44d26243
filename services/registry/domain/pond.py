"""A pond in the register: what may be asked of it, what then happens, and what it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias, assert_never

from services.registry.domain.life import check_move
from services.registry.domain.limits import check_limits
from services.registry.domain.upkeep import Replace, check_since, ended, former_after, planned, window_at
from shared.contracts.base import Event
from shared.contracts.levels import SensorState
from shared.contracts.registry import (
    AdoptLimits,
    ChangeSensorState,
    FormerMeasure,
    LimitDocument,
    LimitsAdopted,
    MaintenanceWindow,
    PondAmended,
    PondDescription,
    PondRegistered,
    RegisterPond,
    RegisterSensor,
    SensorAmended,
    SensorDescription,
    SensorMaintenanceSet,
    SensorRegistered,
    SensorReplaced,
    SensorStateChanged,
    lay_over,
)
from shared.contracts.sensorcare import EndMaintenance, PlanMaintenance
from shared.problems import Conflict, NotFound

__all__ = ["Asked", "Pond", "PondCommand", "PondState", "Sensor", "Unregistered", "decide", "evolve"]

Upkeep: TypeAlias = PlanMaintenance | EndMaintenance | Replace
PondCommand: TypeAlias = RegisterPond | RegisterSensor | ChangeSensorState | AdoptLimits
PondEvent: TypeAlias = (
    PondRegistered
    | PondAmended
    | SensorRegistered
    | SensorAmended
    | SensorStateChanged
    | SensorMaintenanceSet
    | SensorReplaced
    | LimitsAdopted
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A command and when it was asked: the domain reads no clock."""

    command: PondCommand | Upkeep
    at: datetime


@dataclass(frozen=True, slots=True)
class Unregistered:
    """Nothing is known of this pond."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor; ``history`` holds (since, state) in order, since None meaning "from the beginning"."""

    description: SensorDescription
    history: tuple[tuple[datetime | None, SensorState], ...]
    windows: tuple[MaintenanceWindow, ...] = ()
    former: tuple[FormerMeasure, ...] = ()

    @property
    def state(self) -> SensorState:
        """The state it is in as people said last, without the windows laid over it."""
        return self.history[-1][1]

    def state_at(self, moment: datetime) -> SensorState:
        """The state it is in at *moment*."""
        states = [state for since, state in lay_over(self.history, self.windows) if since is None or since <= moment]
        return states[-1] if states else self.history[0][1]


@dataclass(frozen=True, slots=True)
class Pond:
    """A registered pond with its sensors, in order of registration, and every limit document it adopted."""

    description: PondDescription
    sensors: Mapping[str, Sensor] = field(default_factory=dict)
    limits: tuple[LimitDocument, ...] = ()


PondState: TypeAlias = Unregistered | Pond


def decide(asked: Asked, state: PondState) -> list[PondEvent]:
    """Return what the command brings about: no event when it says what is so already.

    Raises
    ------
    NotFound
        ``registry.no_pond``, ``registry.no_sensor``.
    Conflict
        ``registry.kind_fixed``, ``registry.retired``, ``registry.no_such_move``, ``registry.since_order``.
    BadInput
        ``registry.since_future`` or a limit document that contradicts itself (see ``check_limits``).
    """
    command, at = asked.command, asked.at
    if isinstance(command, RegisterPond):
        return _register_pond(command, state, at)
    if isinstance(state, Unregistered):
        raise NotFound("registry.no_pond", field="pond_id", pond=command.pond_id)
    match command:
        case RegisterSensor():
            return _register_sensor(command, state, at)
        case ChangeSensorState():
            return _change_state(command, state, at)
        case AdoptLimits():
            return _adopt_limits(command, state, at)
        case PlanMaintenance() | EndMaintenance() | Replace():
            return _keep_up(command, state, at)
        case _:
            assert_never(command)


def evolve(state: PondState, event: Event) -> PondState:
    """Return the state after *event*; an event that does not belong to a pond's life is an error of ours."""
    match event:
        case PondRegistered():
            return Pond(event.pond)
        case PondAmended():
            return replace(_registered(state), description=event.pond)
        case SensorRegistered():
            return _with(_registered(state), Sensor(event.sensor, ((None, event.state),)))
        case SensorAmended():
            pond = _registered(state)
            was = pond.sensors[event.sensor.id]
            # A corrected unit or zero level holds for whatever comes from now on, of any time.
            measure = (event.sensor.unit, event.sensor.zero_level)
            same = measure == (was.description.unit, was.description.zero_level)
            return _with(pond, replace(was, description=event.sensor, former=was.former if same else ()))
        case SensorStateChanged():
            pond = _registered(state)
            sensor = pond.sensors[event.sensor_id]
            return _with(pond, replace(sensor, history=(*sensor.history, (event.since, event.state))))
        case SensorMaintenanceSet():
            pond = _registered(state)
            return _with(pond, replace(pond.sensors[event.sensor_id], windows=event.windows))
        case SensorReplaced():
            pond = _registered(state)
            sensor = pond.sensors[event.sensor_id]
            return _with(pond, replace(sensor, description=event.sensor, former=event.former))
        case LimitsAdopted():
            pond = _registered(state)
            return replace(pond, limits=(*pond.limits, event.limits))
        case _:
            raise TypeError(f"{type(event).__name__} is not part of a pond's life")


def _register_pond(command: RegisterPond, state: PondState, at: datetime) -> list[PondEvent]:
    match state:
        case Unregistered():
            return [PondRegistered(pond=command.pond, at=at)]
        case Pond(description=known):
            return [] if known == command.pond else [PondAmended(pond=command.pond, at=at)]
        case _:
            assert_never(state)


def _register_sensor(command: RegisterSensor, pond: Pond, at: datetime) -> list[PondEvent]:
    new = command.sensor
    known = pond.sensors.get(new.id)
    if known is None:
        return [SensorRegistered(pond_id=command.pond_id, sensor=new, state=command.state, at=at)]
    # The state asked for is that of a new sensor: importing a file again must not end somebody's maintenance.
    if known.description == new:
        return []
    if known.state is SensorState.RETIRED:
        raise Conflict("registry.retired", field="sensor.id", sensor=new.id)
    if known.description.kind is not new.kind:
        kinds = {"was": known.description.kind.value, "wanted": new.kind.value}
        raise Conflict("registry.kind_fixed", field="sensor.kind", sensor=new.id, **kinds)
    return [SensorAmended(pond_id=command.pond_id, sensor=new, at=at)]


def _sensor(pond: Pond, sensor_id: str) -> Sensor:
    sensor = pond.sensors.get(sensor_id)
    if sensor is None:
        raise NotFound("registry.no_sensor", field="sensor_id", sensor=sensor_id, pond=pond.description.id)
    return sensor


def _change_state(command: ChangeSensorState, pond: Pond, at: datetime) -> list[PondEvent]:
    sensor = _sensor(pond, command.sensor_id)
    since = at if command.since is None else command.since
    if sensor.state is command.state:
        window = window_at(sensor.windows, since)
        if window is not None and command.state is SensorState.IN_SERVICE:
            raise Conflict("sensorcare.in_window", field="state", sensor=command.sensor_id, end=window.end.isoformat())
        return []
    check_move(command.sensor_id, sensor.state, command.state, since, sensor.history[-1][0], at)
    return [
        SensorStateChanged(
            pond_id=command.pond_id,
            sensor_id=command.sensor_id,
            state=command.state,
            since=since,
            reason=command.reason,
            at=at,
        )
    ]


def _keep_up(command: Upkeep, pond: Pond, at: datetime) -> list[PondEvent]:
    sensor = _sensor(pond, command.sensor_id)
    if sensor.state is SensorState.RETIRED:
        raise Conflict("registry.retired", field="sensor_id", sensor=command.sensor_id)
    about = {"pond_id": command.pond_id, "sensor_id": command.sensor_id}
    if isinstance(command, Replace):
        since = at if command.since is None else command.since
        check_since(command.sensor_id, since, sensor.former, at)
        if sensor.description == command.sensor:
            return []
        former = former_after(sensor.former, sensor.description, command.sensor, since)
        return [SensorReplaced(**about, sensor=command.sensor, former=former, since=since, at=at)]
    windows = (
        planned(sensor.windows, command) if isinstance(command, PlanMaintenance) else ended(sensor.windows, command, at)
    )
    return [] if windows == sensor.windows else [SensorMaintenanceSet(**about, windows=windows, at=at)]


def _adopt_limits(command: AdoptLimits, pond: Pond, at: datetime) -> list[PondEvent]:
    if pond.limits and pond.limits[-1] == command.limits:
        return []
    check_limits(command.limits, {sensor_id: sensor.description.kind for sensor_id, sensor in pond.sensors.items()})
    return [LimitsAdopted(pond_id=command.pond_id, limits_version=len(pond.limits) + 1, limits=command.limits, at=at)]


def _registered(state: PondState) -> Pond:
    if isinstance(state, Unregistered):
        raise TypeError("an event of a pond's life came before its registration")
    return state


def _with(pond: Pond, sensor: Sensor) -> Pond:
    return replace(pond, sensors={**pond.sensors, sensor.description.id: sensor})
