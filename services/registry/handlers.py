"""The registry's commands, one by one: judge what needs the outside world, let the domain decide, answer."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.registry.domain import Asked, Pond, PondCommand, PondState, Unregistered
from shared.clock import Clock
from shared.contracts.registry import PondView, RegisterPond, RegisterSensor, SensorView, ShowPond
from shared.names import is_blank
from shared.problems import BadInput, NotFound
from shared.site.units import to_canonical

__all__ = ["Outcome", "Ponds", "Registry", "check", "view_of"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A pond after a command: its state, the version of its stream, and whether the command changed it."""

    state: PondState
    version: int
    changed: bool


class Ponds(Protocol):
    """Where ponds live."""

    async def ask(self, pond_id: str, asked: Asked, by: str) -> Outcome:
        """Decide, and keep what happened, in one step that nobody comes between."""
        ...

    async def find(self, pond_id: str) -> Outcome:
        """Return the pond as it stands."""
        ...


class Registry:
    """Answers the registry's commands with the pond as it then stands."""

    def __init__(self, ponds: Ponds, clock: Clock) -> None:
        self._ponds = ponds
        self._clock = clock

    async def change(self, command: PondCommand) -> PondView:
        """Carry out a command that may change a pond.

        Raises
        ------
        Refusal
            What the domain refuses, an unknown time zone (``registry.timezone``) or unit (``units.unknown``).
        """
        pond_id = command.pond.id if isinstance(command, RegisterPond) else command.pond_id
        check(command)
        outcome = await self._ponds.ask(pond_id, Asked(command, self._clock.now()), command.by)
        return view_of(pond_id, outcome, self._clock.now())

    async def show(self, command: ShowPond) -> PondView:
        """Return the pond as it stands.

        Raises
        ------
        NotFound
            ``registry.no_pond``.
        """
        return view_of(command.pond_id, await self._ponds.find(command.pond_id), self._clock.now())


def check(command: PondCommand) -> None:
    """Refuse blank names, and names that only tables outside the domain know: time zones and units."""
    if is_blank(command.by):
        raise BadInput("watch.blank", field="by", name="by")
    if isinstance(command, RegisterPond):
        name = command.pond.timezone
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise BadInput("registry.timezone", field="pond.timezone", name=name) from error
    if isinstance(command, RegisterSensor):
        try:
            to_canonical(command.sensor.kind, command.sensor.unit)
        except BadInput as error:
            raise BadInput(error.code, field="sensor.unit", **error.params) from error


def view_of(pond_id: str, outcome: Outcome, now: datetime) -> PondView:
    """Return a pond as commands answer with it, its sensors as they are at *now*.

    Raises
    ------
    NotFound
        ``registry.no_pond``.
    """
    match outcome.state:
        case Unregistered():
            raise NotFound("registry.no_pond", field="pond_id", pond=pond_id)
        case Pond() as pond:
            sensors = tuple(
                SensorView(
                    sensor=sensor.description,
                    state=sensor.state_at(now),
                    state_history=sensor.history,
                    windows=sensor.windows,
                    former=sensor.former,
                )
                for sensor in pond.sensors.values()
            )
            return PondView(
                pond=pond.description,
                sensors=sensors,
                limits=pond.limits,
                version=outcome.version,
                changed=outcome.changed,
            )
