"""What the notifier publishes and what may be asked of it (version 1).

One aggregate, ``alarm``: what one warning means to people. It begins when the monitor raises the warning and ends when
everybody who was alarmed has been told that it is over. Every decision on the way has a named reason and is an event;
proof is kept per person: decided, sent, delivered, read, answered, acted. Addresses never appear here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from shared.contracts.alarmload import LOAD_REPLIES
from shared.contracts.base import Command, Countersignature, Event, Identifier, Moment, Reason, Record, Signature
from shared.contracts.bulletins import BULLETIN_REPLIES, BulletinIssued
from shared.contracts.levels import LevelName
from shared.contracts.monitor import Cause
from shared.contracts.watchdog import WATCHDOG_REPLIES, WatchdogRestored, WatchdogSilent

__all__ = [
    "ALARM_COMMANDS",
    "NOTIFIER_EVENTS",
    "NOTIFIER_REPLIES",
    "ActOnCard",
    "AlarmAnswered",
    "AlarmChanged",
    "AlarmEnded",
    "AlarmEscalated",
    "AlarmHeld",
    "AlarmList",
    "AlarmOpened",
    "AlarmRead",
    "AlarmView",
    "Answer",
    "AnswerAlarm",
    "CapPublished",
    "CardAct",
    "CardStep",
    "CardStepDone",
    "ChannelDown",
    "ChannelUp",
    "Delivery",
    "DeliveryConfirmed",
    "DeliveryFailed",
    "DeliverySent",
    "DrillEnded",
    "DrillStarted",
    "DrillTidied",
    "HeldBack",
    "LevelCard",
    "ListAlarms",
    "ListShelvings",
    "MessageKind",
    "PersonDecided",
    "PersonProof",
    "ReportRead",
    "Shelve",
    "Shelved",
    "Shelving",
    "ShelvingList",
    "ShelvingView",
    "ShowAlarm",
    "Unshelve",
    "Unshelved",
]


class Answer(StrEnum):
    """What a person answers."""

    ACKNOWLEDGE = "acknowledge"  # 收到
    ON_SITE = "on_site"  # 已到场
    CANNOT_GO = "cannot_go"  # 不能前往


class MessageKind(StrEnum):
    """What a message tells."""

    ALARM = "alarm"  # raised, or stepped up
    REPEAT = "repeat"  # not answered yet
    STEP_DOWN = "step_down"
    ALL_CLEAR = "all_clear"
    BULLETIN = "bulletin"
    CHANNEL_REPORT = "channel_report"


class CardStep(Record):
    """One step of a TARP card: what, whose role, within how many minutes of the alarm."""

    id: Identifier
    zh: str
    en: str
    role: str
    within_minutes: int = Field(ge=1)


class _AlarmEvent(Event):
    alarm_id: str
    """The warning's id."""
    pond_id: Identifier
    at: Moment
    exercise: bool = False


class AlarmOpened(_AlarmEvent):
    """A warning is to be told to people. ``card`` is the TARP card in force for its level."""

    event_type: ClassVar[str] = "notifier.alarm.opened"
    level: LevelName
    verified: bool
    late: bool
    """The warning was late when it was heard: backlog, or an outage of ours."""
    time: Moment
    causes: tuple[Cause, ...]
    card: tuple[CardStep, ...] = ()
    superseded: bool = False
    """A later change was known already: this is told only if nothing follows."""


class AlarmChanged(_AlarmEvent):
    """The warning stepped up or down, was verified, or cleared (level None)."""

    event_type: ClassVar[str] = "notifier.alarm.changed"
    level: LevelName | None
    previous: LevelName | None
    verified: bool
    late: bool = False
    time: Moment
    causes: tuple[Cause, ...] = ()
    card: tuple[CardStep, ...] = ()
    superseded: bool = False
    corrected: bool = False
    """True when late data, not the water, changed the picture: a clearing then says there never was a ground."""
    reason: str = ""
    """Why it is over when it is not the readings that say so: ``exercise_over``, ``exercise_overtaken``, ``closed`` (by
    a named person)."""


