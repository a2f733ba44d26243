"""Two monitors share the load; one is killed in the middle: nothing is lost, nothing stored or said twice."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from nats.js import JetStreamContext

from deploy.local.places import temporary_home
from deploy.local.running import RunningSystem, running_system
from shared.bus.connection import connect
from shared.bus.partitions import Share, partition_of
from shared.bus.reader import read_stream
from shared.bus.rpc import CommandClient
from tests.acceptance.ponds import Watched, messages, published, query, register, stormy, until
from tests.acceptance.test_crash import expect_exactly

TAILWARDEN = Path(sys.executable).with_name("tailwarden")
SHARES = {"monitor-1": Share(0, 7), "monitor-2": Share(8, 15)}


def tailwarden(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(TAILWARDEN), *words], capture_output=True, text=True, timeout=60, check=False)


def storms() -> list[Watched]:
    """Two ponds for each monitor."""
    names = [f"pond-{number}" for number in range(60)]
    chosen = [name for share in SHARES.values() for name in [each for each in names if share.owns(each)][:2]]
    return [stormy(name, 700, seed=seed, rain=bool(seed % 2)) for seed, name in enumerate(chosen)]


async def send(system: RunningSystem, js: JetStreamContext, ponds: list[Watched]) -> None:
    """Publish everything, killing each monitor once on the way."""
    queues = {pond.id: list(messages(pond, seed)) for seed, pond in enumerate(ponds)}
    total, sent, due = sum(map(len, queues.values())), 0, dict(zip(SHARES, (0.3, 0.6), strict=True))
    for number in range(max(map(len, queues.values()))):
        together = [queue[number] for queue in queues.values() if number < len(queue)]
        await asyncio.gather(*(published(js, *message) for message in together))
        sent += len(together)
        for name in [name for name, share in due.items() if sent > total * share]:
            del due[name]
            system.kill(name)
    assert not due


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_two_monitors_share_the_ponds_and_each_is_killed_once() -> None:
    ponds = storms()
    with temporary_home() as home, running_system(home, options=("--monitors", "2")) as system:
        nc = await connect(system.connection, name="scale-test")
        js = nc.jetstream()
        try:
            await register(CommandClient(nc), ponds)
            await send(system, js, ponds)
            url = system.connection.database("owner")
            wanted = sum(len(pond.identities) for pond in ponds)

            async def drained() -> bool:
                ((stored,),) = await query(url, "SELECT count(*) FROM monitor.reading")
                return bool(stored >= wanted)

            await until(drained, 45, "every acknowledged reading is stored")
            await expect_exactly(system, js, ponds)
            # Each took its own: what it was sent is in its partitions, and both were sent something.
            found = [each.subject async for each in read_stream(js, "TELEMETRY", "tw.partition.>")]
            assert {int(subject.split(".")[2]) for subject in found} == {partition_of(pond.id) for pond in ponds}
            places = await query(url, "SELECT consumer, sequence FROM monitor.telemetry_position ORDER BY consumer")
            assert len(places) == 16
            # People see one monitor: ponds of both, and acts on warnings of both.
            shown = await asyncio.to_thread(tailwarden, "ponds", "--json", "--home", str(home))
            assert shown.returncode == 0, shown.stderr
            assert {each["pond_id"] for each in json.loads(shown.stdout)["ponds"]} == {pond.id for pond in ponds}
            rows = await query(url, "SELECT DISTINCT ON (pond_id) warning_id FROM monitor.warning ORDER BY pond_id")
            for (warning,) in rows:
                done = await asyncio.to_thread(
                    tailwarden, "warnings", "ack", warning, "--by", "王工", "--home", str(home)
                )
                assert done.returncode == 0, done.stderr
        finally:
            await nc.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("monitor", "--partitions", "0-7/8"), "16"),
        (("monitor", "--partitions", "7-0/16"), "7-0/16"),
        (("registry", "--partitions", "0-7/16"), "registry"),
    ],
)
def test_a_share_that_cannot_be_is_refused_in_one_line(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = tailwarden("serve", *words, "--home", str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert said in done.stderr
