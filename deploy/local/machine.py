"""The whole system on one machine: servers, schema, streams, services, and the file that says how to reach it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from deploy.local.nats import SERVICE_USER, NatsServer
from deploy.local.places import usable_home
from deploy.local.ports import HOST, choose
from deploy.local.postgres import ROLES, PostgresServer
from deploy.local.process import Program
from deploy.local.secrets import Secrets
from deploy.local.supervisor import GRACE, Supervisor
from shared.bus.partitions import PARTITIONS, Share
from shared.problems import Conflict, NotFound
from shared.ready import READY_VARIABLE
from shared.settings import CONNECTION_FILE, Connection

__all__ = ["SERVICES", "Machine", "Ports", "migrate_all", "require_service", "service_command", "shares"]

SERVICES = ("registry", "cases", "monitor", "notifier")
"""The services, in the order they are started."""

PREFERRED = {"nats": 4222, "mqtt": 1883, "postgres": 5433, "web": 8088}
"""Customary ports; PostgreSQL's own (5432) is often somebody else's."""

_OWN = ("TAILWARDEN_NATS", "TAILWARDEN_MQTT", "TAILWARDEN_DATABASE", "TAILWARDEN_OWNER", "TAILWARDEN_OPS")
"""What of the environment we were started in does not hold for what runs here."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Which ports were asked for: a number, 0 for any free one, None for the customary one if free."""

    nats: int | None = None
    postgres: int | None = None
    mqtt: int | None = None
    web: int | None = None