class AlarmHeld(_AlarmEvent):
    """A stage of the pipeline held a message back, for a named reason (and until when, if known)."""

    event_type: ClassVar[str] = "notifier.alarm.held"
    stage: Literal["settle", "group", "inhibit", "shelve", "deduplicate", "route"]
    reason: str
    person_id: str | None = None
    until: Moment | None = None


class PersonDecided(_AlarmEvent):
    """It was decided to tell a person: as which rank of the chain, in which role, why, and by which channels."""

    event_type: ClassVar[str] = "notifier.alarm.person_decided"
    person_id: str
    name: str
    role: str
    rank: int
    kind: MessageKind
    reason: str
    channels: tuple[str, ...]


class DeliverySent(_AlarmEvent):
    """A provider took a message. ``maybe_again``: an attempt before may have got through unrecorded."""

    event_type: ClassVar[str] = "notifier.alarm.sent"
    delivery_id: str
    person_id: str
    kind: MessageKind
    channel: str
    attempt: int
    maybe_again: bool = False


class DeliveryFailed(_AlarmEvent):
    """An attempt failed; ``final``: no further attempt by this channel, the next one takes over."""

    event_type: ClassVar[str] = "notifier.alarm.failed"
    delivery_id: str
    person_id: str
    kind: MessageKind
    channel: str
    attempt: int
    why: str
    final: bool


class DeliveryConfirmed(_AlarmEvent):
    """A provider says that a message was delivered."""

    event_type: ClassVar[str] = "notifier.alarm.delivered"
    delivery_id: str
    person_id: str
    channel: str


class AlarmRead(_AlarmEvent):
    """A person opened the signed link."""

    event_type: ClassVar[str] = "notifier.alarm.read"
    person_id: str


class AlarmAnswered(_AlarmEvent):
    """A person answered."""

    event_type: ClassVar[str] = "notifier.alarm.answered"
    person_id: str
    answer: Answer
    via: Literal["link", "bus", "command"]
    note: str = ""


class AlarmEscalated(_AlarmEvent):
    """Nobody (fit to go) answered in time: the next rank is told."""

    event_type: ClassVar[str] = "notifier.alarm.escalated"
    rank: int
    reason: str


class CardStepDone(_AlarmEvent):
    """A step of the TARP card was done."""

    event_type: ClassVar[str] = "notifier.alarm.step_done"
    step_id: Identifier
    person_id: str
    note: str = ""
    photo_sha256: str | None = None


class AlarmEnded(_AlarmEvent):
    """The warning was closed in the monitor and everybody alarmed has been told of its end."""

    event_type: ClassVar[str] = "notifier.alarm.ended"


class Shelving(Record):
    """A pond's alarms up to a level set aside for a while, with a reason."""

    shelving_id: str
    pond_id: Identifier
    highest: LevelName
    reason: str
    by: str
    by_id: Identifier | None = None
    """Of red: who that is in the register."""
    second_approver: str | None = None
    second_approver_id: Identifier | None = None
    begins: Moment
    expires: Moment


class Shelved(Event):
    """Alarms were shelved. Shelving red needs a second approver."""

    event_type: ClassVar[str] = "notifier.shelving.shelved"
    shelving: Shelving
    at: Moment


class Unshelved(Event):
    """A shelving was ended before its time."""

    event_type: ClassVar[str] = "notifier.shelving.unshelved"
    shelving_id: str
    pond_id: Identifier
    by: str
    at: Moment


class ChannelDown(Event):
    """A channel fails; messages go by the next one, and the control room is told."""

    event_type: ClassVar[str] = "notifier.channel.down"
    channel: str
    why: str
    at: Moment


class ChannelUp(Event):
    """A channel works again."""

    event_type: ClassVar[str] = "notifier.channel.up"
    channel: str
    at: Moment


