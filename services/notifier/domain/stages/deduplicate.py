"""Nobody is told the same thing twice, except as a repetition that says so."""

from __future__ import annotations

from services.notifier.domain.alarm import Alarm
from services.notifier.domain.call import Call, Hold
from services.notifier.domain.world import World
from shared.contracts.notifier import MessageKind

__all__ = ["deduplicate"]


def deduplicate(call: Call, alarm: Alarm, world: World) -> Call | Hold:
    """Leave out who has been told since the alarm last stepped up."""
    if call.kind is not MessageKind.ALARM:
        return call
    seen: set[str] = set()
    people = []
    for each in call.people:
        told = alarm.people.get(each.member.person_id)
        known = told is not None and told.revision >= alarm.alarmed_revision
        if not known and each.member.person_id not in seen:
            seen.add(each.member.person_id)
            people.append(each)
    if call.people and not people:
        return Hold(stage="deduplicate", reason="told_already")
    return call.model_copy(update={"people": tuple(people)})
