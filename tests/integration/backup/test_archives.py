"""Backups between real databases and streams: what comes back, what is refused, and what a failed restore leaves."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import tarfile
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from nats.js import JetStreamContext

from deploy.backup.archive import ArchiveReader, ArchiveWriter
from deploy.backup.manifest import Manifest
from deploy.backup.restore import require_known_schema, require_room, restore
from deploy.backup.take import Taken, archive_path, take
from services.cases.adapters.evidence import EvidenceFiles
from shared.bus import dead
from shared.bus.connection import connect
from shared.bus.reader import read_stream
from shared.bus.streams import STREAMS, provision
from shared.clock import SystemClock
from shared.eventstore.relay import Relay
from shared.postgres import migrate, migrations_of, open_pool
from shared.problems import BadInput, Conflict, Fault, NotFound, Refusal, Unavailable
from shared.settings import Connection
from tests.integration.eventstore.sample import append, filled, sample_store

AWKWARD = "水位\t计\\N\n'\"\r\\."
NEW_SENSOR = "INSERT INTO monitor.sensor (pond_id, sensor_id, kind, unit) VALUES (%s, 's', 'rain', 'mm') RETURNING key"
READINGS = ("NaN", "-Infinity", "-0", "1e-320", "0.1", "3.4000000000000004")


@dataclass
class World:
    """A system without services, an empty one beside it, and a place for archives."""

    system: Connection
    empty: Connection
    home: Path
    js: JetStreamContext

    def sql(self, text: str, *params: Any, system: Connection | None = None) -> list[tuple[Any, ...]]:
        with psycopg.connect((system or self.system).database("owner"), autocommit=True) as conn:
            cursor = conn.execute(text.encode(), params)
            return [] if cursor.description is None else cursor.fetchall()

    async def take(self, name: str = "a.tar", **options: Any) -> Taken:
        return await take(self.system, self.home, self.home / name, **options)

    async def renew_streams(self) -> None:
        for stream in STREAMS:
            await self.js.delete_stream(str(stream.name))
        await provision(self.js)


@pytest.fixture
async def world(connection: Connection, empty_database: dict[str, str], tmp_path: Path) -> AsyncIterator[World]:
    client = await connect(connection, name="backup-test")
    empty = connection.model_copy(update={"database_urls": empty_database})
    yield World(connection, empty, tmp_path, client.jetstream())
    await client.close()


def sums(manifest: Manifest) -> dict[str, tuple[int, str]]:
    return {table.label: (table.lines, table.sha256) for table in manifest.tables}


async def with_events(url: str, count: int) -> None:
    pool = await open_pool(url, schema="registry")
    try:
        async with pool.connection() as conn:
            for number in range(count):
                await append(conn, f"tank-{number % 3}", number // 3, filled(number + 0.1, note=AWKWARD))
    finally:
        await pool.close()


async def relayed(world: World, url: str, count: int) -> list[bytes]:
    """Run the registry's relay until the stream holds *count* events, and return them."""
    pool = await open_pool(url, schema="registry")
    relay = asyncio.create_task(Relay(sample_store(), pool, world.js, "registry").run())
    try:
        async with asyncio.timeout(20):
            while (await world.js.stream_info("EVENTS")).state.messages < count:
                await asyncio.sleep(0.01)
    finally:
        relay.cancel()
        with suppress(asyncio.CancelledError):
            await relay
        await pool.close()
    return [message.data async for message in read_stream(world.js, "EVENTS", "tw.events.>")]