class CapPublished(Event):
    """A CAP 1.2 document of an alarm, as it was published: it is not made again."""

    event_type: ClassVar[str] = "notifier.cap.published"
    identifier: str
    alarm_id: str
    pond_id: Identifier
    number: int
    """Counts what was heard of the warning, from 1."""
    msg_type: Literal["Alert", "Update", "Cancel"]
    status: Literal["Actual", "Exercise"]
    level: LevelName | None
    reference: str
    """How a later document refers to this one: sender, identifier, sent."""
    headlines: dict[str, str]
    """By language of the document's ``info`` blocks."""
    xml: str
    at: Moment


class DrillStarted(Event):
    """An exercise 汛期演练 began at a pond; its shadow pond bears the synthetic storm."""

    event_type: ClassVar[str] = "notifier.drill.started"
    drill_id: Identifier
    pond_id: Identifier
    shadow_id: Identifier
    storm: LevelName
    by: str
    at: Moment


class DrillEnded(Event):
    """An exercise ended: played through, stopped by somebody, or overtaken by a real warning."""

    event_type: ClassVar[str] = "notifier.drill.ended"
    drill_id: Identifier
    pond_id: Identifier
    why: Literal["finished", "stopped", "overtaken"]
    by: str
    at: Moment


class DrillTidied(Event):
    """Nothing of an exercise is left: its pond's sensors are out of service, its warning is closed."""

    event_type: ClassVar[str] = "notifier.drill.tidied"
    drill_id: Identifier
    pond_id: Identifier
    at: Moment


class AnswerAlarm(Command):
    """Answer an alarm (by bus or command line; the signed link does the same)."""

    command_name: ClassVar[str] = "notifier.answer"
    alarm_id: str
    person_id: Identifier
    answer: Answer
    note: str = Field(default="", max_length=2000)


class ReportRead(Command):
    """Tell that a person has read an alarm."""

    command_name: ClassVar[str] = "notifier.report_read"
    alarm_id: str
    person_id: Identifier


class ActOnCard(Command):
    """Tell that a step of the TARP card is done, with a note or a photo."""

    command_name: ClassVar[str] = "notifier.act_on_card"
    alarm_id: str
    person_id: Identifier
    step_id: Identifier
    note: str = Field(default="", max_length=2000)
    photo_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class Shelve(Command):
    """Set a pond's alarms aside for a while."""

    command_name: ClassVar[str] = "notifier.shelve"
    pond_id: Identifier
    highest: LevelName = LevelName.YELLOW
    reason: Reason
    by: Signature
    second_approver: Countersignature | None = None
    """For red, both are people of the register, by name or id."""
    expires: Moment


class Unshelve(Command):
    """End a shelving before its time."""

    command_name: ClassVar[str] = "notifier.unshelve"
    shelving_id: str
    by: Signature


class ListShelvings(Command):
    """Ask for shelvings in force."""

    command_name: ClassVar[str] = "notifier.list_shelvings"
    pond_id: Identifier | None = None


class ShowAlarm(Command):
    """Ask for an alarm with its proof per person."""

    command_name: ClassVar[str] = "notifier.show_alarm"
    alarm_id: str


class ListAlarms(Command):
    """Ask for alarms, newest first."""

    command_name: ClassVar[str] = "notifier.list_alarms"
    pond_id: Identifier | None = None
    include_ended: bool = False
    exercises: bool = False
    """Those of exercises too; of an exercise's pond asked for by its id they are always listed."""
    limit: int = Field(default=200, ge=1, le=1000)


class Delivery(Record):
    """One message to one person by one channel, and what became of it."""

    delivery_id: str
    kind: MessageKind
    channel: str
    attempts: int = 0
    sent: Moment | None = None
    maybe_again: bool = False
    delivered: Moment | None = None
    failed: Moment | None = None
    why: str = ""


