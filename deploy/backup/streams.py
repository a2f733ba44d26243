"""Messages out of a stream and into another one: bytes, headers and order stay, sequences and times do not.

Dead letters get an id of their own (``Nats-Msg-Id``). Their first one holds the sequence of a message that stood in
another stream; under it the server would take tomorrow's letter about the new stream's message of that number for
a duplicate, and drop it. Readings get none: a second copy of a reading does no harm.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterable

import orjson
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from deploy.backup.archive import ArchiveWriter
from deploy.backup.manifest import StreamPart
from shared.bus.dead import ADVISORY, RESTORED
from shared.bus.reader import StreamMessage, read_stream
from shared.problems import Unavailable

__all__ = ["keep", "last_of", "put_back"]

_TOGETHER, _TOGETHER_BYTES = 256, 8 << 20
"""Publishes under way at once, and their bytes."""
DEAD = "DEAD"
_ID = "Nats-Msg-Id"


async def last_of(js: JetStreamContext, stream: str) -> int:
    """Return the last sequence of a stream, 0 when there is no such stream or never was a message."""
    try:
        return (await js.stream_info(stream)).state.last_seq
    except NotFoundError:
        return 0


async def keep(js: JetStreamContext, archive: ArchiveWriter, stream: str, after: int) -> StreamPart:
    """Copy the messages of *stream* behind sequence *after* that are there now.

    Raises
    ------
    Unavailable
        ``bus.no_stream``.
    """
    try:
        info = await js.stream_info(stream)
    except NotFoundError as error:
        raise Unavailable("bus.no_stream", stream=stream) from error
    writer = archive.series(f"streams/{stream}")
    until = info.state.last_seq
    if until > after:
        async for message in _in_order(js, stream, info.config.subjects or [], after + 1, until):
            body = {
                "seq": message.seq,
                "subject": message.subject,
                "time": message.time,
                "headers": dict(message.headers),
                "data": b64encode(message.data).decode(),
            }
            writer.write(orjson.dumps(body) + b"\n")
    assert info.created is not None  # the server says so of every stream
    return StreamPart(stream=stream, created=info.created, after=after, until=until, **writer.close().model_dump())


async def put_back(js: JetStreamContext, archive_id: str, stream: str, lines: Iterable[bytes]) -> int:
    """Publish kept messages in their order; those that an interrupted restore put there already are left out.

    Returns how many the archive has.
    """
    prefix = f"restored-{archive_id}-"
    there = await _there(js, prefix) if stream == DEAD else set[str]()
    count = size = 0
    waiting: list[asyncio.Task[object]] = []
    for line in lines:
        kept = orjson.loads(line)
        count += 1
        headers = {name: text for name, text in kept["headers"].items() if not name.startswith("Nats-")}
        if stream == DEAD:
            headers[_ID] = f"{prefix}{kept['seq']}"
            headers.setdefault(RESTORED, f"{kept['seq']} {kept['time']}")
            if headers[_ID] in there:
                continue
        data = b64decode(kept["data"])
        size += len(data)
        waiting.append(asyncio.create_task(js.publish(kept["subject"], data, timeout=30.0, headers=headers or None)))
        if len(waiting) == _TOGETHER or size >= _TOGETHER_BYTES:
            await asyncio.gather(*waiting)
            waiting.clear()
            size = 0
    await asyncio.gather(*waiting)
    return count


async def _in_order(
    js: JetStreamContext, stream: str, subjects: list[str], start: int, until: int
) -> AsyncIterator[StreamMessage]:
    """Yield messages of all *subjects*. The server's own advisories are few: they are held while the rest is read."""
    own = [subject for subject in subjects if subject.startswith("$JS.")]
    held = [message for subject in own async for message in read_stream(js, stream, subject, start)]
    held.reverse()
    for subject in subjects:
        if subject in own:
            continue
        async for message in read_stream(js, stream, subject, start):
            if message.seq > until:
                break  # a stream at work has no end
            while held and held[-1].seq < message.seq:
                yield held.pop()
            yield message
            if message.seq == until:
                break
    while held and held[-1].seq <= until:
        yield held.pop()


async def _there(js: JetStreamContext, prefix: str) -> set[str]:
    found = set()
    for subject in ("tw.dead.>", f"{ADVISORY}>"):
        async for message in read_stream(js, DEAD, subject, headers_only=True):
            given = message.headers.get(_ID, "")
            if given.startswith(prefix):
                found.add(given)
    return found
