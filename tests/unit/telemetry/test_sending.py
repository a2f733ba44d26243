"""Messages made of recorded series: nothing lost, nothing out of the monitor's window."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import numpy as np
import pytest

from services.monitor.decode import SensorEntry, decode
from shared.contracts.levels import SensorKind
from tailwarden.telemetry import Merged, columns, merge, paced, singles

T0 = int(datetime(2020, 7, 22, tzinfo=UTC).timestamp()) * 1_000_000
SLOT = 300_000_000


class Register:
    def knows(self, pond: str) -> bool:
        return pond == "p"

    def find(self, pond: str, sensor: str) -> SensorEntry | None:
        return {"level": SensorEntry(1, SensorKind.WATER_LEVEL), "rain": SensorEntry(2, SensorKind.RAIN)}.get(sensor)


def series() -> Merged:
    level = T0 + np.arange(1000) * SLOT
    rain = T0 + np.arange(83) * 12 * SLOT + 30_000_500
    return merge({"level": ("ft", level, np.arange(1000) / 7), "rain": ("in", rain, np.arange(83) * 0.01)})


@pytest.mark.parametrize("batch", [1, 7, 500, 5000])
def test_columns_and_singles_decode_to_the_series(batch: int) -> None:
    merged = series()
    for messages in (list(columns("p", merged, batch)), list(singles("p", merged))):
        assert sum(message.readings for message in messages) == 1083
        got = decode([(each.subject, each.payload) for each in messages], Register(), T0 * 10)
        assert not got.refusals
        order = np.lexsort((got.sensor, got.time_us))
        wanted = np.lexsort((merged.which, merged.times_us))
        assert got.time_us[order].tolist() == merged.times_us[wanted].tolist()
        factor = np.where(merged.which == 0, 0.3048, 25.4)
        assert got.value[order].tolist() == (merged.values * factor)[wanted].tolist()


def test_messages_go_forward_in_time() -> None:
    due = [message.due_us for message in columns("p", series(), 100)]
    assert due == sorted(due)
    merged = series()
    assert (np.diff(merged.times_us) >= 0).all()


def test_the_span_holds_both_its_ends() -> None:
    level = T0 + np.arange(10) * SLOT
    merged = merge({"level": ("m", level, np.arange(10.0))}, T0 + 2 * SLOT, T0 + 4 * SLOT)
    assert merged.values.tolist() == [2.0, 3.0, 4.0]


async def test_pace() -> None:
    level = T0 + np.arange(5) * SLOT
    messages = singles("p", merge({"level": ("m", level, np.arange(5.0))}))
    began = time.monotonic()
    seen = [message.readings async for message in paced(messages, 20_000)]  # 20 minutes in 60 ms
    assert seen == [1] * 5
    assert 0.055 <= time.monotonic() - began < 5
