"""Maintenance windows and replaced instruments, as the monitor follows them."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.monitor.points import slot_moment
from services.monitor.ring import SLOT_US
from shared.contracts.registry import FormerMeasure, MaintenanceWindow, SensorMaintenanceSet, SensorReplaced
from tests.acceptance.ponds import Watched, stamp_us
from tests.integration.monitor.conftest import Opened, Room

YI = Watched("yi")


def steady(first: int, last: int, value: float, scale: float = 1.0) -> dict[int, float]:
    """Return a level with a ripple, so that no sensor is called stuck."""
    return {slot: (value + 0.001 * (slot % 3)) * scale for slot in range(first, last)}


def moment(slot: int) -> datetime:
    return slot_moment(stamp_us(slot) // SLOT_US)


def windows(room: Room, *spans: tuple[int, int]) -> SensorMaintenanceSet:
    planned = tuple(MaintenanceWindow(begin=moment(first), end=moment(last), reason="校准") for first, last in spans)
    return SensorMaintenanceSet(pond_id="yi", sensor_id="level-1", windows=planned, at=room.clock.now())


async def flags(room: Room, low: float) -> list[int]:
    return [flag for (flag,) in await room.rows("SELECT DISTINCT flag FROM reading WHERE value > %s", low)]


async def test_a_planned_window_is_not_judged_and_service_resumes_by_itself(room: Room, another: Opened) -> None:
    await room.register(YI)
    await room.hear("yi", windows(room, (50, 90)))
    await room.give("yi", steady(0, 50, 11.0))
    await room.give("yi", steady(52, 88, 13.8))
    assert await room.kinds("yi") == []
    assert await flags(room, 13) == [2]
    # A restart within the window changes nothing, and nobody has to say that it is over.
    await room.desk.tenure.end()
    present = await another()
    await present.give("yi", steady(92, 100, 12.2))
    events = await present.events("yi")
    assert [(each["kind"], each["level"]) for each in events if each["kind"] != "noticed"] == [("raised", "blue")]
    assert await present.rows("SELECT count(*) FROM reading WHERE flag = 2 AND value > 12") == [(36,)]


async def test_a_window_heard_late_takes_back_what_was_said_and_one_ended_early_is_judged_again(room: Room) -> None:
    await room.register(YI)
    await room.give("yi", {**steady(0, 50, 11.0), **steady(50, 80, 13.8), **steady(80, 90, 11.0)})
    assert "raised" in await room.kinds("yi")
    await room.hear("yi", windows(room, (49, 81)))
    assert [kind for kind, _, _ in await room.record("yi") if kind != "notice"] == []
    await room.hear("yi", windows(room, (49, 60)))
    assert next(kind for kind, _, _ in await room.record("yi") if kind != "notice") == "raised"


async def test_two_windows_and_a_sensor_that_stays_silent_after_the_last(room: Room, another: Opened) -> None:
    await room.register(YI)
    now = int((room.clock.now() - moment(0)).total_seconds()) // 300
    await room.give("yi", steady(now - 300, now - 10, 11.0))
    await room.hear("yi", windows(room, (now - 8, now + 4), (now + 6, now + 6 + 3 * 288)))
    for _ in range(4):
        room.clock.advance(timedelta(hours=18))
        await room.desk.tick()
    assert "blind" not in await room.kinds("yi"), "nobody expects readings within a window"
    await room.desk.tenure.end()
    present = await another()
    room.clock.advance(timedelta(hours=2))
    await present.desk.tick()
    assert (await present.kinds("yi")).count("blind") == 1, "its patience over, silence is told"
    await present.desk.tick()
    assert (await present.kinds("yi")).count("blind") == 1
    later = int((room.clock.now() - moment(0)).total_seconds()) // 300
    await present.give("yi", steady(later - 2, later + 1, 11.0))
    assert (await present.kinds("yi"))[-1] == "restored"


async def test_a_replaced_instrument_keeps_the_series_and_the_units_of_its_time(room: Room) -> None:
    await room.register(YI)
    await room.give("yi", steady(0, 58, 11.0))
    described = YI.sensors[0].model_copy(update={"unit": "mm", "range": (0.0, 20_000.0)})
    former = (FormerMeasure(until=moment(60), unit="m"),)
    at = room.clock.now()
    await room.hear(
        "yi",
        SensorReplaced(pond_id="yi", sensor_id="level-1", sensor=described, former=former, since=moment(60), at=at),
    )
    # The new instrument reports in millimetres; the old one's backlog comes afterwards, in metres.
    await room.give("yi", steady(60, 80, 11.0, 1000.0))
    await room.give("yi", steady(58, 60, 11.0))
    assert await room.rows("SELECT count(DISTINCT sensor), count(*) FROM reading") == [(1, 80)]
    ((low, high),) = await room.rows("SELECT min(value), max(value) FROM reading")
    assert (round(low, 3), round(high, 3)) == (11.0, 11.002)
    assert await room.kinds("yi") == []
    await room.give("yi", steady(80, 90, 12.2, 1000.0))
    assert (await room.kinds("yi"))[-1] == "raised"
