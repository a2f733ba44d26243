"""Commands with answers: every request gets a reply, and every failure a typed problem.

A reply is ``{"result": {...}}`` or ``{"problem": {...}}`` (RFC 9457). FastStream answers nothing when a
handler raises, so that the caller would see only a timeout; here nothing escapes the handler: unreadable
bodies, unknown fields, unknown commands, refusals, faults, slow handlers and answers too large to send
all come back as problems.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4
from weakref import WeakKeyDictionary

import nats.errors
import orjson
import psycopg
from nats.aio.client import Client
from pydantic import BaseModel, ValidationError

from shared.contracts.base import Command
from shared.contracts.reading import read_model
from shared.logging import bound
from shared.ops.catalogue import COMMAND_SECONDS, COMMANDS
from shared.ops.tracing import HEADER, span, traced
from shared.problems import BadInput, Fault, NotFound, Problem, TailwardenError, Unavailable, error_of, problem_of

if TYPE_CHECKING:
    from faststream.nats import NatsBroker

__all__ = ["CommandClient", "command_subject", "serve_command"]

log = logging.getLogger(__name__)

C = TypeVar("C", bound=Command)
T = TypeVar("T", bound=BaseModel)

DEADLINE = 4.5
"""Seconds a handler has unless the caller says how long it waits: less than the client's default wait."""
WORKERS = 8
"""Commands of one kind handled at a time: one that waits for a lock does not hold up the others."""
WAIT_HEADER = "Tw-Wait"

_known: WeakKeyDictionary[NatsBroker, dict[str, set[str]]] = WeakKeyDictionary()
"""Commands registered per broker and service, for the answer to a command that is not among them."""


def command_subject(command: type[Command]) -> str:
    """Return the subject a command is asked on."""
    return f"tw.commands.{command.command_name}"


def serve_command(
    broker: NatsBroker,
    command: type[C],
    handler: Callable[[C], Awaitable[BaseModel]],
    queue: str,
    *,
    subject: str | None = None,
) -> None:
    """Answer *command* with what *handler* returns; call before the broker starts.

    Parameters
    ----------
    handler
        Raises a ``TailwardenError`` to refuse. Anything else it raises is logged with an incident number and
        answered as a ``Fault`` that carries this number.
    queue
        Queue group: of several processes serving the same command one gets each request.
    subject
        Where it is asked, if not at the command's own subject: between processes of one service.
    """
    if subject is None:
        subject = command_subject(command)
        service, _, name = command.command_name.partition(".")
        _serve_unknown(broker, service, queue).add(name)

    async def answer(message: Any) -> bytes:
        return await _answer(command, handler, message)

    broker.subscriber(subject, queue, decoder=_whole, max_workers=WORKERS, title=subject)(answer)


def _serve_unknown(broker: NatsBroker, service: str, queue: str) -> set[str]:
    """Answer commands nobody registered, once per broker and service; return the set of registered names."""
    services = _known.setdefault(broker, {})
    if service in services:
        return services[service]
    names = services[service] = set()

    async def answer_unknown(message: Any) -> bytes | None:
        name = message.raw_message.subject.removeprefix(f"tw.commands.{service}.")
        if name in names:
            return None  # its own subscriber answers
        error = NotFound(
            "bus.unknown_command", command=f"{service}.{name}"[:200], service=service, known=", ".join(sorted(names))
        )
        await message.raw_message.respond(_problem(error))
        return None

    # A queue of its own: NATS would give a request to one member of a queue only, whichever subject it matched.
    listen = broker.subscriber(
        f"tw.commands.{service}.>", f"{queue}-unknown", decoder=_whole, no_reply=True, include_in_schema=False
    )
    listen(answer_unknown)
    return names


async def _whole(message: Any) -> Any:
    """Hand the message itself to the handler (FastStream's decoder would guess at the body)."""
    return message


async def _answer(command: type[C], handler: Callable[[C], Awaitable[BaseModel]], message: Any) -> bytes:
    name, begun = command.command_name, time.monotonic()
    trace = message.headers.get(HEADER)
    with (
        span(f"answer {name}", parent=trace, within=True, kind="server", rpc_system="nats", rpc_method=name) as step,
        ExitStack() as about,
    ):
        about.enter_context(bound(command=name))
        reply, outcome = await _outcome(command, handler, message, about)
        if outcome in ("fault", "unavailable"):
            step.fail(outcome)
    COMMANDS.add(1.0, name, outcome)
    COMMAND_SECONDS.observe(time.monotonic() - begun, name)
    return reply