async def test_what_was_taken_comes_back_and_goes_on(world: World) -> None:
    await with_events(world.system.database("registry"), 7)
    before = await relayed(world, world.system.database("registry"), 7)
    ((key,),) = world.sql(NEW_SENSOR, AWKWARD)
    for number, value in enumerate(READINGS):
        world.sql(
            "INSERT INTO monitor.reading VALUES (%s, timestamptz '2024-07-01' + %s * interval '1 microsecond',"
            " %s::float8, 1, 0, 1, now())", key, number, value,
        )  # fmt: skip
    world.sql("UPDATE monitor.term SET number = 41")
    stored = {"Nats-Msg-Id": "logger-1", "Tw-Own": "kept"}
    for number in range(5):
        await world.js.publish(
            "tw.telemetry.p.s", b"\xff\x00 %d" % number, headers=dict(stored) if number == 4 else None
        )
    created = (await world.js.stream_info("TELEMETRY")).created
    world.sql("INSERT INTO monitor.telemetry_position VALUES ('monitor', %s, 3)", created)
    problem = Conflict("bus.no_stream", stream="x")
    await dead.bury(world.js, "monitor", b"\xfe poison", "tw.telemetry.p.s", problem, 1)
    advisory = b'{"stream":"TELEMETRY","consumer":"monitor","stream_seq":2,"deliveries":5}'
    await world.js.publish(f"{dead.ADVISORY}TELEMETRY.monitor", advisory)
    letters = [letter async for letter in dead.letters(world.js)]
    evidence = EvidenceFiles(world.home / "evidence")
    digest = await evidence.put(b"%PDF-1.7 proof")
    world.sql("INSERT INTO cases.evidence_history VALUES (%s, 1, '2024-07-01', NULL, '2024-07-01', '{}')", digest)
    (world.home / "routing.toml").write_text('city = "石家庄"\n', "utf-8")
    (world.home / "secrets").mkdir()
    (world.home / "secrets" / "notifier-links").write_text("hush\n", "ascii")

    taken = await world.take(secrets=True)
    assert taken.path.stat().st_mode & 0o777 == 0o600
    await world.renew_streams()
    other = world.home / "other"
    (other / "secrets").mkdir(parents=True)
    (other / "routing.toml").write_text("# mine\n", "utf-8")
    differ: list[str] = []
    with ArchiveReader(taken.path) as archive:
        archive.verify()
        await restore(world.empty, other, archive, differ.append)

    # The proof is the restore's own; here a second backup, of what was restored, says the same.
    again = await take(world.empty, other, world.home / "b.tar")
    assert sums(again.manifest) == sums(taken.manifest)
    assert again.manifest.services == taken.manifest.services
    assert again.manifest.sequences == taken.manifest.sequences
    values = world.sql("SELECT value::text FROM monitor.reading ORDER BY time", system=world.empty)
    assert [value for (value,) in values] == ["NaN", "-Infinity", "-0", "1e-320", "0.1", "3.4000000000000004"]
    assert world.sql(NEW_SENSOR, "p", system=world.empty) == [(key + 1,)]
    # Of TELEMETRY what was not stored; nothing says it is, for the new stream is another.
    messages = [each async for each in read_stream(world.js, "TELEMETRY", "tw.telemetry.>")]
    assert [each.data for each in messages] == [b"\xff\x00 3", b"\xff\x00 4"]
    assert messages[1].headers == {"Tw-Own": "kept"}
    place = world.sql("SELECT created FROM monitor.telemetry_position", system=world.empty)
    assert place != [((await world.js.stream_info("TELEMETRY")).created,)]
    # Dead letters as they were, time of burial included; none is mistaken for one about the new streams.
    restored = [letter async for letter in dead.letters(world.js)]
    facts = [(each.time, each.consumer, each.code, each.reason, each.stream_seq, each.advisory) for each in restored]
    assert facts == [(each.time, each.consumer, each.code, each.reason, each.stream_seq, each.advisory)
                     for each in letters]  # fmt: skip
    assert (await dead.letter(world.js, restored[0].seq)).body == b"\xfe poison"
    with pytest.raises(NotFound, match="TELEMETRY"):
        await dead.retry(world.js, restored[1].seq)
    await dead.bury(world.js, "monitor", b"new", "tw.telemetry.p.s", problem, 1)
    assert len([letter async for letter in dead.letters(world.js)]) == 3
    # The register is published again from the first, byte for byte.
    assert await relayed(world, world.empty.database("registry"), 7) == before
    assert await EvidenceFiles(other / "evidence").read(digest) == b"%PDF-1.7 proof"
    assert differ == ["routing.toml"]
    assert (other / "routing.toml").read_text("utf-8") == "# mine\n"
    assert "石家庄" in (other / "routing.toml.restored").read_text("utf-8")
    assert (other / "secrets" / "notifier-links").read_text("ascii") == "hush\n"
    assert (other / "secrets" / "notifier-links").stat().st_mode & 0o777 == 0o600


