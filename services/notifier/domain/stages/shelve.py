"""Shelving: set aside by a named person, with a reason, until a time. Red needs a second approver."""

from __future__ import annotations

from services.notifier.domain.alarm import Alarm
from services.notifier.domain.call import Call, Hold
from services.notifier.domain.policy import worse
from services.notifier.domain.world import World
from shared.contracts.notifier import Shelving
from shared.names import is_blank, same_name

__all__ = ["shelve"]


def shelve(call: Call, alarm: Alarm, world: World) -> Call | Hold:
    """Hold a call while a shelving of its pond covers its level."""
    if alarm.level is None:
        return call
    for shelving in world.shelvings:
        in_force = shelving.begins <= world.now < shelving.expires
        covers = not worse(alarm.level, shelving.highest)
        # Whoever made the shelving, the stage does not trust it with red unless a second person stood for it.
        if in_force and covers and (alarm.level != "red" or _by_two(shelving)):
            return Hold(stage="shelve", reason=f"shelved:{shelving.shelving_id}", until=shelving.expires)
    return call


def _by_two(shelving: Shelving) -> bool:
    """Tell whether two people stand for a shelving: of one made before both had to be registered, by their names."""
    second = shelving.second_approver or ""
    return not is_blank(second) and (shelving.second_approver_id is not None or not same_name(second, shelving.by))
