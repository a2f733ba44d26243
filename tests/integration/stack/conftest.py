"""The full stack's servers: the files of deploy/ as they are, with secrets made for this run."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nats
import psycopg
import pytest
from nats.aio.client import Client

from deploy.local.binaries import nats_server, postgres_directory
from deploy.local.machine import migrate_all
from deploy.local.nats import server_info
from deploy.local.ports import HOST, answers, choose
from deploy.local.postgres import SUPERUSER, PostgresServer
from deploy.local.process import Process, Program
from deploy.local.secrets import Secrets
from deploy.stack.loggers import add_logger
from deploy.stack.secrets import make_secrets
from shared.bus.connection import connect
from shared.bus.copies import provision_copy
from shared.bus.streams import provision
from shared.settings import Connection
from tests.conftest import HASTE, in_thread

DEPLOY = Path(__file__).parents[3] / "deploy"


@dataclass
class StackNats:
    """One server as a container of the stack would run it, on the loopback interface."""

    home: Path
    secrets: Path
    name: str = "nats"
    file: str = "nats.conf"
    port: int = field(default_factory=lambda: choose(0, what="nats"))
    mqtt_port: int = field(default_factory=lambda: choose(0, what="mqtt"))
    monitor_port: int = field(default_factory=lambda: choose(0, what="monitor"))
    environment: dict[str, str] = field(default_factory=dict)
    process: Process | None = None

    @property
    def url(self) -> str:
        return f"tls://{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        return self.home / f"{self.name}.log"

    def program(self) -> Program:
        """/etc/nats of the container: our files by links, the secrets' directory beside them."""
        etc = self.home / "etc"
        etc.mkdir(parents=True, exist_ok=True)
        for conf in (DEPLOY / "nats").glob("*.conf"):
            (etc / conf.name).unlink(missing_ok=True)
            (etc / conf.name).symlink_to(conf)
        if not (etc / "secrets").exists():
            (etc / "secrets").symlink_to(self.secrets / "nats")
        return Program(
            name=self.name,
            command=[str(nats_server()), "-c", self.file],
            log=self.log,
            ready=lambda _: server_info(self.port) is not None and answers(self.mqtt_port),
            directory=etc,
            environment={
                "NATS_NAME": self.name,
                "NATS_LISTEN": f"{HOST}:{self.port}",
                "NATS_MQTT": f"{HOST}:{self.mqtt_port}",
                "NATS_MONITOR": f"{HOST}:{self.monitor_port}",
                "NATS_STORE": str(self.home / self.name),
                "NATS_STORE_LIMIT": "40GB",
                **self.environment,
            },
        )

    def password(self, user: str) -> str:
        for path in (self.secrets / f"nats_{user}", self.secrets / "loggers" / user):
            if path.exists():
                return path.read_text().strip()
        raise KeyError(user)

    def connection(self, user: str) -> Connection:
        """What our own programs connect by."""
        return Connection(
            nats_url=self.url,
            nats_user=user,
            nats_password=self.password(user),
            nats_ca=str(self.secrets / "nats_ca.crt"),
            mqtt_host=HOST,
            mqtt_port=self.mqtt_port,
        )

    @property
    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.secrets / "nats_ca.crt")

    @asynccontextmanager
    async def stranger(
        self, user: str, inbox: str | None = None, said: Callable[[Exception], Awaitable[None]] | None = None
    ) -> AsyncIterator[Client]:
        """A client of somebody else's, who knows the user, the password and the authority."""
        nc = await nats.connect(
            self.url,
            user=user,
            password=self.password(user),
            tls=self.tls,
            inbox_prefix=inbox or f"_INBOX.{user}",
            error_cb=said,
            allow_reconnect=False,
        )
        try:
            yield nc
        finally:
            await nc.close()


@pytest.fixture(scope="session")
def stack_secrets(worker_home: Path) -> Path:
    directory = worker_home / "stack-secrets"
    make_secrets(directory)
    for pond in ("xiakou", "longwan"):
        add_logger(directory, pond)
    add_logger(directory, None)
    return directory


@pytest.fixture(scope="session")
def stack_nats(worker_home: Path, stack_secrets: Path) -> Iterator[StackNats]:
    """The server, with the streams that `tailwarden stack streams` makes."""
    server = StackNats(worker_home / "stack", stack_secrets)
    process = server.process = Process.start(server.program())

    async def make() -> None:
        nc = await connect(server.connection("admin"), name="tests")
        await provision(nc.jetstream())
        assert await provision_copy(nc) == "created"
        await nc.close()

    try:
        process.wait_ready()
        in_thread(make)
        yield server
    finally:
        process.stop()


@dataclass
class StackDatabase:
    """A PostgreSQL as the timescaledb container finds itself: a superuser, an empty database, secrets by file."""

    server: PostgresServer
    secrets: Path

    def run_script(self, secrets: Path, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{postgres_directory(None)}:/usr/bin:/bin",
            "PGHOST": HOST,
            "PGPORT": str(self.server.port),
            "PGPASSWORD": self.server.passwords[SUPERUSER],
            "POSTGRES_USER": SUPERUSER,
            "POSTGRES_DB": "tailwarden",
            "SECRETS": str(secrets),
        }
        return subprocess.run(
            ["bash", str(DEPLOY / "timescaledb" / "roles.sh")],
            env=environment, capture_output=True, text=True, check=check, timeout=30,
        )  # fmt: skip

    def make_roles(self) -> None:
        self.run_script(self.secrets)

    def url(self, role: str, password: str | None = None, database: str = "tailwarden") -> str:
        word = password or (self.secrets / f"postgres_{role}").read_text().strip()
        return f"postgresql://tailwarden_{role}:{word}@{HOST}:{self.server.port}/{database}"

    def connect(self, role: str, password: str | None = None, database: str = "tailwarden") -> psycopg.Connection:
        return psycopg.connect(self.url(role, password, database), autocommit=True, connect_timeout=5)


@pytest.fixture(scope="session")
def stack_database(worker_home: Path, stack_secrets: Path) -> Iterator[StackDatabase]:
    """Roles by the script, schemas by the migrations, as in the stack's first start."""
    server = PostgresServer(
        worker_home / "stack-postgres",
        worker_home / "stack-postgres.log",
        port=choose(0, what="postgres"),
        secrets=Secrets(worker_home / "stack-superuser"),
        settings=HASTE,
    )
    process = Process.start(server.program())
    try:
        process.wait_ready()
        with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE tailwarden")
        database = StackDatabase(server, stack_secrets)
        database.make_roles()
        migrate_all(database.url("owner"))
        yield database
    finally:
        process.stop()
