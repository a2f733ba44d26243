"""The pipeline from a warning to the people it concerns: one file a stage, one signature.

``stage(call, alarm, world) → call | Hold``: a stage lets the call pass, narrows it, or holds it back for a named
reason. The order is that of ``STAGES``; what comes after the last is sent, recorded after success, tried again and
escalated until somebody answers.
"""

from __future__ import annotations

from collections.abc import Callable

from services.notifier.domain.alarm import Alarm
from services.notifier.domain.call import Call, Hold
from services.notifier.domain.stages.deduplicate import deduplicate
from services.notifier.domain.stages.group import group
from services.notifier.domain.stages.inhibit import inhibit
from services.notifier.domain.stages.route import route
from services.notifier.domain.stages.settle import settle
from services.notifier.domain.stages.shelve import shelve
from services.notifier.domain.world import World

__all__ = ["STAGES", "Stage", "passed"]

Stage = Callable[[Call, Alarm, World], Call | Hold]

STAGES: tuple[Stage, ...] = (settle, group, inhibit, shelve, deduplicate, route)


def passed(call: Call, alarm: Alarm, world: World) -> Call | Hold:
    """Send a call through every stage."""
    for stage in STAGES:
        result = stage(call, alarm, world)
        if isinstance(result, Hold):
            return result
        call = result
    return call