async def test_one_moment_over_all_services_while_they_write(world: World) -> None:
    stop = asyncio.Event()

    def write() -> int:
        """Write the same id into two services' tables, in one transaction."""
        count = 0
        with psycopg.connect(world.system.database("owner"), autocommit=True) as conn:
            while not stop.is_set():
                with conn.transaction():
                    for schema in ("registry", "notifier"):
                        conn.execute(f"INSERT INTO {schema}.inbox VALUES ('c', %s)", (f"{count:032x}",))
                count += 1
        return count

    writing = asyncio.create_task(asyncio.to_thread(write))
    while not world.sql("SELECT FROM notifier.inbox LIMIT 1"):
        await asyncio.sleep(0.01)
    taken = await world.take()
    stop.set()
    written = await writing
    ids = {}
    with ArchiveReader(taken.path) as archive:
        for table in archive.manifest.tables:
            if table.name == "inbox":
                ids[table.table_schema] = [line.split(b"\t")[1] for line in archive.lines(table)]
    assert ids["registry"] == ids["notifier"]
    assert 0 < len(ids["registry"]) <= written


async def test_a_backup_of_an_older_schema_is_restored_and_migrated_on(world: World) -> None:
    """The database is built as it was, filled, and migrated from there."""
    newest = {"monitor": {"0013_real_ponds"}, "notifier": {"notifier-0005-watch"}}
    owner = world.empty.database("owner")
    for service in ("registry", "cases", "monitor", "notifier"):
        migrate(owner, service, only=set(migrations_of(service)) - newest.get(service, set()))
    await with_events(world.empty.database("registry"), 2)
    taken = await take(world.empty, world.home, world.home / "old.tar")
    with ArchiveReader(taken.path) as archive:
        await restore(world.system, world.home, archive)
    assert world.sql("SELECT count(*) FROM registry.event") == [(2,)]
    assert world.sql("SELECT count(*) FROM notifier.bulletin") == [(0,)]
    assert {name for (name,) in world.sql("SELECT name FROM notifier.migration")} == set(migrations_of("notifier"))
    with psycopg.connect(world.system.database("registry")) as conn:  # its role has its rights again
        assert conn.execute("SELECT count(*) FROM registry.event").fetchone() == (2,)


async def test_a_restore_that_fails_leaves_an_empty_system_and_the_next_one_works(world: World) -> None:
    await with_events(world.system.database("registry"), 2)
    await dead.bury(world.js, "monitor", b"x", "tw.telemetry.p.s", Conflict("bus.no_stream", stream="x"), 1)
    taken = await world.take()

    def lie(manifest: dict[str, Any]) -> None:
        next(each for each in manifest["tables"] if each["name"] == "event")["sha256"] = "0" * 64

    false = rewritten(taken.path, world.home / "false.tar", lie)
    await world.renew_streams()
    with ArchiveReader(false) as archive, pytest.raises(Fault, match=r"\.event is not what it was") as caught:
        await restore(world.empty, world.home, archive)
    assert caught.value.code == "backup.differs"
    assert world.sql("SELECT count(*) FROM registry.event", system=world.empty) == [(0,)]
    for _ in range(2):
        with ArchiveReader(taken.path) as archive, suppress(Conflict):
            await restore(world.empty, world.home, archive)
    assert world.sql("SELECT count(*) FROM registry.event", system=world.empty) == [(2,)]
    assert len([letter async for letter in dead.letters(world.js)]) == 1


async def test_only_an_empty_and_unused_target_is_filled(world: World) -> None:
    await with_events(world.system.database("registry"), 1)
    taken = await world.take()
    with ArchiveReader(taken.path) as archive:
        with pytest.raises(Conflict, match=r"registry\.event has records"):
            await restore(world.system, world.home, archive)
        with (
            psycopg.connect(world.empty.database("monitor")),
            pytest.raises(Conflict, match="tailwarden_monitor is using"),
        ):
            await restore(world.empty, world.home, archive)
        await world.js.publish("tw.events.registry.tank.a.filled", b"{}")
        with pytest.raises(Conflict, match="EVENTS has records"):
            await restore(world.empty, world.home, archive)
    assert world.sql("SELECT to_regclass('registry.event')", system=world.empty) == [(None,)]


