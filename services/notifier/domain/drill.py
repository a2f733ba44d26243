"""An exercise's life and its score sheet: when it ends and why, who answered how fast, which steps were done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from services.notifier.domain.alarm import Alarm
from services.notifier.domain.policy import ORDER, worse
from shared.contracts.base import Event, Moment, Record
from shared.contracts.drills import DrillScore, DrillStep, DrillView
from shared.contracts.levels import LevelName
from shared.contracts.notifier import (
    AlarmAnswered,
    AlarmChanged,
    AlarmOpened,
    CardStepDone,
    DrillEnded,
    DrillStarted,
    DrillTidied,
)
from shared.contracts.synthetic import EXERCISE_PREFIX

__all__ = ["LASTS", "Drill", "DrillEvent", "Why", "evolve", "new_id", "principal", "sheet", "verdict"]

LASTS = timedelta(minutes=60)
"""An exercise ends by itself after so long, whatever has been answered by then."""

Why = Literal["finished", "stopped", "overtaken"]
DrillEvent = DrillStarted | DrillEnded | DrillTidied


class Drill(Record):
    """An exercise as it stands."""

    drill_id: str
    pond_id: str
    shadow_id: str
    storm: LevelName
    by: str
    started: Moment
    ended: Moment | None = None
    why: Why | None = None
    ended_by: str = ""
    tidied: Moment | None = None

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self.ended is None


def evolve(state: Drill | None, event: DrillEvent) -> Drill:
    """Return the exercise after *event*."""
    if isinstance(event, DrillStarted):
        return Drill(
            drill_id=event.drill_id, pond_id=event.pond_id, shadow_id=event.shadow_id, storm=event.storm, by=event.by,
            started=event.at,
        )  # fmt: skip
    if state is None:
        raise TypeError("an event of an exercise's life came before its start")
    if isinstance(event, DrillEnded):
        return state.model_copy(update={"ended": event.at, "why": event.why, "ended_by": event.by})
    return state.model_copy(update={"tidied": event.at})


def new_id(pond_id: str, day: str, tail: str) -> str:
    """Return the id of an exercise, which is its shadow pond's too: at most 64 signs, whatever the pond's.

    >>> new_id("qingshi", "20260715", "3f2a")
    'drill-qingshi-20260715-3f2a'
    """
    room = 64 - len(EXERCISE_PREFIX) - len(day) - len(tail) - 2
    return f"{EXERCISE_PREFIX}{pond_id[:room]}-{day}-{tail}"


def verdict(drill: Drill, exercised: Iterable[Alarm], real: Iterable[Alarm], now: datetime) -> Why | None:
    """Tell whether a running exercise ends now, and why.

    Parameters
    ----------
    exercised
        Alarms of its shadow.
    real
        Alarms of the pond itself: one that stands goes before any exercise.
    """
    if not drill.running:
        return None
    if any(alarm.level is not None and not alarm.exercise for alarm in real):
        return "overtaken"
    if now >= drill.started + LASTS:
        return "finished"
    done = principal(exercised)
    if done is None or not done.answered or done.superseded:
        return None
    # A card without steps is done when somebody answers; one level's card is not done while the storm still rises.
    complete = all(step.id in done.steps_done for step in done.card)
    return "finished" if complete and not worse(drill.storm, done.highest) else None


def principal(alarms: Iterable[Alarm]) -> Alarm | None:
    """Return the alarm an exercise is scored by: that of the highest level, the earliest of several."""
    return min(alarms, key=lambda alarm: (-ORDER[alarm.highest], alarm.opened, alarm.alarm_id), default=None)


def sheet(drill: Drill, alarm: Alarm | None = None, story: Sequence[Event] = ()) -> DrillView:
    """Return an exercise as it is shown; with its alarm and all of that alarm's events, the score sheet too."""
    view = DrillView.model_validate(drill.model_dump())
    if alarm is None:
        return view
    scores = _scores(alarm, story)
    alarmed = _alarmed(alarm, story)
    return view.model_copy(
        update={
            "alarm_id": alarm.alarm_id,
            "level": alarm.highest,
            "alarmed": alarmed,
            "scores": scores,
            "never_answered": tuple(each.name for each in scores if each.seconds_to_answer is None),
            "steps": _steps(alarm, story, alarmed),
        }
    )


def _scores(alarm: Alarm, story: Sequence[Event]) -> tuple[DrillScore, ...]:
    first: dict[str, datetime] = {}
    done: Counter[str] = Counter()
    for event in story:
        if isinstance(event, AlarmAnswered):
            first.setdefault(event.person_id, event.at)
        elif isinstance(event, CardStepDone):
            done[event.person_id] += 1
    scores = []
    for told in alarm.recalled:
        begun, answered = told.sent or told.decided, first.get(told.person_id)
        # The page may be opened before the provider's word that the message went out is on record.
        seconds = None if answered is None else max(0.0, round((answered - begun).total_seconds(), 3))
        scores.append(
            DrillScore(
                person_id=told.person_id, name=told.name, role=told.role, rank=told.rank, told=begun,
                seconds_to_answer=seconds, answer=told.answer, steps_done=done[told.person_id],
            )
        )  # fmt: skip
    return tuple(scores)


def _alarmed(alarm: Alarm, story: Sequence[Event]) -> datetime:
    heard = [event for event in story if isinstance(event, AlarmOpened | AlarmChanged)]
    return next((event.at for event in heard if event.level == alarm.highest), alarm.opened)


def _steps(alarm: Alarm, story: Sequence[Event], alarmed: datetime) -> tuple[DrillStep, ...]:
    acts = {event.step_id: event for event in reversed(story) if isinstance(event, CardStepDone)}
    found = []
    for step in alarm.card:
        act = acts.get(step.id)
        who = None if act is None else alarm.people.get(act.person_id)
        found.append(
            DrillStep(
                step_id=step.id, zh=step.zh, en=step.en, role=step.role, within_minutes=step.within_minutes,
                done=None if act is None else act.at,
                by="" if act is None else act.person_id if who is None else who.name,
                in_time=None if act is None else act.at <= alarmed + timedelta(minutes=step.within_minutes),
            )
        )  # fmt: skip
    return tuple(found)
