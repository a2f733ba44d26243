"""Taking messages apart: from JSON in any of the three shapes to flat lists of times and values.

Nothing is judged here that can be judged for a whole batch at once; only what a message is about (pond,
sensor, unit) and whether it has a shape at all.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from services.monitor.decode.types import DecodeLimits, Former, SensorDirectory, SensorEntry
from shared.problems import BadInput
from shared.site.units import to_canonical

__all__ = ["Collector", "Segment", "excerpt", "within"]

_ID = re.compile(r"[a-z0-9_-]{1,64}", re.ASCII)
_PREFIX = "tw.telemetry."
_EXCERPT = 80
_KEYS = tuple(
    (name, f'"{name}"'.encode()) for name in ("time", "value", "times", "values", "sensor", "sensors", "unit", "series")
)
_MISSPELT_UNIT = frozenset({"units", "Unit", "UNIT", "Units", "uom"})
"""Extra fields of a message are the logger's own business; these would silently change what a value means."""


@dataclass(slots=True)
class Segment:
    """A run of readings that came from one place of one message.

    ``target`` indexes :attr:`Collector.targets`; None means one per reading, in ``targets``. ``single`` tells
    how a field is named: ``value`` or ``values[3]``, after ``prefix``.
    """

    origin: int
    start: int
    count: int
    target: int | None
    single: bool
    prefix: str = ""
    targets: list[int] = field(default_factory=list)