async def test_a_nats_that_outlived_the_database_keeps_its_readings_and_letters(world: World) -> None:
    await with_events(world.system.database("registry"), 2)
    await dead.bury(world.js, "monitor", b"x", "tw.telemetry.p.s", Conflict("bus.no_stream", stream="x"), 1)
    await world.js.publish("tw.telemetry.p.s", b"1")
    await world.js.publish("tw.telemetry.p.s", b"2")
    created = (await world.js.stream_info("TELEMETRY")).created
    world.sql("INSERT INTO monitor.telemetry_position VALUES ('monitor', %s, 1)", created)
    taken = await world.take()
    published = await relayed(world, world.system.database("registry"), 2)
    await world.js.publish("tw.telemetry.p.s", b"after the backup")
    with ArchiveReader(taken.path) as archive:
        await restore(world.empty, world.home, archive, renew_events=True)
    (saved,) = world.home.glob("events-before-restore-*.jsonl")
    assert saved.read_bytes().splitlines() == published
    assert await relayed(world, world.empty.database("registry"), 2) == published
    assert len([letter async for letter in dead.letters(world.js)]) == 1
    # The monitor's place is one in this very stream, so it goes on with what the backup's did not store.
    assert (await world.js.stream_info("TELEMETRY")).state.last_seq == 3
    place = world.sql("SELECT created, sequence FROM monitor.telemetry_position", system=world.empty)
    assert place == [((await world.js.stream_info("TELEMETRY")).created, 1)]


async def test_evidence_that_is_lost_is_noted_and_stops_nothing(world: World) -> None:
    files = EvidenceFiles(world.home / "evidence")
    damaged = await files.put(b"%PDF")
    files.path(damaged).write_bytes(b"%PDX")
    missing = sha256(b"never").hexdigest()
    for digest in (damaged, missing):
        world.sql("INSERT INTO cases.evidence_history VALUES (%s, 1, '2024-07-01', NULL, '2024-07-01', '{}')", digest)
    taken = await world.take()
    assert taken.manifest.evidence.lost == {damaged: "evidence.damaged", missing: "evidence.missing"}
    assert taken.manifest.evidence.files == 0


