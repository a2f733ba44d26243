"""When an attempt that failed is made again, by which channel; and how fast a channel may be used. Times in seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from services.notifier.domain.delivery import Claimed, Handed, Outcome
from shared.contracts.base import Record
from shared.contracts.notifier import MessageKind

__all__ = ["Bucket", "RetryPolicy", "after"]

_PERSISTENT = (MessageKind.ALARM, MessageKind.REPEAT)


class RetryPolicy(Record):
    """How stubbornly a message is sent."""

    attempts: int = Field(default=3, ge=1)
    """By one channel, before the next one takes over."""
    base_s: float = Field(default=2.0, gt=0)
    cap_s: float = Field(default=60.0, gt=0)
    """The n-th wait is a random part of ``min(cap, base · 2ⁿ⁻¹)`` (full jitter)."""
    slow_first_s: float = Field(default=15.0, gt=0)
    slow_s: float = Field(default=300.0, gt=0)
    """Every channel has failed: they are tried once more each, after 15 s, 30 s and so on up to 300 s (between half of
    it and all of it)."""
    give_up_s: float = Field(default=86_400.0, gt=0)
    """What is not an alarm (a step down, an all-clear, a bulletin) is given up after so long. An alarm never is."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket: ``size`` at once, ``per_second`` in the long run."""

    size: float
    per_second: float
    tokens: float
    at: datetime

    def filled(self, now: datetime) -> Bucket:
        """Return the bucket as it is at *now*; a clock that went back fills nothing."""
        passed = max(0.0, (now - self.at).total_seconds())
        return replace(self, tokens=min(self.size, self.tokens + passed * self.per_second), at=max(now, self.at))

    def take(self) -> Bucket:
        """Return the bucket with a token less."""
        return replace(self, tokens=self.tokens - 1.0)

    @property
    def ready(self) -> bool:
        """Whether there is a token (a millionth short of one is one: time has microseconds)."""
        return self.tokens >= 1.0 - 1e-6

    @property
    def ready_at(self) -> datetime:
        """When there is one."""
        return self.at + timedelta(seconds=max(0.0, 1.0 - self.tokens) / self.per_second)


def after(
    parcel: Claimed,
    handed: Handed,
    at: datetime,
    place: int,
    routes: int,
    policy: RetryPolicy,
    jitter: float,
    probe: bool = False,
) -> Outcome:
    """Return what becomes of *parcel* after an attempt.

    Parameters
    ----------
    place, routes
        Which of how many channels of the person was tried (0, 1 …).
    jitter
        A random number from 0 to 1, the same for what was tried together: it is tried together again.
    probe
        The channel was down, and tried only to see whether it still is: no second try now, and no wait, for
        the next look at the channel is what it waits for.
    """
    about: dict[str, Any] = {
        "delivery_id": parcel.id,
        **parcel.model_dump(
            include={"alarm_id", "pond_id", "person_id", "kind", "exercise", "revision", "channel", "attempt"}
        ),
        "at": at,
    }
    if handed.sent:
        return Outcome(state="sent", maybe_again=parcel.maybe_again, due_at=at, **about)
    about |= {"maybe_again": parcel.maybe_again or handed.maybe, "why": handed.why}
    allowed = policy.attempts if parcel.rounds == 0 else 1
    if not (handed.lasting or probe) and parcel.tries < allowed:
        wait = jitter * min(policy.cap_s, policy.base_s * 2.0 ** min(parcel.tries - 1, 20))
        return Outcome(
            state="waiting", due_at=at + timedelta(seconds=wait), channel_index=place, tries=parcel.tries,
            rounds=parcel.rounds, **about,
        )  # fmt: skip
    if place + 1 < routes:
        return Outcome(
            state="waiting", final=True, due_at=at, channel_index=place + 1, rounds=parcel.rounds, **about
        )  # fmt: skip
    old = (at - parcel.created_at).total_seconds() > policy.give_up_s
    wait = min(policy.slow_s, policy.slow_first_s * 2.0 ** min(parcel.rounds, 20)) * (0.5 + jitter / 2)
    return Outcome(
        state="failed" if old and parcel.kind not in _PERSISTENT else "waiting",
        final=True,
        exhausted=True,
        due_at=at if probe else at + timedelta(seconds=wait),
        rounds=parcel.rounds + 1,
        **about,
    )
