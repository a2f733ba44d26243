"""Embedded PostgreSQL: its own data directory, durable writes, one role per service, loopback only, never as root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from deploy.local.binaries import postgres_directory
from deploy.local.places import fallback, reachable, unprivileged_user
from deploy.local.ports import HOST
from deploy.local.process import SHIM, Program
from deploy.local.secrets import Secrets
from shared.problems import Fault

__all__ = ["DATABASE", "ROLES", "SUPERUSER", "PostgresServer"]

DATABASE = "tailwarden"

ROLES = ("owner", "registry", "cases", "monitor", "notifier", "reader")
"""Roles, each ``tailwarden_<role>`` in the database: who migrates, each service, who may only look."""

SUPERUSER = "postgres"

SETTINGS: Mapping[str, str] = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a home's path may be longer than a socket's may be
    "max_connections": "120",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "log_checkpoints": "off",
    "jit": "off",  # our statements are short; compiling them costs more than it saves
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",  # statements may carry readings and names; errors alone are enough
    "log_line_prefix": "%m [%p] %q%a ",
}


class PostgresServer:
    """One server: its data directory, the program to run, how to reach it.

    Parameters
    ----------
    directory
        Where its data are kept; when the user it must run as cannot get there, below ``/var/tmp`` instead.
    log
        Its log.
    port
        Where it listens on the loopback interface.
    secrets
        Passwords, by role.
    settings
        Server settings over ours (tests switch syncing off).
    """

    def __init__(
        self, directory: Path, log: Path, *, port: int, secrets: Secrets, settings: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        self.port = port
        self.user = unprivileged_user()
        self.settings = {**SETTINGS, **(settings or {})}
        self.passwords = {role: secrets.password(f"postgres-{role}") for role in (SUPERUSER, *ROLES)}
        self.directory = directory
        if self.user is not None and not reachable(directory, self.user):
            self.directory = fallback("data", str(directory)) / "data"

    def url(self, role: str, database: str = DATABASE) -> str:
        """Return the address of *database* for *role*."""
        name = role if role == SUPERUSER else f"tailwarden_{role}"
        return f"postgresql://{name}:{quote(self.passwords[role], safe='')}@{HOST}:{self.port}/{database}"

    def prepare(self) -> None:
        """Make the data directory when there is none yet."""
        if not (self.directory / "PG_VERSION").exists():
            self._initdb()

    def program(self) -> Program:
        """Return the program to run.

        Settings go on its command line: as root we write nothing into a directory that is another user's.
        """
        settings = {**self.settings, "port": str(self.port)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            command=[str(postgres_directory(self.user) / "postgres"), "-D", str(self.directory), *options],
            log=self.log,
            ready=self._ready,
            environment=_environment(),
            directory=Path("/"),
            user=self.user,
            # Fast shutdown; then immediate, which the write-ahead log makes good; then none at all.
            stop_signals=(signal.SIGINT, signal.SIGQUIT, signal.SIGKILL),
            stop_limit=20.0,
            parent_signal=signal.SIGINT,
            start_limit=120.0,  # recovery after a crash replays up to max_wal_size
            before_start=self.prepare,
        )

    def _ready(self, pid: int) -> bool:
        """Read what the server itself notes, as ``pg_ctl`` does: first line its process id, eighth its state."""
        try:
            lines = (self.directory / "postmaster.pid").read_text("utf-8").splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    def _initdb(self) -> None:
        """Make the data directory, complete or not at all."""
        fresh = self.directory.with_name(f"{self.directory.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)  # an attempt that was interrupted
        fresh.mkdir(mode=0o700, parents=True)
        uid, gid = self.user or (-1, -1)
        if self.user is not None:
            os.chown(fresh, uid, gid)
        with tempfile.NamedTemporaryFile("w", dir=self.directory.parent, encoding="ascii") as password:
            password.write(self.passwords[SUPERUSER] + "\n")
            password.flush()
            if self.user is not None:
                os.chown(password.name, uid, gid)
            command = [
                str(postgres_directory(self.user) / "initdb"),
                "-D", str(fresh), "-U", SUPERUSER, "--pwfile", password.name,
                "--auth", "scram-sha-256", "-E", "UTF8", "--locale-provider", "builtin", "--locale", "C.UTF-8",
                "--set", "shared_buffers=16MB", "--set", "dynamic_shared_memory_type=posix", "--no-instructions",
            ]  # fmt: skip
            if self.settings["fsync"] == "off":
                command.append("--no-sync")
            _run_as(self.user, command, fresh)
        fresh.rename(self.directory)

    def provision(self) -> None:
        """Make roles and database, whatever of them exists already; set the passwords."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            for role in ROLES:
                name = f"tailwarden_{role}"
                known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).fetchone()
                if known is None:
                    connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
                connection.execute(
                    sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(name), sql.Literal(self.passwords[role]))
                )
            known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if known is None:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER tailwarden_owner").format(sql.Identifier(DATABASE))
                )


def _environment() -> dict[str, str]:
    """Return our environment without what would steer PostgreSQL (``PGDATA``, ``PGPORT``, locales …)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "TAILWARDEN_"))}
    return {**kept, "LANG": "C", "TZ": "UTC"}


def _run_as(user: tuple[int, int] | None, command: list[str], directory: Path) -> None:
    """Run *command* to its end as *user*; on failure remove *directory*, which it was to fill."""
    uid, gid = user or (-1, -1)
    done = subprocess.run(
        [
            sys.executable, "-I", "-S", str(SHIM),
            str(os.getpid()), str(int(signal.SIGKILL)), str(uid), str(gid), "--", *command,
        ],
        env=_environment(),
        cwd="/",
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        shutil.rmtree(directory, ignore_errors=True)
        reason = " | ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
        raise Fault("local.initdb", path=str(directory), reason=reason)
