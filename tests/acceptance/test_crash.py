"""Whatever dies, whenever: nothing acknowledged is lost, nothing is stored or warned twice."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from nats.js import JetStreamContext

from deploy.local.places import temporary_home
from deploy.local.running import RunningSystem, running_system
from shared.bus.connection import connect
from shared.bus.dead import letters
from shared.bus.reader import read_stream
from shared.bus.rpc import CommandClient
from tests.acceptance.ponds import Watched, messages, published, query, register, stored_identities, stormy, until

TAILWARDEN = Path(sys.executable).with_name("tailwarden")
KILLS = ("monitor", "nats", "postgres", "monitor", "postgres", "nats", "nats", "monitor", "postgres")
SAID = {"raised", "escalated", "eased", "cleared", "blind", "restored", "noticed", "verified"}


def tailwarden(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TAILWARDEN), *words, "--home", str(home)], capture_output=True, text=True, timeout=60, check=False
    )


async def events(js: JetStreamContext) -> list[dict[str, object]]:
    return [json.loads(each.data) async for each in read_stream(js, "EVENTS", "tw.events.monitor.>")]


def told(said: list[dict[str, object]], pond: str) -> list[tuple[str, str, str | None]]:
    """Return what was said about *pond*, as its timeline has it."""
    found = []
    for event in said:
        data = event["data"]
        assert isinstance(data, dict)
        if data["pond_id"] != pond:
            continue
        name = str(event["type"]).rsplit(".", 1)[1]
        assert name in SAID, event
        kind = {"noticed": "notice", "verified": "notice"}.get(name, name)
        found.append((kind, data["time"], data.get("level")))
    return found


async def expect_exactly(system: RunningSystem, js: JetStreamContext, ponds: list[Watched]) -> None:
    """Everything once: readings, record, events in the store and in the stream; books and chain in order."""
    url = system.connection.database("owner")
    wanted = set().union(*(pond.identities for pond in ponds))
    found = await stored_identities(url)
    assert len(found) == len(set(found))
    assert set(found) == wanted

    async def relayed() -> bool:
        ((stored,),) = await query(url, "SELECT count(*) FROM monitor.event")
        return len(await events(js)) >= stored

    await until(relayed, 20, "every event is in the stream")
    said = await events(js)
    rows = await query(url, "SELECT id::text, position FROM monitor.event ORDER BY position")
    assert [(event["id"], event["position"]) for event in said] == rows
    assert len({event["id"] for event in said}) == len(said)
    for pond in ponds:
        expected = [(kind, at.isoformat().replace("+00:00", "Z"), level) for kind, at, level in pond.timeline()]
        assert [each[0] for each in expected].count("raised") >= 2, expected
        record = await query(
            url, "SELECT event, time, level FROM monitor.timeline WHERE pond_id = %s ORDER BY time, place", pond.id
        )
        assert [(kind, at.isoformat().replace("+00:00", "Z"), level) for kind, at, level in record] == expected
        spoken = [(kind, at, None if kind in ("cleared", "restored", "blind") else level)
                  for kind, at, level in told(said, pond.id)]  # fmt: skip
        levels = ("raised", "escalated", "eased", "cleared")
        assert [each for each in spoken if each[0] in levels] == [each for each in expected if each[0] in levels]
        assert [each[:2] for each in spoken] == [each[:2] for each in expected]
    assert [letter async for letter in letters(js)] == []
    for words in (("audit", "verify"), ("projections", "verify")):
        done = await asyncio.to_thread(tailwarden, system.home, *words)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
async def js(system: RunningSystem) -> AsyncIterator[JetStreamContext]:
    nc = await connect(system.connection, name="crash-test")
    yield nc.jetstream()
    await nc.close()


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_kill_9_of_everything_in_the_middle_of_a_stream(system: RunningSystem, js: JetStreamContext) -> None:
    ponds = [
        stormy("yi", 900, seed=1),
        stormy("er", 900, seed=2, silence=range(500, 530)),
        stormy("san", 900, rain=True, seed=3),
        stormy("si", 900, rain=True, seed=4, silence=range(600, 690)),
    ]
    await register(CommandClient(js._nc), ponds)
    queues = {pond.id: list(messages(pond, seed)) for seed, pond in enumerate(ponds)}
    total, sent = sum(map(len, queues.values())), 0
    pace = 12.0 / max(map(len, queues.values()))

    async def logger(pond: str) -> None:
        """One at a time, the next when the last is acknowledged: as a logger with a memory does."""
        nonlocal sent
        for number, (subject, payload) in enumerate(queues[pond]):
            # Every other message without an id: sent again, it stands twice in the stream.
            await published(js, subject, payload, {"Nats-Msg-Id": f"{pond}-{number}"} if number % 2 else None)
            sent += 1
            await asyncio.sleep(pace)

    async def killer() -> None:
        for number, name in enumerate(KILLS, 1):

            async def due(number: int = number) -> bool:
                return sent >= total * number / (len(KILLS) + 2)

            async def runs(name: str = name) -> bool:
                return system.pid(name) is not None

            await until(due, 60, f"kill {number} is due")
            await until(runs, 30, f"{name} is restarted")
            before = system.kill(name)

            async def gone(name: str = name, before: int = before) -> bool:
                return system.pid(name) != before

            await until(gone, 10, f"the supervisor notices the end of {name}")

    await asyncio.gather(*(logger(pond) for pond in queues), killer())
    url = system.connection.database("owner")
    wanted = sum(len(pond.identities) for pond in ponds)

    async def drained() -> bool:
        ((stored,),) = await query(url, "SELECT count(*) FROM monitor.reading")
        return stored >= wanted

    try:
        await until(drained, 45, "every acknowledged reading is stored")
    except AssertionError:
        missing = set().union(*(pond.identities for pond in ponds)) - set(await stored_identities(url))
        raise AssertionError(
            f"{len(missing)} of {wanted} lost: {sorted(missing)[:5]}\n{system.log('monitor')}"
        ) from None
    await expect_exactly(system, js, ponds)


def living(home: Path) -> list[psutil.Process]:
    """Return the processes that run in *home*: by their command, their directory or their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), process.cwd(), *process.environ().values()]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(home) in word for word in words):
            found.append(process)
    return found


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_kill_9_of_the_supervisor_leaves_nothing_and_the_next_goes_on() -> None:
    ponds = [stormy("yi", 600, seed=1), stormy("er", 600, rain=True, seed=2)]
    left = {pond.id: deque(messages(pond, seed)) for seed, pond in enumerate(ponds)}

    async def logger(js: JetStreamContext, pond: str, stop: asyncio.Event | None = None) -> None:
        while left[pond] and (stop is None or not stop.is_set()):
            attempt = asyncio.create_task(published(js, *left[pond][0]))
            ended = asyncio.create_task(stop.wait()) if stop is not None else attempt
            await asyncio.wait({attempt, ended}, return_when=asyncio.FIRST_COMPLETED)
            if attempt.done():
                left[pond].popleft()  # acknowledged: it is never sent again
            attempt.cancel()
            ended.cancel()

    with temporary_home() as home:
        with running_system(home) as first:
            nc = await connect(first.connection, name="crash-test")
            js = nc.jetstream()
            await register(CommandClient(nc), ponds)
            stop = asyncio.Event()
            total = sum(map(len, left.values()))
            loggers = [asyncio.create_task(logger(js, pond, stop)) for pond in left]

            async def halfway() -> bool:
                return sum(map(len, left.values())) < total / 2

            await until(halfway, 30, "half the messages are acknowledged")
            os.kill(first.supervisor.pid, signal.SIGKILL)
            stop.set()
            await asyncio.gather(*loggers)
            await nc.close()

            async def nothing() -> bool:
                return not living(home)

            await until(nothing, 20, "nothing is left behind")
        with running_system(home) as second:
            nc = await connect(second.connection, name="crash-test")
            js = nc.jetstream()
            await asyncio.gather(*(logger(js, pond) for pond in left))
            url = second.connection.database("owner")

            async def drained() -> bool:
                ((stored,),) = await query(url, "SELECT count(*) FROM monitor.reading")
                return bool(stored >= sum(len(pond.identities) for pond in ponds))

            await until(drained, 30, "every acknowledged reading is stored")
            await expect_exactly(second, js, ponds)
            await nc.close()
