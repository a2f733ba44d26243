"""Whatever arrives, decoding does not raise, and accounts for every reading."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.monitor.decode import SensorEntry, decode
from services.monitor.decode.times import parse_times
from shared.contracts.levels import SensorKind

NOW_US = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
SUBJECTS = (
    st.sampled_from(["tw.telemetry.p.rain", "tw.telemetry.p.old", "tw.telemetry.p", "tw.telemetry.q", "x"]) | st.text()
)


class Register:
    SENSORS: ClassVar = {
        "rain": SensorEntry(1, SensorKind.RAIN),
        "level": SensorEntry(2, SensorKind.WATER_LEVEL, 0.3048, 1.0),
    }

    def knows(self, pond: str) -> bool:
        return pond == "p"

    def find(self, pond: str, sensor: str) -> SensorEntry | None:
        return self.SENSORS.get(sensor)


def moments() -> st.SearchStrategy[str]:
    zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
    first, last = datetime(1950, 1, 1), datetime(2025, 12, 1)  # noqa: DTZ001 - Hypothesis adds the zone
    aware = st.datetimes(first, last, timezones=zones)
    return aware.flatmap(
        lambda at: st.sampled_from(
            [at.isoformat(), at.isoformat(" "), at.isoformat(timespec="minutes"), at.isoformat(timespec="milliseconds")]
        )
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | moments(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
times = moments() | st.integers(-(10**20), 10**20) | json_values
values = st.floats() | st.integers() | st.none() | json_values
names = st.sampled_from(["rain", "level", "nobody"]) | json_values
units = st.sampled_from(["m", "mm", "ft", "K", 3, None])
singles = st.fixed_dictionaries({}, optional={"time": times, "value": values, "sensor": names, "unit": units})
columns = st.fixed_dictionaries(
    {},
    optional={
        "times": st.lists(times, max_size=30) | json_values,
        "values": st.lists(values, max_size=30) | json_values,
        "sensors": st.lists(names, max_size=30) | json_values,
        "unit": units,
    },
)
series = st.fixed_dictionaries({"series": st.dictionaries(names.map(str), columns | json_values, max_size=4)})
bodies = singles | st.lists(singles | json_values, max_size=30) | columns | series | json_values
payloads = st.binary(max_size=200) | bodies.map(lambda body: json.dumps(body).encode())


@given(st.lists(st.tuples(SUBJECTS, payloads), max_size=8))
def test_every_reading_is_accounted_for(messages: list[tuple[str, bytes]]) -> None:
    result = decode(messages, Register(), NOW_US)
    assert result.readings == result.kept + result.refused + result.missing
    assert np.isfinite(result.value).all()
    assert set(result.sensor.tolist()) <= {1, 2}
    assert bool(result.refused) == bool(result.refusals)
    for origin, error in result.refusals:
        assert 0 <= origin < len(messages)
        assert error.field
        assert error.words("zh").isprintable()


@given(st.lists(st.tuples(SUBJECTS, payloads), max_size=6))
def test_a_message_is_decoded_the_same_in_any_company(messages: list[tuple[str, bytes]]) -> None:
    together = decode(messages, Register(), NOW_US)
    for index, message in enumerate(messages):
        alone = decode([message], Register(), NOW_US)
        mine = together.origin == index
        assert together.sensor[mine].tolist() == alone.sensor.tolist()
        assert together.time_us[mine].tolist() == alone.time_us.tolist()
        assert together.value[mine].tolist() == alone.value.tolist()
        theirs = [(error.code, error.field) for error in together.refused_messages.get(index, [])]
        assert theirs == [(error.code, error.field) for _, error in alone.refusals]


@given(st.lists(moments() | moments().map(str.lower) | moments().map(lambda text: text[:-1]) | st.text(max_size=30)))
def test_times_read_together_equal_times_read_alone(texts: list[str]) -> None:
    us, found = parse_times(texts, NOW_US, -(10**18), 0)
    for index, text in enumerate(texts):
        one, code = parse_times([text], NOW_US, -(10**18), 0)
        assert (one[0], code[0]) == (us[index], found[index])


@given(moments())
def test_a_time_is_what_the_standard_library_says(text: str) -> None:
    us, found = parse_times([text], NOW_US, -(10**18), 0)
    wanted = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    assert found[0] == 0
    assert us[0] == wanted // timedelta(microseconds=1)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.sampled_from(["rain", "level"])), min_size=1, max_size=50))
def test_the_three_shapes_say_the_same(readings: list[tuple[float, str]]) -> None:
    start = datetime(2025, 7, 1, tzinfo=UTC)
    moment = [(start + timedelta(minutes=5 * i)).isoformat() for i in range(len(readings))]
    entries = [{"sensor": name, "time": at, "value": value} for at, (value, name) in zip(moment, readings, strict=True)]
    one_each: list[tuple[str, Any]] = [(f"tw.telemetry.p.{entry['sensor']}", entry) for entry in entries]
    a_list: list[tuple[str, Any]] = [("tw.telemetry.p", entries)]
    in_columns: list[tuple[str, Any]] = [
        (
            "tw.telemetry.p",
            {"times": moment, "values": [v for v, _ in readings], "sensors": [name for _, name in readings]},
        )
    ]
    results = [
        decode([(to, json.dumps(body).encode()) for to, body in messages], Register(), NOW_US)
        for messages in (one_each, a_list, in_columns)
    ]
    for result in results:
        assert result.kept == len(readings)
        assert result.sensor.tolist() == results[0].sensor.tolist()
        assert result.time_us.tolist() == results[0].time_us.tolist()
        assert result.value.tolist() == results[0].value.tolist()
