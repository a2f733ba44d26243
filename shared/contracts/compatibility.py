"""Whether a changed schema still keeps the promise of the old one: a pure function over two JSON Schemas.

Every difference is *narrower* (something that was accepted no longer is), *wider* (something may now come that
never came before), or both. Which of them breaks depends on who holds the schema:

- a **command** is accepted from others: narrower breaks them, wider does not;
- a **reply** is read by others: wider breaks them, narrower does not;
- an **event** is read by others and stays in the log for ever: both break, only a new optional field is free.

The schemas are those pydantic writes: ``$ref`` into ``$defs``, ``anyOf``, ``enum``, ``const``, ``prefixItems``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Flag, StrEnum
from typing import Any, assert_never

__all__ = ["Difference", "Effect", "Role", "breaking", "differences"]

Schema = Mapping[str, Any]


class Effect(Flag):
    """What a difference does to the set of accepted values."""

    NARROWER = 1
    WIDER = 2
    BOTH = 3


class Role(StrEnum):
    """What a schema describes."""

    COMMAND = "command"
    REPLY = "reply"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: where (a dotted path), what it does, and in words."""

    path: str
    effect: Effect
    what: str

    def __str__(self) -> str:
        return f"{self.path or '(whole)'}: {self.what}"


def breaking(old: Schema, new: Schema, role: Role) -> list[Difference]:
    """Return the differences that break whoever relies on *old*; empty when *new* is compatible.

    >>> number, text = {"type": "number"}, {"type": "string"}
    >>> [str(d) for d in breaking({"properties": {"a": number}}, {"properties": {"a": text}}, Role.REPLY)]
    ['a: string is new']
    """
    match role:
        case Role.COMMAND:
            harm = Effect.NARROWER
        case Role.REPLY:
            harm = Effect.WIDER
        case Role.EVENT:
            harm = Effect.BOTH
        case _:
            assert_never(role)
    return [difference for difference in differences(old, new) if difference.effect & harm]


def differences(old: Schema, new: Schema) -> list[Difference]:
    """Return every difference of meaning, in the order of the schema; descriptions and titles do not count."""
    return list(_Walk(old, new).compare(old, new, ""))


