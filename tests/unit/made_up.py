"""Values of contracts with something in every field, for tests of how they look. They pass no validation."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

from pydantic import AwareDatetime, BaseModel

__all__ = ["made_up"]

T = TypeVar("T")

_PLAIN: dict[Any, Any] = {
    bool: True,
    bytes: bytes(range(32)),
    int: 7,
    float: 1234.5,
    datetime: datetime(2026, 7, 1, 22, 5, 7, tzinfo=UTC),
    AwareDatetime: datetime(2026, 7, 1, 22, 5, 7, tzinfo=UTC),
    date: date(2026, 7, 2),
    UUID: UUID("01890000-0000-7000-8000-0123456789ab"),
}


def made_up(kind: type[T]) -> T:
    """Return a value of *kind*: every text long, in both languages, every list of two."""
    return cast("T", _value(kind, kind.__name__))


def _value(kind: Any, name: str) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind is str or kind is Any:
        return _text(name)
    if origin is Annotated:
        return _value(inner[0], name)
    if origin is Literal:
        return inner[0]
    if origin in (Union, types.UnionType):
        return _value(next(each for each in inner if each is not type(None)), name)
    if origin in (tuple, list, Sequence):
        count = inner if origin is tuple and inner[-1] is not Ellipsis else (inner[0],) * 2
        return tuple(_value(each, name) for each in count)
    if origin in (dict, Mapping):
        return {_value(inner[0], f"{name}_key"): _value(inner[1], name)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return list(kind)[-1]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.model_construct(**{n: _value(f.annotation, n) for n, f in kind.model_fields.items()})
    if is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        return kind(**{field.name: _value(hints[field.name], field.name) for field in fields(kind) if field.init})
    raise TypeError(f"{name}: nothing is made up for {kind!r}")


def _text(name: str) -> str:
    if "sha256" in name:
        return "0123456789abcdef" * 4
    if name == "id" or name.endswith(("_id", "_key")):
        return f"{name}-20260701-001".replace("_", "-")
    return f"{name} of Long Valley No. 2 龙湾尾矿库二号坝体 [not a style] who had more to say than one line holds"
