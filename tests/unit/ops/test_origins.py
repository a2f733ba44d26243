"""Which message of a batch led to a warning, and how long that took, whatever process publishes it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from nats.aio.msg import Msg

from services.monitor.adapters.origins import RECEIVED, Origins, batch, received, warned
from services.monitor.adapters.telemetry import received_ns
from shared.contracts.levels import LevelName
from shared.contracts.monitor import PondNoticed, WarningRaised
from shared.eventstore import StoredEvent
from shared.ops.catalogue import PUBLISH_TO_STORE, PUBLISH_TO_WARNING

AT = datetime(2026, 7, 22, tzinfo=UTC)
RAISED = WarningRaised(warning_id="yi-1", pond_id="yi", at=AT, time=AT, level=LevelName.RED, verified=True, causes=())
NOTICED = PondNoticed(pond_id="yi", time=AT, causes=(), at=AT)


def message(subject: str, age_s: float = 0.0, trace: str | None = None) -> Msg:
    at = time.time_ns() - round(age_s * 1e9)
    reply = f"$JS.ACK.TELEMETRY.monitor.1.7.3.{at}.0"
    return Msg(None, subject, reply, b"", None if trace is None else {"traceparent": trace})  # type: ignore[arg-type]


def test_the_time_of_receipt_is_read_from_both_forms_of_the_reply():
    for reply in ("$JS.ACK.TELEMETRY.monitor.1.7.3.1234.0", "$JS.ACK.hub.acc.TELEMETRY.monitor.1.7.3.1234.0.x"):
        assert received_ns(Msg(None, "tw.telemetry.yi", reply, b"")) == 1234  # type: ignore[arg-type]


def test_messages_about_a_pond_are_found_mapped_or_not_the_newest_first():
    subjects = ["tw.telemetry.yi.a", "tw.telemetry.yi-2.a", "tw.partition.3.yi.b", "tw.telemetry.er", "tw.telemetry.yi"]
    origins = Origins([message(each) for each in subjects])
    assert [each.subject for each in origins.of("yi")] == [subjects[4], subjects[2], subjects[0]]
    assert origins.of("san") == []


def test_only_a_warning_remembers_when_what_led_to_it_was_received():
    newest = message("tw.telemetry.yi.a", 1.0)
    with batch([message("tw.telemetry.yi.a", 9.0), newest, message("tw.telemetry.er.a")]):
        assert received("yi", RAISED) == {RECEIVED: str(received_ns(newest) // 1000)}
        assert received("yi", NOTICED) == received("san", RAISED) == {}
    assert received("yi", RAISED) == {}


def stored(age_s: float, recorded_ago: timedelta = timedelta()) -> StoredEvent:
    metadata = {RECEIVED: str(time.time_ns() // 1000 - round(age_s * 1e6))}
    return StoredEvent(
        1, UUID(int=1), "pond-yi", 1, RAISED, RAISED.event_type, 1, "yi-1", metadata,
        datetime.now(UTC) - recorded_ago, bytes(32),
    )  # fmt: skip


def test_a_warning_is_measured_when_it_is_out_and_history_is_not():
    PUBLISH_TO_WARNING.take_recent()
    warned([stored(2.0), stored(90_000.0, timedelta(hours=25))])
    ((seconds, weight),) = PUBLISH_TO_WARNING.take_recent()
    assert (seconds, weight) == (pytest.approx(2.0, abs=0.5), 1.0)


@pytest.mark.parametrize("count", [1, 16, 17, 4000])
def test_a_few_messages_stand_for_the_batch(count: int):
    PUBLISH_TO_STORE.take_recent()
    with batch([message("tw.telemetry.yi.a", 1.0)] * count):
        pass
    seen = PUBLISH_TO_STORE.take_recent()
    assert len(seen) <= 16
    assert sum(weight for _, weight in seen) == pytest.approx(count)


def test_a_batch_that_failed_is_not_measured():
    PUBLISH_TO_STORE.take_recent()
    with pytest.raises(OSError), batch([message("tw.telemetry.yi.a")]):
        raise OSError
    assert PUBLISH_TO_STORE.take_recent() == []
