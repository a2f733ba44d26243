"""A transaction that lost a race is done anew, and cannot lose again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.eventstore.store import EventStore
from shared.postgres import Connection, Pool
from shared.problems import Conflict

__all__ = ["once_more"]

T = TypeVar("T")


async def once_more(pool: Pool, store: EventStore, work: Callable[[Connection], Awaitable[T]]) -> T:
    """Do *work* in one transaction; when somebody else appended meanwhile, do it again with the store to itself.

    The second try takes the append lock before it looks, so that what it decides on is still so when it appends:
    however many race, each is decided after at most one loss.

    Parameters
    ----------
    pool, store
        The service's.
    work
        Loads, decides and appends; it may be called twice, so let it change nothing but the database.

    Raises
    ------
    Conflict
        The domain's own conflicts stay so however often they are tried.
    """
    try:
        async with pool.connection() as conn, conn.transaction():
            return await work(conn)
    except Conflict as error:
        if error.code != "store.conflict":
            raise
    async with pool.connection() as conn, conn.transaction():
        await store.hold_appends(conn)
        return await work(conn)
