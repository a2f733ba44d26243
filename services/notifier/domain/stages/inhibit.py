"""A pond's higher alarm covers its lower ones. Red is never covered."""

from __future__ import annotations

from services.notifier.domain.alarm import Alarm
from services.notifier.domain.call import Call, Hold
from services.notifier.domain.policy import worse
from services.notifier.domain.world import World

__all__ = ["inhibit"]


def inhibit(call: Call, alarm: Alarm, world: World) -> Call | Hold:
    """Hold a call while a higher alarm of the same pond stands; a real alarm also covers an exercise."""
    if alarm.level == "red" and not alarm.exercise:
        return call
    for other in world.neighbours:
        if other.level is None:
            continue
        if other.exercise == alarm.exercise and worse(other.level, alarm.level):
            return Hold(stage="inhibit", reason=f"covered_by:{other.alarm_id}")
        if alarm.exercise and not other.exercise:
            return Hold(stage="inhibit", reason=f"overtaken_by:{other.alarm_id}")
    return call
