"""Real servers for tests: one NATS and one PostgreSQL per worker, a clean database and clean streams per test.

With ``TAILWARDEN_TEST_DATABASE_URL`` (a superuser's address) databases are made in that server instead of our own
(see ``tests/given.py``); tests marked ``timescaledb`` run when it has TimescaleDB.

``connection``       what a service would find: NATS with empty streams, a migrated database of its own
``database``         only the database: its addresses by role
``system``           everything that `tailwarden up` runs, in a process and a home of its own
``shared_system``    the same, once per worker: for tests that only add to it
``shared_data``      the real series beside the checkout; the test is skipped when they are absent
"""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from deploy.local.machine import migrate_all
from deploy.local.nats import SERVICE_USER, NatsServer
from deploy.local.places import temporary_home
from deploy.local.ports import HOST, choose
from deploy.local.postgres import ROLES, SUPERUSER, PostgresServer
from deploy.local.process import Process
from deploy.local.running import RunningSystem, running_system
from deploy.local.secrets import Secrets
from shared.settings import Connection
from tests.given import GivenServer, given_url

ROOT = Path(__file__).parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"
TEMPLATE = "tailwarden_template"

# Durability costs time and these servers end with the test run. Tests of durability use `system`, which keeps it on.
HASTE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "64MB",
}


MEMORY = Path("/dev/shm")
"""A file system in memory, where there is one: a database is cloned there in 12 ms instead of 300."""
ROOM = 2 << 30


def in_memory() -> Path | None:
    """Return where servers that need not outlive the tests keep their files; None: on the disk."""
    usable = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    return MEMORY if usable else None


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests speak English and know no running system but their own."""
    for name in list(os.environ):
        if name.startswith("TAILWARDEN_") and not name.startswith("TAILWARDEN_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TAILWARDEN_LANGUAGE", "en")
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture(scope="session")
def worker_home() -> Iterator[Path]:
    with temporary_home(in_memory()) as home:
        yield home


@pytest.fixture(scope="session")
def nats_server(worker_home: Path) -> Iterator[NatsServer]:
    """A NATS with our users; its streams are cleared by `streams`."""
    server = NatsServer(
        worker_home / "nats",
        worker_home / "nats.log",
        port=choose(0, what="nats"),
        mqtt_port=choose(0, what="mqtt"),
        secrets=Secrets(worker_home / "secrets"),
        sync=False,
    )
    process = Process.start(server.program())
    try:
        process.wait_ready()
        yield server
    finally:
        process.stop()


@pytest.fixture(scope="session")
def postgres(worker_home: Path) -> Iterator[PostgresServer | GivenServer]:
    """A PostgreSQL with our roles: our own, or the one the environment gives."""
    url = given_url()
    if url is not None:
        given = GivenServer(url)
        given.provision()
        yield given
        return
    server = PostgresServer(
        worker_home / "postgres",
        worker_home / "postgres.log",
        port=choose(0, what="postgres"),
        secrets=Secrets(worker_home / "secrets"),
        settings=HASTE,
    )
    process = Process.start(server.program())
    try:
        process.wait_ready()
        server.provision()
        yield server
    finally:
        process.stop()


@pytest.fixture(scope="session")
def template_database(postgres: PostgresServer | GivenServer) -> Iterator[str]:
    """A database with every service's schema, to be cloned."""
    name = f"{TEMPLATE}_{uuid.uuid4().hex[:12]}"  # the server may be shared by workers
    identifier = sql.Identifier(name)
    with psycopg.connect(postgres.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER tailwarden_owner").format(identifier))
        migrate_all(postgres.url("owner", name))
        with psycopg.connect(postgres.url(SUPERUSER, name), autocommit=True) as inside:
            if inside.execute("SELECT FROM pg_extension WHERE extname = 'timescaledb'").fetchone() is not None:
                inside.execute("SELECT _timescaledb_functions.stop_background_workers()")
        # With this no job of TimescaleDB comes back and is in the way of a clone.
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(identifier))
        yield name
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


def cloned(postgres: PostgresServer | GivenServer, template: str) -> Iterator[dict[str, str]]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    identifier = sql.Identifier(name)
    # Files copied as they are: quickest in memory, slowest on a disk.
    copied = isinstance(postgres, PostgresServer) and in_memory() is not None
    with psycopg.connect(postgres.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER tailwarden_owner STRATEGY {}").format(
                identifier, sql.Identifier(template), sql.SQL("FILE_COPY" if copied else "WAL_LOG")
            )
        )
        yield {role: postgres.url(role, name) for role in ROLES}
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


@pytest.fixture(autouse=True)
def timescaledb_where_needed(request: pytest.FixtureRequest) -> None:
    """Skip what is marked ``timescaledb`` where there is none."""
    if request.node.get_closest_marker("timescaledb") is None:
        return
    url = given_url()
    if url is None or not GivenServer(url).timescaledb():
        pytest.skip("needs TimescaleDB: TAILWARDEN_TEST_DATABASE_URL names no server that has it")


@pytest.fixture
def database(postgres: PostgresServer | GivenServer, template_database: str) -> Iterator[dict[str, str]]:
    """Addresses, by role, of a migrated database of this test's own."""
    yield from cloned(postgres, template_database)


@pytest.fixture
def empty_database(postgres: PostgresServer | GivenServer) -> Iterator[dict[str, str]]:
    """Addresses, by role, of a database without any schema."""
    yield from cloned(postgres, "template0")


def in_thread(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine to its end whether or not a loop runs here."""
    failure: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(work())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]


@pytest.fixture
def streams(nats_server: NatsServer) -> NatsServer:
    """The worker's NATS with our streams, empty, and no consumers."""

    async def clear() -> None:
        from shared.bus.connection import connect
        from shared.bus.copies import provision_copy
        from shared.bus.streams import provision

        client = await connect(
            nats_server.url, user=SERVICE_USER, password=nats_server.passwords[SERVICE_USER], name="tests"
        )
        try:
            js = client.jetstream()
            for info in await js.streams_info():
                if not str(info.config.name).startswith("$MQTT"):
                    await js.delete_stream(str(info.config.name))
            await provision(js)
            await provision_copy(client)
        finally:
            await client.close()

    in_thread(clear)
    return nats_server


@pytest.fixture
def connection(streams: NatsServer, database: dict[str, str]) -> Connection:
    """What a service would find when it starts."""
    return Connection(
        nats_url=streams.url,
        nats_user=SERVICE_USER,
        nats_password=streams.passwords[SERVICE_USER],
        nats_users={name: word for name, word in streams.passwords.items() if name != SERVICE_USER},
        mqtt_host=HOST,
        mqtt_port=streams.mqtt_port,
        database_urls=database,
    )


@pytest.fixture
async def pool(database: dict[str, str]) -> AsyncIterator[Any]:
    """A pool of the registry's role on a database of this test's own."""
    from shared.postgres import open_pool

    opened = await open_pool(database["registry"], schema="registry")
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
def system() -> Iterator[RunningSystem]:
    """Everything, fresh, durable; tests may kill any part of it."""
    with temporary_home() as home, running_system(home) as running:
        yield running


@pytest.fixture(scope="session")
def shared_system() -> Iterator[RunningSystem]:
    """Everything, once per worker: a test adds ponds of its own and kills nothing."""
    with temporary_home(in_memory()) as home, running_system(home) as running:
        yield running


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real series beside the checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real series (../shared/data) are not beside this checkout")
    return SHARED_DATA
