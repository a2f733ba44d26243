"""What an alarm brings about at a moment: who is told what, who is next, and when it is over.

``advance`` is asked after everything that happens and whenever time passes. It is a function of the alarm and the
world alone and says each thing once: asked again with nothing changed, it says nothing.
"""

from __future__ import annotations

from datetime import timedelta

from services.notifier.domain.alarm import Alarm, AlarmEvent, Told, evolve
from services.notifier.domain.call import Call, Hold, Summoned
from services.notifier.domain.policy import ORDER
from services.notifier.domain.stages import passed
from services.notifier.domain.world import Member, World
from shared.contracts.notifier import (
    AlarmChanged,
    AlarmEnded,
    AlarmEscalated,
    AlarmHeld,
    Answer,
    MessageKind,
    PersonDecided,
)

__all__ = ["advance", "end"]


def advance(alarm: Alarm, world: World) -> list[AlarmEvent]:
    """Return everything that is due for *alarm* in *world*, in order."""
    events: list[AlarmEvent] = []
    while new := _step(alarm, world):
        for event in new:
            alarm = evolve(alarm, event)
        events += new
    return events


def end(alarm: Alarm, world: World, reason: str = "closed") -> list[AlarmEvent]:
    """Return what the closing of the warning brings about: whoever has not heard that it is over does, then it ends.

    *reason* is why they are told, when a person and not the water ends it: ``closed``, or an exercise's own reasons.
    """
    if alarm.ended is not None:
        return []
    events: list[AlarmEvent] = []
    if alarm.level is None and reason == "closed":
        reason = "was_told"  # that it was over, the readings had said
    if alarm.level is not None:
        over = AlarmChanged(
            level=None, previous=alarm.level, verified=alarm.verified, time=world.now, reason=reason,
            **_about(alarm, world),
        )  # fmt: skip
        events.append(over)
        alarm = evolve(alarm, over)
    told = [
        each.model_copy(update={"reason": reason}) if isinstance(each, PersonDecided) else each
        for each in advance(alarm, world)
    ]
    return [*events, *told, AlarmEnded(**_about(alarm, world))]


def _step(alarm: Alarm, world: World) -> list[AlarmEvent]:
    if alarm.ended is not None:
        return []
    relief = _relief(alarm, world)
    if alarm.level is None:
        return relief
    if relief:
        until = alarm.changed + timedelta(seconds=world.settings.step_down_settle_s)
        if world.now >= until:
            return relief
        # A falling limb comes in steps: the last of them is told. Nothing but that waits for it.
        if held := _held(alarm, world, Hold(stage="settle", reason="easing", until=until)):
            return held
    call = _due(alarm, world)
    if call is None:
        return _escalation(alarm, world)
    result = passed(call, alarm, world)
    if isinstance(result, Hold):
        return _held(alarm, world, result)
    return [_decision(alarm, world, call.kind, each) for each in result.people]


def _relief(alarm: Alarm, world: World) -> list[AlarmEvent]:
    """Everybody who was told of a higher level hears that it is lower, or over: no stage may hold that back.

    That it is over is told at once; that it is lower, when it has not gone lower still for ``step_down_settle_s``.
    """
    kind = MessageKind.ALL_CLEAR if alarm.level is None else MessageKind.STEP_DOWN
    return [
        _decision(alarm, world, kind, Summoned(member=_member(told), rank=told.rank, reason="was_told"))
        for told in alarm.recalled
        if ORDER[told.level] > ORDER[alarm.level]
    ]


def _due(alarm: Alarm, world: World) -> Call | None:
    """Return the telling that is due at the rank the alarm has reached, or None."""
    reached = world.chain[: alarm.rank + 1]
    people = [
        Summoned(member=member, rank=rank, reason="on_call" if rank == alarm.rank else "on_call_below")
        for rank, members in enumerate(reached)
        for member in members
    ]
    named = {each.member.person_id for each in people}
    people += [
        Summoned(member=_member(told), rank=told.rank, reason="was_told")
        for told in alarm.recalled
        if told.person_id not in named
    ]
    untold = [each for each in people if _untold(alarm, each.member.person_id)]
    if untold or not people:
        return Call(kind=MessageKind.ALARM, people=tuple(untold))
    return None


def _untold(alarm: Alarm, person_id: str) -> bool:
    told = alarm.people.get(person_id)
    return told is None or told.revision < alarm.alarmed_revision


def _escalation(alarm: Alarm, world: World) -> list[AlarmEvent]:
    """Nobody fit to act has answered: the next rank, and at the top everybody there again."""
    assert alarm.level is not None  # only a standing alarm comes here
    policy = world.settings.of(alarm.level)
    if alarm.answered or not policy.climbs or alarm.ranked is None or not world.chain:
        return []
    top = len(world.chain) - 1
    refused = _all_refused(alarm, world)
    late = world.now >= alarm.ranked + timedelta(seconds=policy.escalate_s)
    if alarm.rank < top and (late or refused):
        hold = passed(Call(kind=MessageKind.REPEAT, people=_at(world, alarm.rank + 1)), alarm, world)
        if isinstance(hold, Hold):
            return _held(alarm, world, hold)
        reason = "all_refused" if refused else "unanswered"
        return [AlarmEscalated(rank=alarm.rank + 1, reason=reason, **_about(alarm, world))]
    if alarm.rank >= top and world.now >= alarm.ranked + timedelta(seconds=policy.repeat_s):
        call = passed(Call(kind=MessageKind.REPEAT, people=_at(world, top)), alarm, world)
        if isinstance(call, Hold):
            return _held(alarm, world, call)
        return [_decision(alarm, world, MessageKind.REPEAT, each) for each in call.people]
    return []


def _all_refused(alarm: Alarm, world: World) -> bool:
    members = world.chain[alarm.rank] if alarm.rank < len(world.chain) else ()
    told = [alarm.people.get(member.person_id) for member in members]
    return bool(told) and all(
        each is not None and each.answer is Answer.CANNOT_GO and each.answered_revision >= alarm.alarmed_revision
        for each in told
    )


def _at(world: World, rank: int) -> tuple[Summoned, ...]:
    return tuple(Summoned(member=member, rank=rank, reason="unanswered") for member in world.chain[rank])


def _held(alarm: Alarm, world: World, hold: Hold) -> list[AlarmEvent]:
    if f"{hold.stage}:{hold.reason}:" in alarm.held:
        return []
    return [AlarmHeld(stage=hold.stage, reason=hold.reason, until=hold.until, **_about(alarm, world))]


def _decision(alarm: Alarm, world: World, kind: MessageKind, each: Summoned) -> PersonDecided:
    channels = each.member.channels
    if alarm.level is not None and (wanted := world.settings.of(alarm.level).channels):
        channels = tuple(sorted(channels, key=lambda name: wanted.index(name) if name in wanted else len(wanted)))
    return PersonDecided(
        person_id=each.member.person_id,
        name=each.member.name,
        role=each.member.role,
        rank=each.rank,
        kind=kind,
        reason=each.reason,
        channels=channels,
        **_about(alarm, world),
    )


def _member(told: Told) -> Member:
    return Member(person_id=told.person_id, name=told.name, role=told.role, channels=told.channels)


def _about(alarm: Alarm, world: World) -> dict[str, object]:
    return {"alarm_id": alarm.alarm_id, "pond_id": alarm.pond_id, "at": world.now, "exercise": alarm.exercise}
