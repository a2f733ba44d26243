"""Keeps programs running: starts them in order, restarts what dies, stops them in the reverse order.

One thread, no event loop: the kernel ties each child to the thread that started it, and whoever watches the
others should have little to go wrong. It sleeps until a signal (a child's end included) or the next tick.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from deploy.local.janitor import MARK
from deploy.local.process import Process, Program, trim_log
from shared.logging import logger
from shared.problems import Fault

__all__ = ["Supervisor", "Unit", "backoff"]

JANITOR = Path(__file__).with_name("janitor.py")
GRACE = 20.0
"""Seconds the janitor gives servers that the kernel has asked to end."""

START_ATTEMPTS = 3
"""How often a program may die before it has ever served; after that it is restarted for ever."""

TICK = 0.25
TRIM_EVERY = 30.0
GOOD_LIFE = 30.0
"""Seconds after which an earlier death counts no more."""

log = logger(__name__)


def backoff(deaths: int) -> float:
    """Return how long to wait [s] before the start that follows the *deaths*-th death in a row.

    >>> [backoff(n) for n in (1, 2, 3, 8, 1000)]
    [0.1, 0.2, 0.4, 10.0, 10.0]
    """
    return float(min(10.0, 0.1 * 2 ** min(deaths - 1, 10)))


@dataclass(slots=True)
class Unit:
    """A program under supervision."""

    program: Program
    process: Process | None = None
    served: bool = False
    """Has this process served yet?"""
    served_ever: bool = False
    deaths: int = 0
    """In a row."""
    restarts: int = 0
    next_start: float = 0.0


class Supervisor:
    """Runs programs until told to stop.

    Use as a context manager in the main thread: it takes over SIGINT, SIGTERM, SIGHUP and SIGCHLD, and stops
    whatever still runs when it is left.

    Parameters
    ----------
    directory
        Where ``<name>.pid`` is written for each process.
    held
        File descriptors (locks) to be kept open until everything has ended, even when we are killed.
    """

    def __init__(self, directory: Path, held: Sequence[int] = ()) -> None:
        self.directory = directory
        self.held = tuple(held)
        self.token = uuid.uuid4().hex
        self.units: dict[str, Unit] = {}
        self._started: list[list[Unit]] = []
        self.stopping = False
        self._janitor: subprocess.Popen[bytes] | None = None
        self._previous: dict[int, Any] = {}
        self._wakeup: tuple[int, int] = (-1, -1)
        self._next_trim = time.monotonic() + TRIM_EVERY

    @property
    def mark(self) -> dict[str, str]:
        """What services must carry in their environment so that the janitor finds their children too."""
        return {MARK: self.token}

    def __enter__(self) -> Self:
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        self._wakeup = (reading, writing)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._previous[number] = signal.signal(number, self._asked_to_stop)
        self._previous[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        self._start_janitor()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            self._stop_janitor()
            for number, previous in self._previous.items():
                signal.signal(number, previous)
            signal.set_wakeup_fd(-1)
            for end in self._wakeup:
                os.close(end)

    def start(self, programs: Sequence[Program]) -> None:
        """Start *programs* side by side and return when all serve, or when we are asked to stop.

        Raises
        ------
        Fault
            When one of them does not come to serve.
        """
        units = [Unit(program) for program in programs]
        self._started.append(units)
        for unit in units:
            self.units[unit.program.name] = unit
            self._launch(unit)
        while not self.stopping and not all(unit.served for unit in units):
            self._look()
            self.wait(0.02)

    def run(self, watch: Callable[[], None] | None = None) -> None:
        """Keep everything running until SIGINT, SIGTERM or SIGHUP; call *watch* at every tick."""
        while not self.stopping:
            self._look()
            if watch is not None:
                watch()
            if time.monotonic() >= self._next_trim:
                self._next_trim = time.monotonic() + TRIM_EVERY
                for unit in self.units.values():
                    trim_log(unit.program.log)
            self.wait(TICK)

    def stop(self) -> None:
        """Stop everything, last started first; programs started together are asked together."""
        self.stopping = True
        while self._started:
            units = self._started.pop()
            processes = [unit.process for unit in units if unit.process is not None]
            for process in processes:
                process.ask_to_stop()
            for process in processes:
                process.stop()
            for unit in units:
                self._ended(unit)
        self.units.clear()

    def wait(self, seconds: float) -> None:
        """Sleep until a signal comes, at most *seconds*."""
        reading, _ = self._wakeup
        if select.select([reading], [], [], seconds)[0]:
            with suppress(BlockingIOError):
                os.read(reading, 4096)

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _look(self) -> None:
        """Look after every unit once."""
        self._keep_janitor()
        for unit in self.units.values():
            if self.stopping:
                return
            if unit.process is None:
                if time.monotonic() >= unit.next_start:
                    self._launch(unit)
            elif unit.process.exit_code is not None:
                self._died(unit)
            elif not unit.served:
                self._look_for_service(unit, unit.process)
            elif unit.deaths and time.monotonic() - unit.process.started > GOOD_LIFE:
                unit.deaths = 0

    def _look_for_service(self, unit: Unit, process: Process) -> None:
        if process.program.ready(process.pid):
            tell = log.info if unit.served_ever else log.debug
            tell("serves", program=unit.program.name, pid=process.pid, seconds=round(_age(process), 3))
            unit.served = unit.served_ever = True
        elif _age(process) > unit.program.start_limit:
            process.stop()
            self._died(unit)

    def _launch(self, unit: Unit) -> None:
        try:
            unit.process = Process.start(unit.program)
        except (OSError, Fault) as error:
            if not unit.served_ever:
                raise
            # A disk that is full, a directory that is gone: what stops a restart may be put right by somebody.
            unit.deaths += 1
            unit.next_start = time.monotonic() + backoff(unit.deaths)
            log.error("cannot be started", program=unit.program.name, reason=str(error))
            return
        unit.served = False
        pid = unit.process.pid
        self._tell_janitor(f"+{pid} {_when_to_end(unit)}")
        (self.directory / f"{unit.program.name}.pid").write_text(f"{pid}\n", "ascii")

    def _died(self, unit: Unit) -> None:
        process = unit.process
        if process is None:
            return
        process.end_group()
        self._ended(unit)
        unit.deaths += 1
        unit.restarts += 1
        if not unit.served_ever and unit.deaths >= START_ATTEMPTS:
            raise process.exited()
        unit.next_start = time.monotonic() + backoff(unit.deaths)
        log.warning("died, will be restarted", program=unit.program.name, exit_code=process.exit_code)

    def _ended(self, unit: Unit) -> None:
        if unit.process is not None:
            self._tell_janitor(f"-{unit.process.pid}")
            (self.directory / f"{unit.program.name}.pid").unlink(missing_ok=True)
        unit.process = None
        unit.served = False

    def _start_janitor(self) -> None:
        """Start one that knows from birth what runs: we may be killed before we could tell it."""
        running = [
            f"+{unit.process.pid} {_when_to_end(unit)}" for unit in self.units.values() if unit.process is not None
        ]
        self._janitor = subprocess.Popen(
            [sys.executable, "-I", "-S", str(JANITOR), self.token, str(GRACE), *running],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=self.held,
        )

    def _keep_janitor(self) -> None:
        """Have a janitor, should somebody kill it."""
        if self._janitor is None or self._janitor.poll() is None:
            return
        if self._janitor.stdin is not None:
            with suppress(OSError):
                self._janitor.stdin.close()
        self._start_janitor()

    def _tell_janitor(self, line: str) -> None:
        if self._janitor is None or self._janitor.stdin is None:
            return
        with suppress(OSError):  # just killed: `_keep_janitor` will tell the next one
            self._janitor.stdin.write(line.encode() + b"\n")
            self._janitor.stdin.flush()

    def _stop_janitor(self) -> None:
        """Let it sweep (children of services that left their group) and wait for it."""
        if self._janitor is None or self._janitor.stdin is None:
            return
        with suppress(OSError):
            self._janitor.stdin.close()
        self._janitor.wait()


def _when_to_end(unit: Unit) -> str:
    return "later" if unit.program.parent_signal != signal.SIGKILL else "now"


def _age(process: Process) -> float:
    return time.monotonic() - process.started
