"""How a pond stands tells the rain of the last 24 hours, and nothing where nothing is known."""

from __future__ import annotations

from services.monitor.adapters.people import StoredWarnings
from tests.acceptance.ponds import Watched
from tests.integration.monitor.conftest import Room

HOUR = 12
"""Slots."""


async def rain(room: Room, name: str) -> float | None:
    (found,) = await StoredWarnings(room.desk).standings(name)
    return found.rain_24h


async def test_rain_of_24_hours_and_nothing_where_nothing_is_known(room: Room) -> None:
    await room.register(Watched("yi", rain=True))
    assert await rain(room, "yi") is None
    await room.give("yi", dict.fromkeys(range(HOUR), 10.0))
    assert await rain(room, "yi") is None  # no word of a gauge is not "dry"
    wet = {slot: 0.5 if slot % HOUR == 0 else 0.0 for slot in range(30 * HOUR)}
    await room.give("yi", wet, "rain-1")
    assert await rain(room, "yi") == 12.0
    await room.give("yi", {33 * HOUR - 1: 10.0})
    assert await rain(room, "yi") == 10.5  # three hours on, without a word of rain
    await room.give("yi", {56 * HOUR: 10.0})
    assert await rain(room, "yi") is None
    await room.register(Watched("er"))
    await room.give("er", {0: 10.0})
    assert await rain(room, "er") is None  # it has no gauge
