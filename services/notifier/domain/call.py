"""What travels through the pipeline: the intent to tell some people something, or the reason not to."""

from __future__ import annotations

from typing import Literal

from services.notifier.domain.world import Member
from shared.contracts.base import Moment, Record
from shared.contracts.notifier import MessageKind

__all__ = ["Call", "Hold", "Summoned"]


class Summoned(Record):
    """A person to tell, as which rank, and why them."""

    member: Member
    rank: int
    reason: str


class Call(Record):
    """The intent to tell people."""

    kind: MessageKind
    people: tuple[Summoned, ...] = ()


class Hold(Record):
    """A call held back: by which stage, for which reason, until when (None: until something else changes)."""

    stage: Literal["settle", "group", "inhibit", "shelve", "deduplicate", "route"]
    reason: str
    until: Moment | None = None
