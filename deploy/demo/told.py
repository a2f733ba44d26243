"""Who was told, what they did with it, and how long it took; folded from the notifier's events alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deploy.demo.judge import Arrival, Record, latencies, percentiles
from deploy.demo.sending import slot_end
from shared.contracts.cloudevents import CloudEvent, event_of
from shared.contracts.levels import Level, LevelName
from shared.contracts.monitor import Cause
from shared.contracts.notifier import (
    AlarmAnswered,
    AlarmChanged,
    AlarmEscalated,
    AlarmOpened,
    AlarmRead,
    Answer,
    CardStepDone,
    DeliverySent,
    MessageKind,
    PersonDecided,
)
from shared.words import say

__all__ = ["SeenAlarm", "SeenPerson", "Step", "Told", "missed"]

GRAVE = (LevelName.ORANGE, LevelName.RED)


@dataclass(slots=True)
class Step:
    """One step up of an alarm: what it was about, and when the first message of it lay in a mailbox."""

    level: LevelName
    slot_us: int
    causes: tuple[Cause, ...]
    superseded: bool
    sent: datetime | None = None


@dataclass(slots=True)
class SeenPerson:
    """One person of an alarm."""

    name: str
    rank: int
    alarmed: bool = False
    relieved: bool = False
    read: bool = False
    answer: Answer | None = None
    steps: int = 0


@dataclass(slots=True)
class SeenAlarm:
    """One alarm as a subscriber knows it."""

    id: str
    pond: str
    level: LevelName | None
    steps: list[Step] = field(default_factory=list)
    people: dict[str, SeenPerson] = field(default_factory=dict)
    rank: int = 0

    @property
    def step(self) -> Step:
        """The newest step up."""
        return self.steps[-1]


@dataclass(slots=True)
class Told:
    """Everything the notifier said, folded as it came."""

    alarms: dict[str, SeenAlarm] = field(default_factory=dict)
    messages: int = 0
    all_clears: int = 0
    escalations: int = 0
    reached: set[str] = field(default_factory=set)
    """Ids of people who were sent anything."""
    answered: set[str] = field(default_factory=set)
    position: int = 0
    decided: dict[str, Step] = field(default_factory=dict)
    """Which step a delivery is about, by its id (the decision's)."""

    def hear(self, cloud: CloudEvent) -> object:
        """Take in one event; return it, or None for an unknown type."""
        self.position = max(self.position, cloud.position)
        event = event_of(cloud)
        if isinstance(event, AlarmOpened):
            alarm = SeenAlarm(event.alarm_id, event.pond_id, event.level, [_step(event, event.level)])
            self.alarms[event.alarm_id] = alarm
        known = self.alarms.get(str(getattr(event, "alarm_id", "")))
        if known is None:
            return event
        match event:
            case AlarmChanged():
                if event.level is not None and Level.of(event.level) > Level.of(event.previous):
                    known.steps.append(_step(event, event.level))
                known.level = event.level
            case PersonDecided():
                known.people.setdefault(event.person_id, SeenPerson(event.name, event.rank))
                if event.kind is MessageKind.ALARM:
                    self.decided[str(cloud.id)] = known.step
            case DeliverySent():
                self._sent(known, event)
            case AlarmEscalated():
                known.rank, self.escalations = event.rank, self.escalations + 1
            case AlarmRead() | AlarmAnswered() | CardStepDone():
                self._did(known, event)
        return event

    def _sent(self, alarm: SeenAlarm, event: DeliverySent) -> None:
        self.messages += 1
        self.reached.add(event.person_id)
        step = self.decided.get(event.delivery_id)
        if step is not None and step.sent is None:
            step.sent = event.at
        person = alarm.people.get(event.person_id)
        if event.kind is MessageKind.ALL_CLEAR:
            self.all_clears += 1
        if person is not None:
            person.alarmed |= event.kind in (MessageKind.ALARM, MessageKind.REPEAT)
            person.relieved |= event.kind is MessageKind.ALL_CLEAR

    def _did(self, alarm: SeenAlarm, event: AlarmRead | AlarmAnswered | CardStepDone) -> None:
        person = alarm.people.get(event.person_id)
        if person is None:
            return
        person.read = True
        if isinstance(event, AlarmAnswered):
            person.answer = event.answer
            self.answered.add(event.person_id)
        if isinstance(event, CardStepDone):
            person.steps += 1

    def first_message_ms(self, sent: Mapping[tuple[str, str, int], float], offset: float) -> dict[str, float | None]:
        """Return p50 and p99 from the decisive reading to the first file in a mailbox [ms].

        Parameters
        ----------
        sent : mapping of (pond, sensor, end of slot [µs]) to monotonic time [s]
            See ``judge.latencies``, which decides here too which reading counts.
        offset : float
            Wall clock minus monotonic clock [s].
        """
        arrivals = [
            Arrival(alarm.pond, step.slot_us, step.causes, step.sent.timestamp() - offset)
            for alarm in self.alarms.values()
            for step in alarm.steps
            if step.sent is not None
        ]
        return percentiles(latencies(Record(arrivals=arrivals), sent))

    def as_json(self, first_message_ms: dict[str, float | None]) -> dict[str, Any]:
        """Return the ``told`` object of ``tailwarden demo --json``."""
        return {
            "messages": self.messages,
            "people": len(self.reached),
            "answered": len(self.answered),
            "escalations": self.escalations,
            "all_clears": self.all_clears,
            "first_message_ms": first_message_ms,
        }


def missed(record: Record, told: Told, language: str) -> list[str]:
    """Return what was not told as it had to be, a sentence each."""
    wrong = []
    for warning in record.warnings.values():
        alarm = told.alarms.get(warning.id)
        grave = [] if alarm is None else [step for step in alarm.steps if step.level in GRAVE]
        reached = alarm is not None and any(each.alarmed or each.relieved for each in alarm.people.values())
        # A step that was past already when it was said is not told as an alarm; its end is.
        in_time = any(step.sent is not None or step.superseded for step in grave)
        if warning.highest in GRAVE and not (reached and in_time):
            level = say(f"level.{warning.highest}", language)
            wrong.append(say("demo.wrong_untold", language, pond=warning.pond, level=level))
    for alarm in told.alarms.values():
        if alarm.level is None:
            names = [each.name for each in alarm.people.values() if each.alarmed and not each.relieved]
            wrong += [say("demo.wrong_no_all_clear", language, pond=alarm.pond, name=name) for name in names]
    return wrong


def _step(event: AlarmOpened | AlarmChanged, level: LevelName) -> Step:
    return Step(level, slot_end(round(event.time.timestamp() * 1_000_000)), event.causes, event.superseded)
