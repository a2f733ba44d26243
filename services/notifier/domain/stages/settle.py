"""Wait a moment: a level that goes again, or steps on, within its settling time is told once, as what it became.

A change of which a later one was already known when it was said (a backlog) is never told as if it were now.
"""

from __future__ import annotations

from datetime import timedelta

from services.notifier.domain.alarm import Alarm
from services.notifier.domain.call import Call, Hold
from services.notifier.domain.world import World

__all__ = ["settle"]


def settle(call: Call, alarm: Alarm, world: World) -> Call | Hold:
    """Hold a call until the level has stood for its settling time."""
    if alarm.level is None:
        return call
    if world.catching_up:
        return Hold(stage="settle", reason="catching_up")
    if alarm.superseded:
        return Hold(stage="settle", reason="superseded")
    until = alarm.changed + timedelta(seconds=world.settings.of(alarm.level).settle_s)
    return call if world.now >= until else Hold(stage="settle", reason="settling", until=until)
