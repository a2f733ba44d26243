"""Ponds in the event store: one stream a pond, decided and appended in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.registry.domain import Asked, PondState, Unregistered, decide, evolve
from services.registry.handlers import Outcome
from shared.eventstore import Decider, EventStore, Projection, Recording, handle, load
from shared.postgres import Pool
from shared.problems import Conflict

__all__ = ["StoredPonds"]

_ATTEMPTS = 5
"""A command that lost the race to another is decided anew on what the other left; more losses in a row are told."""

_POND: Decider[Asked, PondState] = Decider(initial=Unregistered(), decide=decide, evolve=evolve)


class StoredPonds:
    """Implements ``handlers.Ponds`` on PostgreSQL.

    Parameters
    ----------
    pool, store, projections
        The registry's.
    committed : callable
        Called after each transaction that stored events (wakes the relay).
    """

    def __init__(
        self, pool: Pool, store: EventStore, projections: Sequence[Projection], committed: Callable[[], None]
    ) -> None:
        self._pool, self._store, self._projections, self._committed = pool, store, projections, committed

    async def ask(self, pond_id: str, asked: Asked, by: str) -> Outcome:
        """Decide and append; see ``handlers.Ponds``."""
        recording = Recording(at=asked.at, aggregate_id=pond_id, metadata={"by": by})
        for left in reversed(range(_ATTEMPTS)):
            try:
                async with self._pool.connection() as conn, conn.transaction():
                    handled = await handle(
                        conn, self._store, _stream(pond_id), _POND, asked, recording, self._projections
                    )
            except Conflict as error:
                # The domain's own conflicts stay so however often they are tried.
                if error.code != "store.conflict" or not left:
                    raise
                continue
            if handled.stored:
                self._committed()
            return Outcome(handled.state, handled.version, bool(handled.stored))
        raise AssertionError("the last attempt returns or raises")

    async def find(self, pond_id: str) -> Outcome:
        """Return the pond as its stream tells it; see ``handlers.Ponds``."""
        async with self._pool.connection() as conn:
            loaded = await load(conn, self._store, _stream(pond_id), _POND)
        return Outcome(loaded.state, loaded.version, changed=False)


def _stream(pond_id: str) -> str:
    return f"pond-{pond_id}"
