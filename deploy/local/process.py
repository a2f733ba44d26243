"""One program as a process of ours: started through the shim, logged to a file, stopped in steps."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shared.problems import Fault

__all__ = ["LOG_LIMIT", "Process", "Program", "tail", "trim_log"]

SHIM = Path(__file__).with_name("shim.py")

LOG_LIMIT = 32 * 1024 * 1024
"""Bytes after which a log starts anew; the one before is kept beside it as ``….1``."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, how to see that it serves, and how to end it."""

    name: str
    command: Sequence[str]
    log: Path
    ready: Callable[[int], bool]
    """Given its process id: does it serve now?"""
    environment: Mapping[str, str] | None = None
    directory: Path | None = None
    user: tuple[int, int] | None = None
    """(uid, gid) to run as; None: ours."""
    stop_signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGKILL)
    """One after the other, each given ``stop_limit`` seconds."""
    stop_limit: float = 10.0
    parent_signal: signal.Signals = signal.SIGKILL
    """What the kernel sends it when we are gone."""
    start_limit: float = 30.0
    """Seconds within which it must serve."""
    before_start: Callable[[], None] | None = None
    """Done before each start, restarts included."""


@dataclass(slots=True)
class Process:
    """A program that was started. It leads its own process group, so that its children can be ended with it."""

    program: Program
    child: subprocess.Popen[bytes]
    started: float = field(default_factory=time.monotonic)
    asked: bool = False
    """Has it been asked to end?"""

    @classmethod
    def start(cls, program: Program) -> Process:
        """Start *program*.

        The kernel ties the child to the *thread* that starts it: call this from one that lives as long as we do.
        """
        if program.before_start is not None:
            program.before_start()
        uid, gid = program.user or (-1, -1)
        program.log.parent.mkdir(parents=True, exist_ok=True)
        with program.log.open("ab") as log:
            child = subprocess.Popen(
                [
                    sys.executable, "-I", "-S", str(SHIM),
                    str(os.getpid()), str(int(program.parent_signal)), str(uid), str(gid), "--", *program.command,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=None if program.environment is None else dict(program.environment),
                cwd=program.directory,
                start_new_session=True,
            )  # fmt: skip
        return cls(program, child)

    @property
    def pid(self) -> int:
        """Its process id, which is also its group's."""
        return self.child.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.child.poll()

    def serves(self) -> bool:
        """Tell whether it runs and is ready."""
        return self.exit_code is None and self.program.ready(self.pid)

    def wait_ready(self) -> None:
        """Wait until it serves.

        Raises
        ------
        Fault
            When it exits, or its time is up (it is ended then); the log's last lines are in the message.
        """
        limit = time.monotonic() + self.program.start_limit
        while not self.serves():
            if self.exit_code is not None:
                raise self.exited()
            if time.monotonic() > limit:
                self.stop()
                raise self.not_ready()
            time.sleep(0.01)

    def exited(self) -> Fault:
        """Say that it exited by itself."""
        log = self.program.log
        return Fault("local.exited", name=self.program.name, exit_code=self.exit_code, log=str(log), tail=tail(log))

    def not_ready(self) -> Fault:
        """Say that it did not serve in time."""
        program = self.program
        return Fault(
            "local.not_ready",
            name=program.name,
            seconds=round(program.start_limit),
            log=str(program.log),
            tail=tail(program.log),
        )

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; a process that has ended takes none."""
        if self.exit_code is None:
            self.child.send_signal(number)

    def end_group(self) -> None:
        """Kill whatever is left of its group: children it did not end itself."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return

    def ask_to_stop(self) -> None:
        """Ask it to end, once, and do not wait."""
        if not self.asked:
            self.asked = True
            self.send(self.program.stop_signals[0])

    def stop(self) -> None:
        """End it, step by step, and what it left."""
        for step, number in enumerate(self.program.stop_signals):
            if step == 0:
                self.ask_to_stop()
            else:
                self.send(number)
            try:
                self.child.wait(self.program.stop_limit)
            except subprocess.TimeoutExpired:
                continue
            break
        self.end_group()


def tail(log: Path, lines: int = 5) -> str:
    """Return the last *lines* of a log, joined by `` | ``."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return "–"
    return " | ".join(line.strip() for line in text.splitlines()[-lines:]) or "–"


def trim_log(log: Path, limit: int = LOG_LIMIT) -> bool:
    """Start *log* anew when it has grown beyond *limit*; tell whether it was.

    The processes keep it open in append mode, so it is copied and cut rather than renamed.
    """
    try:
        if log.stat().st_size <= limit:
            return False
        previous = log.with_name(log.name + ".1")
        previous.write_bytes(log.read_bytes())
        os.truncate(log, 0)
    except OSError:
        return False  # a log that cannot be trimmed must not stop what it logs
    return True
