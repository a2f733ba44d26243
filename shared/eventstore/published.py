"""How far a service's events have come in the EVENTS stream.

NATS checks who may publish on a subject, not which *reply* subject a request names: a client that may send anything
can have the server's own answer delivered under ``tw.events.…``, where the stream keeps it. Such an answer is no event,
or a copy of one that was published long before. Both are stepped over here, so that they can neither stop the relay nor
mislead the audit: a copy that was taken for the relay's place would make it tell all history since then again.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

__all__ = ["STREAM", "Last", "last_published"]

STREAM = "EVENTS"
_NO_STREAM = 10059
_ANSWERED = "Nats-Sequence"
"""Header of what the server read from a stream for somebody: the relay publishes without it."""


@dataclass(frozen=True, slots=True)
class Last:
    """A service's last event in the stream (position 0: none), and the stream's last message on its subjects."""

    position: int = 0
    hash: bytes = b""
    sequence: int = 0


async def last_published(js: JetStreamContext, service: str, known: int = 0) -> Last:
    """Return how far *service* is published.

    Parameters
    ----------
    known
        A position that was published once. What stands behind it is looked for further back, to the stream's
        beginning if need be: a copy of an older event may have come last, or the stream is another one by now.

    Raises
    ------
    NotFoundError
        When there is no stream.
    """
    prefix = f"tw.events.{service}."
    try:
        message = await js.get_last_msg(STREAM, f"{prefix}>")
    except NotFoundError as error:
        if error.err_code == _NO_STREAM:
            raise
        return Last()
    newest = sequence = int(message.seq or 0)
    furthest = (0, b"")
    while True:
        if (message.subject or "").startswith(prefix) and _ANSWERED not in (message.headers or {}):
            furthest = max(furthest, _event(message.data or b"", service) or furthest)
            if furthest[0] >= max(known, 1):
                return Last(*furthest, newest)
        sequence -= 1
        if sequence < 1:
            return Last(*furthest, newest)
        try:
            message = await js.get_msg(STREAM, sequence)
        except NotFoundError:
            continue


def _event(data: bytes, service: str) -> tuple[int, bytes] | None:
    """Return position and hash of an event of *service*, or None when it is none."""
    try:
        event = orjson.loads(data)
        if event["source"] != f"/tailwarden/{service}":
            return None
        position, digest = event["position"], bytes.fromhex(event["hash"])
    except (ValueError, TypeError, KeyError):
        return None
    return (position, digest) if isinstance(position, int) and position > 0 and len(digest) == 32 else None
