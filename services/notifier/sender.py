"""The sender: takes what is due to providers, keeps the record, tries again, and goes by the next channel.

Nothing here waits for a provider: each message is a task of its own, bounded per channel, and one person has at most
one message under way by one channel. What falls due meanwhile goes into the next message, all of it together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timedelta
from random import Random

from pydantic import Field

from services.notifier.digest import compose
from services.notifier.domain.delivery import Claimed, Handed, Outcome
from services.notifier.domain.policy import ORDER
from services.notifier.domain.retry import Bucket, RetryPolicy, after
from services.notifier.health import Health
from services.notifier.keeping import Keeping
from services.notifier.ports import Channel, Channels, Contacts, Due, Post, Recorder, Render
from services.notifier.ways import Way, ways
from shared.clock import Clock
from shared.contracts.base import Record
from shared.contracts.levels import LevelName
from shared.logging import bound, logger
from shared.ops.catalogue import DELIVERIES, DELIVERY_SECONDS
from shared.ops.tracing import Span, span

__all__ = ["Sender", "SenderSettings"]

_ADDRESSES = 500
"""At most so many people are asked about at once."""
_CONTACTS_S = 5.0
_PONDS = 8
"""So many ponds are named in the lines of the log about one message."""
_FIRST_DELAY, _LONGEST_DELAY = 0.1, 5.0


class SenderSettings(Record):
    """How messages are sent. Times in seconds."""

    retry: RetryPolicy = RetryPolicy()
    burst: int = Field(default=3, ge=1)
    every_s: float = Field(default=5.0, gt=0)
    """A person gets so many messages at once by one channel, then one so often: more are put together. Red counts
    apart."""
    probe_s: float = Field(default=30.0, gt=0)
    """So often a channel that is down is tried."""
    poll_s: float = Field(default=1.0, gt=0)
    """Looks at the outbox that nobody asked for."""
    recover_s: float = Field(default=5.0, gt=0)
    """Looks for what a process that is no more left behind."""


class Sender:
    """See the module's text. ``run`` it as a task, ``wake`` it when something was put into the outbox.

    Parameters
    ----------
    random
        Where the jitter of retries comes from.
    """

    def __init__(
        self,
        post: Post,
        channels: Channels,
        contacts: Contacts,
        render: Render,
        recorder: Recorder,
        clock: Clock,
        settings: SenderSettings | None = None,
        random: Random | None = None,
    ) -> None:
        self._post, self._channels, self._contacts, self._render = post, channels, contacts, render
        self._clock = clock
        self._settings = SenderSettings() if settings is None else settings
        self._random = Random() if random is None else random
        self._health = Health(recorder)
        self._woken = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: set[tuple[str, str, bool]] = set()
        self._paces: dict[tuple[str, str, bool, bool], Bucket] = {}
        self._keeping = Keeping(recorder)
        self._recovered: datetime | None = None
        self._log = logger(__name__)

    def wake(self) -> None:
        """Look at the outbox soon."""
        self._woken.set()

    async def run(self) -> None:
        """Send until cancelled; an outage of the database or of the register only delays it."""
        delay = _FIRST_DELAY
        try:
            while not _cancelled():
                self._woken.clear()
                pause = self._settings.poll_s
                try:
                    again = await self.step()
                except Exception as error:
                    # Its text may hold anything; its name is enough to know where to look.
                    self._log.warning("sending interrupted", error=type(error).__name__, retry_in_s=delay)
                    pause, delay = delay, min(delay * 2, _LONGEST_DELAY)
                else:
                    delay = _FIRST_DELAY
                    if again is not None:
                        pause = min(pause, max(0.01, (again - self._clock.now()).total_seconds()))
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._woken.wait()
        finally:
            await self._finish()

    async def settled(self) -> bool:
        """Wait until everything under way has come to its end and is recorded; return whether there was anything."""
        busy = bool(self._tasks)
        while self._tasks:
            await asyncio.gather(*self._tasks)
        return busy

    async def step(self) -> datetime | None:
        """Begin to send everything that may be sent now; return when there is more to do, None: when something comes.

        Also when a message comes to its end there may be more; that wakes ``run`` by itself.
        """
        now = self._clock.now()
        await self._recover(now)
        due = await self._post.due(now)
        times: list[datetime] = []
        if due:
            away = await self._post.away()
            for way in ways(due, self._channels, away, await self._addresses(due), now):
                again = way.probe_at if way.waits else await self._begin(way, now)
                if again is not None:
                    times.append(again)
        if (following := await self._post.next_due(now)) is not None:
            times.append(following)
        return min(times, default=None)

    # -- what may go ------------------------------------------------------------------------------------------

    async def _begin(self, way: Way, now: datetime) -> datetime | None:
        """Claim and begin to send; or return when that may be tried again (None: nothing to wait for)."""
        channel, key = way.channel, way.key
        if key in self._busy or not channel.free(way.address):
            return None  # whoever is in the way wakes us
        # Red has a pace of its own: whoever has just had three other messages does not wait for it.
        red = max(each.urgency for each in way.due) >= ORDER[LevelName.RED]
        pace = self._pace((*key, red), now)
        if not pace.ready:
            return pace.ready_at
        again = None
        if way.probe_at is not None:
            again = now + timedelta(seconds=self._settings.probe_s * (0.75 + self._random.random() / 2))
        ids = [parcel_id for each in way.due for parcel_id in each.ids]
        claimed = await self._post.claim(ids, channel.name, channel.rate, now, again)
        if isinstance(claimed, datetime):
            return claimed
        if claimed:
            self._paces[(*key, red)] = pace.take()
            self._busy.add(key)
            self._keeping.claimed(each.id for each in claimed)
            task = asyncio.create_task(self._deliver(claimed, way))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return None

    def _pace(self, key: tuple[str, str, bool, bool], now: datetime) -> Bucket:
        size = float(self._settings.burst)
        if len(self._paces) > 10_000:
            self._paces = {who: pace for who, pace in self._paces.items() if pace.filled(now).tokens < size}
        known = self._paces.get(key, Bucket(size, 1.0 / self._settings.every_s, size, now))
        return known.filled(now)

    async def _addresses(self, due: Sequence[Due]) -> dict[str, Mapping[str, str]]:
        people = list(dict.fromkeys(each.person_id for each in due))
        found: dict[str, Mapping[str, str]] = {}
        for start in range(0, len(people), _ADDRESSES):
            async with asyncio.timeout(_CONTACTS_S):
                found.update(await self._contacts.addresses(people[start : start + _ADDRESSES]))
        return found

    async def _recover(self, now: datetime) -> None:
        every = timedelta(seconds=self._settings.recover_s)
        if self._recovered is not None and timedelta() <= now - self._recovered < every:
            return
        found = await self._post.recover(now, self._keeping.flying)
        self._recovered = now
        if found:
            self._log.warning("messages of a process that is no more are sent again, marked", messages=found)

    # -- one message ------------------------------------------------------------------------------------------

    async def _deliver(self, claimed: Sequence[Claimed], way: Way) -> None:
        with bound(pond=",".join(sorted({each.pond_id for each in claimed})[:_PONDS])):
            await self._delivered(claimed, way)

    async def _delivered(self, claimed: Sequence[Claimed], way: Way) -> None:
        channel, down = way.channel, way.probe_at is not None
        try:
            with _step(claimed, channel) as step:
                handed = await self._hand_over(claimed, way)
                if not handed.sent:
                    step.fail(handed.why)
                at, policy, jitter = self._clock.now(), self._settings.retry, self._random.random()
                outcomes = [after(each, handed, at, *way.places[each.id], policy, jitter, down) for each in claimed]
                self._tell(outcomes, handed)
        finally:
            self._busy.discard(way.key)
            self._woken.set()
        _count(claimed, channel, handed, at)
        await self._keeping.record(outcomes)
        await self._health.hear(channel.name, way.person_id, handed, at, down)
        self._woken.set()

    async def _hand_over(self, claimed: Sequence[Claimed], way: Way) -> Handed:
        channel = way.channel
        try:
            messages = [
                each.message.model_copy(update={"maybe_again": each.maybe_again or each.message.maybe_again})
                for each in claimed
            ]
            text = compose(self._render, messages, channel.language, channel.length)
            return await channel.send(text, way.address, way.person_id)
        except Exception as error:
            self._log.error("a channel broke", channel=channel.name, error=type(error).__name__)
            return Handed(sent=False, maybe=True, why="error")

    def _tell(self, outcomes: Sequence[Outcome], handed: Handed) -> None:
        """Say in the log what became of a message: of the person, their id stands there and no more."""
        about = {"channel": outcomes[0].channel, "person": outcomes[0].person_id, "messages": len(outcomes)}
        if handed.sent:
            self._log.info("told", **about)
        elif any(each.exhausted for each in outcomes):
            self._log.error("every channel of a person fails; trying on, slowly", why=handed.why, **about)
        else:
            self._log.warning("not told", why=handed.why, **about)

    async def _finish(self) -> None:
        """Let what is under way come to its end; what does not is sent again by the next process, marked."""
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=_LONGEST_DELAY)
            for task in left:
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=1.0)


def _step(claimed: Sequence[Claimed], channel: Channel) -> AbstractContextManager[Span]:
    """Trace that a message is handed over, within the newest trace that led to it: it may tell of several ponds."""
    found = dict.fromkeys(each.message.traceparent for each in reversed(claimed))
    traces = [trace for trace in found if trace is not None]
    return span(
        f"send {channel.kind or 'everybody'}", parent=traces[0] if traces else None, within=True, kind="producer",
        links=traces[1:], tailwarden_channel=channel.name, tailwarden_attempt=claimed[0].attempt,
        tailwarden_messages=len(claimed),
    )  # fmt: skip


def _count(claimed: Sequence[Claimed], channel: Channel, handed: Handed, at: datetime) -> None:
    outcome = "succeeded" if handed.sent else "uncertain" if handed.maybe else "failed"
    DELIVERIES.add(len(claimed), channel.kind or "everybody", outcome)
    if handed.sent:
        for each in claimed:
            DELIVERY_SECONDS.observe(max(0.0, (at - each.created_at).total_seconds()))


def _cancelled() -> bool:
    """Tell whether this task is to end although a call that had its result just then swallowed the request."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
