"""What the monitor itself stores, as the dashboards see it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from deploy.grafana.board.macros import Range
from shared.clock import ManualClock
from shared.contracts.levels import SensorKind, SensorState
from shared.contracts.registry import (
    LimitsAdopted,
    PondDescription,
    PondRegistered,
    SensorDescription,
    SensorRegistered,
)
from tests.acceptance.ponds import BEGINS, LIMITS, stamp_us
from tests.integration.grafana.test_queries import asked
from tests.integration.monitor.conftest import new_room

PERIOD = 300


async def test_a_radar_above_the_water_is_shown_as_the_level_it_tells_of(database: dict[str, str]) -> None:
    """15 m up, in centimetres; the water rises past the yellow limit and the radar falls silent."""
    async with new_room(database["monitor"], ManualClock(BEGINS + timedelta(days=1))) as room:
        at = BEGINS
        pond = PondDescription(id="radar", name="radar", crest_level=16.0, latitude=38.0, longitude=114.0)
        radar = SensorDescription(
            id="radar-1", kind=SensorKind.WATER_DISTANCE, unit="cm", expected_interval_s=PERIOD, zero_level=15.0
        )
        await room.hear("radar", PondRegistered(pond=pond, at=at))
        state = SensorState.IN_SERVICE
        await room.hear("radar", SensorRegistered(pond_id="radar", sensor=radar, state=state, at=at))
        await room.hear("radar", LimitsAdopted(pond_id="radar", limits=LIMITS, limits_version=1, at=at))
        levels = {slot: 12.0 + 0.01 * slot for slot in range(60)}
        await room.give("radar", {slot: (15.0 - level) * 100 for slot, level in levels.items()}, "radar-1")
    with psycopg.connect(database["owner"], autocommit=True) as conn:
        conn.execute(
            "INSERT INTO registry.pond (id, name, county, timezone, crest_level, version)"
            " VALUES ('radar', 'radar', 'a', 'Asia/Shanghai', 16.0, 1)"
        )
    begin = datetime.fromtimestamp(stamp_us(0) / 1e6, UTC)
    over = Range(begin - timedelta(minutes=1), begin + timedelta(hours=5), 1000)
    with psycopg.connect(database["reader"]) as conn:
        shown = asked(conn, "pond/level", over, pond="radar")
        assert [row["level_m"] for row in shown] == pytest.approx(list(levels.values()), abs=1e-6)
        [freeboard] = asked(conn, "pond/freeboard", over, pond="radar")
        assert (freeboard["level_m"], freeboard["live_freeboard_m"]) == pytest.approx((12.59, 3.41))
        assert (freeboard["design_flood_m"], freeboard["regulatory_freeboard_m"]) == (13.5, 2.5)
        assert freeboard["document"] == LIMITS.document
        [next_one] = asked(conn, "pond/next", over, pond="radar")
        assert (next_one["next_level"], next_one["limit_m"], next_one["outlook"]) == ("orange", 13.0, "silent")
        assert next_one["rise_m_per_h"] == pytest.approx(0.12, abs=0.001)
        [state_now] = asked(conn, "pond/state", over, pond="radar")
        assert state_now["blind"] is True
        assert state_now["state"] in ("yellow", "orange"), "a warning stands, however blind the pond is"
        [warning] = asked(conn, "pond/warnings", over, pond="radar")
        assert (warning["sensor"], warning["standing"]) == ("radar-1", state_now["state"])
        [place] = asked(conn, "wall/map", over)
        assert (place["latitude"], place["state"]) == (38.0, state_now["state"])
        line = [row["level"] for row in asked(conn, "pond/timeline_level", over, pond="radar")]
        assert line[-1] == state_now["state"]
        assert line == sorted(line, key=["blue", "yellow", "orange", "red"].index)