class _Walk:
    """A walk over two schemas at once; it remembers the pairs it has compared (schemas may refer to themselves)."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[str, str]] = set()

    def compare(self, old: Schema, new: Schema, path: str) -> Iterator[Difference]:
        pair = (str(old.get("$ref", "")), str(new.get("$ref", "")))
        if all(pair):
            if pair in self._seen:
                return
            self._seen.add(pair)
        olds, news = _by_kind(list(_alternatives(old, self._old)), list(_alternatives(new, self._new)))
        if "integer" in olds and "number" in news and "integer" not in news:
            yield Difference(path, Effect.WIDER, "whole numbers became numbers")
            olds["number"] = olds.pop("integer")
        elif "number" in olds and "integer" in news and "integer" not in olds and "number" not in news:
            yield Difference(path, Effect.NARROWER, "numbers became whole numbers")
            olds["integer"] = olds.pop("number")
        for kind in news:
            if kind not in olds:
                yield Difference(path, Effect.WIDER, f"{kind} is new")
        for kind, one in olds.items():
            if kind not in news:
                yield Difference(path, Effect.NARROWER, f"{kind} is no longer accepted")
            else:
                yield from self._same_kind(one, news[kind], path)

    def _same_kind(self, old: Schema, new: Schema, path: str) -> Iterator[Difference]:
        yield from _choices(old, new, path)
        yield from _bounds(old, new, path)
        yield from _forms(old, new, path)
        yield from self._items(old, new, path)
        yield from self._properties(old, new, path)

    def _items(self, old: Schema, new: Schema, path: str) -> Iterator[Difference]:
        was, now = old.get("prefixItems", []), new.get("prefixItems", [])
        if len(was) != len(now):
            yield Difference(path, Effect.BOTH, f"{len(was)} fixed entries became {len(now)}")
        for index, (one, other) in enumerate(zip(was, now, strict=False)):
            yield from self.compare(one, other, f"{path}[{index}]")
        yield from self._inner(old.get("items", True), new.get("items", True), f"{path}[]")

    def _inner(self, old: Any, new: Any, path: str) -> Iterator[Difference]:
        """Compare what may be a schema, or true (anything) or false (nothing)."""
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from self.compare(old, new, path)
        elif isinstance(old, Mapping) or isinstance(new, Mapping) or old != new:
            before, after = _freedom(old), _freedom(new)
            yield Difference(path, Effect.WIDER if after > before else Effect.NARROWER, "other entries are judged anew")

    def _properties(self, old: Schema, new: Schema, path: str) -> Iterator[Difference]:
        was: Mapping[str, Schema] = old.get("properties", {})
        now: Mapping[str, Schema] = new.get("properties", {})
        needed, needs = set(old.get("required", [])), set(new.get("required", []))
        for name, schema in was.items():
            where = f"{path}.{name}" if path else name
            if name not in now:
                yield Difference(where, Effect.BOTH, "the field is gone")
                continue
            if name in needs - needed:
                yield Difference(where, Effect.NARROWER, "the field is now required")
            if name in needed - needs:
                yield Difference(where, Effect.WIDER, "the field is no longer always there")
            yield from self.compare(schema, now[name], where)
        for name in now:
            if name not in was and name in needs:
                where = f"{path}.{name}" if path else name
                yield Difference(where, Effect.NARROWER, "a new field is required")
        if "object" in (_kind(old), _kind(new)):
            # Fields a schema does not name: refused (false), ignored (not said), or of a given kind.
            more, other = old.get("additionalProperties", True), new.get("additionalProperties", True)
            yield from self._inner(more, other, f"{path}.*" if path else "*")


def _alternatives(schema: Schema, root: Schema) -> Iterator[Schema]:
    """Yield what a value may be, with references followed and unions flattened."""
    if "$ref" in schema:
        node: Any = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            node = node[part]
        yield from _alternatives(node, root)
        return
    union = schema.get("anyOf") or schema.get("oneOf")
    if union:
        for one in union:
            yield from _alternatives(one, root)
        return
    kinds = schema.get("type")
    if isinstance(kinds, list):
        for kind in kinds:
            yield {**schema, "type": kind}
        return
    yield schema


def _by_kind(old: list[Schema], new: list[Schema]) -> tuple[dict[str, Schema], dict[str, Schema]]:
    """Return the alternatives of two unions under the names they are matched by.

    A union of several objects (or lists) matches them by title, in both schemas alike.
    """
    kinds = [[_kind(one) for one in side] for side in (old, new)]
    several = {kind for side in kinds for kind in side if side.count(kind) > 1}

    def named(side: list[Schema]) -> dict[str, Schema]:
        return {f"{kind} {one.get('title', '')}" if (kind := _kind(one)) in several else kind: one for one in side}

    return named(old), named(new)


def _kind(schema: Schema) -> str:
    """Return what sort of value a schema accepts, in words."""
    kind = schema.get("type")
    if kind is None:
        if "enum" in schema or "const" in schema:
            return "choice"
        return "object" if "properties" in schema else "anything"
    if kind == "string" and schema.get("format") in ("date", "date-time", "uuid"):
        return f"string ({schema['format']})"
    return str(kind)


def _choices(old: Schema, new: Schema, path: str) -> Iterator[Difference]:
    was, now = _allowed(old), _allowed(new)
    if was == now:
        return
    if was is None:
        yield Difference(path, Effect.NARROWER, "only listed values are accepted now")
    elif now is None:
        yield Difference(path, Effect.WIDER, "any value may come now")
    else:
        for value in sorted(was - now):
            yield Difference(path, Effect.NARROWER, f"{value} is no longer among the values")
        for value in sorted(now - was):
            yield Difference(path, Effect.WIDER, f"{value} is a new value")


def _allowed(schema: Schema) -> set[str] | None:
    if "const" in schema:
        return {repr(schema["const"])}
    return {repr(value) for value in schema["enum"]} if "enum" in schema else None


def _bounds(old: Schema, new: Schema, path: str) -> Iterator[Difference]:
    """Compare limits: a higher least or a lower most is narrower."""
    for sign, names in (
        (1, ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")),
        (-1, ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")),
    ):
        for name in names:
            was, now = old.get(name), new.get(name)
            if was == now:
                continue
            if was is None:
                effect = Effect.NARROWER
            elif now is None:
                effect = Effect.WIDER
            else:
                effect = Effect.NARROWER if (now - was) * sign > 0 else Effect.WIDER
            yield Difference(path, effect, f"{name} {_shown(was)} became {_shown(now)}")


def _forms(old: Schema, new: Schema, path: str) -> Iterator[Difference]:
    """Compare what cannot be ordered: another pattern is taken to accept other values both ways."""
    for name in ("pattern", "format", "multipleOf", "uniqueItems"):
        was, now = old.get(name), new.get(name)
        if was == now:
            continue
        effect = Effect.NARROWER if was is None else Effect.WIDER if now is None else Effect.BOTH
        yield Difference(path, effect, f"{name} {_shown(was)} became {_shown(now)}")


def _freedom(schema: Any) -> int:
    """Order nothing < something judged < anything."""
    return 0 if schema is False else 2 if schema is True else 1


def _shown(value: Any) -> str:
    return "(none)" if value is None else str(value)
