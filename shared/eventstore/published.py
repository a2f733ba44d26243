"""How far a service's events have come in the EVENTS stream.

NATS checks who may publish on a subject, not which *reply* subject a request names: a client that may send anything
can have the server's own answer delivered under ``tw.events.…``, where the stream keeps it. Such a message is no
event. It is stepped over here, so that it can neither stop the relay nor mislead the audit.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

__all__ = ["STREAM", "Last", "last_published"]

STREAM = "EVENTS"
_NO_STREAM = 10059


@dataclass(frozen=True, slots=True)
class Last:
    """A service's last event in the stream (position 0: none), and the stream's last message on its subjects."""

    position: int = 0
    hash: bytes = b""
    sequence: int = 0


async def last_published(js: JetStreamContext, service: str) -> Last:
    """Return how far *service* is published.

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
    while True:
        if (message.subject or "").startswith(prefix):
            found = _event(message.data or b"", service)
            if found is not None:
                return Last(*found, newest)
        sequence -= 1
        if sequence < 1:
            return Last(sequence=newest)
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
