"""What loggers get wrong: refused by name, kept to the byte, and nobody else is harmed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import nats.errors
import nats.js.errors
import orjson
import pytest
from nats.js import JetStreamContext

from deploy.local.running import RunningSystem
from shared.bus.connection import connect
from shared.bus.dead import DeadLetter, letter, letters
from shared.bus.rpc import CommandClient
from tests.acceptance.ponds import Watched, query, register, stamp, stamp_us, until

GOOD = b'{"time": "2024-07-01T02:00:07Z", "value": 11.0}'
NOW = datetime.now(UTC)


def reading(value: str, time: str | None = None) -> bytes:
    return b'{"time": %s, "value": %s}' % (json.dumps(time or stamp(30)).encode(), value.encode())


@pytest.fixture
async def js(shared_system: RunningSystem) -> AsyncIterator[JetStreamContext]:
    nc = await connect(shared_system.connection, name="bad-input-test")
    yield nc.jetstream(timeout=30.0)
    await nc.close()


@pytest.fixture
async def pond(js: JetStreamContext) -> Watched:
    """A pond of the test's own whose newest reading is ten slots after ``BEGINS``."""
    made = Watched(f"bad-{uuid4().hex[:8]}", rain=True)
    await register(CommandClient(js._nc), [made])
    return made


def tailwarden(home: Path, *words: str, language: str = "en") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "tailwarden", *words, "--home", str(home)],
        capture_output=True, timeout=60, check=False, env={**os.environ, "TAILWARDEN_LANGUAGE": language},
    )  # fmt: skip


async def buried(js: JetStreamContext, stream_seq: int) -> DeadLetter:
    """Return the dead letter of a message of TELEMETRY, once it is there."""
    found: list[DeadLetter] = []

    async def there() -> bool:
        found[:] = [each async for each in letters(js, "monitor") if each.stream_seq == stream_seq]
        return bool(found)

    await until(there, 30, f"message {stream_seq} of TELEMETRY is a dead letter")
    assert len(found) == 1
    return await letter(js, found[0].seq)


async def stored(system: RunningSystem, pond: Watched) -> dict[tuple[str, int], float]:
    """Return (sensor, µs) → value of what is stored of *pond*."""
    rows = await query(
        system.connection.database("owner"),
        "SELECT sensor_id, (extract(epoch FROM time) * 1000000)::bigint, value"
        " FROM monitor.reading JOIN monitor.sensor ON key = sensor WHERE pond_id = %s",
        pond.id,
    )
    return {(sensor, int(us)): value for sensor, us, value in rows}


async def expect_stored(system: RunningSystem, pond: Watched, wanted: dict[tuple[str, int], float]) -> None:
    """Dead letters are kept before the readings beside them are stored."""

    async def there() -> bool:
        return len(await stored(system, pond)) >= len(wanted)

    await until(there, 20, "the readings are stored")
    assert await stored(system, pond) == wanted


async def expect_well(system: RunningSystem, js: JetStreamContext, pond: Watched) -> None:
    """The service is unharmed: a good reading is stored and judged."""
    subject = f"tw.telemetry.{pond.id}.level-1"
    for slot in (40, 41, 42):
        await js.publish(subject, orjson.dumps({"time": stamp(slot), "value": 12.7}))

    async def warned() -> bool:
        owner = system.connection.database("owner")
        found = await query(owner, "SELECT level FROM monitor.warning WHERE pond_id = %s", pond.id)
        return found == [("yellow",)]

    await until(warned, 20, "a warning of a good reading")

    async def there() -> bool:
        return (await stored(system, pond)).get(("level-1", stamp_us(42))) == 12.7

    await until(there, 20, "the newest good reading is stored")


