"""Three NATS servers from deploy/nats/cluster.conf: three copies of each stream, and one server may go."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import nats.errors
import pytest
from nats.aio.client import Client
from nats.js.errors import Error as JetStreamError

from deploy.local.ports import HOST, choose
from deploy.local.process import Process
from deploy.stack.loggers import add_logger
from deploy.stack.secrets import make_secrets
from shared.bus.connection import connect
from shared.bus.copies import provision_copy
from shared.bus.streams import provision
from tests.integration.stack.conftest import StackNats
from tests.prove import PROVING
from tests.stack import environment_of

T = TypeVar("T")
NAMES = ("nats", "nats-2", "nats-3")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[dict[str, tuple[StackNats, Process]]]:
    make_secrets(tmp_path / "secrets")
    add_logger(tmp_path / "secrets", "xiakou")
    routes = {name: choose(0, what="route") for name in NAMES}
    listed = ", ".join(f'"tls://{HOST}:{port}"' for port in routes.values())
    with ExitStack() as stack:
        running = {}
        for name in NAMES:
            server = StackNats(tmp_path, tmp_path / "secrets", name=name, file=environment_of("cluster")["NATS_CONF"])
            server.environment = {"NATS_ROUTES_LISTEN": f"{HOST}:{routes[name]}", "NATS_ROUTES": f"[{listed}]"}
            running[name] = (server, Process.start(server.program()))
            stack.callback(running[name][1].stop)
        for _, process in running.values():
            process.wait_ready()
        yield running


@asynccontextmanager
async def provisioned(cluster: dict[str, tuple[StackNats, Process]]) -> AsyncIterator[tuple[Client, Client]]:
    """The administrator and a logger, who know all servers, once the streams are made."""
    urls = ",".join(server.url for server, _ in cluster.values())
    server = cluster["nats"][0]
    admin = await connect(server.connection("admin").model_copy(update={"nats_url": urls}), name="tests")
    logger = await connect(server.connection("logger-xiakou").model_copy(update={"nats_url": urls}), name="tests")

    async def make() -> None:
        await provision(admin.jetstream(timeout=5), 3)
        await provision_copy(admin, 3)

    await patiently(make)  # a leader is being chosen
    yield admin, logger
    await logger.close()
    await admin.close()


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    async with asyncio.timeout(60):
        while True:
            try:
                return await work()
            except (JetStreamError, nats.errors.Error):
                await asyncio.sleep(0.1)


async def test_three_servers_find_each_other_and_keep_three_copies(
    cluster: dict[str, tuple[StackNats, Process]],
) -> None:
    async with provisioned(cluster) as (admin, logger):
        js, copy = admin.jetstream(timeout=5), admin.jetstream(prefix="readers.API", timeout=5)
        for where, stream in ((js, "TELEMETRY"), (js, "EVENTS"), (js, "DEAD"), (copy, "EVENTS")):
            info = await where.stream_info(stream)
            assert info.config.num_replicas == 3
            assert info.cluster is not None
            assert {info.cluster.leader, *(each.name for each in info.cluster.replicas or [])} == set(NAMES)
        await logger.jetstream(timeout=10).publish("tw.telemetry.xiakou.level-1", b"{}")


@pytest.mark.skipif(not PROVING, reason="a new leader takes its time; `make prove` waits for it")
async def test_what_is_acknowledged_outlives_a_server(cluster: dict[str, tuple[StackNats, Process]]) -> None:
    async with provisioned(cluster) as (admin, logger):
        js = admin.jetstream(timeout=5)
        kept = await logger.jetstream(timeout=10).publish("tw.telemetry.xiakou.level-1", b"{}")
        info = await js.stream_info("TELEMETRY")
        assert info.cluster is not None
        os.kill(cluster[str(info.cluster.leader)][1].pid, signal.SIGKILL)
        sending = logger.jetstream(timeout=2)
        again = await patiently(lambda: sending.publish("tw.telemetry.xiakou.level-1", b"{}"))
        assert again.seq > kept.seq
        assert (await patiently(lambda: js.get_msg("TELEMETRY", kept.seq))).data == b"{}"
