"""The commands about exercises 汛期演练: what is refused before one begins, and how each is shown."""

from __future__ import annotations

from typing import Protocol

from services.notifier.domain.drill import Drill
from services.notifier.domain.storm import shadow_of, storm_of
from shared.clock import Clock
from shared.contracts.drills import DrillList, DrillView, ListDrills, ShowDrill, StartDrill, StopDrill
from shared.contracts.registry import PondView
from shared.contracts.synthetic import is_synthetic
from shared.problems import BadInput, Conflict, NotFound

__all__ = ["Drilling", "Exercises"]


class Exercises(Protocol):
    """Where exercises live."""

    def running_at(self, pond_id: str) -> Drill | None:
        """Return the exercise that runs at a pond."""
        ...

    async def pond(self, pond_id: str) -> PondView:
        """Return a pond as the register has it; NotFound when it has none."""
        ...

    async def real_warning(self, pond_id: str) -> str | None:
        """Return the id of a warning open at a pond, or None."""
        ...

    async def start(self, command: StartDrill, timezone: str) -> Drill:
        """Begin an exercise; it plays by itself from there."""
        ...

    async def stop(self, drill_id: str, by: str) -> Drill | None:
        """End an exercise that runs; None when there is none of that id."""
        ...

    async def view(self, drill_id: str) -> DrillView | None:
        """Return an exercise with its score sheet."""
        ...

    async def views(self, pond_id: str | None, running: bool, limit: int) -> list[DrillView]:
        """Return exercises, newest first, without score sheets."""
        ...


class Drilling:
    """Answers the commands about exercises."""

    def __init__(self, exercises: Exercises, clock: Clock) -> None:
        self._exercises, self._clock = exercises, clock

    async def start(self, command: StartDrill) -> DrillView:
        """Begin an exercise.

        Raises
        ------
        BadInput
            ``drills.synthetic``.
        NotFound
            ``registry.no_pond``.
        Conflict
            ``drills.running``, ``drills.no_limits``, ``drills.real_warning``.
        Unavailable
            When the registry or the monitor does not answer: nothing has begun then.
        """
        pond_id = command.pond_id
        if is_synthetic(pond_id):
            raise BadInput("drills.synthetic", field="pond_id", pond=pond_id)
        self._free(pond_id)
        real = await self._exercises.pond(pond_id)
        storm_of(shadow_of(real, pond_id), command.storm, self._clock.now())
        warning = await self._exercises.real_warning(pond_id)
        if warning is not None:
            raise Conflict("drills.real_warning", field="pond_id", pond=pond_id, warning=warning)
        drill = await self._exercises.start(command, real.pond.timezone)
        return await self._view(drill.drill_id)

    async def stop(self, command: StopDrill) -> DrillView:
        """End an exercise at once; one that has ended is shown as it ended."""
        if await self._exercises.stop(command.drill_id, command.by) is None:
            raise NotFound("drills.no_drill", field="drill_id", drill=command.drill_id)
        return await self._view(command.drill_id)

    async def show(self, command: ShowDrill) -> DrillView:
        """Return an exercise with its score sheet."""
        return await self._view(command.drill_id)

    async def list(self, command: ListDrills) -> DrillList:
        """Return exercises, newest first."""
        return DrillList(drills=tuple(await self._exercises.views(command.pond_id, command.running, command.limit)))

    def _free(self, pond_id: str) -> None:
        running = self._exercises.running_at(pond_id)
        if running is not None:
            raise Conflict("drills.running", field="pond_id", pond=pond_id, drill=running.drill_id)

    async def _view(self, drill_id: str) -> DrillView:
        view = await self._exercises.view(drill_id)
        if view is None:
            raise NotFound("drills.no_drill", field="drill_id", drill=drill_id)
        return view
