"""Tampering with the store by somebody who may do anything: each kind is found, at its place."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from shared.eventstore import Finding, audit
from shared.eventstore.hashing import GENESIS, link
from shared.eventstore.sql import statement
from shared.postgres import Pool
from tests.integration.eventstore.sample import SERVICE, append, filled

Superuser = psycopg.AsyncConnection[Any]


async def five_events(pool: Pool, relayed: int | None = None) -> None:
    async with pool.connection() as conn:
        stored = await append(conn, "tank-a", 0, *(filled(i + 1) for i in range(5)))
        if relayed is not None:
            last = stored[relayed - 1]
            await conn.execute(
                statement("save_cursor"), {"service": SERVICE, "position": last.position, "hash": last.hash}
            )


async def tamper(superuser: Superuser, *acts: str) -> None:
    async with superuser.transaction():
        await superuser.execute("ALTER TABLE event DISABLE TRIGGER event_append_only")
        for act in acts:
            await superuser.execute(act)
        await superuser.execute("ALTER TABLE event ENABLE ALWAYS TRIGGER event_append_only")


async def finding(pool: Pool) -> Finding | None:
    async with pool.connection() as conn:
        return (await audit(conn, batch=2)).finding


async def test_an_untouched_chain_is_intact(pool: Pool) -> None:
    async with pool.connection() as conn:
        assert (await audit(conn)).events == 0
    await five_events(pool, relayed=5)
    async with pool.connection() as conn:
        report = await audit(conn, batch=2)
    assert (report.events, report.finding) == (5, None)


@pytest.mark.parametrize(
    "change",
    [
        "data = replace(data::text, '3.0', '9.0')::json",
        "data = (data::text || ' ')::json",
        "recorded_at = recorded_at + interval '1 microsecond'",
        'metadata = \'{"by": "somebody else"}\'',
        "aggregate_id = 'b'",
        "schema_version = 2",
        "type = 'registry.tank.drained'",
        "id = gen_random_uuid()",
    ],
)
async def test_a_changed_row_is_found(pool: Pool, superuser: Superuser, change: str) -> None:
    await five_events(pool)
    await tamper(superuser, f"UPDATE event SET {change} WHERE position = 3")
    assert await finding(pool) == Finding(3, "changed")


async def test_a_changed_row_with_its_hash_made_right_breaks_the_next_link(pool: Pool, superuser: Superuser) -> None:
    await five_events(pool)
    await tamper(superuser, "UPDATE event SET data = '{}' WHERE position = 3")
    await rehash(superuser, 3, 3)
    assert await finding(pool) == Finding(4, "unlinked")


async def test_a_history_written_anew_contradicts_what_was_published(pool: Pool, superuser: Superuser) -> None:
    await five_events(pool, relayed=4)
    await tamper(superuser, "UPDATE event SET data = '{\"litres\": 9.0}' WHERE position = 3")
    await rehash(superuser, 3, 5)
    assert await finding(pool) == Finding(4, "anchor")


async def test_a_removed_row_is_a_gap(pool: Pool, superuser: Superuser) -> None:
    await five_events(pool)
    await tamper(superuser, "DELETE FROM event WHERE position = 2")
    assert await finding(pool) == Finding(2, "gap")


async def test_a_removed_tail_is_found_by_what_was_published(pool: Pool, superuser: Superuser) -> None:
    await five_events(pool, relayed=5)
    await tamper(superuser, "DELETE FROM event WHERE position >= 4")
    assert await finding(pool) == Finding(4, "tail")


async def rehash(superuser: Superuser, first: int, last: int) -> None:
    """Recompute the chain over [first, last], as a knowing forger would."""
    rows = await (await superuser.execute(statement("read_chain"), {"after": 0, "batch": 100})).fetchall()
    previous = GENESIS
    for row in rows:
        position, id_, stream, version, type_, schema, aggregate_id, data, metadata, recorded_at, _, digest = row
        if first <= position <= last:
            digest = link(
                previous, position=position, id=id_, stream=stream, version=version, type=type_,
                schema_version=schema, aggregate_id=aggregate_id, recorded_at=recorded_at, metadata=metadata, data=data,
            )  # fmt: skip
            await tamper(
                superuser,
                f"UPDATE event SET hash = '\\x{digest.hex()}', previous_hash = '\\x{previous.hex()}'"
                f" WHERE position = {position}",
            )
        previous = bytes(digest)
