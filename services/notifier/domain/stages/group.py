"""One voice a pond: of several alarms at one level the newest speaks for the others."""

from __future__ import annotations

from services.notifier.domain.alarm import Alarm
from services.notifier.domain.call import Call, Hold
from services.notifier.domain.world import World

__all__ = ["group"]


def group(call: Call, alarm: Alarm, world: World) -> Call | Hold:
    """Hold a call when a newer alarm of the same pond stands at the same level."""
    for other in world.neighbours:
        same = other.exercise == alarm.exercise and other.level == alarm.level
        if same and (other.opened, other.alarm_id) > (alarm.opened, alarm.alarm_id):
            return Hold(stage="group", reason=f"spoken_for_by:{other.alarm_id}")
    return call
