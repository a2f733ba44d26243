"""A message on its way to one person: what is queued, what a provider said, and what becomes of it."""

from __future__ import annotations

from typing import Literal

from services.notifier.domain.message import Message
from services.notifier.domain.policy import ORDER
from shared.contracts.base import Moment, Record
from shared.contracts.notifier import DeliveryFailed, DeliverySent, MessageKind

__all__ = ["Claimed", "Handed", "Outcome", "Parcel", "event_of"]


class Parcel(Record):
    """A message for one person. ``id`` is the decision's: the same decision makes the same parcel."""

    id: str
    alarm_id: str
    pond_id: str
    person_id: str
    kind: MessageKind
    revision: int
    """Of the alarm."""
    exercise: bool = False
    channels: tuple[str, ...]
    """Kinds of address, in the order in which they are tried."""
    message: Message
    created_at: Moment
    due_at: Moment

    @property
    def urgency(self) -> int:
        """Return 4 for red … 1 for blue, 0 for what has no level and for exercises: the higher goes first."""
        return 0 if self.exercise else ORDER[self.message.level]


class Claimed(Parcel):
    """A parcel that this process may send now."""

    channel: str
    attempt: int
    """Attempts with this one, by whichever channel."""
    tries: int
    """Those by the channel it is at."""
    rounds: int
    """How often every channel of the person had failed."""
    maybe_again: bool
    """An attempt before may have got through."""


class Handed(Record):
    """What became of one attempt to hand a message to a provider."""

    sent: bool
    maybe: bool = False
    """Not known to be sent, and not known not to be: it may have got through."""
    lasting: bool = False
    """Trying the same again is no use."""
    personal: bool = False
    """The address's fault, not the channel's."""
    why: str = ""
    """A short word, never a provider's own text: that may hold an address."""


class Outcome(Record):
    """What became of one parcel's attempt, and where it goes from here."""

    delivery_id: str
    alarm_id: str
    pond_id: str
    person_id: str
    kind: MessageKind
    exercise: bool
    revision: int
    channel: str
    attempt: int
    at: Moment
    state: Literal["sent", "waiting", "failed"]
    """``failed``: given up."""
    maybe_again: bool = False
    """Sent: an attempt before may have got through. Not sent: this one may have, or one before."""
    why: str = ""
    final: bool = False
    """No further attempt by this channel; the next one takes over."""
    exhausted: bool = False
    """Every channel of the person has failed; it goes on slowly."""
    due_at: Moment
    channel_index: int = 0
    tries: int = 0
    rounds: int = 0


def event_of(outcome: Outcome) -> DeliverySent | DeliveryFailed:
    """Return the event that records an outcome."""
    about = outcome.model_dump(
        include={
            "delivery_id", "alarm_id", "pond_id", "person_id", "kind", "exercise", "channel", "attempt", "at",
        }
    )  # fmt: skip
    if outcome.state == "sent":
        return DeliverySent(maybe_again=outcome.maybe_again, **about)
    return DeliveryFailed(why=outcome.why, final=outcome.final, **about)