class Machine:
    """Everything ``tailwarden up`` runs.

    Parameters
    ----------
    home
        Where data, logs, passwords and the connection file are kept; made when it is missing.
    ports
        Where to listen.
    services
        Which services to run.
    monitors
        How many monitors share the ponds.
    """

    def __init__(
        self, home: Path, ports: Ports | None = None, services: Sequence[str] = SERVICES, monitors: int = 1
    ) -> None:
        self.home = usable_home(home)
        self.services = tuple(require_service(name) for name in services)
        self._wanted = ports or Ports()
        self.shares = shares(monitors)
        self.nats: NatsServer
        self.postgres: PostgresServer
        self.web: int = 0
        """Port of people's pages and the CAP feed."""
        self.ops: dict[str, int] = {}
        """By process: the port of its health and metrics."""
        self.moved: list[tuple[str, int, int]] = []
        """(who, customary port, port used) for each customary port that was taken."""

    @property
    def run_directory(self) -> Path:
        """Where connection file, lock, process ids and readiness marks are."""
        return self.home / "run"

    @property
    def connection(self) -> Connection:
        """How to reach what runs here."""
        return Connection(
            nats_url=self.nats.url,
            nats_user=SERVICE_USER,
            nats_password=self.nats.passwords[SERVICE_USER],
            nats_users={name: word for name, word in self.nats.passwords.items() if name != SERVICE_USER},
            mqtt_host=HOST,
            mqtt_port=self.nats.mqtt_port,
            database_urls={role: self.postgres.url(role) for role in ROLES},
            ops_urls={name: f"http://{HOST}:{port}" for name, port in self.ops.items()},
            web_url=f"http://{HOST}:{self.web}" if "notifier" in self.services else None,
        )

    def run(self, ready: Callable[[Supervisor], None]) -> None:
        """Run until SIGINT, SIGTERM or SIGHUP; call *ready* once everything serves.

        Raises
        ------
        Conflict
            When a system runs in this home already, or a port is taken.
        BadInput
            When a file that says how people are told cannot be used.
        Fault
            When something does not start.
        """
        self._check_files()
        with self._locked() as lock:
            self._prepare()
            try:
                with Supervisor(self.run_directory, held=[lock]) as supervisor:
                    self._start(supervisor)
                    if not supervisor.stopping:
                        ready(supervisor)
                    supervisor.run()
            finally:
                (self.home / CONNECTION_FILE).unlink(missing_ok=True)

    def _check_files(self) -> None:
        """Refuse here, in one line, a file that the notifier would only die of, its traceback in a log."""
        if "notifier" not in self.services:
            return
        from services.notifier.adapters.channelfile import read_channels
        from services.notifier.cards import load_cards
        from services.notifier.settings import load_rules

        readers: dict[str, Callable[[Path], object]] = {
            "routing": load_rules,
            "channels": read_channels,
            "cards": load_cards,
        }
        for name, reader in readers.items():
            kept = self.home / f"{name}.toml"
            given = os.environ.get(f"TAILWARDEN_{name.upper()}_FILE") or (kept if kept.exists() else None)
            if given is not None:
                reader(Path(given))

    def _prepare(self) -> None:
        """Choose ports, write configurations."""
        log = self.home / "log"
        secrets = Secrets(self.home / "secrets")
        self.nats = NatsServer(
            self.home / "nats",
            log / "nats.log",
            port=self._port("nats", self._wanted.nats),
            mqtt_port=self._port("mqtt", self._wanted.mqtt),
            secrets=secrets,
            partitions=len(self.shares) > 1,
        )
        self.postgres = PostgresServer(
            self.home / "postgres",
            log / "postgres.log",
            port=self._port("postgres", self._wanted.postgres),
            secrets=secrets,
        )

        self.web = self._port("web", self._wanted.web)
        self.ops = {name: choose(0, what=f"{name} ops") for name, _, _ in self.units()}

    def _port(self, what: str, wanted: int | None) -> int:
        preferred = PREFERRED[what]
        port = choose(wanted, preferred=preferred, what=what)
        if wanted is None and port != preferred:
            self.moved.append((what, preferred, port))
        return port

    def _start(self, supervisor: Supervisor) -> None:
        """Servers first; then what services find ready made; then services."""
        supervisor.start([self.nats.program(), self.postgres.program()])
        if supervisor.stopping:
            return
        self.postgres.provision()
        connection = self.connection
        migrate_all(connection.database("owner"))
        asyncio.run(_provision_streams(connection))
        connection.write(self.home / CONNECTION_FILE)
        supervisor.start([self._service(*unit, supervisor.mark) for unit in self.units()])

    def units(self) -> Iterator[tuple[str, str, dict[str, str]]]:
        """Yield (name, service, environment of its own) of every process: one a service, but several monitors."""
        for service in self.services:
            if service != "monitor" or len(self.shares) == 1:
                yield service, service, {}
                continue
            for number, share in enumerate(self.shares, 1):
                yield f"monitor-{number}", service, {"TAILWARDEN_MONITOR_PARTITIONS": str(share)}

    def _service(self, name: str, service: str, own: dict[str, str], mark: dict[str, str]) -> Program:
        mark_file = self.run_directory / f"{name}.ready"
        # It finds the system in our home, whatever else the environment we were started in may say.
        # A file is meant from where we were started; services run in the home.
        inherited = {
            key: str(Path(value).absolute()) if _names_a_file(key) and value else value
            for key, value in os.environ.items()
            if not key.startswith(_OWN)
        }
        return Program(
            name=name,
            command=service_command(service),
            log=self.home / "log" / f"{name}.log",
            ready=lambda pid: _marked(mark_file, pid),
            environment={
                **inherited,
                **mark,
                "TAILWARDEN_HOME": str(self.home),
                READY_VARIABLE: str(mark_file),
                "TAILWARDEN_OPS_HOST": HOST,
                "TAILWARDEN_OPS_PORT": str(self.ops[name]),
                "TAILWARDEN_NOTIFIER_HOST": HOST,
                "TAILWARDEN_NOTIFIER_PORT": str(self.web),
                "PYTHONUNBUFFERED": "1",
                **own,
            },
            directory=self.home,
            before_start=lambda: mark_file.unlink(missing_ok=True),
        )

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Hold the home: one system at a time.

        The janitor holds the lock with us, so that it goes only when the last of our processes has gone. After a
        ``kill -9`` the next system therefore waits for what is left of the one before.
        """
        path = self.run_directory / "lock"
        limit = time.monotonic() + GRACE
        with path.open("a+", encoding="ascii") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError as error:
                    file.seek(0)
                    holder = file.read().strip()
                    if _lives(holder) or time.monotonic() > limit:
                        raise Conflict("local.home_in_use", home=str(self.home), pid=holder or "?") from error
                    time.sleep(0.05)
                else:
                    break
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield file.fileno()


def shares(monitors: int) -> tuple[Share, ...]:
    """Return the partitions of each of so many monitors, as even as can be.

    >>> [str(share) for share in shares(3)]
    ['0-4/16', '5-9/16', '10-15/16']
    """
    edges = [number * PARTITIONS // monitors for number in range(monitors + 1)]
    return tuple(Share(first, until - 1) for first, until in pairwise(edges))


def require_service(name: str) -> str:
    """Return *name* when there is such a service, else raise NotFound."""
    if name not in SERVICES or find_spec(f"services.{name}") is None:
        raise NotFound("local.unknown_service", field="service", name=name, known=", ".join(SERVICES))
    return name


def service_command(name: str) -> list[str]:
    """Return the command that runs one service (``-P``: never a ``services`` package of the current directory)."""
    return [sys.executable, "-P", "-m", f"services.{name}"]


def migrate_all(owner_url: str, services: Sequence[str] = SERVICES) -> None:
    """Bring the schema of every service up to date."""
    from shared.postgres import migrate

    for name in services:
        migrate(owner_url, name)


def _marked(mark_file: Path, pid: int) -> bool:
    try:
        return mark_file.read_text("ascii").strip() == str(pid)
    except OSError:
        return False


def _names_a_file(variable: str) -> bool:
    return variable.startswith("TAILWARDEN_") and variable.endswith("_FILE")


def _lives(pid: str) -> bool:
    """Tell whether process *pid* runs; one that has ended and waits for its parent to notice does not."""
    try:
        if Path(f"/proc/{int(pid)}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[0] == "Z":
            return False
    except (OSError, ValueError, IndexError):
        pass  # no such process, or no /proc: ask the kernel the portable way
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


async def _provision_streams(connection: Connection) -> None:
    from shared.bus.connection import connect
    from shared.bus.copies import provision_copy
    from shared.bus.streams import provision

    client = await connect(connection, name="tailwarden-up")
    try:
        await provision(client.jetstream(timeout=10.0))
        await provision_copy(client)
    finally:
        await client.close()
