"""The monitor's commands: people's acts on warnings, and queries."""

from __future__ import annotations

from typing import Protocol

from shared.contracts.monitor import (
    AcknowledgeWarning,
    CloseWarning,
    HandleWarning,
    ListWarnings,
    PondStanding,
    PondStandings,
    ShowPondStanding,
    ShowWarning,
    WarningList,
    WarningView,
)
from shared.problems import NotFound

__all__ = ["Monitor", "WarningDesk"]


class WarningDesk(Protocol):
    """Where warnings live."""

    async def act(self, command: AcknowledgeWarning | HandleWarning | CloseWarning) -> WarningView:
        """Carry out a person's act and return the warning after it."""
        ...

    async def warning(self, warning_id: str) -> WarningView | None:
        """Return one warning."""
        ...

    async def warnings(self, pond_id: str | None, include_closed: bool, limit: int) -> list[WarningView]:
        """Return warnings, newest first."""
        ...

    async def standings(self, pond_id: str | None) -> list[PondStanding]:
        """Return how ponds stand."""
        ...


class Monitor:
    """Answers the monitor's commands."""

    def __init__(self, desk: WarningDesk) -> None:
        self._desk = desk

    async def act(self, command: AcknowledgeWarning | HandleWarning | CloseWarning) -> WarningView:
        """Acknowledge, handle or close a warning.

        Raises
        ------
        BadInput, NotFound, Conflict
            What the domain refuses.
        """
        return await self._desk.act(command)

    async def show(self, command: ShowWarning) -> WarningView:
        """Return one warning."""
        found = await self._desk.warning(command.warning_id)
        if found is None:
            raise NotFound("watch.no_warning", field="warning_id", warning=command.warning_id)
        return found

    async def list(self, command: ListWarnings) -> WarningList:
        """Return warnings, newest first."""
        found = await self._desk.warnings(command.pond_id, command.include_closed, command.limit)
        return WarningList(warnings=tuple(found))

    async def standing(self, command: ShowPondStanding) -> PondStandings:
        """Return how one pond stands, or all of them."""
        found = await self._desk.standings(command.pond_id)
        if command.pond_id is not None and not found:
            raise NotFound("intake.no_pond", field="pond_id", pond=command.pond_id)
        return PondStandings(ponds=tuple(found))
