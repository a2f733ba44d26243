"""Read a sensor's recorded series from its file: plain columns, judged strictly, read quickly."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from shared.problems import BadInput
from shared.site.model import SeriesSpec, SiteSensor
from shared.site.times import UnreadableTimeError, read_times

__all__ = ["SeriesData", "read_series"]

_Row = tuple[int, list[str]]
_EXCERPT = 40
_COLUMNS_NAMED = 12


@dataclass(frozen=True, slots=True)
class SeriesData:
    """A series in time order, one value a time.

    Attributes
    ----------
    times_us : ndarray of int64, shape (n,)
        UTC microseconds since 1970, strictly increasing.
    values : ndarray of float64, shape (n,) [the sensor's own unit]
        Finite.
    skipped : int
        Rows without a value.
    duplicates : int
        Rows whose time had come before in the file; the first of them stands.
    """

    times_us: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    skipped: int
    duplicates: int = 0


@dataclass(slots=True)
class _Column:
    """The rows that carry a value: their line, the text of their time, their number."""

    lines: list[int]
    times: list[str]
    values: list[float]
    skipped: int = 0


def read_series(site_dir: Path, sensor: SiteSensor, timezone: ZoneInfo | str) -> SeriesData:
    """Return the recorded series of *sensor*.

    Parameters
    ----------
    site_dir : Path
        Folder of the site file (``site.directory``).
    sensor : SiteSensor
    timezone : ZoneInfo or str
        Zone of times without an offset (``site.timezone``); :mod:`shared.site.times` says how the hours
        around a change of daylight saving are read.

    Raises
    ------
    BadInput
        If the sensor has no series, or the file is missing, cannot be decoded, lacks a column, holds a time
        or value that cannot be read, or holds no reading; the message names file, line and what to do.
    """
    spec = sensor.series
    if spec is None:
        raise BadInput("series.none", field="series", where=str(site_dir), sensor=sensor.sensor.id)
    path = site_dir / spec.file
    text = _text(path, spec)
    zone = ZoneInfo(timezone) if isinstance(timezone, str) else timezone
    column = _column(path, spec, text, zone)
    try:
        times = read_times(column.times, spec.format, zone)
    except UnreadableTimeError as error:
        _refuse_time(path, spec, column.lines[error.index], error.text)
    values = np.array(column.values, dtype=np.float64) * spec.scale
    return _in_order(times, values, column.skipped)


def _in_order(times: npt.NDArray[np.int64], values: npt.NDArray[np.float64], skipped: int) -> SeriesData:
    if np.any(np.diff(times) <= 0):
        order = np.argsort(times, kind="stable")
        times, values = times[order], values[order]
        first = np.concatenate(([True], np.diff(times) > 0))
        times, values, duplicates = times[first], values[first], int(np.count_nonzero(~first))
        return SeriesData(times, values, skipped, duplicates)
    return SeriesData(times, values, skipped)


def _text(path: Path, spec: SeriesSpec) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise BadInput("series.no_file", field="file", where=spec.where, file=str(path)) from error
    except OSError as error:
        why = error.strerror or str(error)
        raise BadInput("series.unreadable", field="file", where=spec.where, file=str(path), why=why) from error
    try:
        return content.decode(spec.encoding).removeprefix("\ufeff")
    except UnicodeError as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        line = content.count(b"\n", 0, start) + 1
        _refuse("series.encoding", path, spec, line, "encoding", encoding=spec.encoding)


def _column(path: Path, spec: SeriesSpec, text: str, zone: ZoneInfo) -> _Column:
    """Return the rows with a value. One plain loop: this is where reading a file spends its time."""
    rows = _rows(path, spec, text)
    line, row = next(rows, (spec.skip_rows + 1, []))
    if not row:
        _refuse("series.empty", path, spec, line, "file")
    time_at, value_at, header = _places(path, spec, line, row, zone)
    column = _Column([], [], [])
    lines, times, values = column.lines, column.times, column.values
    absent, sentinels = _missing(spec.missing)
    need = max(time_at, value_at)
    first: _Row | None = None if header else (line, row)
    last = line
    for line, row in _chain(first, rows):
        last = line
        if len(row) <= need:
            _refuse("series.short_row", path, spec, line, "value", count=len(row), index=need)
        cell = row[value_at].strip()
        if cell in absent:
            column.skipped += 1
            continue
        try:
            value = _number(cell)
        except ValueError:
            _refuse("series.bad_value", path, spec, line, "value", column=spec.value, got=_excerpt(cell))
        if not math.isfinite(value) or value in sentinels:
            column.skipped += 1
            continue
        lines.append(line)
        times.append(row[time_at].strip())
        values.append(value)
    if not values and column.skipped:
        _refuse("series.all_missing", path, spec, min(last, spec.skip_rows + 1 + header), "value", column=spec.value)
    if not values:
        _refuse("series.empty", path, spec, last, "file")
    return column


def _chain(first: _Row | None, rows: Iterator[_Row]) -> Iterator[_Row]:
    if first is not None:
        yield first
    yield from rows


def _rows(path: Path, spec: SeriesSpec, text: str) -> Iterator[_Row]:
    """Yield (line, cells) of every row that is not blank."""
    stream = io.StringIO(text, newline="")
    for _ in range(spec.skip_rows):
        stream.readline()
    reader = csv.reader(stream, delimiter=spec.delimiter)
    try:
        for row in reader:
            if row and (row[0] or any(cell.strip() for cell in row)):
                yield reader.line_num + spec.skip_rows, row
    except csv.Error as error:
        _refuse("series.not_csv", path, spec, reader.line_num + spec.skip_rows, "file", why=str(error))


def _places(path: Path, spec: SeriesSpec, line: int, row: list[str], zone: ZoneInfo) -> tuple[int, int, bool]:
    """Return (index of time, index of value, whether *row* is a header).

    A name needs a header. With two indexes there may be one all the same: the first row is taken as a
    header when neither its time nor its value can be read.
    """
    if isinstance(spec.time, int) and isinstance(spec.value, int):
        if max(spec.time, spec.value) >= len(row):
            return spec.time, spec.value, False
        header = not _is_number(row[spec.value]) and not _is_time(row[spec.time].strip(), spec.format, zone)
        return spec.time, spec.value, header
    names = [cell.strip() for cell in row]
    time_at, value_at = (
        column if isinstance(column, int) else _index(path, spec, line, names, column, field)
        for field, column in (("time", spec.time), ("value", spec.value))
    )
    return time_at, value_at, True


def _index(path: Path, spec: SeriesSpec, line: int, names: Sequence[str], name: str, field: str) -> int:
    places = [index for index, each in enumerate(names) if each == name.strip()]
    if not places:
        known = ", ".join(_excerpt(each) for each in names[:_COLUMNS_NAMED] if each)
        more = ", …" if len(names) > _COLUMNS_NAMED else ""
        _refuse("series.no_column", path, spec, line, field, column=_excerpt(name), known=known + more)
    if len(places) > 1:
        _refuse("series.same_column", path, spec, line, field, column=_excerpt(name), count=len(places))
    return places[0]


def _missing(tokens: Sequence[str]) -> tuple[frozenset[str], frozenset[float]]:
    """Return the cells that mean "no value", and the numbers among them (``-9999`` also as ``-9999.0``)."""
    texts = frozenset({"", *(token.strip() for token in tokens)})
    return texts, frozenset(float(token) for token in texts if _is_number(token))


def _number(text: str) -> float:
    if "_" in text:
        raise ValueError(text)  # float() reads 1_000; no logger means that
    return float(text)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(_number(text))
    except ValueError:
        return False


def _is_time(text: str, form: str | None, zone: ZoneInfo) -> bool:
    try:
        read_times([text], form, zone)
    except UnreadableTimeError:
        return False
    return True


def _refuse_time(path: Path, spec: SeriesSpec, line: int, text: str) -> NoReturn:
    code = "series.bad_time" if spec.format is None else "series.bad_time_format"
    _refuse(code, path, spec, line, "time", column=spec.time, got=_excerpt(text), format=spec.format)


def _refuse(code: str, path: Path, spec: SeriesSpec, line: int, field: str, **params: Any) -> NoReturn:
    raise BadInput(code, field=f"series.{field}", file=str(path), line=line, where=spec.where, **params)


def _excerpt(text: str) -> str:
    # One printable line, whatever the cell holds: a refusal is one line on stderr.
    flat = "".join(each if each.isprintable() else "?" for each in " ".join(text.split()))
    return flat if len(flat) <= _EXCERPT else f"{flat[:_EXCERPT]}…"
