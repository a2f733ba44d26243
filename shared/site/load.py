"""Read a site file and judge it: every refusal names file, line and what to do."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from shared.contracts.levels import SensorKind
from shared.contracts.limits import SENSOR_PREFIX, limits_of
from shared.contracts.registry import LimitDocument, PondDescription, SensorDescription
from shared.problems import BadInput
from shared.site import checks, lines
from shared.site.limits import limit_document
from shared.site.model import DEFAULT_MISSING, SeriesSpec, Site, SiteSensor
from shared.site.schema import SensorTable, SeriesTable, SiteFile
from shared.site.source import Source
from shared.site.units import UNITS, canonical_of, canonical_unit

__all__ = ["load_site"]

_EXCERPT = 60
_REASONS = {
    "missing": "site.missing_key",
    "extra_forbidden": "site.unknown_key",
    "string_pattern_mismatch": "site.bad_id",
    "string_too_short": "site.empty_text",
    "string_too_long": "site.too_long",
    "finite_number": "site.not_finite",
    "greater_than_equal": "site.too_low",
    "less_than_equal": "site.too_high",
    "too_short": "site.wrong_count",
    "too_long": "site.wrong_count",
    "list_type": "site.not_list",
}
_TYPES = (
    ("string", "site.not_text"),
    ("int", "site.not_whole"),
    ("float", "site.not_number"),
    ("list", "site.not_list"),
    ("model", "site.not_table"),
    ("dict", "site.not_table"),
)


def load_site(path: Path | str) -> Site:
    """Return the site that the TOML file *path* describes. Series files are not opened here.

    Raises
    ------
    BadInput
        If the file cannot be read or says something that cannot be; the message starts with ``FILE:LINE``.
    """
    path = Path(path)
    text = _text(path)
    tables = _tables(path, text)
    source = Source(path, lines.key_lines(text))
    try:
        raw = SiteFile.model_validate(tables)
    except ValidationError as error:
        _refuse(source, error)
    checks.real_pond(source, raw.pond.id)
    checks.names(source, name=raw.pond.name or "", county=raw.pond.county)
    checks.timezone(source, raw.pond.timezone)
    checks.unique_ids(source, [sensor.id for sensor in raw.sensor])
    sensors = tuple(_sensor(source, index, table) for index, table in enumerate(raw.sensor))
    limits = limit_document(source, raw)
    for index, each in enumerate(sensors):
        _units_agree(source, index, each.sensor, limits)
    return Site(
        path=path,
        pond=PondDescription(
            id=raw.pond.id,
            name=raw.pond.name or raw.pond.id,
            county=raw.pond.county,
            timezone=raw.pond.timezone,
            grade=raw.pond.grade,
            crest_level=raw.pond.crest_level,
            rules=raw.rules,
        ),
        sensors=sensors,
        limits=limits,
        key_lines=source.key_lines,
    )


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise BadInput("site.no_file", field="file", file=str(path)) from error
    except OSError as error:
        raise BadInput("site.unreadable", field="file", file=str(path), why=error.strerror or str(error)) from error
    try:
        # utf-8-sig: editors on Windows put a byte order mark that TOML itself would refuse.
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInput("site.not_utf8", field="file", file=str(path), line=line) from error


def _tables(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        why, line = checks.syntax_fault(str(error), text)
        raise BadInput("site.syntax", field="file", file=str(path), line=line, why=why) from error


def _sensor(source: Source, index: int, table: SensorTable) -> SiteSensor:
    at = ("sensor", index)
    kind = checks.kind(source, at, table.kind)
    if table.unit not in UNITS:
        source.refuse("site.unknown_unit", (*at, "unit"), got=table.unit, known=", ".join(UNITS))
    if table.range is not None and not table.range[0] < table.range[1]:
        source.refuse("site.range_order", (*at, "range"), low=table.range[0], high=table.range[1])
    if table.spike is not None and not 0 < table.spike[0] <= table.spike[1]:
        source.refuse("site.spike_order", (*at, "spike"), low=table.spike[0], high=table.spike[1])
    if kind is SensorKind.WATER_DISTANCE and table.zero_level is None:
        source.refuse("site.no_zero_level", at, sensor=table.id)
    return SiteSensor(
        sensor=SensorDescription(
            id=table.id,
            kind=kind,
            unit=table.unit,
            expected_interval_s=checks.interval(source, (*at, "expected_interval"), table.expected_interval),
            range=None if table.range is None else (table.range[0], table.range[1]),
            zero_level=table.zero_level,
            spike=None if table.spike is None else (table.spike[0], table.spike[1]),
        ),
        series=None if table.series is None else _series(source, (*at, "series"), table.series),
    )


def _units_agree(source: Source, index: int, sensor: SensorDescription, limits: LimitDocument | None) -> None:
    """Refuse a range that is ten times off from every limit: a slip of the unit, which would silence the limits."""
    if limits is None or sensor.range is None:
        return
    quantity = "level" if sensor.kind == SensorKind.WATER_DISTANCE else sensor.kind.removeprefix("water_")
    bands = limits.bands.get(SENSOR_PREFIX + sensor.id, limits.bands.get(quantity, ()))
    values = [value for band in bands for _, value in limits_of(band)]
    factor, offset = canonical_of(sensor)
    low, high = sorted(end * factor + offset for end in sensor.range)
    if values and (0 < 10 * high < min(values) or low > 10 * max(values) > 0):
        source.refuse(
            "site.unit_slip", ("sensor", index, "unit"), unit=sensor.unit, low=f"{low:g}", high=f"{high:g}",
            limit=f"{values[0]:g}", canonical=canonical_unit(sensor.kind),
        )  # fmt: skip


def _series(source: Source, at: lines.Path, table: SeriesTable) -> SeriesSpec:
    delimiter = "\t" if table.delimiter == "\\t" else table.delimiter
    if len(delimiter) != 1 or delimiter in '"\r\n':
        source.refuse("site.bad_delimiter", (*at, "delimiter"), got=table.delimiter)
    checks.encoding(source, (*at, "encoding"), table.encoding)
    checks.time_format(source, (*at, "format"), table.format)
    for name in ("time", "value"):
        column = getattr(table, name)
        if isinstance(column, int) and column < 0:
            source.refuse("site.negative_index", (*at, name), got=column)
    return SeriesSpec(
        file=table.file,
        time=table.time,
        value=table.value,
        format=table.format,
        missing=DEFAULT_MISSING if table.missing is None else tuple(table.missing),
        encoding=table.encoding,
        skip_rows=table.skip_rows,
        delimiter=delimiter,
        scale=table.scale,
        where=source.where(at),
    )


def _refuse(source: Source, error: ValidationError) -> NoReturn:
    """Raise the refusal of the fault that comes first in the file: that is where a reader starts.

    A missing key comes last: it is often the misspelt one that another fault names better.
    """
    faults = error.errors(include_url=False)
    fault = min(faults, key=lambda each: (each["type"] == "missing", source.line(tuple(each["loc"]))))
    kind, context = fault["type"], fault.get("ctx", {})
    at = tuple(fault["loc"])
    if kind != "missing":
        # Pydantic also names the member of a union, or a place in a list: neither is a key.
        while len(at) > 1 and at not in source.key_lines and at[:-1] in source.key_lines:
            at = at[:-1]
    code = _REASONS.get(kind) or next((code for prefix, code in _TYPES if kind.startswith(prefix)), "site.invalid")
    limits = (str(context[name]) for name in ("ge", "le", "min_length", "max_length") if name in context)
    got = " ".join(str(fault.get("input")).split())
    source.refuse(
        code,
        at,
        got=got if len(got) <= _EXCERPT else f"{got[:_EXCERPT]}…",
        limit=next(limits, ""),
    )
