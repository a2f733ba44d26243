"""From a batch of messages to columns of good readings, and a refusal for each bad one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.monitor.decode.shapes import Collector, Segment, excerpt, within
from services.monitor.decode.times import FUTURE, NO_OFFSET, NOT_TIME, OK, TOO_EARLY, TOO_SMALL, parse_times
from services.monitor.decode.types import Decoded, DecodeLimits, SensorDirectory
from shared.problems import BadInput

__all__ = ["decode"]

_DEFAULT = DecodeLimits()
_TIME_CODES = {
    NOT_TIME: "telemetry.not_time",
    NO_OFFSET: "telemetry.no_offset",
    FUTURE: "telemetry.future",
    TOO_EARLY: "telemetry.too_early",
    TOO_SMALL: "telemetry.seconds",
}


def decode(
    messages: Sequence[tuple[str, bytes]],
    directory: SensorDirectory,
    now_us: int,
    limits: DecodeLimits = _DEFAULT,
) -> Decoded:
    """Decode a batch of telemetry messages; never raises over what they hold.

    Parameters
    ----------
    messages
        (subject, payload) each. On ``tw.telemetry.<pond>.<sensor>``: one reading, a list, or columns; on
        ``tw.telemetry.<pond>`` entries name their ``sensor``, and columns have ``sensors`` or come as ``series``.
    directory
        Which ponds and sensors there are.
    now_us
        The wall clock [µs since 1970 UTC]: a time further ahead than ``limits.future_us`` is refused.
    limits
        Sizes and plausible times.

    Returns
    -------
    Decoded
        The good readings (also those of a message with bad ones beside them) and the refusals.
    """
    collector = Collector(directory, limits)
    for origin, (subject, payload) in enumerate(messages):
        collector.take(origin, subject, payload)
    n = len(collector.times)
    if not n:
        return _decoded(collector, np.zeros(0, np.int64), np.zeros(0, np.float64), *_nobody(), 0, 0)
    time_us, found = parse_times(
        collector.times, now_us + limits.future_us, limits.earliest_us, limits.earliest_unix_ms
    )
    value, null, number = _numbers(collector.values)
    origin_of, key, factor, offset, aimed = _aims(collector, time_us)
    with np.errstate(over="ignore", invalid="ignore"):
        value = value * factor + offset
    good = aimed & (found == OK)
    kept = good & ~null & number & np.isfinite(value)
    missing = good & null
    bad = np.flatnonzero(~(kept | missing))
    if len(bad):
        _tell(collector, bad, found, aimed, limits)
    if len(bad) or missing.any():
        time_us, value, key, origin_of = time_us[kept], value[kept], key[kept], origin_of[kept]
    return _decoded(collector, time_us, value, key, origin_of, n, int(np.count_nonzero(missing)))


def _decoded(
    collector: Collector,
    time_us: NDArray[np.int64],
    value: NDArray[np.float64],
    key: NDArray[np.int32],
    origin: NDArray[np.int32],
    taken: int,
    missing: int,
) -> Decoded:
    unread = collector.refused
    refused = unread + taken - len(key) - missing
    refusals = sorted(collector.refusals, key=lambda refusal: refusal[0])
    return Decoded(key, time_us, value, origin, refusals, taken + unread, refused, missing)


def _nobody() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    return np.zeros(0, np.int32), np.zeros(0, np.int32)


def _numbers(values: list[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return (value, whether it is null, whether it is a number or null) of each, all of shape (n,)."""
    n = len(values)
    kinds = set(map(type, values))
    null = np.zeros(n, bool)
    if type(None) in kinds:
        null = np.fromiter((value is None for value in values), bool, n)
        kinds.discard(type(None))
    if kinds <= {float, int}:
        try:
            return np.array(values, np.float64), null, np.ones(n, bool)
        except OverflowError:  # a whole number beyond what a float holds
            pass
    number = np.fromiter((type(value) is float or type(value) is int for value in values), bool, n)
    plain = np.full(n, np.nan)
    for index in np.flatnonzero(number).tolist():
        try:
            plain[index] = values[index]
        except OverflowError:
            plain[index] = np.inf
    return plain, null, number | null


def _aims(
    collector: Collector, time_us: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return per reading: message, sensor key, factor, offset, and whether it is aimed at a known sensor."""
    segments = collector.segments
    counts = np.fromiter((segment.count for segment in segments), np.int64, len(segments))
    origin = np.repeat(np.fromiter((segment.origin for segment in segments), np.int32, len(segments)), counts)
    target = np.repeat(np.fromiter((segment.target or 0 for segment in segments), np.int64, len(segments)), counts)
    for segment in segments:
        if segment.target is None:
            target[segment.start : segment.start + segment.count] = segment.targets
    table = [(0, 1.0, 0.0) if isinstance(aim, BadInput) else aim for aim in collector.targets]
    known = np.fromiter((not isinstance(aim, BadInput) for aim in collector.targets), bool, len(table))
    key = np.fromiter((aim[0] for aim in table), np.int32, len(table))
    factor = np.fromiter((aim[1] for aim in table), np.float64, len(table))
    offset = np.fromiter((aim[2] for aim in table), np.float64, len(table))
    factor_of, offset_of = factor[target], offset[target]
    for index, former in collector.former.items():
        # The latest first: an earlier instrument's readings are those before its own end.
        for each in reversed(former):
            mine = (target == index) & (time_us < each.until_us)
            factor_of[mine], offset_of[mine] = each.factor, each.offset + each.shift
    return origin, key[target], factor_of, offset_of, known[target]


def _tell(
    collector: Collector,
    bad: NDArray[np.intp],
    found: NDArray[np.uint8],
    aimed: NDArray[np.bool_],
    limits: DecodeLimits,
) -> None:
    """Add a refusal for every bad reading; beyond the limit of one message, a last one that counts the rest."""
    starts = np.fromiter((segment.start for segment in collector.segments), np.int64, len(collector.segments))
    owners = np.searchsorted(starts, bad, "right") - 1
    told: dict[int, int] = {}
    for origin, _ in collector.refusals:
        told[origin] = told.get(origin, 0) + 1
    for index, owner in zip(bad.tolist(), owners.tolist(), strict=True):
        segment = collector.segments[owner]
        told[segment.origin] = told.get(segment.origin, 0) + 1
        if told[segment.origin] <= limits.refusals:
            refusal = _refusal(collector, segment, index, int(found[index]), bool(aimed[index]))
            collector.refusals.append((segment.origin, refusal))
    for origin, count in told.items():
        if count > limits.refusals:
            more = BadInput("telemetry.more", field="payload", count=count - limits.refusals)
            collector.refusals.append((origin, more))


def _refusal(collector: Collector, segment: Segment, index: int, found: int, aimed: bool) -> BadInput:
    """Name the first thing wrong with one reading: its sensor, then its time, then its value."""
    place = index - segment.start

    def name(field: str) -> str:
        return f"{segment.prefix}{field}" if segment.single else f"{segment.prefix}{field}s[{place}]"

    if not aimed:
        aim = collector.targets[segment.targets[place]]
        if isinstance(aim, BadInput):
            return within(aim, segment.prefix, "" if aim.field == "unit" else f"s[{place}]")
    if found != OK:
        where = name("time")
        return BadInput(_TIME_CODES[found], field=where, where=where, got=excerpt(collector.times[index]))
    where = name("value")
    value = collector.values[index]
    code = "telemetry.not_finite" if type(value) in (float, int) else "telemetry.not_number"
    return BadInput(code, field=where, where=where, got=excerpt(value))
