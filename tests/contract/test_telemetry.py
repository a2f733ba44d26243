"""The published description of telemetry and the decoder that the monitor runs agree on what is good."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from services.monitor.decode import DecodeLimits, SensorEntry, decode
from shared.contracts.levels import SensorKind
from shared.contracts.telemetry import GATEWAY_MESSAGE, MAX_MESSAGE_BYTES, MAX_READINGS, SENSOR_MESSAGE

NOW_US = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
T = "2025-07-22T08:00:00+08:00"


class Register:
    def knows(self, pond: str) -> bool:
        return True

    def find(self, pond: str, sensor: str) -> SensorEntry | None:
        return SensorEntry(1, SensorKind.WATER_LEVEL)


def readings(to: str, body: Any) -> tuple[int, int]:
    """Return how many readings are good (a null is), and how many refused."""
    result = decode([(f"tw.telemetry.{to}", json.dumps(body).encode())], Register(), NOW_US)
    return result.kept + result.missing, result.refused


GOOD: list[tuple[str, Any, int]] = [
    ("p.s", {"time": T, "value": 1.5}, 1),
    ("p.s", {"time": T, "value": 3, "unit": "ft", "battery": 3.6}, 1),
    ("p.s", {"time": 1_753_142_400_000, "value": None}, 1),
    ("p.s", [{"time": "2025-07-22 00:00Z", "value": -1}, {"time": T, "value": 2}], 2),
    ("p.s", {"times": [T, 1_753_142_400_000], "values": [1, None], "unit": "cm"}, 2),
    ("p", {"sensor": "s", "time": T, "value": 1}, 1),
    ("p", [{"sensor": "s", "time": T, "value": 1}], 1),
    ("p", {"sensors": ["s", "t-2"], "times": [T, T], "values": [1, 2]}, 2),
    ("p", {"series": {"s": {"times": [T], "values": [1]}, "t": {"times": [], "values": []}}}, 1),
]

BAD: list[tuple[str, Any]] = [
    ("p.s", []),
    ("p.s", {}),
    ("p.s", 5),
    ("p.s", {"time": T}),
    ("p.s", {"time": T, "value": "1"}),
    ("p.s", {"time": T, "value": True}),
    ("p.s", {"time": T, "value": [1]}),
    ("p.s", {"time": "2025-07-22T08:00:00", "value": 1}),
    ("p.s", {"time": 1_753_142_400, "value": 1}),
    ("p.s", {"time": True, "value": 1}),
    ("p.s", {"time": T, "value": 1, "unit": "furlong"}),
    ("p.s", {"times": [T, T], "values": [1]}),
    ("p", {"time": T, "value": 1}),
    ("p", {"sensor": "S 1", "time": T, "value": 1}),
    ("p", {"sensors": ["s"], "times": [T, T], "values": [1, 2]}),
    ("p", {"series": {}}),
    ("p", {"series": {"a.b": {"times": [T], "values": [1]}}}),
]


def description(to: str) -> TypeAdapter[Any]:
    return SENSOR_MESSAGE if "." in to else GATEWAY_MESSAGE


@pytest.mark.parametrize(("to", "body", "count"), GOOD)
def test_both_take_what_is_good(to: str, body: Any, count: int) -> None:
    description(to).validate_json(json.dumps(body))
    assert readings(to, body) == (count, 0)


@pytest.mark.parametrize(("to", "body"), BAD)
def test_both_refuse_what_is_bad(to: str, body: Any) -> None:
    with pytest.raises(ValidationError):
        description(to).validate_json(json.dumps(body))
    good, refused = readings(to, body)
    assert good == 0
    assert refused > 0


def test_the_sizes_are_the_same() -> None:
    assert DecodeLimits() == DecodeLimits(message_bytes=MAX_MESSAGE_BYTES, readings=MAX_READINGS)
    with pytest.raises(ValidationError):
        SENSOR_MESSAGE.validate_python({"times": [T] * (MAX_READINGS + 1), "values": [1] * (MAX_READINGS + 1)})


def test_they_have_json_schemas() -> None:
    for adapter in (SENSOR_MESSAGE, GATEWAY_MESSAGE):
        assert json.dumps(adapter.json_schema())
