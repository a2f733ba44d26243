"""A backup in the middle of a storm, the machine lost, and a system made anew from it on an empty one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from base64 import b64encode
from collections import deque
from datetime import datetime
from hashlib import sha256
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from nats.js import JetStreamContext

from deploy.local.places import temporary_home
from deploy.local.running import RunningSystem, running_system
from shared.bus.connection import connect
from shared.bus.dead import letters
from shared.bus.reader import read_stream
from shared.bus.rpc import CommandClient
from shared.contracts.evidence import AddEvidence, EvidenceView
from shared.eventstore import ServiceStore, audit, published_anchor, verify
from shared.postgres import open_pool
from shared.settings import Connection
from tests.acceptance.ponds import messages, published, query, register, stored_identities, stormy, until

TAILWARDEN = Path(sys.executable).with_name("tailwarden")
Record = dict[str, list[tuple[Any, ...]]]
TIMELINE = "SELECT event, time, level FROM monitor.timeline WHERE pond_id = %s ORDER BY time, place"
PLACE = "SELECT sequence FROM monitor.telemetry_position"
SERVICES = ("registry", "cases", "monitor", "notifier")
ROUTING = (files("services.notifier") / "routing.toml").read_text("utf-8") + "# 石家庄\n"
PDF = b"%PDF-1.7\n" + "险情处置报告".encode()


def tailwarden(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(TAILWARDEN), *words], capture_output=True, text=True, timeout=80, check=False)


async def record(to: Connection) -> Record:
    """Return each service's events: position, id, hash."""
    url = to.database("owner")
    return {
        name: await query(url, f"SELECT position, id::text, encode(hash, 'hex') FROM {name}.event ORDER BY position")
        for name in SERVICES
    }


async def relayed(js: JetStreamContext, service: str) -> list[dict[str, Any]]:
    return [json.loads(each.data) async for each in read_stream(js, "EVENTS", f"tw.events.{service}.>")]


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_lost_machine_is_made_anew_from_a_backup_taken_in_the_storm(system: RunningSystem) -> None:
    ponds = [stormy("yi", 500, seed=1), stormy("er", 500, rain=True, seed=2)]
    everything = {pond.id: list(messages(pond, seed)) for seed, pond in enumerate(ponds)}
    queues = {pond: deque(told) for pond, told in everything.items()}
    sent: dict[str, list[tuple[str, bytes]]] = {pond.id: [] for pond in ponds}
    nc = await connect(system.connection, name="backup-test")
    js, client = nc.jetstream(), CommandClient(nc)
    await register(client, ponds)
    digest = sha256(PDF).hexdigest()
    await client.send(
        AddEvidence(title="报告", filename="r.pdf", content=b64encode(PDF).decode(), by="王工"), EvidenceView
    )
    await published(js, "tw.telemetry.yi.level-1", b"\xff no reading")
    (system.home / "routing.toml").write_text(ROUTING, "utf-8")

    async def logger(pond: str, upto: int | None = None) -> None:
        """Send one after the other, each once: what was acknowledged is never sent again."""
        while queues[pond] and (upto is None or len(sent[pond]) < upto):
            message = queues[pond][0]
            await published(js, *message)
            sent[pond].append(queues[pond].popleft())

    await asyncio.gather(*(logger(pond, 60) for pond in queues))

    async def settled() -> bool:
        """Tell whether the monitor's place is behind all that was sent: only then is what it buried buried once."""
        last = (await js.stream_info("TELEMETRY")).state.last_seq
        return await query(system.connection.database("owner"), PLACE) == [(last,)]

    await until(settled, 30, "what was sent is stored")
    assert len([letter async for letter in letters(js)]) == 1
    # The monitor stands still: what comes now is acknowledged to the loggers, and in no database.
    monitor = system.pid("monitor")
    assert monitor is not None
    os.kill(monitor, signal.SIGSTOP)
    await asyncio.gather(*(logger(pond, 75) for pond in queues))
    before = {pond: list(told) for pond, told in sent.items()}
    known = await record(system.connection)
    storm = [asyncio.create_task(logger(pond)) for pond in queues]
    archive = system.home / "backups" / "storm.tar"
    archive.parent.mkdir()
    taken = await asyncio.to_thread(tailwarden, "backup", str(archive), "--json", "--home", str(system.home))
    assert taken.returncode == 0, taken.stderr
    said = json.loads(taken.stdout)
    assert {each["stream"]: each["lines"] for each in said["streams"]}["TELEMETRY"] >= 30
    await asyncio.gather(*storm)
    after = await record(system.connection)
    buried_before = [(each.time, each.subject, each.reason) async for each in letters(js)]
    os.kill(system.supervisor.pid, signal.SIGKILL)
    await nc.close()

    with temporary_home() as home:
        done = await asyncio.to_thread(tailwarden, "restore", str(archive), "--json", "--home", str(home))
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["tables"] == said["tables"]
        assert (home / "routing.toml").read_text("utf-8") == ROUTING
        assert (home / "evidence" / digest[:2] / digest[2:]).read_bytes() == PDF
        with running_system(home) as second:
            nc = await connect(second.connection, name="backup-test")
            js, url = nc.jetstream(), second.connection.database("owner")
            wanted = {each for told in before.values() for message in told for each in identities(*message)}

            async def stored() -> bool:
                return wanted <= set(await stored_identities(url))

            await until(stored, 30, "every reading acknowledged before the backup is stored")
            # What came after the backup is lost with the machine. Loggers send it again, and all is as if nothing was.
            for pond, told in before.items():
                for message in everything[pond][len(told) :]:
                    await published(js, *message)

            async def whole() -> bool:
                return len(await stored_identities(url)) >= sum(len(pond.identities) for pond in ponds)

            await until(whole, 30, "the rest is stored")
            for pond in ponds:
                rows = await query(
                    url,
                    "SELECT event, time, level FROM monitor.timeline WHERE pond_id = %s ORDER BY time, place",
                    pond.id,
                )
                assert rows == pond.timeline()
            await expect_one_history(
                second, js, {each["name"]: each["events"] for each in said["services"]}, known, after
            )
            assert [(each.time, each.subject, each.reason) async for each in letters(js)] == buried_before
            await expect_sound(js, second.connection)
            await nc.close()


