"""What is to be said to a person: facts, not yet words."""

from __future__ import annotations

from shared.contracts.base import Moment, Record
from shared.contracts.bulletins import Bulletin
from shared.contracts.levels import LevelName
from shared.contracts.monitor import Cause
from shared.contracts.notifier import CardStep, MessageKind

__all__ = ["Message"]


class Message(Record):
    """A message's facts. ``level`` None means that the warning is over."""

    kind: MessageKind
    alarm_id: str
    pond_id: str
    pond_name: str
    county: str = ""
    timezone: str = "Asia/Shanghai"
    """Where the pond is: times are told in its local time, with the offset."""
    level: LevelName | None
    previous: LevelName | None = None
    verified: bool = True
    late: bool = False
    exercise: bool = False
    corrected: bool = False
    """An all-clear because late data took the warning's ground away, not because the water fell."""
    maybe_again: bool = False
    """An attempt before may have got through: the text says so."""
    time: Moment
    """Event time: the end of the slot that was judged."""
    causes: tuple[Cause, ...] = ()
    rank: int = 0
    role: str = ""
    reason: str = ""
    """Why they are told; ``exercise_over`` and ``exercise_overtaken`` end an exercise, ``closed`` a person."""
    card: tuple[CardStep, ...] = ()
    link: str | None = None
    """The signed link of this person and alarm."""
    also: tuple[str, ...] = ()
    """Names of the others who know."""
    channel: str = ""
    """Of a channel report: the channel's kind, whether it works again, and why not (never an address)."""
    channel_up: bool = False
    why: str = ""
    watchdog: bool = False
    """A channel report about no channel but the whole way of a warning: silent, or (``channel_up``) whole again."""
    traceparent: str | None = None
    """The step of a trace in which it was decided: handing it over continues that. No part of what is said."""
    bulletin: Bulletin | None = None
    """The facts of a bulletin; ``time`` is then the hour it is for."""
