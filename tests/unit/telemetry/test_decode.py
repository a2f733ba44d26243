"""Telemetry messages in their three shapes: what is kept, and where it came from."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, ClassVar

import numpy as np
import pytest

from services.monitor.decode import Decoded, DecodeLimits, SensorEntry, decode
from shared.contracts.levels import SensorKind

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOW_US = int(NOW.timestamp()) * 1_000_000
T = "2025-07-22T08:00:00+08:00"
T_US = int(datetime(2025, 7, 22, tzinfo=UTC).timestamp()) * 1_000_000
MINUTE = 60_000_000


class Register:
    """One pond with a level sensor in feet, a distance, a gauge and a retired sensor."""

    SENSORS: ClassVar = {
        "level-1": SensorEntry(1, SensorKind.WATER_LEVEL, 0.3048),
        "rain": SensorEntry(2, SensorKind.RAIN),
        "distance": SensorEntry(3, SensorKind.WATER_DISTANCE, 0.001),
        "old": SensorEntry(4, SensorKind.RAIN, retired=True),
    }

    def knows(self, pond: str) -> bool:
        return pond == "xiakou"

    def find(self, pond: str, sensor: str) -> SensorEntry | None:
        return self.SENSORS.get(sensor) if pond == "xiakou" else None


def decoded(*messages: tuple[str, Any], limits: DecodeLimits | None = None) -> Decoded:
    """Decode (what follows ``tw.telemetry.``, body) pairs; bytes go in as they are."""
    raw = [
        (f"tw.telemetry.{to}", body if isinstance(body, bytes) else json.dumps(body).encode()) for to, body in messages
    ]
    result = decode(raw, Register(), NOW_US, limits or DecodeLimits())
    assert result.readings == result.kept + result.refused + result.missing
    assert len(result.sensor) == len(result.time_us) == len(result.value) == len(result.origin)
    return result


def refusals(result: Decoded) -> list[tuple[str | None, str]]:
    return [(error.field, error.code.removeprefix("telemetry.")) for _, error in result.refusals]


class TestShapes:
    def test_one_reading_in_the_registered_unit(self) -> None:
        result = decoded(("xiakou.level-1", {"time": T, "value": 10}))
        assert result.sensor.tolist() == [1]
        assert result.time_us.tolist() == [T_US]
        assert result.value.tolist() == [10 * 0.3048]
        assert result.origin.tolist() == [0]

    def test_a_list(self) -> None:
        result = decoded(
            ("xiakou.rain", [{"time": T, "value": 0.2}, {"time": "2025-07-22T00:05Z", "value": 0.4, "unit": "cm"}])
        )
        assert result.time_us.tolist() == [T_US, T_US + 5 * MINUTE]
        assert result.value.tolist() == [0.2, 4.0]

    def test_columns_with_unix_milliseconds_and_a_unit(self) -> None:
        result = decoded(
            ("xiakou.level-1", {"times": [T_US // 1000, T_US // 1000 + 1], "values": [1, 2.5], "unit": "cm"})
        )
        assert result.time_us.tolist() == [T_US, T_US + 1000]
        assert result.value.tolist() == [0.01, 0.025]

    def test_a_gateways_list_names_its_sensors(self) -> None:
        body = [{"sensor": "rain", "time": T, "value": 1}, {"sensor": "level-1", "time": T, "value": 1, "unit": "m"}]
        result = decoded(("xiakou", body))
        assert result.sensor.tolist() == [2, 1]
        assert result.value.tolist() == [1.0, 1.0]

    def test_a_gateways_columns(self) -> None:
        result = decoded(("xiakou", {"sensors": ["rain", "level-1"], "times": [T, T], "values": [1, 10]}))
        assert result.sensor.tolist() == [2, 1]
        assert result.value.tolist() == [1.0, 10 * 0.3048]

    def test_a_gateways_series(self) -> None:
        series = {
            "rain": {"times": [T], "values": [1], "unit": "in"},
            "level-1": {"times": [T, "2025-07-22T00:05:00Z"], "values": [10, 11]},
            "distance": {"times": [], "values": []},
        }
        result = decoded(("xiakou", {"series": series}))
        assert result.sensor.tolist() == [2, 1, 1]
        assert result.value.tolist() == [25.4, 10 * 0.3048, 11 * 0.3048]
        assert not result.refusals

    def test_a_gateways_columns_of_one_sensor(self) -> None:
        result = decoded(("xiakou", {"sensor": "rain", "times": [T], "values": [1]}))
        assert result.sensor.tolist() == [2]

    def test_a_distance_stays_a_distance(self) -> None:
        assert decoded(("xiakou.distance", {"time": T, "value": 1500})).value.tolist() == [1.5]

    def test_many_messages_keep_their_origin(self) -> None:
        columns = {"times": [T, "2025-07-22T00:10:00Z"], "values": [1, 2]}
        result = decoded(
            ("xiakou.rain", columns), ("nowhere.rain", columns), ("xiakou.level-1", {"time": T, "value": 3})
        )
        assert result.origin.tolist() == [0, 0, 2]
        assert [origin for origin, _ in result.refusals] == [1]
        assert list(result.refused_messages) == [1]

    def test_null_is_a_missing_value_and_no_error(self) -> None:
        result = decoded(
            ("xiakou.rain", {"times": [T, T, "2025-07-22T00:10:00Z"], "values": [None, 1, None]}),
            ("xiakou.rain", {"time": T, "value": None}),
        )
        assert result.value.tolist() == [1.0]
        assert result.missing == 3
        assert not result.refusals

    def test_a_loggers_extra_fields_are_its_own_business(self) -> None:
        body = {"time": T, "value": 1, "battery": 3.6, "note": "value", "times_sent": 2}
        assert decoded(("xiakou.rain", body)).kept == 1

    def test_no_messages(self) -> None:
        result = decode([], Register(), NOW_US)
        assert (result.kept, result.readings, result.refusals) == (0, 0, [])
        assert result.sensor.dtype == np.int32

    def test_columns_have_their_types(self) -> None:
        result = decoded(("xiakou.rain", {"time": T, "value": 1}))
        assert (result.sensor.dtype, result.time_us.dtype) == (np.int32, np.int64)
        assert (result.value.dtype, result.origin.dtype) == (np.float64, np.int32)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("to", "body", "expected"),
        [
            ("xiakou.rain", b"", [("payload", "not_json")]),
            ("xiakou.rain", b"level 3.2", [("payload", "not_json")]),
            ("xiakou.rain", b"\xff\xfe\x00\xd8", [("payload", "not_json")]),
            ("xiakou.rain", b"[" * 100_000, [("payload", "too_deep")]),
            ("xiakou.rain", b'{"time":' * 2000 + b"1" + b"}" * 2000, [("payload", "too_deep")]),
            ("xiakou.rain", b"9" * 5000, [("payload", "not_json")]),
            ("xiakou.rain", 3.2, [("payload", "shape")]),
            ("xiakou.rain", "text", [("payload", "shape")]),
            ("xiakou.rain", None, [("payload", "shape")]),
            ("xiakou.rain", [], [("payload", "empty")]),
            ("xiakou.rain", {}, [("time", "missing")]),
            ("xiakou.rain", {"time": T}, [("value", "missing")]),
            ("xiakou.rain", {"value": 1}, [("time", "missing")]),
            ("xiakou.rain", [3, {"time": T, "value": 1}], [("[0]", "shape")]),
            ("xiakou.rain", [[{"time": T, "value": 1}]], [("[0]", "shape")]),
            ("xiakou.rain", {"times": [], "values": []}, [("times", "empty")]),
            ("xiakou.rain", {"times": [T]}, [("values", "missing")]),
            ("xiakou.rain", {"times": T, "values": [1]}, [("times", "not_list")]),
            ("xiakou.rain", {"times": [T], "values": {"0": 1}}, [("values", "not_list")]),
            ("xiakou.rain", {"times": [T, T], "values": [1]}, [("values", "lengths")]),
            ("xiakou.rain", {"time": T, "value": True}, [("value", "not_number")]),
            ("xiakou.rain", {"time": T, "value": "1.5"}, [("value", "not_number")]),
            ("xiakou.rain", {"time": T, "value": [1]}, [("value", "not_number")]),
            ("xiakou.rain", {"time": T, "value": {"v": [[{}]]}}, [("value", "not_number")]),
            ("xiakou.rain", {"time": T, "value": 10**400}, [("value", "not_finite")]),
            ("xiakou.rain", b'{"time":"%s","value":NaN}' % T.encode(), [("value", "not_finite")]),
            ("xiakou.rain", b'{"time":"%s","value":-Infinity}' % T.encode(), [("value", "not_finite")]),
            ("xiakou.rain", b'{"time":"%s","value":1e999}' % T.encode(), [("value", "not_finite")]),
            ("xiakou.rain", {"time": T, "value": 1e308, "unit": "m"}, [("value", "not_finite")]),
            ("xiakou.rain", {"time": "2025-07-22T08:00:00", "value": 1}, [("time", "no_offset")]),
            ("xiakou.rain", {"time": "2025-07-22", "value": 1}, [("time", "no_offset")]),
            ("xiakou.rain", {"time": "yesterday", "value": 1}, [("time", "not_time")]),
            ("xiakou.rain", {"time": "", "value": 1}, [("time", "not_time")]),
            ("xiakou.rain", {"time": "x" * 100_000, "value": 1}, [("time", "not_time")]),
            ("xiakou.rain", {"time": "２０２５-07-22T08:00:00Z", "value": 1}, [("time", "not_time")]),
            ("xiakou.rain", {"time": None, "value": 1}, [("time", "not_time")]),
            ("xiakou.rain", {"time": True, "value": 1}, [("time", "not_time")]),
            ("xiakou.rain", {"time": 1.75e12, "value": 1}, [("time", "not_time")]),
            ("xiakou.rain", {"time": [T], "value": 1}, [("time", "not_time")]),
            ("xiakou.rain", {"time": 1_753_142_400, "value": 1}, [("time", "seconds")]),
            ("xiakou.rain", {"time": -1, "value": 1}, [("time", "seconds")]),
            ("xiakou.rain", {"time": -(2**63), "value": 1}, [("time", "seconds")]),
            ("xiakou.rain", {"time": 2**63, "value": 1}, [("time", "future")]),
            ("xiakou.rain", {"time": 2**64 - 1, "value": 1}, [("time", "future")]),
            ("xiakou.rain", {"time": "2026-01-01T00:05:01Z", "value": 1}, [("time", "future")]),
            ("xiakou.rain", {"time": "9999-12-31T23:59:59-12:00", "value": 1}, [("time", "future")]),
            ("xiakou.rain", {"time": "0000-01-01T00:00:00Z", "value": 1}, [("time", "not_time")]),
            ("xiakou.rain", {"time": "0001-01-01T00:00:00+14:00", "value": 1}, [("time", "too_early")]),
            ("xiakou.rain", {"time": "1899-12-31T23:59:59Z", "value": 1}, [("time", "too_early")]),
            ("xiakou.rain", {"time": T, "value": 1, "unit": "furlong"}, [("unit", "unit")]),
            ("xiakou.rain", {"time": T, "value": 1, "unit": 5}, [("unit", "unit")]),
            ("xiakou.rain", {"time": T, "value": 1, "units": "m"}, [("units", "misspelt")]),
            ("xiakou.rain", [{"time": T, "value": 1, "unit": "K"}], [("[0].unit", "unit")]),
            ("xiakou.rain", {"times": [T], "values": [1], "unit": "K"}, [("unit", "unit")]),
            ("xiakou.rain", b'{"time":"%s","value":1,"value":2}' % T.encode(), [("value", "double")]),
            ("xiakou.rain", b'[{"time":"%s","value":1,"value":2},{"time":"x"}]' % T.encode(), [("value", "double")]),
            ("xiakou.rain", {"sensor": "level-1", "time": T, "value": 1}, [("sensor", "other_sensor")]),
            ("xiakou.rain", {"sensors": ["rain"], "times": [T], "values": [1]}, [("sensors", "other_sensor")]),
            ("xiakou.rain", {"series": {"rain": {"times": [T], "values": [1]}}}, [("time", "missing")]),
            ("xiakou.old", {"time": T, "value": 1}, [("sensor", "retired")]),
            ("xiakou.nobody", {"time": T, "value": 1}, [("sensor", "unknown_sensor")]),
            ("nowhere.rain", {"time": T, "value": 1}, [("pond", "unknown_pond")]),
            ("nowhere", b"not json either", [("pond", "unknown_pond")]),
            ("xiakou", {"time": T, "value": 1}, [("sensor", "missing")]),
            ("xiakou", {"times": [T], "values": [1]}, [("sensor", "missing")]),
            ("xiakou", {"sensor": 7, "time": T, "value": 1}, [("sensor", "id")]),
            ("xiakou", {"sensor": ["rain"], "time": T, "value": 1}, [("sensor", "id")]),
            ("xiakou", {"sensors": "rain", "times": [T], "values": [1]}, [("sensors", "not_list")]),
            ("xiakou", {"sensors": [], "times": [T], "values": [1]}, [("sensors", "lengths")]),
            ("xiakou", {"series": []}, [("series", "not_object")]),
            ("xiakou", {"series": {}}, [("series", "empty")]),
            ("xiakou", {"series": {"rain": [1]}}, [("series.rain", "not_object")]),
            ("xiakou", {"series": {"old": {"times": [T], "values": [1]}}}, [("series.old.sensor", "retired")]),
        ],
    )
    def test_and_the_field_is_named(self, to: str, body: Any, expected: list[tuple[str, str]]) -> None:
        result = decoded((to, body))
        assert refusals(result) == expected
        assert result.kept == (1 if body == [3, {"time": T, "value": 1}] else 0)
        for _, error in result.refusals:
            assert "telemetry." not in error.words("zh") + error.words("en")

    @pytest.mark.parametrize(
        "name", ["Level 1", "level.1", "*", ">", "level-1 ", "水位", "é", "", "a" * 65, "a\nb", "\u0000", "\ud800", "ⅷ"]
    )
    def test_ids_out_of_the_alphabet(self, name: str) -> None:
        for body in (
            {"sensor": name, "time": T, "value": 1},
            {"sensors": [name], "times": [T], "values": [1]},
            {"series": {name: {"times": [T], "values": [1]}}},
        ):
            result = decoded(("xiakou", body))
            if name == "\ud800":
                assert result.kept == 0  # no text at all; some parsers refuse the whole message
                continue
            ((field, code),) = refusals(result)
            assert code == "id"
            assert field is not None
            assert field.startswith(("sensor", "series."))

    @pytest.mark.parametrize(
        "subject",
        [
            "tw.telemetry.", "tw.telemetry", "", "tw.telemetry.xia kou.rain", "tw.telemetry.*.rain", "tw.telemetry.>",
            "tw.telemetry.xiakou.rain.extra", "tw.telemetry..rain", "tw.telemetry.xiakou.", "tw.events.xiakou.rain",
            "tw.telemetry.下口.rain", "tw.telemetry.XIAKOU.rain", f"tw.telemetry.{'x' * 65}", "xiakou.rain",
        ],
    )  # fmt: skip
    def test_subjects_out_of_shape(self, subject: str) -> None:
        result = decode([(subject, b'{"time":"2025-07-22T00:00:00Z","value":1}')], Register(), NOW_US)
        assert refusals(result) == [("subject", "subject")]

    def test_the_good_of_a_mixed_message_are_kept_and_each_bad_one_is_named(self) -> None:
        body = {
            "times": [T, "2025-07-22T00:05:00Z", "bad", 1_753_142_400_000, T, "2025-07-22T00:10:00", T],
            "values": [1.0, "x", 3.0, 4.0, None, 6.0, False],
        }
        result = decoded(("xiakou.rain", body))
        assert result.value.tolist() == [1.0, 4.0]
        assert result.missing == 1
        assert refusals(result) == [
            ("values[1]", "not_number"),
            ("times[2]", "not_time"),
            ("times[5]", "no_offset"),
            ("values[6]", "not_number"),
        ]

    def test_a_bad_sensor_of_a_gateway_does_not_take_the_others_with_it(self) -> None:
        columns = {
            "sensors": ["rain", "nobody", "old", None, ["rain"], "level-1"],
            "times": [T] * 6,
            "values": [1, 2, 3, 4, 5, 10],
        }
        result = decoded(("xiakou", columns))
        assert result.sensor.tolist() == [2, 1]
        assert refusals(result) == [
            ("sensors[1]", "unknown_sensor"),
            ("sensors[2]", "retired"),
            ("sensors[3]", "id"),
            ("sensors[4]", "id"),
        ]
        series = {
            "rain": {"times": [T], "values": [1]},
            "nobody": {"times": [T] * 3, "values": [1] * 3},
            "level-1": {"times": [T], "values": [1, 2]},
        }
        result = decoded(("xiakou", {"series": series}))
        assert result.sensor.tolist() == [2]
        assert refusals(result) == [("series.nobody.sensor", "unknown_sensor"), ("series.level-1.values", "lengths")]
        assert result.refused == 4  # the three of nobody's, and columns that cannot be told apart count once

    def test_a_nan_among_good_values(self) -> None:
        body = b'{"times":["2025-07-22T00:00:00Z","2025-07-22T00:05:00Z"],"values":[NaN,0.5]}'
        result = decoded(("xiakou.rain", body))
        assert result.value.tolist() == [0.5]
        assert refusals(result) == [("values[0]", "not_finite")]

    def test_more_than_twenty_are_summed_up(self) -> None:
        result = decoded(("xiakou.rain", {"times": [T] * 100, "values": ["x"] * 99 + [1]}))
        assert result.kept == 1
        assert result.refused == 99
        assert len(result.refusals) == 21
        last = result.refusals[-1][1]
        assert (last.code, last.params["count"]) == ("telemetry.more", 79)

    def test_a_message_over_one_mebibyte(self) -> None:
        result = decoded(("xiakou.rain", b'{"time":"2025-07-22T00:00:00Z","value":1}' + b" " * (1 << 20)))
        assert refusals(result) == [("payload", "too_big")]

    def test_a_million_readings_in_one_list(self) -> None:
        body = b"[" + b"0," * 999_999 + b"0]"
        assert refusals(decoded(("xiakou.rain", body))) == [("payload", "too_big")]
        wide = DecodeLimits(message_bytes=1 << 26)
        assert refusals(decoded(("xiakou.rain", body), limits=wide)) == [("payload", "too_many")]
        columns = {"times": [0] * 20_001, "values": [0] * 20_001}
        assert refusals(decoded(("xiakou.rain", columns))) == [("times", "too_many")]
        series = {"rain": columns, "level-1": columns}
        assert refusals(decoded(("xiakou", {"series": series}))) == [("series", "too_many")]

    def test_the_clock_may_run_five_minutes_ahead(self) -> None:
        assert decoded(("xiakou.rain", {"time": "2026-01-01T00:05:00Z", "value": 1})).kept == 1

    def test_what_is_repeated_back_is_short_and_printable(self) -> None:
        result = decoded(("xiakou.rain", {"time": "\r\n\x1b[2J" + "长" * 5000, "value": 1}))
        text = str(result.refusals[0][1])
        assert text.isprintable()
        assert len(text) < 300
