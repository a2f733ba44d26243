"""The subscribers' own copy of EVENTS, in an account of their own.

NATS checks the subject a client publishes to, not what stands in its requests: whoever may make a consumer may have it
deliver under any subject of the account. Subscribers therefore get a mirror of EVENTS in another account, where
there is nothing else to write to: the same messages under the same sequences, whatever they do with it.
"""

from __future__ import annotations

import logging
from typing import Final

from nats.aio.client import Client
from nats.js.api import ExternalStream, RetentionPolicy, StorageType, StreamConfig, StreamSource
from nats.js.errors import NotFoundError

__all__ = ["READERS", "provision_copy"]

log = logging.getLogger(__name__)

READERS: Final = "readers.API"
"""Where the administrator reaches the JetStream of the subscribers' account (deploy/nats/accounts.conf)."""
_CORE: Final = ExternalStream(api="core.API", deliver="copy.events")
"""Where that account reaches EVENTS, and where what it copies arrives."""
_EVENTS: Final = "EVENTS"


async def provision_copy(nc: Client, replicas: int = 1) -> str:
    """Make the copy when it is missing, and anew when EVENTS was; return ``created``, ``kept`` or ``made anew``.

    Parameters
    ----------
    nc
        A connection of the administrator; EVENTS is there.
    replicas
        Copies in a cluster; used on creation only.
    """
    ours, theirs = nc.jetstream(timeout=10.0), nc.jetstream(prefix=READERS, timeout=10.0)
    events = await ours.stream_info(_EVENTS)
    action = "created"
    try:
        copy = await theirs.stream_info(_EVENTS)
    except NotFoundError:
        pass
    else:
        if copy.created is None or events.created is None or copy.created >= events.created:
            return "kept"
        # EVENTS counts from one again: a mirror would wait for the number it last saw.
        log.warning("the subscribers' copy is of a stream that is no more; making it anew")
        await theirs.delete_stream(_EVENTS)
        action = "made anew"
    await theirs.add_stream(
        StreamConfig(
            name=_EVENTS,
            description="A copy of EVENTS, for subscribers.",
            mirror=StreamSource(name=_EVENTS, external=_CORE),
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            deny_delete=True,
            deny_purge=True,
            allow_direct=True,
            num_replicas=replicas,
        )
    )
    return action