class Collector:
    """Gathers what a batch of messages holds; one message never harms another.

    ``times`` and ``values`` are flat and of one length; ``segments`` says where each part came from.
    ``targets`` are (key, factor, offset), or the refusal that every reading aimed there gets.
    """

    def __init__(self, directory: SensorDirectory, limits: DecodeLimits) -> None:
        self.times: list[Any] = []
        self.values: list[Any] = []
        self.segments: list[Segment] = []
        self.targets: list[tuple[int, float, float] | BadInput] = []
        self.former: dict[int, tuple[Former, ...]] = {}
        """By target: how readings of earlier instruments are taken, where that differs."""
        self.refusals: list[tuple[int, BadInput]] = []
        self.refused = 0
        self._directory = directory
        self._limits = limits
        self._subjects: dict[str, tuple[str, str | None] | BadInput] = {}
        self._known: dict[tuple[str, str, str | None], int] = {}

    def take(self, origin: int, subject: str, payload: bytes) -> None:
        """Take one message apart; whatever is wrong with it becomes a refusal."""
        place = self._subjects.get(subject)
        if place is None:
            place = self._subjects[subject] = self._place(subject)
        if isinstance(place, BadInput):
            self._refuse(origin, place)
            return
        try:
            if len(payload) > self._limits.message_bytes:
                raise BadInput(
                    "telemetry.too_big", field="payload", size=len(payload), limit=self._limits.message_bytes
                )
            try:
                body = orjson.loads(payload)
            except orjson.JSONDecodeError:
                body = _lenient(payload)
            self._shape(origin, place[0], place[1], body, payload)
        except BadInput as refusal:
            self._refuse(origin, refusal)

    def _place(self, subject: str) -> tuple[str, str | None] | BadInput:
        """Return (pond, sensor or None for a gateway) of a subject."""
        parts = subject.removeprefix(_PREFIX).split(".")
        if not subject.startswith(_PREFIX) or len(parts) > 2 or not all(map(_ID.fullmatch, parts)):
            return BadInput("telemetry.subject", field="subject", got=excerpt(subject))
        if not self._directory.knows(parts[0]):
            return BadInput("telemetry.unknown_pond", field="pond", pond=parts[0])
        return parts[0], parts[1] if len(parts) == 2 else None

    def _shape(self, origin: int, pond: str, sensor: str | None, body: Any, payload: bytes) -> None:
        if type(body) is dict:
            _no_doubles(payload, body)
            if "times" in body or "values" in body:
                self._columns(origin, pond, sensor, body, "")
            elif "series" in body and sensor is None:
                self._series(origin, pond, body)
            else:
                self._one(origin, pond, sensor, body, "")
        elif type(body) is list:
            if not body:
                raise BadInput("telemetry.empty", field="payload")
            self._count(len(body), "payload")
            _no_doubles(payload, body)
            for index, entry in enumerate(body):
                self._one(origin, pond, sensor, entry, f"[{index}]")
        else:
            raise BadInput("telemetry.shape", field="payload", got=excerpt(body))

    def _one(self, origin: int, pond: str, sensor: str | None, body: Any, prefix: str) -> None:
        """One reading. Inside a list (a *prefix*) a bad one is refused alone."""
        try:
            if type(body) is not dict:
                raise BadInput("telemetry.shape", field=prefix or "payload", got=excerpt(body))
            dot = f"{prefix}." if prefix else ""
            for name in ("time", "value"):
                if name not in body:
                    raise BadInput("telemetry.missing", field=dot + name, where=dot + name)
            target = self._target(pond, sensor, body, dot)
        except BadInput as refusal:
            if not prefix:
                raise
            self._refuse(origin, refusal)
            return
        self.segments.append(Segment(origin, len(self.times), 1, target, True, dot))
        self.times.append(body["time"])
        self.values.append(body["value"])

    def _refuse(self, origin: int, refusal: BadInput, readings: int = 1) -> None:
        # Without its traceback, which would keep this whole batch alive for as long as the refusal.
        self.refusals.append((origin, refusal.with_traceback(None)))
        self.refused += readings

    def _columns(self, origin: int, pond: str, sensor: str | None, body: dict[str, Any], prefix: str) -> None:
        """Columns of one sensor, or with ``sensors`` of many."""
        times, values = _column(body, "times", prefix), _column(body, "values", prefix)
        n = len(times)
        if len(values) != n:
            raise BadInput(
                "telemetry.lengths", field=f"{prefix}values", where=f"{prefix}values", got=len(values), times=n
            )
        if not n:
            raise BadInput("telemetry.empty", field=f"{prefix}times")
        self._count(n, f"{prefix}times")
        if "sensors" not in body:
            try:
                target = self._target(pond, sensor, body, prefix)
            except BadInput as refusal:
                self._refuse(origin, refusal, n)
                return
            self.segments.append(Segment(origin, len(self.times), n, target, False, prefix))
        else:
            if sensor is not None:
                raise BadInput("telemetry.other_sensor", field="sensors", where="sensors", sensor=sensor)
            sensors = _column(body, "sensors", prefix)
            if len(sensors) != n:
                raise BadInput("telemetry.lengths", field="sensors", where="sensors", got=len(sensors), times=n)
            unit = _unit(body, prefix)
            try:
                known = {name: self._find(pond, name, unit) for name in set(sensors)}
                targets = [known[name] for name in sensors]
            except TypeError:  # a list or an object where an id should be
                targets = [self._find(pond, name, unit) for name in sensors]
            self.segments.append(Segment(origin, len(self.times), n, None, False, prefix, targets))
        self.times += times
        self.values += values

    def _series(self, origin: int, pond: str, body: dict[str, Any]) -> None:
        """Columns by sensor id; a bad sensor does not take the others with it."""
        series = body["series"]
        if type(series) is not dict:
            raise BadInput("telemetry.not_object", field="series", where="series", got=excerpt(series))
        if not series:
            raise BadInput("telemetry.empty", field="series")
        columns = [entry.get("times") for entry in series.values() if type(entry) is dict]
        self._count(sum(len(times) for times in columns if type(times) is list), "series")
        unit = body.get("unit")
        for name, entry in series.items():
            prefix = f"series.{excerpt(name)}"
            try:
                if type(entry) is not dict:
                    raise BadInput("telemetry.not_object", field=prefix, where=prefix, got=excerpt(entry))
                if entry.get("times") == [] and entry.get("values") == []:
                    continue  # a sensor that had nothing to say in this round
                if "sensors" in entry or "sensor" in entry:
                    raise BadInput("telemetry.other_sensor", field=f"{prefix}.sensor", where=prefix, sensor=name)
                if not _ID.fullmatch(name):
                    raise _bad_id(name, prefix)
                if unit is not None and "unit" not in entry:
                    entry["unit"] = unit
                self._columns(origin, pond, name, entry, f"{prefix}.")
            except BadInput as refusal:
                self._refuse(origin, refusal)

    def _count(self, n: int, name: str) -> None:
        if n > self._limits.readings:
            raise BadInput("telemetry.too_many", field=name, count=n, limit=self._limits.readings)

    def _target(self, pond: str, sensor: str | None, body: dict[str, Any], prefix: str) -> int:
        """Return the target of one reading or one sensor's columns."""
        if "sensor" in body:
            named = body["sensor"]
            if sensor is not None and named != sensor:
                where = f"{prefix}sensor"
                raise BadInput("telemetry.other_sensor", field=where, where=where, sensor=sensor)
            sensor = named
        elif sensor is None:
            raise BadInput("telemetry.missing", field=f"{prefix}sensor", where=f"{prefix}sensor")
        unit = _unit(body, prefix) if len(body) > 2 else None
        target = self._find(pond, sensor, unit)
        refusal = self.targets[target]
        if isinstance(refusal, BadInput):
            raise within(refusal, prefix)
        return target

    def _find(self, pond: str, sensor: Any, unit: str | None) -> int:
        """Return the target for a sensor and a unit; for what is not known, a target that is a refusal."""
        if type(sensor) is not str:
            self.targets.append(_bad_id(sensor, "sensor"))
            return len(self.targets) - 1
        key = (pond, sensor, unit)
        index = self._known.get(key)
        if index is None:
            index = self._known[key] = len(self.targets)
            self.targets.append(self._resolve(pond, sensor, unit))
        return index

    def _resolve(self, pond: str, sensor: str, unit: str | None) -> tuple[int, float, float] | BadInput:
        if not _ID.fullmatch(sensor):
            return _bad_id(sensor, "sensor")
        entry: SensorEntry | None = self._directory.find(pond, sensor)
        if entry is None:
            return BadInput("telemetry.unknown_sensor", field="sensor", sensor=sensor, pond=pond)
        if entry.retired:
            return BadInput("telemetry.retired", field="sensor", sensor=sensor, pond=pond)
        if unit is None:
            if entry.former:
                self.former[len(self.targets)] = entry.former
            return entry.key, entry.factor, entry.offset
        try:
            factor, offset = to_canonical(entry.kind, unit)
        except BadInput:
            return BadInput("telemetry.unit", field="unit", where="unit", got=excerpt(unit))
        if entry.former:
            self.former[len(self.targets)] = tuple(replace(each, factor=factor, offset=offset) for each in entry.former)
        return entry.key, factor, offset


