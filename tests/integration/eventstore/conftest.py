"""What the event store's tests need beyond the servers: a superuser, an owner's pool, a short-memoried EVENTS."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from nats.js import JetStreamContext
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deploy.local.nats import SERVICE_USER, NatsServer
from deploy.local.postgres import SUPERUSER, PostgresServer
from shared.bus.connection import connect
from shared.postgres import Pool, open_pool
from tests.integration.eventstore.sample import SERVICE, Levels


@pytest.fixture
async def owner_pool(database: dict[str, str]) -> AsyncIterator[Pool]:
    opened = await open_pool(database["owner"], schema=SERVICE)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
def superuser_url(postgres: PostgresServer, database: dict[str, str]) -> str:
    """The address of somebody who may do anything, looking at the service's schema."""
    name = str(conninfo_to_dict(database["owner"])["dbname"])
    return make_conninfo(postgres.url(SUPERUSER, name), options=f"-c search_path={SERVICE},public")


@pytest.fixture
async def superuser(superuser_url: str) -> AsyncIterator[psycopg.AsyncConnection[tuple[Any, ...]]]:
    async with await psycopg.AsyncConnection.connect(superuser_url, autocommit=True) as conn:
        yield conn


@pytest.fixture
async def levels(superuser: psycopg.AsyncConnection[Any]) -> Levels:
    """The sample read model with its tables, made by the owner."""
    await superuser.execute("SET ROLE tailwarden_owner")
    await superuser.execute(Levels.ddl)
    await superuser.execute("RESET ROLE")
    return Levels()


@pytest.fixture
async def js(streams: NatsServer) -> AsyncIterator[JetStreamContext]:
    """JetStream with an empty EVENTS that remembers message ids for 100 ms only."""
    client = await connect(streams.url, user=SERVICE_USER, password=streams.passwords[SERVICE_USER], name="tests")
    try:
        context = client.jetstream()
        config = (await context.stream_info("EVENTS")).config
        await context.update_stream(replace(config, duplicate_window=0.1))
        yield context
    finally:
        await client.close()
