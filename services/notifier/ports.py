"""What the sender needs of the outside: an outbox, channels, addresses, words, and somebody who keeps the record."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from services.notifier.domain.delivery import Claimed, Handed, Outcome
from services.notifier.domain.message import Message
from shared.contracts.notifier import ChannelDown, ChannelUp

__all__ = [
    "Away",
    "Channel",
    "Channels",
    "Contacts",
    "Due",
    "Language",
    "Length",
    "Post",
    "RateLimit",
    "Recorder",
    "Render",
    "Rendered",
    "Text",
]

Language = Literal["zh", "en"]

Length = Literal["full", "short"]
"""A whole text, or one that fits a text message."""


class Text(Protocol):
    """A message in words."""

    @property
    def subject(self) -> str:
        """One line; may be left out where a channel has none."""
        ...

    @property
    def body(self) -> str:
        """Plain text."""
        ...


@dataclass(frozen=True, slots=True)
class Rendered:
    """A plain ``Text``."""

    subject: str
    body: str


class Render(Protocol):
    """Puts a message into words."""

    def __call__(self, message: Message, language: Language, length: Length) -> Text:
        """Return *message* in words."""
        ...


class Contacts(Protocol):
    """Knows where people are reached."""

    async def addresses(self, person_ids: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return, by person and kind of address, the addresses; people without any are left out.

        Asked anew for each round of sending and neither kept nor logged: a change takes effect at once.
        """
        ...


class Recorder(Protocol):
    """Keeps the record: events, and the outbox's rows, in one transaction."""

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """Append ``event_of`` each outcome and call ``Outbox.settle`` in the same transaction.

        May be asked again with the same outcomes when the answer was lost: only those that ``settle`` returns are new.
        """
        ...

    async def report(self, event: ChannelDown | ChannelUp) -> bool:
        """Append *event* in the transaction in which ``Outbox.turn`` says that it is news; return whether it was.

        The control room is told in the same transaction (a parcel of kind ``channel_report``).
        """
        ...


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How fast a channel may be used; None: as fast as it goes."""

    per_second: float | None = None
    per_minute: float | None = None


class Channel(Protocol):
    """A way to hand messages to a provider."""

    @property
    def name(self) -> str:
        """As configured; what events and reports say."""
        ...

    @property
    def kind(self) -> str | None:
        """Which of a person's addresses it needs; None: none, it is everybody's last resort."""
        ...

    @property
    def language(self) -> Language:
        """``zh`` or ``en``."""
        ...

    @property
    def length(self) -> Length:
        """Whole texts or short ones."""
        ...

    @property
    def rate(self) -> RateLimit:
        """How fast it may be used."""
        ...

    def free(self, address: str | None) -> bool:
        """Whether it can take another message, to that address, now."""
        ...

    async def send(self, text: Text, address: str | None, person_id: str) -> Handed:
        """Hand a message over, within the channel's time; whatever goes wrong is in the answer."""
        ...


class Channels(Protocol):
    """Every channel there is."""

    def route(self, kinds: Sequence[str]) -> Sequence[Channel]:
        """Return the channels for a person's kinds of address, in the order in which they are tried."""
        ...


@dataclass(frozen=True, slots=True)
class Due:
    """Parcels of one person that are due together at the same place of the same channels, most urgent first."""

    person_id: str
    channels: tuple[str, ...]
    channel_index: int
    exercise: bool
    sort: str
    """``alarm``, ``bulletin`` or ``channel_report``: what is never put into one message with another sort."""
    urgency: int
    since: datetime
    ids: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Away:
    """A channel that is down, and when to look whether it still is."""

    since: datetime
    probe_at: datetime


class Post(Protocol):
    """The outbox as the sender sees it (``adapters.outbox.Outbox``)."""

    async def recover(self, now: datetime, flying: Collection[str]) -> int:
        """Make due again what a process that is no more was sending, marked; return how much that was."""
        ...

    async def due(self, now: datetime) -> list[Due]:
        """Return what is due, most urgent first."""
        ...

    async def next_due(self, now: datetime) -> datetime | None:
        """Return when the next parcel falls due that is not due yet."""
        ...

    async def claim(
        self, ids: Sequence[str], channel: str, rate: RateLimit, now: datetime, again: datetime | None = None
    ) -> list[Claimed] | datetime:
        """Take parcels for this process, in a transaction of its own; or return when that may be asked again.

        *again*: the channel is down; with the parcels goes the right to try it, and nobody else has it before then.
        """
        ...

    async def away(self) -> dict[str, Away]:
        """Return the channels that are down."""
        ...
