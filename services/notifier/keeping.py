"""The record of what was sent: kept in batches, for as long as that takes, without sending anything again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from services.notifier.domain.delivery import Outcome
from services.notifier.ports import Recorder
from shared.logging import logger

__all__ = ["Keeping"]

_TRIES = 3
_FIRST_DELAY, _LONGEST_DELAY = 0.1, 5.0


class Keeping:
    """Passes outcomes on to the recorder; those that come while it is busy go together."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._pending: list[Outcome] = []
        self._lock = asyncio.Lock()
        self._flying: set[str] = set()
        self._log = logger(__name__)

    @property
    def flying(self) -> frozenset[str]:
        """Ids of what this process has claimed and not recorded yet."""
        return frozenset(self._flying)

    def claimed(self, ids: Iterable[str]) -> None:
        """Note what is about to be sent."""
        self._flying.update(ids)

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """Record outcomes, those that others gave meanwhile too; whoever gave them may go."""
        self._pending.extend(outcomes)
        async with self._lock:
            batch, self._pending = self._pending, []
            if not batch or await self._recorded(batch):
                return
        await self._insist(batch)

    async def _insist(self, batch: Sequence[Outcome]) -> None:
        """Try on; halve what cannot be recorded, so that one outcome nobody can record holds up no other."""
        delay, tries = _FIRST_DELAY, 1
        while True:
            await asyncio.sleep(delay)
            if await self._recorded(batch):
                return
            delay, tries = min(delay * 2, _LONGEST_DELAY), tries + 1
            if tries >= _TRIES and len(batch) > 1:
                half = len(batch) // 2
                await asyncio.gather(self._insist(batch[:half]), self._insist(batch[half:]))
                return

    async def _recorded(self, batch: Sequence[Outcome]) -> bool:
        try:
            await self._recorder.record(batch)
        except Exception as error:
            self._log.warning("outcomes not recorded yet", outcomes=len(batch), error=type(error).__name__)
            return False
        self._flying.difference_update(each.delivery_id for each in batch)
        return True
