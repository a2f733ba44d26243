"""An alarm's state: what the warning is, whom it reached, and what they did. Folded from its events."""

from __future__ import annotations

from typing import assert_never

from pydantic import Field

from services.notifier.domain.policy import ORDER
from shared.contracts.base import Moment, Record
from shared.contracts.levels import LevelName
from shared.contracts.monitor import Cause
from shared.contracts.notifier import (
    AlarmAnswered,
    AlarmChanged,
    AlarmEnded,
    AlarmEscalated,
    AlarmHeld,
    AlarmOpened,
    AlarmRead,
    Answer,
    CardStep,
    CardStepDone,
    DeliveryConfirmed,
    DeliveryFailed,
    DeliverySent,
    MessageKind,
    PersonDecided,
)

__all__ = ["Alarm", "AlarmEvent", "Told", "evolve"]

AlarmEvent = (
    AlarmOpened | AlarmChanged | AlarmHeld | PersonDecided | DeliverySent | DeliveryFailed | DeliveryConfirmed
    | AlarmRead | AlarmAnswered | AlarmEscalated | CardStepDone | AlarmEnded
)  # fmt: skip


class Told(Record):
    """A person this alarm concerns. ``revision`` is the latest of the alarm that it was decided to tell them of."""

    person_id: str
    name: str
    role: str
    rank: int
    channels: tuple[str, ...]
    decided: Moment
    """When it was first decided to tell them."""
    last_decided: Moment
    revision: int
    kind: MessageKind
    level: LevelName | None
    sent: Moment | None = None
    delivered: Moment | None = None
    read: Moment | None = None
    answered: Moment | None = None
    answer: Answer | None = None
    answered_revision: int = 0
    """The revision of the alarm they answered."""
    acted: Moment | None = None


class Alarm(Record):
    """An alarm as it stands."""

    alarm_id: str
    pond_id: str
    exercise: bool
    level: LevelName | None
    highest: LevelName
    verified: bool
    late: bool
    time: Moment
    causes: tuple[Cause, ...]
    opened: Moment
    changed: Moment
    """When the level it has now was heard."""
    superseded: bool = False
    """Whether a later change is known to follow: nobody is told meanwhile."""
    alarmed_revision: int = 1
    """The latest revision that stepped up: answers to it, or to a later one, count."""
    revision: int = 1
    """Counts what was heard of the warning."""
    rank: int = 0
    """Rank of the chain that was told last, from 0; ``ranked`` says since when, None: nobody yet."""
    ranked: Moment | None = None
    people: dict[str, Told] = Field(default_factory=dict)
    card: tuple[CardStep, ...] = ()
    steps_done: dict[str, Moment] = Field(default_factory=dict)
    held: frozenset[str] = frozenset()
    """Reasons told since the last revision, so that each is said once."""
    ended: Moment | None = None

    @property
    def answered(self) -> bool:
        """Whether somebody fit to act has answered since the alarm last stepped up."""
        return any(
            told.answer in (Answer.ACKNOWLEDGE, Answer.ON_SITE) and told.answered_revision >= self.alarmed_revision
            for told in self.people.values()
        )

    @property
    def recalled(self) -> tuple[Told, ...]:
        """Those who were told of the alarm, in the order of ranks."""
        return tuple(sorted(self.people.values(), key=lambda told: (told.rank, told.person_id)))


def evolve(state: Alarm | None, event: AlarmEvent) -> Alarm:
    """Return the alarm after *event*."""
    if isinstance(event, AlarmOpened):
        return Alarm(
            alarm_id=event.alarm_id, pond_id=event.pond_id, exercise=event.exercise, level=event.level,
            highest=event.level, verified=event.verified, late=event.late, time=event.time, causes=event.causes,
            opened=event.at, changed=event.at, card=event.card, superseded=event.superseded,
        )  # fmt: skip
    if state is None:
        raise TypeError("an event of an alarm's life came before its opening")
    match event:
        case AlarmChanged():
            return _changed(state, event)
        case AlarmHeld():
            return state.model_copy(update={"held": state.held | {_reason(event)}})
        case PersonDecided():
            return _decided(state, event)
        case AlarmEscalated():
            return state.model_copy(update={"rank": event.rank, "ranked": event.at})
        case CardStepDone():
            done = {**state.steps_done, event.step_id: event.at}
            return _person(state.model_copy(update={"steps_done": done}), event.person_id, acted=event.at)
        case DeliverySent():
            return _first(state, event.person_id, "sent", event.at)
        case DeliveryConfirmed():
            return _first(state, event.person_id, "delivered", event.at)
        case DeliveryFailed():
            return state
        case AlarmRead():
            return _first(state, event.person_id, "read", event.at)
        case AlarmAnswered():
            return _person(
                state, event.person_id, answered=event.at, answer=event.answer, answered_revision=state.revision
            )
        case AlarmEnded():
            return state.model_copy(update={"ended": event.at})
        case _:
            assert_never(event)


def _changed(state: Alarm, event: AlarmChanged) -> Alarm:
    revision = state.revision + 1
    # What was unverified and now is verified is told again, like a step up.
    confirmed = event.level is not None and event.verified and not state.verified
    up = ORDER[event.level] > ORDER[state.level] or confirmed
    return state.model_copy(
        update={
            "level": event.level,
            "highest": event.level
            if event.level is not None and ORDER[event.level] > ORDER[state.highest]
            else state.highest,
            "verified": event.verified,
            "late": event.late,
            "superseded": event.superseded,
            "time": event.time,
            "causes": event.causes or state.causes,
            "changed": event.at,
            "revision": revision,
            "alarmed_revision": revision if up else state.alarmed_revision,
            # A step up begins the chain anew: whoever slept through yellow is not skipped for red.
            "rank": 0 if up else state.rank,
            "ranked": None if up else state.ranked,
            "card": event.card or state.card,
            "held": frozenset(),
        }
    )


def _decided(state: Alarm, event: PersonDecided) -> Alarm:
    known = state.people.get(event.person_id)
    revision = state.revision
    if event.kind is MessageKind.STEP_DOWN and known is not None and known.revision < state.alarmed_revision:
        revision = known.revision  # "lower than what you heard" does not tell of a step up that was held back
    told = Told(
        person_id=event.person_id, name=event.name, role=event.role, rank=event.rank, channels=event.channels,
        decided=event.at if known is None else known.decided, last_decided=event.at, revision=revision,
        kind=event.kind, level=state.level,
        **({} if known is None else known.model_dump(include=_KEPT)),
    )  # fmt: skip
    ranked = {"ranked": event.at} if event.kind in (MessageKind.ALARM, MessageKind.REPEAT) else {}
    return state.model_copy(update={"people": {**state.people, event.person_id: told}, **ranked})


_KEPT = {"sent", "delivered", "read", "answered", "answer", "answered_revision", "acted"}


def _first(state: Alarm, person_id: str, name: str, at: Moment) -> Alarm:
    told = state.people.get(person_id)
    if told is None or getattr(told, name) is not None:
        return state
    return _person(state, person_id, **{name: at})


def _person(state: Alarm, person_id: str, **update: object) -> Alarm:
    told = state.people.get(person_id)
    if told is None:
        return state
    return state.model_copy(update={"people": {**state.people, person_id: told.model_copy(update=update)}})


def _reason(event: AlarmHeld) -> str:
    return f"{event.stage}:{event.reason}:{event.person_id or ''}"