async def _outcome(
    command: type[C], handler: Callable[[C], Awaitable[BaseModel]], message: Any, about: ExitStack
) -> tuple[bytes, str]:
    """Return the answer, and in one word what it is; *about*: what the lines of the log are bound to meanwhile."""
    service = command.command_name.partition(".")[0]
    wait = _wait_of(message.headers)
    deadline = asyncio.timeout(wait)
    try:
        asked = read_model(command, message.body)
        about.enter_context(bound(pond=_pond(asked)))
        async with deadline:
            result = await handler(asked)
        reply = b'{"result":' + result.model_dump_json().encode() + b"}"
    except TailwardenError as error:
        return _problem(error), _word(error)
    except psycopg.OperationalError as error:
        log.warning("command waits for the database: %s", error, extra={"command": command.command_name})
        return _problem(Unavailable("bus.database", service=service, command=command.command_name)), "unavailable"
    except Exception as error:
        if deadline.expired():
            slow = Unavailable("bus.timeout", service=service, command=command.command_name, seconds=wait)
            return _problem(slow), "unavailable"
        incident = uuid4().hex[:12]
        log.exception("command failed", extra={"command": command.command_name, "incident": incident}, exc_info=error)
        failed = Fault("bus.unexpected", service=service, command=command.command_name, incident=incident)
        return _problem(failed), "fault"
    limit = message.raw_message._client.max_payload
    if len(reply) > limit:
        too_large = Fault("bus.too_large", command=command.command_name, size=len(reply), limit=limit)
        return _problem(too_large), "fault"
    return reply, "done"


def _word(error: TailwardenError) -> str:
    if isinstance(error, Unavailable):
        return "unavailable"
    return "fault" if isinstance(error, Fault) else "refused"


def _pond(asked: BaseModel) -> str | None:
    """Return the pond that a command is about, for the log."""
    pond = getattr(asked, "pond_id", None)
    return pond if isinstance(pond, str) else None


def _wait_of(headers: dict[str, str]) -> float:
    """Return how long the handler may take: nine tenths of what the caller waits, so that it hears of it."""
    try:
        return min(max(float(headers.get(WAIT_HEADER, "")) * 0.9, 0.05), 600.0)
    except ValueError:
        return DEADLINE


def _problem(error: TailwardenError) -> bytes:
    return b'{"problem":' + problem_of(error).model_dump_json(fallback=str).encode() + b"}"


class CommandClient:
    """Asks services over NATS.

    >>> client = CommandClient(connected_client)  # doctest: +SKIP
    >>> pond = await client.send(ShowPond(pond_id="xiakou"), PondView)  # doctest: +SKIP
    """

    def __init__(self, nc: Client, timeout: float = 5.0) -> None:
        self._nc = nc
        self._timeout = timeout

    async def send(self, command: Command, reply: type[T], subject: str | None = None) -> T:
        """Send *command* (to *subject*, if not its own) and return its result as *reply*.

        Raises
        ------
        TailwardenError
            The problem the service answered with, as the error it stands for.
        Unavailable
            If the service does not run, does not answer in time, or the connection is lost.
        BadInput
            If the command is larger than the server takes.
        Fault
            If the answer cannot be read.
        """
        name = command.command_name
        service = name.partition(".")[0]
        body = command.model_dump_json().encode()
        try:
            with span(f"ask {name}", within=True, kind="client", rpc_system="nats", rpc_method=name):
                message = await self._nc.request(
                    command_subject(type(command)) if subject is None else subject,
                    body,
                    timeout=self._timeout,
                    headers=traced({WAIT_HEADER: str(self._timeout)}),
                )
        except nats.errors.NoRespondersError as error:
            raise Unavailable("bus.no_responders", service=service) from error
        except nats.errors.MaxPayloadError as error:
            raise BadInput("bus.too_large", command=name, size=len(body), limit=self._nc.max_payload) from error
        except TimeoutError as error:
            raise Unavailable("bus.timeout", service=service, command=name, seconds=self._timeout) from error
        except (OSError, nats.errors.Error) as error:
            raise Unavailable("bus.lost", command=name) from error
        return _result(message.data, reply, service, name)


def _result(data: bytes, reply: type[T], service: str, name: str) -> T:
    try:
        answer = orjson.loads(data)
        if "problem" in answer:
            problem = Problem.model_validate(answer["problem"])
            error = error_of(problem)
        else:
            return reply.model_validate(answer["result"])
    except (ValueError, TypeError, KeyError, IndexError, ValidationError) as fault:
        raise Fault("bus.reply_unreadable", service=service, command=name, why=str(fault)[:300]) from fault
    raise error
