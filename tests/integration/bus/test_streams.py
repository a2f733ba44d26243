"""Provisioning: idempotent, and an operator's choice stays, with a word about it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nats.js.api import StorageType
from nats.js.errors import APIError, NotFoundError

from shared.bus import streams
from shared.bus.streams import DEAD, EVENTS, TELEMETRY, provision
from shared.problems import Fault

pytestmark = pytest.mark.timeout(60)


async def test_first_time_creates_and_again_keeps(nc):
    js = nc.jetstream()
    assert [(r.stream, r.action, r.differs) for r in await provision(js)] == [
        ("TELEMETRY", "created", ()),
        ("EVENTS", "created", ()),
        ("DEAD", "created", ()),
    ]
    before = [(await js.stream_info(name)).config for name in ("TELEMETRY", "EVENTS", "DEAD")]
    assert {(r.action, r.differs, r.corrected) for r in await provision(js)} == {("kept", (), ())}
    assert [(await js.stream_info(name)).config for name in ("TELEMETRY", "EVENTS", "DEAD")] == before


async def test_limits_an_operator_raised_stay_and_are_told(js, caplog):
    await js.update_stream(replace((await js.stream_info("TELEMETRY")).config, max_age=30 * 86400.0, max_bytes=1 << 34))
    report = (await provision(js))[0]
    assert report.action == "kept"
    assert report.differs == ("max_age: 2592000.0 (604800.0)", "max_bytes: 17179869184 (8589934592)")
    assert (await js.stream_info("TELEMETRY")).config.max_age == 30 * 86400
    assert "left as set" in caplog.text


async def test_what_correctness_rests_on_is_put_right(nc):
    js = nc.jetstream()
    await js.add_stream(replace(DEAD, subjects=["tw.dead.>", "tw.grave.>"], allow_direct=False))
    report = (await provision(js))[2]
    assert report.action == "corrected"
    found = (await js.stream_info("DEAD")).config
    assert set(found.subjects) == {*DEAD.subjects, "tw.grave.>"}
    assert found.allow_direct is True


async def test_events_in_memory_are_refused(nc):
    js = nc.jetstream()
    await js.add_stream(replace(EVENTS, storage=StorageType.MEMORY))
    with pytest.raises(Fault) as caught:
        await provision(js)
    assert caught.value.params == {"stream": "EVENTS", "setting": "storage", "found": "memory", "wanted": "file"}


async def test_events_cannot_be_deleted(js):
    ack = await js.publish("tw.events.registry.pond.p.registered", b"{}")
    with pytest.raises(APIError):
        await js.delete_msg("EVENTS", ack.seq)
    with pytest.raises(APIError):
        await js.purge_stream("EVENTS")


async def test_a_small_disk_gets_a_smaller_stream(tmp_path, monkeypatch):
    from shared.bus.connection import connect
    from tests.integration.bus.conftest import NatsServer

    server = NatsServer(tmp_path)
    server.config.write_text(server.config.read_text().replace("sync_interval", "max_file_store: 3GB, sync_interval"))
    server.start()
    try:
        nc = await connect(server.url)
        reports = {r.stream: r for r in await provision(nc.jetstream())}
        assert reports["TELEMETRY"].differs == ("max_bytes: 2147483648 (8589934592)",)
        assert reports["DEAD"].differs == ("max_bytes: 1073741824 (4294967296)",)
        await nc.close()
    finally:
        server.kill()


async def test_nothing_else_declares_streams(nc, nats_server):
    from shared.bus.connection import new_broker, running
    from shared.bus.events import on_events

    broker = new_broker(nats_server.url, name="x")

    async def handler(event):
        raise AssertionError

    on_events(broker, "tw.events.>", "x", handler)
    with pytest.raises(Exception, match="EVENTS"):
        async with running(broker):
            pass
    with pytest.raises(NotFoundError):
        await nc.jetstream().stream_info("EVENTS")
    assert streams.STREAMS == (TELEMETRY, EVENTS, DEAD)
