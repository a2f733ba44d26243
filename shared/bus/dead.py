"""Dead letters: what could not be processed is kept whole, with the reason and the origin.

NATS has no dead-letter queue of its own. A consumer that cannot use a message buries it here, then
terminates it. The headers say everything in ASCII; the body is the original, byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, unquote
from uuid import uuid4

import nats.errors
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import APIError, NotFoundError

from shared.bus.reader import read_stream
from shared.bus.redelivery import redeliver
from shared.ops.catalogue import DEAD_LETTERS
from shared.problems import Conflict, NotFound, Problem, TailwardenError, Unavailable, problem_of

__all__ = ["ADVISORY", "RESTORED", "DeadLetter", "bury", "letter", "letters", "retry"]

STREAM: Final = "DEAD"
ADVISORY: Final = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES."
RESTORED: Final = "Tw-Restored"
"""Header of a letter that came from a backup: its sequence and its time in the stream it was buried in."""
PROBLEM_LIMIT: Final = 16 * 1024
REASON_LIMIT: Final = 1024
TOO_LARGE: Final = (10054, 10077)
"""JetStream's codes for a message that its stream or its store does not take."""
CUT: Final = 64 * 1024
"""Bytes kept of a message that cannot be kept whole."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message of the DEAD stream."""

    seq: int
    time: datetime
    """When it was buried."""
    consumer: str
    subject: str
    """Where the original came in."""
    code: str
    reason: str
    """English, for logs and machines."""
    problems: tuple[Problem, ...] = ()
    problem_count: int = 0
    """How many there were; ``problems`` holds as many as fitted."""
    stream: str = ""
    stream_seq: int | None = None
    size: int = 0
    """Bytes of the original."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """The original; None when only headers were read."""
    advisory: bool = False
    """True for a MAX_DELIVERIES advisory: the original is still in its own stream, at ``stream_seq``."""

    def words(self, language: str) -> str:
        """Say why, in *language*."""
        if not self.problems:
            return self.reason
        return ("；" if language == "zh" else "; ").join(_words(problem, language) for problem in self.problems)


async def bury(
    js: JetStreamContext,
    consumer: str,
    payload: bytes,
    subject: str,
    error: TailwardenError | Sequence[TailwardenError],
    stream_seq: int | None = None,
    extra: Mapping[str, str] | None = None,
    *,
    stream: str = "TELEMETRY",
) -> int:
    """Keep *payload* in DEAD with the reason, and return its sequence there.

    A message that is redelivered and buried again (same *consumer*, *stream* and *stream_seq*) is kept once;
    the sequence of the first burial is returned. Raises what publishing raises: the caller then does not
    acknowledge, and the message comes again. One that leaves the server no room for the headers is cut, and says
    so (``Tw-Cut``): the message behind it must not wait for ever.
    """
    errors = [error] if isinstance(error, TailwardenError) else list(error)
    identity = uuid4().hex if stream_seq is None else f"{stream}-{stream_seq}"
    headers = {
        **({} if extra is None else {key: _ascii(value) for key, value in extra.items()}),
        "Tw-Code": errors[0].code if errors else "bus.unexpected",
        "Tw-Reason": _ascii("; ".join(str(one) for one in errors))[:REASON_LIMIT],
        "Tw-Problem": _problems_json(errors),
        "Tw-Problem-Count": str(len(errors)),
        "Tw-Subject": quote(subject, safe="!$&'()*+,-./:;<=>?@[]^_`{|}~"),
        "Tw-Stream": stream,
        "Nats-Msg-Id": f"dead-{consumer}-{identity}",
    }
    if stream_seq is not None:
        headers["Tw-Stream-Seq"] = str(stream_seq)
    room = js._nc.max_payload - sum(len(name) + len(value) + 4 for name, value in headers.items()) - 64
    if len(payload) <= room:
        try:
            return await _keep(js, consumer, payload, headers)
        except APIError as error:
            if error.err_code not in TOO_LARGE:
                raise
    headers["Tw-Cut"] = str(len(payload))
    return await _keep(js, consumer, payload[:CUT], headers)


async def _keep(js: JetStreamContext, consumer: str, payload: bytes, headers: dict[str, str]) -> int:
    kept = await js.publish(f"tw.dead.{consumer}", payload, timeout=30.0, headers=headers)
    if not kept.duplicate:
        DEAD_LETTERS.add(1.0, consumer)
    return kept.seq


async def letters(js: JetStreamContext, consumer: str | None = None) -> AsyncIterator[DeadLetter]:
    """Yield the dead letters, oldest first, without their bodies (an advisory keeps its own)."""
    dead = f"tw.dead.{consumer or '>'}"
    advisories = f"{ADVISORY}*.{consumer or '>'}"
    found = read_stream(js, STREAM, advisories)
    kept = [_letter(raw.seq, raw.subject, raw.time, raw.headers, raw.data) async for raw in found]
    kept.reverse()
    async for raw in read_stream(js, STREAM, dead, headers_only=True):
        while kept and kept[-1].seq < raw.seq:
            yield kept.pop()
        yield _letter(raw.seq, raw.subject, raw.time, raw.headers, None)
    while kept:
        yield kept.pop()


async def letter(js: JetStreamContext, seq: int) -> DeadLetter:
    """Return one dead letter with its body.

    Raises
    ------
    NotFound
        If DEAD has no message *seq*.
    """
    raw = await _get(js, STREAM, seq)
    if raw is None:
        raise NotFound("dead.no_letter", seq=seq)
    return _letter(seq, raw.subject or "", raw.time, raw.headers or {}, raw.data or b"")


async def retry(js: JetStreamContext, seq: int) -> str:
    """Give dead letter *seq* back to where it came from, then remove it; return the subject.

    The order is publish, then remove: a crash between them repeats the message, never loses it, and readings
    are idempotent. A reading goes back to its stream under a fresh id. An event is already in the log, where
    it must stand once: it is handed to its consumer directly, and removed when the consumer has taken it.

    Raises
    ------
    NotFound
        If there is no such letter, or the original of an advisory or of a cut letter has left its stream.
    Unavailable
        If the consumer of an event does not answer.
    TailwardenError
        If the consumer refuses the event again; the letter stays.
    """
    dead = await letter(js, seq)
    subject, body = dead.subject, dead.body or b""
    if dead.advisory or "Tw-Cut" in dead.headers:
        # A backup's letter names a message of streams that are gone: the new one of that number is another.
        restored = RESTORED in dead.headers
        raw = None if dead.stream_seq is None or restored else await _get(js, dead.stream, dead.stream_seq)
        if raw is None:
            raise NotFound("dead.original_gone", seq=seq, stream=dead.stream, stream_seq=dead.stream_seq)
        subject, body = raw.subject or "", raw.data or b""
    if subject.startswith("tw.events."):
        await redeliver(js._nc, dead.consumer, body)
    elif subject.startswith("tw.telemetry."):
        await js.publish(subject, body, timeout=30.0, headers={"Nats-Msg-Id": uuid4().hex, "Tw-Retry-Of": str(seq)})
    else:
        raise Conflict("dead.no_way_back", seq=seq, subject=subject or "-")
    with suppress(NotFoundError):  # a second retry at the same time removed it
        await js.delete_msg(STREAM, seq)
    return subject


async def _get(js: JetStreamContext, stream: str, seq: int) -> RawStreamMsg | None:
    try:
        return await js.get_msg(stream, seq, direct=True)
    except NotFoundError:
        return None
    except (nats.errors.NoRespondersError, TimeoutError) as error:
        raise Unavailable("bus.no_stream", stream=stream) from error


def _letter(
    seq: int, subject: str, time: datetime | None, headers: Mapping[str, str], body: bytes | None
) -> DeadLetter:
    when = time if time is not None else datetime.fromisoformat(headers["Nats-Time-Stamp"])
    if RESTORED in headers:
        with suppress(ValueError):
            when = datetime.fromisoformat(headers[RESTORED].partition(" ")[2])
    if subject.startswith(ADVISORY):
        return _advisory(seq, when, headers, body or b"")
    size = int(headers.get("Tw-Cut") or (headers.get("Nats-Msg-Size", "0") if body is None else len(body)))
    text = headers.get("Tw-Stream-Seq", "")
    problems = _problems_of(headers.get("Tw-Problem", "[]"))
    return DeadLetter(
        seq=seq,
        time=when,
        consumer=subject.removeprefix("tw.dead."),
        subject=unquote(headers.get("Tw-Subject", "")),
        code=headers.get("Tw-Code", ""),
        reason=headers.get("Tw-Reason", ""),
        problems=problems,
        problem_count=int(headers.get("Tw-Problem-Count", str(len(problems)))),
        stream=headers.get("Tw-Stream", ""),
        stream_seq=int(text) if text.isdigit() else None,
        size=size,
        headers=dict(headers),
        body=body,
    )


def _advisory(seq: int, when: datetime, headers: Mapping[str, str], body: bytes) -> DeadLetter:
    try:
        facts: dict[str, Any] = dict(json.loads(body))
    except (ValueError, TypeError):
        facts = {}  # not the server's: whatever it is, it must not hide the others
    given_up = Unavailable(
        "dead.max_deliveries",
        consumer=facts.get("consumer", ""),
        stream=facts.get("stream", ""),
        stream_seq=facts.get("stream_seq", 0),
        deliveries=facts.get("deliveries", 0),
    )
    return DeadLetter(
        seq=seq,
        time=when,
        consumer=facts.get("consumer", ""),
        subject="",
        code=given_up.code,
        reason=str(given_up),
        problems=(problem_of(given_up),),
        problem_count=1,
        stream=facts.get("stream", ""),
        stream_seq=facts.get("stream_seq"),
        size=len(body),
        headers=dict(headers),
        body=body,
        advisory=True,
    )


def _problems_json(errors: Sequence[TailwardenError]) -> str:
    """Return the problems as a JSON list of at most 16 KB: as many as fit, the first at least in short."""
    fitted: list[str] = []
    room = PROBLEM_LIMIT - 2
    for error in errors:
        text = json.dumps(json.loads(problem_of(error).model_dump_json(fallback=str)))
        if len(text) + 1 > room:
            break
        fitted.append(text)
        room -= len(text) + 1
    if errors and not fitted:
        short = problem_of(errors[0]).model_copy(update={"params": {}, "detail": str(errors[0])[:REASON_LIMIT]})
        fitted.append(json.dumps(json.loads(short.model_dump_json())))
    return f"[{','.join(fitted)}]"


def _problems_of(text: str) -> tuple[Problem, ...]:
    try:
        return tuple(Problem.model_validate(one) for one in json.loads(text))
    except (ValueError, TypeError):
        return ()


def _words(problem: Problem, language: str) -> str:
    try:
        return problem.words(language)
    except (KeyError, IndexError, ValueError):
        return problem.detail  # another version's words, or parameters cut to fit


def _ascii(text: str) -> str:
    """Return *text* fit for a header: one line of printable ASCII."""
    return " ".join(text.encode("ascii", "backslashreplace").decode().split())
