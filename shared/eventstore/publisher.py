"""Pipelined JetStream publishes: many in flight, each with its own outcome.

nats-py has ``publish_async`` for this, but it never resolves the future of a refused publish (its reply
handler raises instead) and turns a cancellation into an error; the relay lives by both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from types import TracebackType
from typing import Self, TypeAlias

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from shared.tasks import end_if_cancelled

__all__ = ["Acked", "Outcome", "Publish", "Publisher", "Refused", "Unanswered"]


@dataclass(frozen=True, slots=True)
class Publish:
    """One message to be stored."""

    subject: str
    payload: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Acked:
    """The message stands in the stream, at *sequence*."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The server did not store the message; *code* is JetStream's error code, 503 when no stream listens."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No answer in time: stored or not, nobody knows."""


Outcome: TypeAlias = Acked | Refused | Unanswered


class Publisher:
    """Publishes over *client* and collects the acks through one inbox; an asynchronous context manager."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._numbers = count()
        self._waiting: dict[str, asyncio.Future[Outcome]] = {}
        self._subscription: Subscription | None = None

    async def __aenter__(self) -> Self:
        self._subscription = await self._client.subscribe(f"{self._inbox}.*", cb=self._answer)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._subscription is not None and not self._client.is_closed:
            await self._subscription.unsubscribe()

    async def publish(self, messages: Sequence[Publish], timeout: float) -> list[Outcome]:
        """Publish *messages* in order without waiting in between; return their outcomes, in the same order.

        Parameters
        ----------
        messages : sequence of Publish
        timeout : float
            Seconds to wait for the last answer after the last message is sent.
        """
        loop = asyncio.get_running_loop()
        waiting: list[asyncio.Future[Outcome]] = []
        replies: list[str] = []
        try:
            for message in messages:
                reply = f"{self._inbox}.{next(self._numbers)}"
                future: asyncio.Future[Outcome] = loop.create_future()
                self._waiting[reply] = future
                replies.append(reply)
                waiting.append(future)
                await self._client.publish(message.subject, message.payload, reply, dict(message.headers))
                end_if_cancelled()
            if waiting:
                await asyncio.wait(waiting, timeout=timeout)
        finally:
            for reply in replies:
                self._waiting.pop(reply, None)
        return [future.result() if future.done() else Unanswered() for future in waiting]

    async def _answer(self, message: Msg) -> None:
        future = self._waiting.get(message.subject)
        if future is not None and not future.done():
            future.set_result(_outcome(message))


def _outcome(message: Msg) -> Outcome:
    if (message.headers or {}).get("Status") == "503":
        return Refused(503, "no stream listens to this subject")
    answer = orjson.loads(message.data)
    error = answer.get("error")
    if error is not None:
        return Refused(int(error.get("err_code", error.get("code", 0))), str(error.get("description", "")))
    return Acked(int(answer["seq"]))