BAD: dict[str, tuple[str, bytes, str, str]] = {
    # what: (sensor or "" for the gateway's subject, message, code, field)
    "not JSON": ("level-1", b"level 11.2 m", "telemetry.not_json", "payload"),
    "not text": ("level-1", b"\xff\xfe\x00\x01", "telemetry.not_json", "payload"),
    "nothing": ("level-1", b"", "telemetry.not_json", "payload"),
    "a bare number": ("level-1", b"11.2", "telemetry.shape", "payload"),
    "a value of text": ("level-1", reading('"high"'), "telemetry.not_number", "value"),
    "a value of truth": ("level-1", reading("true"), "telemetry.not_number", "value"),
    "a value of lists": ("level-1", reading("[11.2]"), "telemetry.not_number", "value"),
    "a time of truth": ("level-1", b'{"time": true, "value": 1}', "telemetry.not_time", "time"),
    "no value": ("level-1", b'{"time": "2024-07-01T02:00:07Z"}', "telemetry.missing", "value"),
    "NaN": ("level-1", reading("NaN"), "telemetry.not_finite", "value"),
    "infinity": ("level-1", reading("Infinity"), "telemetry.not_finite", "value"),
    "minus infinity": ("level-1", reading("-Infinity"), "telemetry.not_finite", "value"),
    "beyond a float": ("level-1", reading("1e999"), "telemetry.not_finite", "value"),
    "unknown sensor": ("level-9", GOOD, "telemetry.unknown_sensor", "sensor"),
    "unknown sensor at the gateway": ("", GOOD[:-1] + b', "sensor": "level-9"}', "telemetry.unknown_sensor", "sensor"),
    "unknown unit": ("level-1", GOOD[:-1] + b', "unit": "furlong"}', "telemetry.unit", "unit"),
    "time without offset": ("level-1", reading("1", "2024-07-01T02:00:07"), "telemetry.no_offset", "time"),
    "time in the future": (
        "level-1", reading("1", (NOW + timedelta(days=1)).isoformat()), "telemetry.future", "time",
    ),
    "time of 1970": ("level-1", b'{"time": 1719800000, "value": 1}', "telemetry.seconds", "time"),
    "id with a space": ("", GOOD[:-1] + b', "sensor": "level 1"}', "telemetry.id", "sensor"),
    "id with a dot": ("", GOOD[:-1] + b', "sensor": "level.1"}', "telemetry.id", "sensor"),
    "id with a wildcard": ("", GOOD[:-1] + b', "sensor": "*"}', "telemetry.id", "sensor"),
    "id in Chinese": ("", GOOD[:-1] + ', "sensor": "水位"}'.encode(), "telemetry.id", "sensor"),
    "id that is a number": ("", GOOD[:-1] + b', "sensor": 1}', "telemetry.id", "sensor"),
    "columns of two lengths": (
        "level-1", b'{"times": [1719800000000], "values": [1, 2]}', "telemetry.lengths", "values",
    ),
    "20,001 readings": (
        "level-1", orjson.dumps([{"time": 1719800000000 + n, "value": 1} for n in range(20_001)]),
        "telemetry.too_many", "payload",
    ),
    "more than 1 MiB": ("level-1", b'{"time": 1719800000000, "value": 1' + b" " * (1 << 20) + b"}",
                        "telemetry.too_big", "payload"),
    "10 MB": ("level-1", b"[" + b'{"time": 1719800000000, "value": 1.25},' * 260_000, "telemetry.too_big", "payload"),
    "a million readings": (
        "level-1", b"[" + b",".join([b'{"time":1719800000000,"value":1}'] * 1_000_000) + b"]",
        "telemetry.too_big", "payload",
    ),
    "a million readings in columns": (
        "level-1",
        b'{"times":[%s],"values":[%s]}' % (b",".join([b"1719800000000"] * 1_000_000), b",".join([b"1"] * 1_000_000)),
        "telemetry.too_big", "payload",
    ),
    "nested without end": ("level-1", b"[" * 200_000, "telemetry.too_deep", "payload"),
}  # fmt: skip


