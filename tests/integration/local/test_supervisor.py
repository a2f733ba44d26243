"""What dies is started again, and nothing is left behind, whatever ends the supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

TOY = Path(__file__).with_name("toy.py")
MARK = "TAILWARDEN_TEST_MARK"
T = TypeVar("T")


def until(condition: Callable[[], T], limit: float = 15.0) -> T:
    end = time.monotonic() + limit
    while not (value := condition()):
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.02)
    return value


class Toys:
    """The toy supervisor and everything that descends from it, found by a mark in the environment."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.mark = uuid.uuid4().hex
        with (directory / "supervisor.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(TOY), str(directory)], env={**os.environ, MARK: self.mark}, stderr=log
            )
        until((directory / "up").exists)

    def all(self) -> list[psutil.Process]:
        """Every process of ours that still runs (a zombie has ended)."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def janitor(self) -> psutil.Process:
        return next(p for p in self.all() if any(word.endswith("janitor.py") for word in p.cmdline()))

    def pid(self, name: str) -> int:
        try:
            return int((self.directory / f"{name}.pid").read_text())
        except (OSError, ValueError):
            return 0

    def gone(self) -> bool:
        self.process.poll()
        return not self.all()


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[Toys]:
    started = Toys(tmp_path)
    yield started
    for process in started.all():
        process.kill()
    started.process.wait(10)


def test_a_service_that_dies_is_started_again_and_its_children_go_with_it(toys: Toys) -> None:
    first, other = toys.pid("one"), toys.pid("two")
    children = [p.pid for p in psutil.Process(first).children()]
    in_group = [pid for pid in children if os.getpgid(pid) == first]
    assert len(children) == 2
    assert len(in_group) == 1
    for _ in range(3):
        pid = toys.pid("one")
        os.kill(pid, signal.SIGKILL)
        until(
            lambda pid=pid: (
                toys.pid("one") not in (0, pid) and (toys.directory / "one.ready").read_text() == str(toys.pid("one"))
            )
        )
    until(lambda: not psutil.pid_exists(in_group[0]))
    assert toys.pid("two") == other


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_being_asked_to_stop_leaves_nothing(toys: Toys, number: signal.Signals) -> None:
    assert len(toys.all()) == 8  # the supervisor, its janitor, twice a toy with child and grandchild
    toys.process.send_signal(number)
    assert toys.process.wait(15) == 0
    assert (toys.directory / "down").exists()
    assert toys.all() == []
    assert not list(toys.directory.glob("*.pid"))


def test_its_own_kill_9_leaves_nothing(toys: Toys) -> None:
    toys.process.kill()
    until(toys.gone, limit=10)


def test_a_killed_janitor_is_replaced_and_the_next_knows_everything(toys: Toys) -> None:
    first = toys.janitor().pid
    os.kill(first, signal.SIGKILL)
    # The name in full: the supervisor's own command names a directory that bears this test's name.
    until(lambda: [p for p in toys.all() if p.pid != first and any(w.endswith("janitor.py") for w in p.cmdline())])
    toys.process.kill()
    until(toys.gone, limit=10)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part exists on Linux only")
def test_services_end_by_the_kernels_hand_even_without_a_janitor(toys: Toys) -> None:
    services = [psutil.Process(toys.pid(name)) for name in ("one", "two")]
    os.kill(toys.process.pid, signal.SIGSTOP)  # it cannot replace what we take from it
    toys.janitor().kill()
    toys.process.kill()
    toys.process.wait(10)
    assert psutil.wait_procs(services, timeout=10)[1] == []


def test_what_never_serves_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(TOY), str(tmp_path), "--broken"], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert "Fault: broken failed to start (exit code 1)" in done.stderr
    assert "no luck today" in done.stderr
    assert not (tmp_path / "up").exists()
