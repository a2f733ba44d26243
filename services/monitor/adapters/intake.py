"""The telemetry loop: take, decode, store and judge, bury what cannot be read, acknowledge after commit.

The next messages are taken and decoded while the database works on the last ones. Nothing that is acknowledged
is lost: a batch is held in memory and tried again for as long as the database is away; one that fails for another
reason is halved until the message at fault is alone, and that one goes to the dead letters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import uuid4

import nats.errors
import psycopg
from nats.aio.msg import Msg

from services.monitor.adapters.desk import Desk
from services.monitor.adapters.origins import batch
from services.monitor.adapters.telemetry import CONSUMER, Pull
from services.monitor.decode import Decoded, DecodeLimits, decode
from shared.bus.partitions import partition_of, partition_said, telemetry_subject
from shared.logging import bound, logger
from shared.ops.catalogue import BATCHES, READINGS, READINGS_TAKEN
from shared.problems import BadInput, Fault, TailwardenError, Unavailable

__all__ = ["Intake"]

Bury = Callable[[bytes, str, list[TailwardenError], int], Awaitable[None]]
_TRANSIENT = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.InternalError,
    nats.errors.Error,
    Unavailable,
    OSError,
    TimeoutError,
)
"""An outage of a server: the same batch is tried again until it is over."""
_LONGEST_DELAY = 2.0
_SIDE_BY_SIDE = 64
"""Dead letters on their way at a time."""
_THREAD_ABOVE = 64 << 10
"""Bytes of messages above which they are decoded in a thread."""


class Intake:
    """Runs until cancelled. ``bury(payload, subject, errors, stream_seq)`` keeps a message that cannot be taken."""

    def __init__(self, pull: Pull, desk: Desk, bury: Bury, limits: DecodeLimits | None = None) -> None:
        self._pull, self._desk, self._bury = pull, desk, bury
        self._limits = limits or DecodeLimits()
        self._log = logger(__name__)
        self._kept: set[int] = set()
        """Messages of the batch in hand that are dead letters already."""

    async def run(self) -> None:
        """Take telemetry for ever."""
        ahead: asyncio.Queue[tuple[list[Msg], Decoded]] = asyncio.Queue(maxsize=1)
        async with asyncio.TaskGroup() as group:  # either's failure is the other's end
            group.create_task(self._take(ahead), name="telemetry-take")
            while True:
                await self._process(*await ahead.get())
                self._kept.clear()

    async def _take(self, ahead: asyncio.Queue[tuple[list[Msg], Decoded]]) -> None:
        while True:
            taken = await self._pull.take()
            whole = self._desk.share.whole
            messages = taken if whole else [each for each in taken if not self._others(each)]
            if taken and not messages:
                await self._pull.acknowledge(taken[-1])
            if sum(len(each.data) for each in messages) > _THREAD_ABOVE:
                # Beside the loop, which the database's answers for the batch before must not wait for.
                await ahead.put((messages, await asyncio.to_thread(self._decode, messages)))
            elif messages:
                await ahead.put((messages, self._decode(messages)))

    def _others(self, message: Msg) -> bool:
        """Tell whether a message was stored unmapped and is of a pond that another monitor serves."""
        return partition_said(message.subject) is None and not self._desk.share.owns(_pond(message.subject))

    def _decode(self, messages: Sequence[Msg]) -> Decoded:
        now = int(self._desk.clock.now().timestamp() * 1_000_000)
        given = [(telemetry_subject(each.subject), each.data) for each in messages]
        return decode(given, self._desk.directory, now, self._limits)

    async def _process(self, messages: list[Msg], decoded: Decoded) -> None:
        delay, failures = 0.1, 0
        while True:
            try:
                await self._commit(messages, decoded)
            except _TRANSIENT as error:
                self._log.warning("telemetry waits", error=str(error) or type(error).__name__, retry_in_s=delay)
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_DELAY)
            except Exception as error:
                failures += 1
                if failures == 1:
                    # Memory and database may have been out of step: the next try begins from the database.
                    self._log.warning("batch tried again", error=str(error) or type(error).__name__)
                    continue
                if len(messages) > 1:
                    self._log.exception("batch failed; looking for the message at fault", messages=len(messages))
                    half = len(messages) // 2
                    for part in (messages[:half], messages[half:]):
                        await self._process(part, self._decode(part))
                    return
                await self._give_up(messages[0], error)
                return
            else:
                await self._pull.acknowledge(messages[-1])
                return

    async def _commit(self, messages: list[Msg], decoded: Decoded) -> None:
        async def refuse(too_old: list[tuple[int, BadInput]]) -> None:
            """Keep what cannot be taken before the readings beside it are committed: what comes first is repeatable."""
            refused = {origin: list[TailwardenError](errors) for origin, errors in decoded.refused_messages.items()}
            refused |= self._astray(messages)
            for origin, error in too_old:
                refused.setdefault(origin, []).append(error)
            todo = [(messages[origin], errors) for origin, errors in sorted(refused.items())]
            for begin in range(0, len(todo), _SIDE_BY_SIDE):
                await asyncio.gather(*(self._keep(*each) for each in todo[begin : begin + _SIDE_BY_SIDE]))

        with batch(messages):
            taken = await self._desk.take(decoded, self._pull.place(messages[-1]), refuse)
        BATCHES.add()
        READINGS_TAKEN.add(decoded.readings)
        READINGS.add(taken.stored, "stored")
        READINGS.add(taken.duplicates, "duplicate")
        READINGS.add(decoded.readings - decoded.missing - taken.stored - taken.duplicates, "refused")
        READINGS.add(decoded.missing, "missing")

    def _astray(self, messages: Sequence[Msg]) -> dict[int, list[TailwardenError]]:
        """Return what stands in a partition that is not its pond's, when the pond is another's: kept, never dropped."""
        share = self._desk.share
        if share.whole:
            return {}
        found: dict[int, list[TailwardenError]] = {}
        for origin, message in enumerate(messages):
            pond, said = _pond(message.subject), partition_said(message.subject)
            if said is not None and not share.owns(pond):
                error = BadInput(
                    "partitions.elsewhere", field="subject", said=said, pond=pond[:64], own=partition_of(pond)
                )
                found[origin] = [error]
        return found

    async def _keep(self, message: Msg, errors: list[TailwardenError]) -> None:
        """Bury a message, unless an earlier try of this batch did."""
        sequence = message.metadata.sequence.stream
        if sequence not in self._kept:
            await self._bury(message.data, telemetry_subject(message.subject), errors, sequence)
            self._kept.add(sequence)

    async def _give_up(self, message: Msg, error: Exception) -> None:
        """Keep a message that our own code cannot handle, and go on with the next."""
        incident = uuid4().hex[:12]
        with bound(pond=_pond(message.subject)):
            self._log.exception("message buried", incident=incident, subject=message.subject, exc_info=error)
        fault = error if isinstance(error, TailwardenError) else Fault("intake.failed", incident=incident)
        while True:
            try:
                subject, sequence = telemetry_subject(message.subject), message.metadata.sequence.stream
                await self._bury(message.data, subject, [fault], sequence)
                await self._desk.pass_over(self._pull.place(message))
            except Exception as problem:  # NATS or the database is away: the message is kept before it is passed over
                self._log.warning("cannot bury now", error=str(problem) or type(problem).__name__, consumer=CONSUMER)
                await asyncio.sleep(1.0)
            else:
                await self._pull.acknowledge(message)
                return


def _pond(subject: str) -> str:
    return telemetry_subject(subject).split(".")[2] if subject.count(".") > 1 else ""