async def test_every_bad_message_is_kept_with_its_reason_and_harms_nobody(
    shared_system: RunningSystem, js: JetStreamContext, pond: Watched
) -> None:
    await js.publish(f"tw.telemetry.{pond.id}.level-1", orjson.dumps({"time": stamp(10), "value": 11.0}))
    sent: dict[str, int] = {}
    for what, (sensor, payload, _, _) in BAD.items():
        ack = await js.publish(f"tw.telemetry.{pond.id}" + (f".{sensor}" if sensor else ""), payload)
        sent[what] = ack.seq
    for what, (_, payload, code, field) in BAD.items():
        kept = await buried(js, sent[what])
        assert kept.body == payload, what
        assert (kept.code, kept.problems[0].field) == (code, field), (what, kept.reason)
        english, chinese = kept.words("en"), kept.words("zh")
        assert english
        assert english != chinese
        assert any("\u4e00" <= c <= "\u9fff" for c in chinese), chinese
        if field != "payload":
            assert field in english
            assert field in chinese or what.startswith("unknown sensor"), chinese
    assert set(await stored(shared_system, pond)) == {("level-1", stamp_us(10))}
    await expect_well(shared_system, js, pond)


async def test_older_than_the_window_is_refused_and_what_is_stored_is_a_duplicate(
    shared_system: RunningSystem, js: JetStreamContext, pond: Watched
) -> None:
    subject = f"tw.telemetry.{pond.id}.level-1"
    old = orjson.dumps({"time": stamp(0), "value": 11.0})
    await js.publish(subject, old)
    await js.publish(subject, orjson.dumps({"time": stamp(289), "value": 11.1}))
    inside = orjson.dumps({"times": [stamp(1), stamp(2), stamp(290)], "values": [11.0, 11.0, 11.2]})
    mixed = (await js.publish(subject, inside)).seq

    # Of one batch none is older than another's window: what follows is a batch of its own.
    values = {0: 11.0, 289: 11.1, 1: 11.0, 2: 11.0, 290: 11.2}
    await expect_stored(shared_system, pond, {("level-1", stamp_us(slot)): value for slot, value in values.items()})
    await js.publish(subject, old)
    kept = await buried(js, (await js.publish(subject, orjson.dumps({"time": stamp(-1), "value": 10.9}))).seq)
    assert (kept.code, kept.problems[0].field) == ("intake.too_old", "time")
    assert "24 h window" in kept.words("en")
    assert "24 小时窗口" in kept.words("zh")
    assert pond.id in kept.reason
    have = await stored(shared_system, pond)
    assert set(have) == {("level-1", stamp_us(slot)) for slot in (0, 1, 2, 289, 290)}
    of_mine = [each.stream_seq async for each in letters(js, "monitor") if pond.id in each.subject]
    assert mixed not in of_mine
    assert len(of_mine) == 1


async def test_the_good_of_a_mixed_batch_are_kept(
    shared_system: RunningSystem, js: JetStreamContext, pond: Watched
) -> None:
    columns = orjson.dumps({
        "sensors": ["level-1", "level-1", "nobody", "rain-1", "level-1", "rain-1"],
        "times": [stamp(1), stamp(2), stamp(2), stamp(2), "yesterday", stamp(3)],
        "values": [11.0, None, 1.0, 0.2, 11.1, "wet"],
    })  # fmt: skip
    kept = await buried(js, (await js.publish(f"tw.telemetry.{pond.id}", columns)).seq)
    assert kept.body == columns
    assert [(each.code, each.field) for each in kept.problems] == [
        ("telemetry.unknown_sensor", "sensors[2]"),
        ("telemetry.not_time", "times[4]"),
        ("telemetry.not_number", "values[5]"),
    ]
    await expect_stored(shared_system, pond, {("level-1", stamp_us(1)): 11.0, ("rain-1", stamp_us(2)): 0.2})
    listed = orjson.dumps([{"time": stamp(4), "value": 11.2}, {"time": stamp(5)}, {"time": stamp(6), "value": 11.3}])
    kept = await buried(js, (await js.publish(f"tw.telemetry.{pond.id}.level-1", listed)).seq)
    assert [(each.code, each.field) for each in kept.problems] == [("telemetry.missing", "[1].value")]
    levels = {("level-1", stamp_us(slot)): value for slot, value in ((1, 11.0), (4, 11.2), (6, 11.3))}
    await expect_stored(shared_system, pond, {**levels, ("rain-1", stamp_us(2)): 0.2})
    await expect_well(shared_system, js, pond)


