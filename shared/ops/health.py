"""Whether a process lives and whether it can do its work: what ``/healthz`` and ``/readyz`` say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from shared.ops.catalogue import READY
from shared.postgres import Pool

__all__ = ["Check", "Health", "answers"]

Check = Callable[[], Awaitable[str]]
"""Returns what is not as it should be, in a few plain words; nothing when all is well. What it raises counts too."""

_LIMIT = 2.0
"""Seconds a condition has to be found out: an answer that comes later than whoever asks can wait is none."""
_FRESH = 1.0
"""Seconds for which an answer is given again: whoever asks often must not keep the database busy."""


class Health:
    """The conditions of one process.

    Being alive is one thing (the loop answers, the tasks run: else start it anew), being ready another (NATS, the
    database, the service's own conditions: else send it no work, and do *not* start it anew).
    """

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._names: tuple[str, ...] | None = None
        self._found: dict[str, str] = {}
        self._found_at = float("-inf")
        self._lock = asyncio.Lock()

    def add(self, name: str, check: Check) -> None:
        """Make ready depend on *check*."""
        self._checks[name] = check
        self._found_at = float("-inf")

    def begun(self, names: Sequence[str]) -> None:
        """Say that the service serves, and by which tasks (their names)."""
        self._names = tuple(names)
        self._found_at = float("-inf")

    def ended(self) -> list[str]:
        """Return the tasks of the service that run no more; whoever asks does so on its loop, which therefore runs."""
        running = {task.get_name() for task in asyncio.all_tasks() if not task.done()}
        return [name for name in self._names or () if name not in running]

    async def missing(self) -> dict[str, str]:
        """Return, by name, the conditions that do not hold, and why."""
        async with self._lock:
            if time.monotonic() - self._found_at > _FRESH:
                self._found = await self._look()
                self._found_at = time.monotonic()
            return dict(self._found)

    async def _look(self) -> dict[str, str]:
        names = list(self._checks)
        said = dict(zip(names, await asyncio.gather(*(_asked(self._checks[name]) for name in names)), strict=True))
        if self._names is None:
            said["start"] = "does not serve yet"
        elif ended := self.ended():
            said["tasks"] = f"ended: {', '.join(ended)}"
        for name in {*names, "start", "tasks"}:
            READY.set(0.0 if said.get(name) else 1.0, name)
        return {name: why for name, why in said.items() if why}


async def _asked(check: Check) -> str:
    try:
        async with asyncio.timeout(_LIMIT):
            return await check()
    except TimeoutError:
        return f"no answer within {_LIMIT:g} s"
    except Exception as error:
        return type(error).__name__  # its text may name addresses or users


def answers(pool: Pool) -> Check:
    """Return the condition that the database of *pool* answers."""

    async def ask() -> str:
        async with pool.connection(timeout=_LIMIT / 2) as conn:
            await conn.execute("SELECT 1")
        return ""

    return ask
