"""Whether the people of the chain may be told now: night rules, and the case that nobody is responsible."""

from __future__ import annotations

from services.notifier.domain.alarm import Alarm
from services.notifier.domain.call import Call, Hold
from services.notifier.domain.world import World
from shared.contracts.levels import LevelName

__all__ = ["route"]


def route(call: Call, alarm: Alarm, world: World) -> Call | Hold:
    """Hold a call without recipients, and a quiet level's call until the morning (never orange or red)."""
    if not call.people:
        return Hold(stage="route", reason="nobody_responsible")
    quiet = alarm.level in (LevelName.BLUE, LevelName.YELLOW) and world.settings.of(alarm.level).quiet_at_night
    if quiet and world.night:
        return Hold(stage="route", reason="night", until=world.morning)
    return call