@pytest.mark.parametrize(
    "tail",
    ["{id}.level.1", "{id}.水位-1", "{id}.LEVEL-1", "库", "{id}.level+1", "{id}.level-1.x.y", "{id}.*", "{id}.>", "*"],
)
async def test_subjects_that_are_no_ids(
    shared_system: RunningSystem, js: JetStreamContext, pond: Watched, tail: str
) -> None:
    subject = "tw.telemetry." + tail.format(id=pond.id)
    kept = await buried(js, (await js.publish(subject, GOOD)).seq)
    assert (kept.subject, kept.body) == (subject, GOOD)
    assert (kept.code, kept.problems[0].field) == ("telemetry.subject", "subject")
    assert await stored(shared_system, pond) == {}


@pytest.mark.parametrize("tail", ["bad.level 1", "bad..level-1", "bad.level-1.", ".level-1"])
async def test_subjects_that_nats_itself_refuses(shared_system: RunningSystem, js: JetStreamContext, tail: str) -> None:
    """Nothing arrives, so there is nothing to keep; the one who publishes is told, or gets no acknowledgement."""
    before = (await js.stream_info("TELEMETRY")).state.last_seq
    with pytest.raises((nats.errors.Error, TimeoutError)):
        await js.publish(f"tw.telemetry.{tail}", GOOD, timeout=1.0)
    assert (await js.stream_info("TELEMETRY")).state.last_seq == before


async def test_more_than_the_server_stores_is_refused_by_the_server(
    shared_system: RunningSystem, js: JetStreamContext
) -> None:
    """What the file store of NATS does not take can be kept by nobody: its sender is told at once."""
    with pytest.raises(nats.js.errors.APIError, match=r"message too large|exceeds maximum"):
        await js.publish("tw.telemetry.bad.level-1", bytes(32 * 1024 * 1024))


async def test_an_unknown_pond_is_registered_and_its_dead_letters_retried(
    shared_system: RunningSystem, js: JetStreamContext
) -> None:
    late = Watched(f"late-{uuid4().hex[:8]}")
    subject = f"tw.telemetry.{late.id}.level-1"
    good = (await js.publish(subject, orjson.dumps({"time": stamp(1), "value": 11.5}))).seq
    bad = (await js.publish(subject, reading('"high"'))).seq
    first, second = await buried(js, good), await buried(js, bad)
    assert (first.code, first.problems[0].field) == ("telemetry.unknown_pond", "pond")
    home = shared_system.home
    for language, words in (("en", f"pond {late.id} is not registered"), ("zh", f"库 {late.id} 未登记")):
        listed = tailwarden(home, "dead", "list", "--json", language=language).stdout.decode()
        assert words in listed
        shown = tailwarden(home, "dead", "show", str(first.seq), language=language).stdout.decode()
        assert words in shown
        assert subject in shown
    assert tailwarden(home, "dead", "show", str(first.seq), "--raw").stdout == first.body
    again = tailwarden(home, "dead", "retry", str(first.seq))
    assert again.returncode == 0
    # Nothing has changed: it is a dead letter again, a new one.
    newest = int((await js.stream_info("TELEMETRY")).state.last_seq)
    again_buried = await buried(js, newest)
    assert again_buried.seq > second.seq

    await register(CommandClient(js._nc), [late])
    done = tailwarden(home, "dead", "retry", str(again_buried.seq), str(second.seq))
    assert done.returncode == 0, done.stderr
    assert f"went back to {subject}".encode() in done.stdout

    async def there() -> bool:
        return bool(await stored(shared_system, late))

    await until(there, 20, "the retried reading is stored")
    assert await stored(shared_system, late) == {("level-1", stamp_us(1)): 11.5}
    left = [each async for each in letters(js, "monitor") if each.subject == subject]
    assert [each.code for each in left] == ["telemetry.not_number"]
    await expect_well(shared_system, js, late)
