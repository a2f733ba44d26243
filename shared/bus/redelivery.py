"""Handing a dead event to its consumer again, past the stream.

An event stands in the log once and for ever; publishing it again would repeat it to everybody. So each
durable consumer also listens on ``tw.retry.<durable>`` and answers whether it has taken what it was given.
"""

from __future__ import annotations

import nats.errors
import orjson
from nats.aio.client import Client

from shared.problems import Problem, Unavailable, error_of

__all__ = ["redeliver", "retry_subject"]


def retry_subject(durable: str) -> str:
    """Return the subject on which consumer *durable* takes events by hand."""
    return f"tw.retry.{durable}"


async def redeliver(nc: Client, durable: str, payload: bytes, *, limit: float = 10.0) -> None:
    """Hand an event to consumer *durable* and wait until it has taken it.

    Raises
    ------
    Unavailable
        If nobody listens under that name, or the answer takes longer than *limit* seconds.
    TailwardenError
        If the consumer refuses it.
    """
    try:
        reply = await nc.request(retry_subject(durable), payload, timeout=limit)
    except nats.errors.NoRespondersError as error:
        raise Unavailable("bus.no_responders", service=durable) from error
    except TimeoutError as error:
        raise Unavailable("bus.timeout", service=durable, command="retry", seconds=limit) from error
    answer = orjson.loads(reply.data)
    if "problem" in answer:
        raise error_of(Problem.model_validate(answer["problem"]))
