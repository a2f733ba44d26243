"""A system of its own for a measurement, whose services are started and stopped one by one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from deploy.local.machine import service_command
from deploy.local.places import temporary_home
from deploy.local.process import Process, Program
from deploy.local.running import RunningSystem, running_system
from shared.ready import READY_VARIABLE
from shared.settings import Connection

__all__ = ["BenchSystem", "bench_system"]


@dataclass(slots=True)
class BenchSystem:
    """NATS and PostgreSQL as `tailwarden up` runs them, durable; services on demand."""

    running: RunningSystem
    services: dict[str, Process] = field(default_factory=dict)

    @property
    def connection(self) -> Connection:
        """How to reach it."""
        return self.running.connection

    def start(self, name: str, service: str | None = None, **own: str) -> None:
        """Start a service (under a *name* of its own, where there are several) and wait until it serves."""
        mark = self.running.home / "run" / f"{name}.ready"
        mark.unlink(missing_ok=True)
        environment = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("TAILWARDEN_NATS", "TAILWARDEN_MQTT", "TAILWARDEN_DATABASE", "TAILWARDEN_OWNER"))
        }
        environment |= {"TAILWARDEN_HOME": str(self.running.home), READY_VARIABLE: str(mark), **own}
        self.services[name] = Process.start(
            Program(
                name=name,
                command=service_command(name if service is None else service),
                log=self.running.home / "log" / f"{name}.log",
                ready=lambda _: mark.exists(),
                environment=environment,
                directory=self.running.home,
                start_limit=60.0,
            )
        )
        self.services[name].wait_ready()

    def stop(self, name: str) -> None:
        """End a service in order."""
        self.services.pop(name).stop()


@contextmanager
def bench_system(
    services: Sequence[str] = ("registry", "monitor"), options: Sequence[str] = ()
) -> Iterator[BenchSystem]:
    """Run servers and *services* in a temporary home; everything is gone afterwards."""
    with temporary_home() as home, running_system(home, options=("--servers-only", *options)) as running:
        system = BenchSystem(running)
        try:
            for name in services:
                system.start(name)
            yield system
        finally:
            for name in list(system.services):
                system.stop(name)
