"""What the monitor says of a warning becomes what the alarm goes through."""

from __future__ import annotations

from datetime import timedelta

from services.notifier.domain.alarm import Alarm, AlarmEvent, evolve
from services.notifier.domain.pipeline import advance, end
from services.notifier.domain.world import World
from shared.contracts.base import Event
from shared.contracts.levels import LevelName
from shared.contracts.monitor import (
    WarningCleared,
    WarningClosed,
    WarningEased,
    WarningEscalated,
    WarningRaised,
    WarningVerified,
)
from shared.contracts.notifier import AlarmChanged, AlarmOpened, CardStep

__all__ = ["WARNING_EVENTS", "WarningEvent", "hear"]

WarningEvent = WarningRaised | WarningEscalated | WarningVerified | WarningEased | WarningCleared | WarningClosed
WARNING_EVENTS: tuple[type[Event], ...] = (
    WarningRaised,
    WarningEscalated,
    WarningVerified,
    WarningEased,
    WarningCleared,
    WarningClosed,
)


def hear(
    alarm: Alarm | None, heard: WarningEvent, world: World, cards: dict[LevelName, tuple[CardStep, ...]], exercise: bool
) -> list[AlarmEvent]:
    """Return what *heard* brings about, tellings included; an event heard before brings about nothing."""
    about = {"alarm_id": heard.warning_id, "pond_id": heard.pond_id, "at": world.now, "exercise": exercise}
    match heard:
        case WarningRaised() if alarm is None:
            first: AlarmEvent = AlarmOpened(
                level=heard.level, verified=heard.verified, late=_late(heard, world), time=heard.time,
                causes=heard.causes, card=cards.get(heard.level, ()), superseded=heard.superseded, **about,
            )  # fmt: skip
        case WarningClosed() if alarm is not None:
            return end(alarm, world)
        case _ if alarm is None or alarm.ended is not None:
            return []
        case WarningEscalated() | WarningVerified() | WarningEased() | WarningCleared():
            first = _changed(alarm, heard, world, cards, about)
        case _:
            return []
    return [first, *advance(evolve(alarm, first), world)]


def _changed(
    alarm: Alarm,
    heard: WarningEscalated | WarningVerified | WarningEased | WarningCleared,
    world: World,
    cards: dict[LevelName, tuple[CardStep, ...]],
    about: dict[str, object],
) -> AlarmChanged:
    level: LevelName | None = None
    verified, causes, corrected = alarm.verified, alarm.causes, False
    match heard:
        case WarningEscalated():
            level, verified, causes = heard.level, heard.verified, heard.causes
        case WarningVerified():
            level, verified, causes = heard.level, True, heard.causes
        case WarningEased():
            level, causes, corrected = heard.level, heard.causes or alarm.causes, heard.corrected
        case WarningCleared():
            causes, corrected = (), heard.corrected
    return AlarmChanged(
        level=level, previous=alarm.level, verified=verified, late=_late(heard, world), time=heard.time,
        causes=causes, card=cards.get(level, ()) if level is not None else (), superseded=heard.superseded,
        corrected=corrected, **about,
    )  # fmt: skip


def _late(
    heard: WarningRaised | WarningEscalated | WarningVerified | WarningEased | WarningCleared, world: World
) -> bool:
    since = heard.time
    if world.exercise_began is not None:
        # An exercise's storm has risen before it begins: what waits is counted from when it could first be heard.
        since = max(since, world.exercise_began)
    return world.now - since > timedelta(seconds=world.settings.late_s)
