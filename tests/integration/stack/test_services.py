"""Every service, started with exactly what docker-compose.yml gives it; only addresses and paths are this machine's."""

from __future__ import annotations

import asyncio
import http.server
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import aiomqtt
import orjson
import pytest

from deploy.local.machine import SERVICES
from deploy.local.ports import HOST, choose
from deploy.local.process import Process, Program
from shared.bus.connection import connect
from shared.bus.rpc import CommandClient
from shared.contracts.watchdog import ShowWatchdog, WatchdogView
from shared.settings import Settings
from tests.acceptance.ponds import Watched, register, stamp, until
from tests.integration.stack.conftest import StackDatabase, StackNats
from tests.stack import ROOT, compose

HEALTHY = ROOT / "deploy" / "stack" / "healthy.py"


@dataclass
class Containers:
    """docker-compose.yml on the loopback interface."""

    home: Path
    nats: StackNats
    database: StackDatabase
    document: dict = field(default_factory=compose)

    def __post_init__(self) -> None:
        """What is mounted at /run/secrets, with the servers' addresses here."""
        for name, secret in self.document["secrets"].items():
            text = (self.nats.secrets / secret["file"].removeprefix("./deploy/secrets/")).read_text()
            self.directory.mkdir(exist_ok=True)
            (self.directory / name).write_text(
                text.replace("@timescaledb:5432/", f"@{HOST}:{self.database.server.port}/")
            )

    @property
    def directory(self) -> Path:
        return self.home / "secrets"

    def environment(self, name: str) -> dict[str, str]:
        """What the container gets, and nothing of ours but PATH; the image adds what its Dockerfile sets."""
        service = self.document["services"][name]
        home = self.home / name
        home.mkdir(exist_ok=True)
        image = (ROOT / "deploy" / "Dockerfile").read_text("utf-8").rpartition("FROM ")[2]
        ours = dict(re.findall(r"(TAILWARDEN_\w+)=(\S+)", image))
        given = {**ours, **service["environment"]}
        allowed = {f"/run/secrets/{secret}" for secret in service["secrets"]}
        found = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
        for variable, value in given.items():
            if value.startswith("/run/secrets/"):
                assert value in allowed, f"{name} does not get {value}"
                value = str(self.directory / value.removeprefix("/run/secrets/"))
            elif variable in ("TAILWARDEN_OPS_PORT", "TAILWARDEN_NOTIFIER_PORT"):
                value = str(choose(0, what=variable))  # a container has all ports to itself
            value = value.replace("/var/lib/tailwarden", str(home)).replace("/run/tailwarden", str(home))
            value = {"0.0.0.0": HOST, "tls://nats:4222": self.nats.url, "nats": HOST}.get(value, value)
            found[variable] = value
        return found

    def run(self, name: str) -> str:
        """Run a container that ends."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "tailwarden", *self.document["services"][name]["command"]],
            env=self.environment(name), cwd=self.home, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def service(self, name: str) -> Program:
        environment = self.environment(name)
        mark = Path(environment["TAILWARDEN_READY_FILE"])
        return Program(
            name=name,
            command=[sys.executable, "-P", "-m", "tailwarden", *self.document["services"][name]["command"]],
            log=self.home / f"{name}.log",
            ready=lambda _: mark.exists(),
            environment=environment,
            directory=self.home,
            start_limit=60.0,
        )


@pytest.fixture
def containers(tmp_path: Path, stack_nats: StackNats, stack_database: StackDatabase) -> Containers:
    return Containers(tmp_path, stack_nats, stack_database)


async def forget_streams(server: StackNats) -> None:
    nc = await connect(server.connection("admin"), name="tests")
    for name in ("TELEMETRY", "EVENTS", "DEAD"):
        await nc.jetstream().delete_stream(name)
    await nc.close()


@pytest.mark.timeout(240)  # the watchdog goes round every minute, and its first time may come before its pond is known
async def test_every_service_does_its_work_with_its_own_user_role_and_secrets(containers: Containers) -> None:
    server = containers.nats
    await forget_streams(server)
    begin = server.log.stat().st_size
    for name in ("migrate", "streams"):
        told = await asyncio.to_thread(containers.run, name)
        assert told
    pond = Watched("xiakou")
    processes: dict[str, Process] = {}
    with ExitStack() as stack:
        for name in SERVICES:
            processes[name] = Process.start(containers.service(name))
            stack.callback(processes[name].stop)
        for process in processes.values():
            process.wait_ready()
        operator = await connect(server.connection("operator"), name="tests")
        async with server.stranger("subscriber", "_INBOX") as subscriber:
            client = CommandClient(operator)
            await register(client, [pond])
            warnings = await subscriber.jetstream().subscribe(
                "tw.events.monitor.warning.>", stream="EVENTS", ordered_consumer=True
            )
            cases = await subscriber.jetstream().subscribe("tw.events.cases.>", stream="EVENTS", ordered_consumer=True)
            alarms = await subscriber.jetstream().subscribe(
                "tw.events.notifier.alarm.>", stream="EVENTS", ordered_consumer=True
            )
            async with aiomqtt.Client(
                HOST, server.mqtt_port, username="logger-xiakou", password=server.password("logger-xiakou"),
                tls_context=server.tls,
            ) as logger:  # fmt: skip
                for slot in range(3):
                    reading = orjson.dumps({"time": stamp(slot), "value": 13.7})
                    await logger.publish("tw/telemetry/xiakou/level-1", reading, qos=1)
            async with asyncio.timeout(30):
                while True:
                    warning = orjson.loads((await warnings.next_msg(30)).data)["data"]
                    if warning["pond_id"] == "xiakou":
                        break
            assert warning["level"] == "red"
            # An incident shows that the cases were told and could ask; an alarm that the notifier was.
            assert orjson.loads((await cases.next_msg(30)).data)["data"]
            assert orjson.loads((await alarms.next_msg(30)).data)["data"]

            async def returned() -> bool:
                """The watchdog registers a pond, sends readings, hears their warnings and closes them."""
                return (await client.send(ShowWatchdog(), WatchdogView)).returned >= 1

            await until(returned, 100, "the watchdog's reading came back as a warning")
        await operator.close()
        for name, process in processes.items():
            environment = dict(process.program.environment or {})
            if "ops_port" not in Settings.model_fields:
                del environment["TAILWARDEN_OPS_PORT"]  # where health and metrics are not merged yet

            async def is_healthy(asked: dict[str, str] = environment) -> bool:
                return await asyncio.to_thread(healthy, asked) == ""

            await until(is_healthy, 15, f"{name} is healthy in the container's own eyes")
    violations = [line for line in server.log.read_text()[begin:].splitlines() if "Violation" in line]
    assert violations == []


def healthy(environment: dict[str, str] | None) -> str:
    done = subprocess.run(
        [sys.executable, "-I", "-S", HEALTHY], env=environment or {}, capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0) == (done.stderr == "")
    return done.stderr.strip()


@pytest.fixture
def readyz() -> Iterator[tuple[int, list[int]]]:
    """A service's health, as told: its port, and the status it answers."""
    status = [200]

    class Ready(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/readyz"
            self.send_response(status[0])
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer((HOST, 0), Ready) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_port, status
        server.shutdown()
        thread.join()


def test_the_images_health_check_tells_what_is_wrong(tmp_path: Path, readyz: tuple[int, list[int]]) -> None:
    port, status = readyz
    mark = tmp_path / "ready"
    environment = {"TAILWARDEN_READY_FILE": str(mark)}
    assert "where to look" in healthy({})
    assert "does not serve yet" in healthy(environment)
    mark.write_text("999999999\n")  # left behind by a process that is gone
    assert "does not serve yet" in healthy(environment)
    mark.write_text(f"{os.getpid()}\n")
    assert healthy(environment) == ""
    environment["TAILWARDEN_OPS_PORT"] = str(port)
    assert healthy(environment) == ""
    status[0] = 503
    assert "/readyz says 503" in healthy(environment)
    environment["TAILWARDEN_OPS_PORT"] = str(choose(0, what="nobody"))
    assert "no answer at /readyz" in healthy(environment)
