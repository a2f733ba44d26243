"""Events in order and at least once; what cannot be used is buried once, listed, and given back."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import uuid4

import pytest
from nats.js.api import ConsumerConfig
from nats.js.errors import NotFoundError

from shared.bus import dead
from shared.bus.connection import new_broker, running
from shared.bus.events import follow, on_events
from shared.bus.streams import TELEMETRY, provision
from shared.contracts.cloudevents import envelope, subject_of
from shared.contracts.monitor import WarningAcknowledged
from shared.problems import BadInput, Conflict, NotFound, Unavailable
from tests.integration.bus.conftest import until

pytestmark = pytest.mark.timeout(60)


def _event(n: int, pond: str = "p") -> tuple[str, bytes]:
    event = WarningAcknowledged(warning_id=str(n), pond_id=pond, at=datetime.now(UTC), by="王")
    stored = SimpleNamespace(
        position=n, id=uuid4(), stream=f"pond-{pond}", version=n, event=event, type=event.event_type,
        schema_version=1, aggregate_id=pond, metadata={}, recorded_at=datetime.now(UTC), hash=bytes(32),
    )  # fmt: skip
    return subject_of(event.event_type, pond), envelope("monitor", stored)


async def _publish(js, numbers) -> None:
    for n in numbers:
        subject, body = _event(n)
        await js.publish(subject, body, timeout=0.5)


async def _dead(js, consumer=None):
    return [letter async for letter in dead.letters(js, consumer)]


async def test_order_is_kept_over_outages_of_the_handler(js, nats_server):
    seen: list[int] = []
    failures = {2: 2, 5: 1}

    async def handler(event):
        if failures.get(event.position, 0) > 0:
            failures[event.position] -= 1
            raise Unavailable("bus.no_stream", stream="x")
        seen.append(event.position)

    await _publish(js, range(1, 8))  # what was there before the service existed comes too
    broker = new_broker(nats_server.url, name="svc")
    on_events(broker, "tw.events.monitor.>", "svc", handler)
    async with running(broker):
        await _publish(js, range(8, 11))
        await until(lambda: _true(len(seen) == 10))
    assert seen == list(range(1, 11))
    assert await _dead(js) == []


async def _true(value):
    return value


async def test_consumer_resumes_after_stop_and_after_a_server_restart(js, nats_server):
    seen: list[int] = []

    async def handler(event):
        seen.append(event.position)

    def service():
        broker = new_broker(nats_server.url, name="svc")
        on_events(broker, "tw.events.>", "svc", handler)
        return running(broker)

    async with service():
        await _publish(js, [1, 2])
        await until(lambda: _true(len(seen) == 2))
    await _publish(js, [3])
    async with service():
        await until(lambda: _true(3 in seen))
        nats_server.kill()
        nats_server.start()

        async def published():
            with suppress(Exception):
                await _publish(js, [4])
                return True

        await until(published)
        await until(lambda: _true(4 in seen))
    assert sorted(set(seen)) == [1, 2, 3, 4]


async def test_refused_unreadable_and_hopeless_events_are_buried_and_the_rest_goes_on(js, nats_server):
    seen: list[int] = []

    async def handler(event):
        if event.position == 1:
            raise Conflict("bus.no_stream", stream="refused")
        if event.position == 2:
            raise ZeroDivisionError("a bug")
        seen.append(event.position)

    await js.publish("tw.events.monitor.warning.p.raised", b"not json")
    await js.publish("tw.events.monitor.warning.p.raised", b'{"specversion": "1.0"}')
    await _publish(js, [1, 2, 3])
    broker = new_broker(nats_server.url, name="svc")
    on_events(broker, "tw.events.>", "svc", handler, attempts=2)
    async with running(broker):
        await until(lambda: _true(seen == [3]))
    letters = await _dead(js)
    assert [(d.consumer, d.code, d.stream, d.stream_seq) for d in letters] == [
        ("svc", "input.not_json", "EVENTS", 1),
        ("svc", "input.missing", "EVENTS", 2),
        ("svc", "bus.no_stream", "EVENTS", 3),
        ("svc", "bus.unexpected", "EVENTS", 4),
    ]
    assert (await dead.letter(js, letters[0].seq)).body == b"not json"
    assert "id" in letters[1].words("zh")


async def test_a_dead_event_goes_back_to_its_consumer_not_to_the_log(js, nats_server):
    healthy = False
    seen: list[int] = []

    async def handler(event):
        if not healthy:
            raise Conflict("bus.no_stream", stream="not now")
        seen.append(event.position)

    await _publish(js, [1])
    broker = new_broker(nats_server.url, name="svc")
    on_events(broker, "tw.events.>", "svc", handler)
    with pytest.raises(Unavailable):
        await dead.retry(js, (await _bury_one_event(js)))
    async with running(broker):
        (letter,) = await until(lambda: _dead(js, "svc"))
        with pytest.raises(Conflict):
            await dead.retry(js, letter.seq)
        assert len(await _dead(js, "svc")) == 1  # it stays until somebody has taken it
        healthy = True
        assert (await dead.retry(js, letter.seq)).startswith("tw.events.")
    assert seen == [1]
    assert await _dead(js, "svc") == []
    assert (await js.stream_info("EVENTS")).state.messages == 1


async def _bury_one_event(js) -> int:
    subject, body = _event(9)
    return await dead.bury(js, "nobody", body, subject, Conflict("bus.no_stream", stream="x"), 9, stream="EVENTS")


async def test_buried_once_however_often_it_is_delivered(js):
    error = BadInput("input.not_number", field="value", where="value", got="三")
    body = bytes(range(256))
    seqs = {await dead.bury(js, "monitor", body, "tw.telemetry.p.传感器 1", error, 7) for _ in range(3)}
    assert len(seqs) == 1
    other = await dead.bury(js, "monitor", body, "tw.telemetry.p.s", error, 8)
    assert other not in seqs
    found = await dead.letter(js, seqs.pop())
    assert (found.body, found.subject, found.stream_seq, found.code) == (
        body, "tw.telemetry.p.传感器 1", 7, "input.not_number",
    )  # fmt: skip
    assert found.words("zh") == "value 应为数，收到 三"
    assert found.words("en") == "value must be a number, not 三"
    assert found.reason.isascii()
    assert found.size == 256


async def test_many_and_huge_problems_fit_the_header(js):
    many = [BadInput("input.not_number", field=f"values[{n}]", where=f"values[{n}]", got="x" * 80) for n in range(500)]
    letter = await dead.letter(js, await dead.bury(js, "monitor", b"", "tw.telemetry.p.s", many, 1))
    assert letter.problem_count == 500
    assert 20 < len(letter.problems) < 500
    huge = BadInput("input.not_number", field="value", where="value", got="泥" * 40_000)
    letter = await dead.letter(js, await dead.bury(js, "monitor", b"", "tw.telemetry.p.s", huge, 2))
    assert letter.problems[0].code == "input.not_number"
    assert len(letter.headers["Tw-Problem"]) <= 16 * 1024
    assert "value must be a number" in letter.words("zh")  # parameters were cut: the English sentence stands in


async def test_ten_megabytes_are_kept_whole_and_listed_without_being_read(js):
    body = b"\x00\xff" * 5_000_000
    seq = await dead.bury(js, "monitor", body, "tw.telemetry.p.s", BadInput("input.not_json", where="-", why="x"), 1)
    (listed,) = await _dead(js)
    assert (listed.size, listed.body) == (len(body), None)
    assert (await dead.letter(js, seq)).body == body


async def test_retry_publishes_the_original_then_removes(js):
    seq = await dead.bury(js, "monitor", b'{"value": 1}', "tw.telemetry.p.s", Conflict("bus.no_stream", stream="x"), 1)
    assert await dead.retry(js, seq) == "tw.telemetry.p.s"
    message = await js.get_msg("TELEMETRY", 1)
    assert message.data == b'{"value": 1}'
    assert message.headers["Tw-Retry-Of"] == str(seq)
    with pytest.raises(NotFound):
        await dead.letter(js, seq)
    with pytest.raises(NotFound):
        await dead.retry(js, seq)


async def test_retry_killed_after_publishing_loses_nothing(js, monkeypatch):
    seq = await dead.bury(js, "monitor", b"{}", "tw.telemetry.p.s", Conflict("bus.no_stream", stream="x"), 1)

    async def killed(*_args):
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(js, "delete_msg", killed)
        with pytest.raises(asyncio.CancelledError):
            await dead.retry(js, seq)
    assert (await dead.letter(js, seq)).body == b"{}"
    await dead.retry(js, seq)
    assert (await js.stream_info("TELEMETRY")).state.messages == 2  # twice rather than never: readings are idempotent


async def test_a_consumer_that_gave_up_is_shown_and_its_message_can_be_retried(js):
    config = ConsumerConfig(durable_name="monitor", max_deliver=2, ack_wait=0.2)
    subscription = await js.pull_subscribe("tw.telemetry.>", "monitor", stream="TELEMETRY", config=config)
    await js.publish("tw.telemetry.p.s", b"poison")
    for _ in range(2):
        await (await subscription.fetch(1, timeout=5))[0].nak()
    with pytest.raises(TimeoutError):  # the server gives up when it would deliver once more
        await subscription.fetch(1, timeout=0.2)
    (letter,) = await until(lambda: _dead(js))
    assert (letter.advisory, letter.consumer, letter.stream, letter.stream_seq) == (True, "monitor", "TELEMETRY", 1)
    assert letter.code == "dead.max_deliveries"
    assert "2" in letter.words("zh")
    assert len(await _dead(js, "monitor")) == 1
    assert await _dead(js, "other") == []
    assert await dead.retry(js, letter.seq) == "tw.telemetry.p.s"
    assert (await js.get_msg("TELEMETRY", 2)).data == b"poison"


async def test_letters_and_advisories_come_in_one_order(js):
    for n in range(1, 4):
        await dead.bury(js, "monitor", b"", "tw.telemetry.p.s", Conflict("bus.no_stream", stream="x"), n)
        body = b'{"stream":"TELEMETRY","consumer":"monitor","stream_seq":9,"deliveries":5}'
        await js.publish("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.TELEMETRY.monitor", body)
    assert [d.advisory for d in await _dead(js)] == [False, True] * 3
    assert [d.seq for d in await _dead(js)] == list(range(1, 7))


async def test_follow_from_start_and_from_now_over_a_restart(js, nats_server):
    await _publish(js, [1, 2])

    async def collect(into, **how):
        async for message in follow(js, **how):
            into.append(message.seq)

    old: list[int] = []
    new: list[int] = []
    tasks = [asyncio.create_task(collect(old, from_start=True)), asyncio.create_task(collect(new))]
    await until(lambda: _true(old == [1, 2]))
    await _publish(js, [3])
    await until(lambda: _true(old[-1:] == [3] and new == [3]))
    nats_server.kill()
    nats_server.start()

    async def published():
        with suppress(Exception):
            await _publish(js, [4])
            return True

    await until(published)
    last = (await js.stream_info("EVENTS")).state.last_seq
    await until(lambda: _true(old[-1] == last and new[-1] == last), 20)
    assert old == list(range(1, last + 1))
    assert new == list(range(3, last + 1))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_follow_filters_and_is_quick(js):
    seen: list[str] = []

    async def collect():
        async for message in follow(js, "tw.events.monitor.warning.>"):
            seen.append(message.subject)  # noqa: PERF401  # it never ends: the list must grow as it goes

    task = asyncio.create_task(collect())
    await asyncio.sleep(0)
    for n in range(1, 51):
        await js.publish(f"tw.events.registry.pond.p.n{n}", b"{}")
    await js.publish("tw.events.monitor.warning.p.raised", b"{}")
    await until(lambda: _true(len(seen) > 0), 2)
    task.cancel()
    assert seen == ["tw.events.monitor.warning.p.raised"]


async def test_no_streams_is_said(nc):
    with pytest.raises(Unavailable):
        await _dead(nc.jetstream())
    with pytest.raises((Unavailable, NotFound, NotFoundError)):
        await dead.letter(nc.jetstream(), 1)
    await provision(nc.jetstream())
    assert await _dead(nc.jetstream()) == []


async def test_the_largest_message_telemetry_takes_is_kept_whole(js):
    """Also with as many reasons as a letter holds."""
    largest = b"x" * (TELEMETRY.max_msg_size or 0)
    await js.publish("tw.telemetry.p.level-1", largest)
    errors = [BadInput("input.not_number", field=f"values[{n}]", where=f"values[{n}]", got="三") for n in range(300)]
    seq = await dead.bury(js, "monitor", largest, "tw.telemetry.p.level-1", errors, 1)
    kept = await dead.letter(js, seq)
    assert (kept.body == largest, kept.size, kept.problem_count) == (True, len(largest), 300)


async def test_what_leaves_no_room_for_the_reason_is_cut_and_retried_from_its_stream(js):
    await js.update_stream(replace((await js.stream_info("DEAD")).config, max_msg_size=128 * 1024))
    large = bytes(range(256)) * 1024
    await js.publish("tw.telemetry.p.level-1", large)
    seq = await dead.bury(js, "monitor", large, "tw.telemetry.p.level-1", BadInput("telemetry.empty", field="x"), 1)
    kept = await dead.letter(js, seq)
    assert (kept.body, kept.size) == (large[: dead.CUT], len(large))
    await dead.retry(js, seq)
    assert (await js.get_msg("TELEMETRY", 2)).data == large
    assert [letter.seq async for letter in dead.letters(js)] == []