def excerpt(value: Any) -> str:
    """Return what to repeat back of an offending value: short, printable, and cheap for deep or huge ones."""
    match value:
        case str():
            text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value[:_EXCERPT])
            return text if len(value) <= _EXCERPT else f"{text}…"
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case float():
            return repr(value)
        case int():
            return repr(value) if value.bit_length() <= 64 else "a huge number"
        case list():
            return "[…]"
        case _:
            return "{…}"


def _bad_id(value: Any, where: str) -> BadInput:
    return BadInput("telemetry.id", field=where, where=where, got=excerpt(value))


def within(refusal: BadInput, prefix: str, suffix: str = "") -> BadInput:
    """Return a copy of the refusal whose field stands below *prefix*."""
    where = f"{prefix}{refusal.field}{suffix}"
    params = {**refusal.params, "where": where} if "where" in refusal.params else refusal.params
    return BadInput(refusal.code, field=where, **params)


def _column(body: dict[str, Any], name: str, prefix: str) -> list[Any]:
    column = body.get(name)
    if type(column) is list:
        return column
    where = prefix + name
    if name not in body:
        raise BadInput("telemetry.missing", field=where, where=where)
    raise BadInput("telemetry.not_list", field=where, where=where, got=excerpt(column))


def _unit(body: dict[str, Any], prefix: str) -> str | None:
    unit = body.get("unit")
    if unit is None:
        for name in _MISSPELT_UNIT.intersection(body):
            raise BadInput("telemetry.misspelt", field=prefix + name, where=prefix + name)
        return None
    if type(unit) is not str:
        raise BadInput("telemetry.unit", field=f"{prefix}unit", where=f"{prefix}unit", got=excerpt(unit))
    return unit


def _lenient(payload: bytes) -> Any:
    """Read what the strict parser refused: NaN and Infinity stand in the result, to be refused by name."""
    try:
        return json.loads(payload)
    except RecursionError:
        raise BadInput("telemetry.too_deep", field="payload") from None
    except ValueError as error:
        raise BadInput("telemetry.not_json", field="payload", why=excerpt(str(error))) from None


def _no_doubles(payload: bytes, body: dict[str, Any] | list[Any]) -> None:
    """Refuse a message that says the same field twice: which of two values is meant cannot be known.

    Counting the quoted names is a cheap screen: only where there are more than fields were read is the message
    parsed again, pair by pair.
    """
    if type(body) is dict and "series" not in body:
        if _plain(payload, body):
            return
        if all(payload.count(quoted) <= (name in body) for name, quoted in _KEYS):
            return
    else:
        entries = body if type(body) is list else [body, *_entries(body)]
        present = Counter(name for entry in entries if type(entry) is dict for name in entry)
        if all(payload.count(quoted) <= present[name] for name, quoted in _KEYS):
            return
    try:
        json.loads(payload, object_pairs_hook=_pairs)
    except RecursionError:
        raise BadInput("telemetry.too_deep", field="payload") from None


def _plain(payload: bytes, body: dict[str, Any]) -> bool:
    """Tell whether the payload has the quotes of these fields and of their texts and no more: then none came twice."""
    texts = 0
    for value in body.values():
        if type(value) is str:
            texts += 1
        elif type(value) is list or type(value) is dict:
            return False
    return payload.count(b'"') == 2 * (len(body) + texts)


def _entries(body: Any) -> list[Any]:
    series = body["series"]
    return list(series.values()) if type(series) is dict else []


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        name = excerpt(next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1))
        raise BadInput("telemetry.double", field=name, where=name)
    return result