class PersonProof(Record):
    """What can be proved of one person: the six steps."""

    person_id: str
    name: str
    role: str
    rank: int
    decided: Moment
    sent: Moment | None = None
    delivered: Moment | None = None
    read: Moment | None = None
    answered: Moment | None = None
    answer: Answer | None = None
    note: str = ""
    """What they wrote with their last answer."""
    answer_stands: bool = True
    """Whether the answer still counts: it does not once the alarm has stepped up since."""
    acted: Moment | None = None
    deliveries: tuple[Delivery, ...] = ()


class CardAct(Record):
    """A step of the TARP card done: by whom, when, with which note and photo."""

    step_id: Identifier
    zh: str = ""
    en: str = ""
    """The step's words: a later level has another card."""
    person_id: str
    at: Moment
    note: str = ""
    photo_sha256: str | None = None


class LevelCard(Record):
    """The TARP card of a level that an alarm reached."""

    level: LevelName
    steps: tuple[CardStep, ...]


class HeldBack(Record):
    """A telling that a stage held back, for a named reason, until when if that is known."""

    stage: str
    reason: str
    at: Moment
    until: Moment | None = None


class AlarmView(Record):
    """An alarm as it stands."""

    alarm_id: str
    pond_id: Identifier
    exercise: bool
    level: LevelName | None
    highest: LevelName
    verified: bool
    late: bool
    opened: Moment
    changed: Moment
    ended: Moment | None = None
    rank: int
    answered: bool
    people: tuple[PersonProof, ...] = ()
    card: tuple[CardStep, ...] = ()
    steps_done: dict[str, Moment] = Field(default_factory=dict)
    acts: tuple[CardAct, ...] = ()
    """Who did which step; only of a single alarm's view, like ``held`` and ``held_back``."""
    held: tuple[str, ...] = ()
    held_back: tuple[HeldBack, ...] = ()
    cards: tuple[LevelCard, ...] = ()
    """The cards of all levels it reached, the highest first; of a single alarm's view only, as what it was for."""
    highest_causes: tuple[Cause, ...] = ()
    highest_time: Moment | None = None
    """Event time at which it came to its highest level."""
    nobody_responsible: bool = False
    """Nobody was told, for the chain names nobody: neither duty, nor roster, nor fallback."""
    version: int = 0


class AlarmList(Record):
    """Answer to ``ListAlarms``."""

    alarms: tuple[AlarmView, ...]


class ShelvingView(Record):
    """Answer to ``Shelve`` and ``Unshelve``."""

    shelving: Shelving


class ShelvingList(Record):
    """Answer to ``ListShelvings``."""

    shelvings: tuple[Shelving, ...]


NOTIFIER_EVENTS: tuple[type[Event], ...] = (
    AlarmOpened, AlarmChanged, AlarmHeld, PersonDecided, DeliverySent, DeliveryFailed, DeliveryConfirmed, AlarmRead,
    AlarmAnswered, AlarmEscalated, CardStepDone, AlarmEnded, Shelved, Unshelved, ChannelDown, ChannelUp,
    CapPublished, DrillStarted, DrillEnded, DrillTidied, BulletinIssued, WatchdogSilent, WatchdogRestored,
)  # fmt: skip

ALARM_COMMANDS: tuple[type[Command], ...] = (ReportRead, AnswerAlarm, ActOnCard, ShowAlarm)
"""Each answered by an ``AlarmView``."""

NOTIFIER_REPLIES: Mapping[type[Command], type[BaseModel]] = {
    **dict.fromkeys(ALARM_COMMANDS, AlarmView),
    ListAlarms: AlarmList,
    Shelve: ShelvingView,
    Unshelve: ShelvingView,
    ListShelvings: ShelvingList,
    **BULLETIN_REPLIES,
    **WATCHDOG_REPLIES,
    **LOAD_REPLIES,
}
"""Every question and act about alarms with what answers it."""
