"""Ponds in the event store: one stream a pond, decided and appended in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.registry.domain import Asked, PondState, Unregistered, decide, evolve
from services.registry.handlers import Outcome
from shared.eventstore import Decider, EventStore, Projection, Recording, handle, load
from shared.eventstore.attempts import once_more
from shared.postgres import Pool

__all__ = ["StoredPonds"]

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
        handled = await once_more(
            self._pool,
            self._store,
            lambda conn: handle(conn, self._store, _stream(pond_id), _POND, asked, recording, self._projections),
        )
        if handled.stored:
            self._committed()
        return Outcome(handled.state, handled.version, bool(handled.stored))

    async def find(self, pond_id: str) -> Outcome:
        """Return the pond as its stream tells it; see ``handlers.Ponds``."""
        async with self._pool.connection() as conn:
            loaded = await load(conn, self._store, _stream(pond_id), _POND)
        return Outcome(loaded.state, loaded.version, changed=False)


def _stream(pond_id: str) -> str:
    return f"pond-{pond_id}"
