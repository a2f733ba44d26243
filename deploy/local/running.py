"""A whole system for as long as a block of code runs: what the demo and the acceptance tests stand on."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.process import Process, Program, tail
from shared.problems import Fault
from shared.ready import READY_VARIABLE
from shared.settings import CONNECTION_FILE, Connection

__all__ = ["RunningSystem", "running_system"]

WATCHDOG_VARIABLE = "TAILWARDEN_NOTIFIER_WATCHDOG"
"""Off unless the caller's environment says otherwise."""


@dataclass(frozen=True, slots=True)
class RunningSystem:
    """A system that `tailwarden up` runs for us in a process of its own."""

    home: Path
    connection: Connection
    supervisor: Process

    def pid(self, name: str) -> int | None:
        """Return the process id of ``nats``, ``postgres`` or a service, None while it is down."""
        try:
            return int((self.home / "run" / f"{name}.pid").read_text("ascii"))
        except (OSError, ValueError):
            return None

    def kill(self, name: str) -> int:
        """Send SIGKILL to ``nats``, ``postgres`` or a service and return the process id it had."""
        pid = self.pid(name)
        if pid is None:
            raise ProcessLookupError(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def log(self, name: str) -> str:
        """Return the end of a part's log."""
        return tail(self.home / "log" / f"{name}.log", 40)


@contextmanager
def running_system(home: Path, *, options: Sequence[str] = (), limit: float = 60.0) -> Iterator[RunningSystem]:
    """Run the whole system in *home* on free ports and stop it at the end.

    Call it from a thread that lives as long as the system is needed, best the main thread: when that thread ends,
    the kernel ends the system.

    Parameters
    ----------
    home
        See ``temporary_home``.
    options
        Further options of ``tailwarden up``.
    limit
        How long it may take to be ready [s].

    Raises
    ------
    Fault
        When it does not come up; what it said is in the message.
    """
    home = home.absolute()
    mark = home / "run" / "up.ready"
    mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    mark.unlink(missing_ok=True)
    ports = ("--nats-port", "0", "--mqtt-port", "0", "--pg-port", "0", "--web-port", "0")
    process = Process.start(
        Program(
            name="up",
            command=[sys.executable, "-P", "-m", "tailwarden", "up", "--home", str(home), *ports, *options],
            log=home / "log" / "up.log",
            ready=lambda _: mark.exists(),
            # Those who play in it count what is sent and said; the watchdog's readings and warnings are not theirs.
            environment={WATCHDOG_VARIABLE: "false", **os.environ, READY_VARIABLE: str(mark), "PYTHONUNBUFFERED": "1"},
            stop_limit=60.0,
            parent_signal=signal.SIGTERM,
            start_limit=limit,
        )
    )
    try:
        process.wait_ready()
        connection = Connection.read(home / CONNECTION_FILE)
        if connection is None:
            raise Fault("local.not_started", tail=tail(process.program.log))
        yield RunningSystem(home, connection, process)
    finally:
        process.stop()
