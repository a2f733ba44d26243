"""A sender with everything around it: outbox on the database, channels, addresses, and a record that is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from services.notifier.adapters.channelfile import read_channels
from services.notifier.adapters.channels import ConfiguredChannels
from services.notifier.adapters.outbox import Outbox
from services.notifier.domain.delivery import Outcome, Parcel, event_of
from services.notifier.domain.message import Message
from services.notifier.ports import Language, Length, Rendered
from services.notifier.sender import Sender, SenderSettings
from shared.clock import Clock, ManualClock
from shared.contracts.levels import LevelName
from shared.contracts.notifier import ChannelDown, ChannelUp, DeliveryFailed, DeliverySent, MessageKind
from shared.postgres import Pool

START = datetime(2025, 7, 22, 8, tzinfo=UTC)


def words(message: Message, language: Language, length: Length) -> Rendered:
    marks = f"{'EXERCISE ' if message.exercise else ''}{'AGAIN? ' if message.maybe_again else ''}"
    subject = f"{marks}{message.level} {message.pond_id}"
    return Rendered(subject, f"{subject} ({message.kind}, {language}, {length})")


def parcel(
    name: str,
    person: str = "an",
    *,
    level: LevelName | None = LevelName.RED,
    channels: tuple[str, ...] = ("mail",),
    alarm: str | None = None,
    kind: MessageKind = MessageKind.ALARM,
    at: datetime = START,
    exercise: bool = False,
) -> Parcel:
    alarm_id = f"w-{name}" if alarm is None else alarm
    pond_id = f"pond-{alarm_id}"
    message = Message(
        kind=kind, alarm_id=alarm_id, pond_id=pond_id, pond_name=pond_id, level=level, time=at, exercise=exercise
    )
    return Parcel(
        id=name, alarm_id=alarm_id, pond_id=pond_id, person_id=person, kind=kind, revision=1, exercise=exercise,
        channels=channels, message=message, created_at=at, due_at=at,
    )  # fmt: skip


class Book:
    """Addresses."""

    def __init__(self, addresses: dict[str, dict[str, str]]) -> None:
        self.known = addresses

    async def addresses(self, person_ids: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        return {person_id: self.known[person_id] for person_id in person_ids if person_id in self.known}


class Desk:
    """Keeps events with the rows they belong to, as the notifier's desk does; ``fails``: so often it cannot."""

    def __init__(self, pool: Pool, outbox: Outbox) -> None:
        self.pool, self.outbox = pool, outbox
        self.events: list[DeliverySent | DeliveryFailed] = []
        self.outcomes: list[Outcome] = []
        self.reports: list[ChannelDown | ChannelUp] = []
        self.fails = 0

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        if self.fails:
            self.fails -= 1
            raise ConnectionError("the database is away")
        async with self.pool.connection() as conn, conn.transaction():
            stood = await self.outbox.settle(conn, outcomes)
        self.outcomes += [each for each in outcomes if each.delivery_id in stood]
        self.events += [event_of(each) for each in outcomes if each.delivery_id in stood]

    async def report(self, event: ChannelDown | ChannelUp) -> bool:
        async with self.pool.connection() as conn, conn.transaction():
            news = await self.outbox.turn(conn, event)
        if news:
            self.reports.append(event)
        return news

    @property
    def sent(self) -> list[DeliverySent]:
        return [event for event in self.events if isinstance(event, DeliverySent)]

    @property
    def failed(self) -> list[DeliveryFailed]:
        return [event for event in self.events if isinstance(event, DeliveryFailed)]


class Office:
    """Everything; time moves only by ``go``."""

    def __init__(
        self,
        pool: Pool,
        directory: Path,
        channels: str,
        addresses: dict[str, dict[str, str]],
        *,
        environment: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        settings: SenderSettings | None = None,
        seed: int = 1,
    ) -> None:
        file = directory / "channels.toml"
        file.write_text(channels, "utf-8")
        self.pool, self.clock = pool, ManualClock(START) if clock is None else clock
        self.outbox = Outbox(pool)
        self.desk = Desk(pool, self.outbox)
        self.channels = ConfiguredChannels(read_channels(file, environment or {}), self.clock)
        self.book = Book(addresses)
        self.sender = Sender(
            self.outbox, self.channels, self.book, words, self.desk, self.clock, settings, random=Random(seed)
        )

    async def put(self, *parcels: Parcel) -> int:
        async with self.pool.connection() as conn, conn.transaction():
            return await self.outbox.put(conn, parcels)

    async def go(self, seconds: float) -> None:
        """Let time pass, stopping whenever there is something to do."""
        assert isinstance(self.clock, ManualClock)
        end = self.clock.now() + timedelta(seconds=seconds)
        while True:
            again = await self.sender.step()
            if await self.sender.settled():
                continue  # what came to its end may have made something else possible
            now = self.clock.now()
            if now >= end:
                return
            until = end if again is None else min(end, max(again, now + timedelta(milliseconds=1)))
            self.clock.advance(until - now)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Have the sender run by itself."""
        task = asyncio.create_task(self.sender.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def row(self, parcel_id: str) -> dict[str, Any]:
        async with self.pool.connection() as conn:
            cursor = await conn.execute("SELECT * FROM delivery WHERE id = %s", (parcel_id,))
            row = await cursor.fetchone()
            assert row is not None
            assert cursor.description is not None
            return dict(zip([column.name for column in cursor.description], row, strict=True))


async def until(condition: Callable[[], bool] | Callable[[], Awaitable[bool]], limit: float = 60.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(limit):
        while True:
            found = condition()
            if (await found) if not isinstance(found, bool) else found:
                return
            await asyncio.sleep(0.005)
