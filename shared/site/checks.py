"""Single judgements about what a site file says; each refuses with the line it is about."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Sequence

from shared.contracts.levels import SensorKind
from shared.contracts.synthetic import is_synthetic
from shared.names import has_controls, visible
from shared.site import lines
from shared.site.source import Source

__all__ = [
    "encoding",
    "interval",
    "kind",
    "names",
    "real_pond",
    "syntax_fault",
    "time_format",
    "timezone",
    "unique_ids",
]

_INTERVAL = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?(s|min|h|d)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_LONGEST = 7 * 86400
_TOML_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
EPOCH_FORMATS = ("unix", "unix_ms")


def real_pond(source: Source, pond_id: str) -> None:
    """Refuse an id that is kept for ponds of exercises and of the watchdog."""
    if is_synthetic(pond_id):
        source.refuse("site.reserved_id", ("pond", "id"), got=pond_id)


def names(source: Source, **texts: str) -> None:
    """Refuse names of a pond that do not read as they are stored."""
    for name, text in texts.items():
        if has_controls(text):
            got = visible(text).replace("\n", r"\n").replace("\t", r"\t")  # a refusal is one line
            source.refuse("site.controls", ("pond", name), got=got)


def timezone(source: Source, name: str) -> None:
    """Refuse a time zone that the zone database does not know."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        source.refuse("site.unknown_timezone", ("pond", "timezone"), got=name)


def unique_ids(source: Source, ids: Sequence[str]) -> None:
    """Refuse a second sensor of one id, naming the line of the first."""
    first: dict[str, int] = {}
    for index, sensor_id in enumerate(ids):
        if sensor_id in first:
            at = ("sensor", index, "id")
            source.refuse(
                "site.duplicate_sensor", at, got=sensor_id, first=source.line(("sensor", first[sensor_id], "id"))
            )
        first[sensor_id] = index


def kind(source: Source, at: lines.Path, name: str) -> SensorKind:
    """Return the sensor kind of that name, or refuse it."""
    try:
        return SensorKind(name)
    except ValueError:
        source.refuse("site.unknown_kind", (*at, "kind"), got=name, known=", ".join(SensorKind))


def interval(source: Source, at: lines.Path, text: str) -> int:
    """Return the seconds of ``30s``, ``5min``, ``1h`` or ``1d``; at least one second, at most a week."""
    match = _INTERVAL.fullmatch(text)
    seconds = 0.0 if match is None else float(match[1]) * _SECONDS[match[2]]
    if not 1 <= seconds <= _LONGEST:
        source.refuse("site.bad_interval", at, got=text)
    return round(seconds)


def encoding(source: Source, at: lines.Path, name: str) -> None:
    """Refuse an encoding that Python does not know, or that is no text encoding."""
    try:
        # Not the empty string: decoding that never looks the name up.
        b"00".decode(name)
    except (LookupError, ValueError):
        source.refuse("site.unknown_encoding", at, got=name)


def time_format(source: Source, at: lines.Path, text: str | None) -> None:
    """Refuse a format without a year, or that relies on zone names (``%Z`` cannot say an offset)."""
    if text is None or text in EPOCH_FORMATS:
        return
    if "%Z" in text:
        source.refuse("site.zone_name_format", at, got=text)
    if not any(year in text for year in ("%Y", "%y", "%c", "%x")):
        source.refuse("site.bad_format", at, got=text)


def syntax_fault(message: str, text: str) -> tuple[str, int]:
    """Return (what, line) of the TOML parser's message."""
    place = _TOML_PLACE.search(message)
    what = _TOML_PLACE.sub("", message).replace("\n", " ")
    if place is None or place[1] is None:
        return what, text.rstrip("\n").count("\n") + 1
    return what, int(place[1])