def rewritten(path: Path, copy: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Copy an archive with another manifest, whose own sum is right."""
    with ArchiveReader(path) as archive, ArchiveWriter(copy) as writer:
        given = archive.manifest.model_dump(mode="json")
        change(given)
        for part in archive.manifest.parts:
            writer.add(part.name, archive.read(part.name))
        writer.finish(Manifest.model_validate(given))
    return copy


def archive_of(folder: Path, parts: int = 3) -> Path:
    """Write a small archive of nothing in particular."""
    with ArchiveWriter(folder / "small.tar") as writer:
        for number in range(parts):
            writer.add(f"tables/t{number}", bytes([number]) * 3000)
        manifest = {
            "format": 1, "id": "abc", "taken": "2026-07-22T00:00:00Z", "tailwarden": "9.9.9", "postgres": "18",
            "timescaledb": None, "services": [{"name": "registry", "migrations": {}, "events": 0, "head": ""}],
            "tables": [], "sequences": [], "streams": [], "events_published": 0, "evidence": {"files": 0, "size": 0},
            "files": [], "parts": [part.model_dump() for part in writer.parts],
        }  # fmt: skip
        writer.finish(Manifest.model_validate(manifest))
    return folder / "small.tar"


def flipped(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def place_of(path: Path, name: str) -> int:
    with tarfile.open(path) as tar:
        return tar.getmember(name).offset_data


def test_damage_is_found_and_its_part_named(tmp_path: Path) -> None:
    path = archive_of(tmp_path)
    with ArchiveReader(path) as archive:
        archive.verify()
    flipped(path, place_of(path, "tables/t1") + 1500)
    with ArchiveReader(path) as archive, pytest.raises(BadInput, match="sum of tables/t1 is wrong"):
        archive.verify()
    flipped(path, place_of(path, "manifest.json") + 5)
    with pytest.raises(BadInput, match=r"sum of manifest\.json is wrong"):
        ArchiveReader(path)


@pytest.mark.parametrize(
    ("cut", "part"),
    [("tables/t1", "tables/t1"), ("manifest.json", "manifest.json"), ("manifest.sha256", "manifest.sha256")],
)
def test_an_archive_without_its_end_is_refused_where_it_ends(tmp_path: Path, cut: str, part: str) -> None:
    path = archive_of(tmp_path)
    with path.open("r+b") as file:
        file.truncate(place_of(path, cut) + 60)
    with pytest.raises(BadInput, match=f"ends in or after {part}") as caught:
        ArchiveReader(path)
    assert caught.value.code == "backup.truncated"


def test_what_is_no_archive_or_newer_than_this_code_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    for content in (b"", b"PK\x03\x04 something else" * 100):
        other.write_bytes(content)
        with pytest.raises(BadInput) as caught:
            ArchiveReader(other)
        assert caught.value.code in ("backup.no_archive", "backup.truncated")
    with pytest.raises(BadInput, match="No such file"):
        ArchiveReader(tmp_path / "nothing")
    path = archive_of(tmp_path)
    newer = rewritten(path, tmp_path / "newer.tar", lambda manifest: manifest.update(format=2))
    with pytest.raises(BadInput, match=r"made by newer code \(tailwarden 9\.9\.9\)"):
        ArchiveReader(newer)

    def ahead(manifest: dict[str, Any]) -> None:
        manifest["services"][0]["migrations"] = {"registry-9999-tomorrow": "0" * 64}

    with (
        ArchiveReader(rewritten(path, tmp_path / "ahead.tar", ahead)) as archive,
        pytest.raises(Conflict, match="no migration registry-9999-tomorrow"),
    ):
        require_known_schema(archive.manifest)


def test_a_part_that_the_manifest_names_and_nobody_wrote_is_named(tmp_path: Path) -> None:
    def more(manifest: dict[str, Any]) -> None:
        manifest["parts"].append({"name": "evidence/ab", "size": 3, "sha256": "0" * 64})

    path = rewritten(archive_of(tmp_path), tmp_path / "less.tar", more)
    with ArchiveReader(path) as archive, pytest.raises(BadInput, match="lacks evidence/ab"):
        archive.verify()


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = tmp_path / "full.tar"
    with pytest.raises(Unavailable, match=r"full\.tar cannot be written"), ArchiveWriter(path) as writer:  # noqa: PT012
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # what the kernel refuses here, a full disk refuses
        try:
            for number in range(100):
                writer.add(f"tables/t{number}", bytes(3000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
    archive_of(tmp_path)
    with ArchiveReader(tmp_path / "small.tar") as archive:
        require_room(archive.manifest, tmp_path)
        usage = shutil.disk_usage(tmp_path)
        too_much = archive.manifest.model_copy(
            update={"evidence": archive.manifest.evidence.model_copy(update={"size": usage.total + 1})}
        )
        with pytest.raises(Unavailable, match="too little room"):
            require_room(too_much, tmp_path)


def test_where_an_archive_goes(tmp_path: Path) -> None:
    now = SystemClock().now()
    assert archive_path(tmp_path, now) == tmp_path / f"tailwarden-{now:%Y%m%dT%H%M%SZ}.tar"
    assert archive_path(tmp_path / "mine.tar", now) == tmp_path / "mine.tar"
    with pytest.raises(Refusal, match="make it first"):
        archive_path(tmp_path / "no" / "mine.tar", now)
    path = archive_of(tmp_path)
    with pytest.raises(Conflict, match="is there already"):
        ArchiveWriter(path)


def test_parts_may_end_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.backup.archive._PART_BYTES", 20_000)
    lines = [orjson.dumps({"seq": number, "data": os.urandom(600).hex()}) for number in range(300)]
    with ArchiveWriter(tmp_path / "parts.tar") as writer:
        series = writer.series("streams/X")
        for line in lines:
            series.write(line + b"\n")
        whole = series.close()
        with ArchiveReader(archive_of(tmp_path)) as other:
            writer.finish(other.manifest.model_copy(update={"parts": writer.parts}))
    assert len(whole.parts) >= 5
    assert whole.lines == 300
    with ArchiveReader(tmp_path / "parts.tar") as archive:
        assert list(archive.lines(whole)) == lines
