"""Several monitors answer as one: what is asked of a pond goes to the one that serves its partition.

A command reaches any monitor of the queue group. What stands in the database any of them can tell; what only memory
knows (standings), and every act, is passed on to the pond's own, on ``tw.workers.monitor.<partition>.<command>``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from services.monitor.adapters.people import StoredWarnings
from services.monitor.handlers import Monitor
from shared.bus.partitions import PARTITIONS, Share, partition_of
from shared.bus.rpc import CommandClient, serve_command
from shared.contracts.base import Command
from shared.contracts.monitor import (
    AcknowledgeWarning,
    CloseWarning,
    HandleWarning,
    PondStanding,
    PondStandings,
    ShowPondStanding,
    WarningView,
)
from shared.problems import NotFound, Unavailable

if TYPE_CHECKING:
    from faststream.nats import NatsBroker

__all__ = ["Neighbours", "answer_neighbours"]

R = TypeVar("R", bound=BaseModel)
Act = AcknowledgeWarning | HandleWarning | CloseWarning


class Neighbours:
    """Implements ``handlers.WarningDesk`` for a monitor that serves *share*, beside others."""

    def __init__(self, own: StoredWarnings, share: Share, client: CommandClient) -> None:
        self._own, self._share, self._client = own, share, client

    async def act(self, command: Act) -> WarningView:
        """See ``handlers.WarningDesk``; raises Unavailable when nobody serves the pond."""
        found = await self._own.warning(command.warning_id)
        if found is None:
            raise NotFound("watch.no_warning", field="warning_id", warning=command.warning_id)
        if self._share.owns(found.pond_id):
            return await self._own.act(command)
        return await self._ask(partition_of(found.pond_id), command, WarningView)

    async def warning(self, warning_id: str) -> WarningView | None:
        """See ``handlers.WarningDesk``."""
        return await self._own.warning(warning_id)

    async def warnings(self, pond_id: str | None, include_closed: bool, limit: int) -> list[WarningView]:
        """See ``handlers.WarningDesk``."""
        return await self._own.warnings(pond_id, include_closed, limit)

    async def standings(self, pond_id: str | None) -> list[PondStanding]:
        """See ``handlers.WarningDesk``; raises Unavailable when a partition is served by nobody.

        A list that left its ponds out would look as if all were well.
        """
        if pond_id is not None:
            if self._share.owns(pond_id):
                return await self._own.standings(pond_id)
            question = ShowPondStanding(pond_id=pond_id)
            return list((await self._ask(partition_of(pond_id), question, PondStandings)).ponds)
        others = [number for number in range(PARTITIONS) if number not in self._share.numbers]
        parts = await asyncio.gather(self._own.standings(None), *(self._of(number) for number in others))
        return sorted((each for part in parts for each in part), key=lambda each: each.pond_id)

    async def _of(self, partition: int) -> list[PondStanding]:
        return list((await self._ask(partition, ShowPondStanding(), PondStandings)).ponds)

    async def _ask(self, partition: int, command: Command, reply: type[R]) -> R:
        try:
            return await self._client.send(command, reply, _subject(partition, type(command)))
        except Unavailable as error:
            if error.code != "bus.no_responders":
                raise
            raise Unavailable("partitions.nobody", partition=partition) from error


def answer_neighbours(broker: NatsBroker, own: StoredWarnings, share: Share, queue: str) -> None:
    """Answer what other monitors pass on; call before the broker starts."""
    monitor = Monitor(own)
    for number in share.numbers:
        acts: tuple[type[Act], ...] = (AcknowledgeWarning, HandleWarning, CloseWarning)
        for act in acts:
            serve_command(broker, act, monitor.act, queue, subject=_subject(number, act))
        standing = _Partition(own, number).standing
        serve_command(broker, ShowPondStanding, standing, queue, subject=_subject(number, ShowPondStanding))


class _Partition:
    """The ponds of one partition."""

    def __init__(self, own: StoredWarnings, number: int) -> None:
        self._own, self._number = own, number

    async def standing(self, command: ShowPondStanding) -> PondStandings:
        if command.pond_id is not None:
            return await Monitor(self._own).standing(command)
        ponds = await self._own.standings(None)
        return PondStandings(ponds=tuple(each for each in ponds if partition_of(each.pond_id) == self._number))


def _subject(partition: int, command: type[Command]) -> str:
    return f"tw.workers.monitor.{partition}.{command.command_name.partition('.')[2]}"
