"""A supervisor over toy services, run as a process of its own: ``python toy.py DIRECTORY [--broken]``.

Each toy has a child in its group and a grandchild that has detached itself: what a service may leave behind.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from deploy.local.process import Program
from deploy.local.supervisor import Supervisor
from shared.logging import configure

TOY = """
import os, subprocess, sys, time
child = "import time; time.sleep(600)"
subprocess.Popen([sys.executable, "-c", child])
subprocess.Popen([sys.executable, "-c", child], start_new_session=True)
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(600)
"""


def toy(directory: Path, name: str, mark: dict[str, str]) -> Program:
    ready = directory / f"{name}.ready"
    return Program(
        name=name,
        command=[sys.executable, "-c", TOY, str(ready)],
        log=directory / f"{name}.log",
        ready=lambda pid: ready.exists() and ready.read_text() == str(pid),
        environment={**os.environ, **mark},
    )


def main() -> None:
    directory = Path(sys.argv[1])
    configure("debug", "json")
    with Supervisor(directory) as supervisor:
        if "--broken" in sys.argv:
            command = [sys.executable, "-c", "raise SystemExit('no luck today')"]
            supervisor.start([Program("broken", command, directory / "broken.log", ready=lambda pid: False)])
        supervisor.start([toy(directory, name, supervisor.mark) for name in ("one", "two")])
        (directory / "up").write_text(str(os.getpid()))
        supervisor.run()
    (directory / "down").touch()


if __name__ == "__main__":
    main()
