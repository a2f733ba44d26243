"""A real nats-server on a free loopback port, one per module, with our streams."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from shared.bus.connection import connect
from shared.bus.streams import provision


class NatsServer:
    """A server that can be stopped and started again on the same port and store."""

    def __init__(self, home: Path, extra: str = "") -> None:
        self.home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"nats://127.0.0.1:{self.port}"
        self.config = home / "nats.conf"
        self.config.write_text(
            f'listen: "127.0.0.1:{self.port}"\nmax_payload: 64MB\n'
            f'jetstream {{ store_dir: "{home / "store"}", sync_interval: always }}\n{extra}'
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        binary = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or "nats-server"
        self.process = subprocess.Popen(
            [binary, "-c", str(self.config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        limit = time.monotonic() + 10
        while time.monotonic() < limit:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise TimeoutError("nats-server did not start within 10 s")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)


@pytest.fixture
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def nc(nats_server: NatsServer) -> AsyncIterator[Client]:
    client = await connect(nats_server.url, name="test")
    yield client
    await client.close()


@pytest.fixture
async def js(nc: Client) -> JetStreamContext:
    context = nc.jetstream()
    await provision(context)
    return context


async def until(condition, limit: float = 10.0):  # type: ignore[no-untyped-def]  # any awaitable predicate
    """Wait until *condition* (a coroutine function) returns something true, and return that."""
    async with asyncio.timeout(limit):
        while not (value := await condition()):
            await asyncio.sleep(0.02)
        return value