async def expect_sound(js: JetStreamContext, to: Connection) -> None:
    """What `tailwarden audit verify` and `tailwarden projections verify` find: nothing."""
    for name in SERVICES:
        parts: ServiceStore = import_module(f"services.{name}.wiring").store()
        pool = await open_pool(to.database("owner"), schema=name)
        try:
            anchor = await published_anchor(js, name)
            assert anchor is not None
            async with pool.connection() as conn:
                report = await audit(conn, [anchor])
            assert (report.finding, report.events >= anchor.position) == (None, True)
            assert await verify(pool, parts.store, parts.projections) == []
        finally:
            await pool.close()


def identities(subject: str, payload: bytes) -> set[tuple[str, str, int]]:
    """Return (pond, sensor, µs) of a message's readings, whatever its shape."""
    _, _, pond, *sensor = subject.split(".")
    body = json.loads(payload)
    if "series" in body:
        times = [(name, time) for name, columns in body["series"].items() for time in columns["times"]]
    elif isinstance(body, list):
        times = [(sensor[0], each["time"]) for each in body]
    else:
        times = [(sensor[0], time) for time in body.get("times", [body.get("time")])]
    return {(pond, name, round(datetime.fromisoformat(time).timestamp() * 1e6)) for name, time in times}


async def expect_one_history(
    system: RunningSystem, js: JetStreamContext, taken: dict[str, int], known: Record, after: Record
) -> None:
    """What was recorded before the backup is there; what follows is one line with it; the stream tells all of it."""
    found = await record(system.connection)
    for name in SERVICES:
        assert len(known[name]) <= taken[name] <= len(after[name])
        assert found[name][: taken[name]] == after[name][: taken[name]]

        async def told(name: str = name) -> bool:
            return len(await relayed(js, name)) >= len(found[name])

        await until(told, 20, f"{name}'s events are published again")
        published_again = await relayed(js, name)
        assert [(each["position"], each["id"], each["hash"]) for each in published_again][: len(found[name])] == found[
            name
        ]
    # Nobody is told anew what was told before.
    twice = await query(
        system.connection.database("owner"),
        "SELECT data->>'alarm_id', count(*) FROM notifier.event WHERE type = 'notifier.alarm.opened'"
        " GROUP BY 1 HAVING count(*) > 1",
    )
    assert twice == []
