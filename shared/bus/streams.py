"""The three streams, declared here and nowhere else.

Provisioning again changes nothing that an operator chose: a raised (or lowered) limit stays, and the
report says where the running stream differs from the defaults. Only what correctness rests on is put
right (the subjects, the deny flags, direct reads), and that is said too.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any, Final

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from shared.problems import Fault

__all__ = ["DEAD", "EVENTS", "STREAMS", "TELEMETRY", "StreamReport", "provision"]

log = logging.getLogger(__name__)

DAY: Final = 86_400.0
MIB: Final = 1024 * 1024
GIB: Final = 1024 * MIB

TELEMETRY: Final = StreamConfig(
    name="TELEMETRY",
    description="Readings as the loggers sent them; a week of them, for the monitor to catch up from.",
    subjects=["tw.telemetry.>", "tw.partition.>"],  # the second: put into partitions by the server's subject mapping
    retention=RetentionPolicy.LIMITS,
    storage=StorageType.FILE,
    discard=DiscardPolicy.OLD,
    max_age=7 * DAY,
    max_bytes=8 * GIB,
    max_msg_size=32 * MIB - 64 * 1024,  # the server's file store takes 32 MiB, and a dead letter adds its headers
    duplicate_window=120.0,
    allow_direct=True,
)
EVENTS: Final = StreamConfig(
    name="EVENTS",
    description="Every published event, for ever: a newcomer replays history from here.",
    subjects=["tw.events.>"],
    retention=RetentionPolicy.LIMITS,
    storage=StorageType.FILE,
    discard=DiscardPolicy.NEW,
    duplicate_window=120.0,
    deny_delete=True,
    deny_purge=True,
    allow_direct=True,
)
DEAD: Final = StreamConfig(
    name="DEAD",
    description="What could not be processed: the original bytes, the reason and the origin.",
    subjects=["tw.dead.>", "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>"],
    retention=RetentionPolicy.LIMITS,
    storage=StorageType.FILE,
    discard=DiscardPolicy.OLD,
    max_age=365 * DAY,
    max_bytes=4 * GIB,
    duplicate_window=3600.0,  # a message is redelivered for long; it is buried once
    allow_direct=True,
)
STREAMS: Final = (TELEMETRY, EVENTS, DEAD)

_OPERATORS: Final = ("max_age", "max_bytes", "max_msgs", "max_msg_size", "duplicate_window", "num_replicas", "discard")
"""Settings an operator may choose; ours are only defaults."""
_NEEDED: Final = ("deny_delete", "deny_purge", "allow_direct")
"""Settings that are put right when they are off."""
_STORAGE_EXCEEDED: Final = 10047
_SMALLEST: Final = 64 * MIB


@dataclass(frozen=True, slots=True)
class StreamReport:
    """What provisioning found or did about one stream."""

    stream: str
    action: str
    """``created``, ``kept`` or ``corrected``."""
    differs: tuple[str, ...] = ()
    """``setting: running value (default value)`` for each setting that an operator chose otherwise."""
    corrected: tuple[str, ...] = ()


async def provision(js: JetStreamContext, replicas: int | None = None) -> tuple[StreamReport, ...]:
    """Create the streams that are missing and check those that are there.

    Parameters
    ----------
    replicas
        Copies of each stream in a cluster; used on creation only. None: however many there are is right, and what
        is made has one: services look after what ``tailwarden stack streams`` made, and are not told how.

    Raises
    ------
    Fault
        If a stream exists with settings that lose data and cannot be changed (kept in memory, or not
        limits-based).
    """
    reports = tuple([await _provision_one(js, replace(config, num_replicas=replicas)) for config in STREAMS])
    for report in reports:
        extra = {"stream": report.stream, "action": report.action}
        if report.corrected:
            log.warning("stream %s corrected: %s", report.stream, "; ".join(report.corrected), extra=extra)
        if report.differs:
            log.warning("stream %s left as set: %s", report.stream, "; ".join(report.differs), extra=extra)
    return reports


async def _provision_one(js: JetStreamContext, wanted: StreamConfig) -> StreamReport:
    name = str(wanted.name)
    try:
        found = (await js.stream_info(name)).config
    except NotFoundError:
        return await _create(js, wanted)
    _refuse_unsafe(name, found, wanted)
    off = [setting for setting in _NEEDED if getattr(wanted, setting) and not getattr(found, setting)]
    changes: dict[str, Any] = dict.fromkeys(off, True)
    missing = [subject for subject in wanted.subjects or [] if subject not in (found.subjects or [])]
    if missing:
        changes["subjects"] = [*(found.subjects or []), *missing]
    differs = tuple(
        f"{setting}: {_shown(have)} ({_shown(want)})"
        for setting in _OPERATORS
        if (have := _plain(getattr(found, setting))) != (want := _plain(getattr(wanted, setting)))
        and not (setting == "num_replicas" and want is None)
    )
    if not changes:
        return StreamReport(name, "kept", differs)
    await js.update_stream(replace(found, **changes))
    return StreamReport(name, "corrected", differs, tuple(f"{key} = {value}" for key, value in changes.items()))


async def _create(js: JetStreamContext, wanted: StreamConfig) -> StreamReport:
    """Create a stream; on a small disk with the largest size limit the server still grants."""
    config = wanted
    while True:
        try:
            await js.add_stream(config)
        except APIError as error:
            if error.err_code != _STORAGE_EXCEEDED or not config.max_bytes or config.max_bytes <= _SMALLEST:
                raise
            config = replace(config, max_bytes=config.max_bytes // 2)
            continue
        smaller = f"max_bytes: {config.max_bytes} ({wanted.max_bytes})"
        return StreamReport(str(wanted.name), "created", () if config is wanted else (smaller,))


def _refuse_unsafe(name: str, found: StreamConfig, wanted: StreamConfig) -> None:
    for setting in ("storage", "retention"):
        have, want = _plain(getattr(found, setting)), _plain(getattr(wanted, setting))
        if have != want:
            raise Fault("bus.stream_unsafe", stream=name, setting=setting, found=have, wanted=want)


def _plain(value: Any) -> Any:
    """Return *value* comparably: the server answers -1 or 0 where a limit was not set."""
    return None if value in (None, 0, -1) else str(getattr(value, "value", value))


def _shown(value: Any) -> str:
    return "unlimited" if value is None else str(value)
