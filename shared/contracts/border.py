"""What no command may carry, whatever its fields: refused where commands are read, so that nothing is stored of it.

Only commands are judged. An event that was stored before a bound was drawn stays readable for ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.names import has_controls, is_blank

__all__ = [
    "FIRST_DAY",
    "LARGEST_WHOLE",
    "LAST_DAY",
    "implausible_days",
    "misread_names",
    "said",
    "unkeepable",
    "written",
]

LARGEST_WHOLE = 2**53 - 1
"""Largest whole number, either sign, that every reader of JSON keeps exactly (RFC 8259, section 6)."""
FIRST_DAY, LAST_DAY = date(1949, 1, 1), date(2199, 12, 31)
"""Days that anything here may have happened on, or be due. Beyond them calendars and sums of days fail."""

Path = tuple[int | str, ...]

_NAMES = frozenset({"name", "by", "approver", "second_approver", "county", "enterprise", "organisation", "owner"})
"""Fields that hold a name, of a pond, a mine, a person or a place, wherever in a command they stand."""


def unkeepable(given: Any) -> list[InitErrorDetails]:
    """Return what of nested data cannot be kept or told: NUL in a text, a whole number that is too large."""
    return [
        InitErrorDetails(type=error, loc=path, input=value)
        for path, value in _leaves(given, ())
        if (error := _unkeepable(value)) is not None
    ]


def implausible_days(model: BaseModel) -> list[InitErrorDetails]:
    """Return the days and moments of a model and what it holds that lie outside of ``FIRST_DAY`` … ``LAST_DAY``."""
    return [
        InitErrorDetails(
            type=PydanticCustomError(
                "day_range", "must lie between {ge} and {le}", {"ge": str(FIRST_DAY), "le": str(LAST_DAY)}
            ),
            loc=path,
            input=value,
        )
        for path, value in _leaves(model, ())
        if isinstance(value, date) and not FIRST_DAY <= _day(value) <= LAST_DAY
    ]


def misread_names(model: BaseModel) -> list[InitErrorDetails]:
    """Return the names in a command that do not read as they are stored: with controls, or signs of direction."""
    return [
        InitErrorDetails(type=_controls(), loc=path, input=value)
        for path, value in _leaves(model, ())
        if isinstance(value, str) and path[-1] in _NAMES and has_controls(value)
    ]


def written(name: str) -> str:
    """Return the name of whoever signs, as it is kept: something a reader sees, and sees as it is stored.

    Raises
    ------
    PydanticCustomError
        ``text_blank``, ``text_controls``.
    """
    if has_controls(name):
        raise _controls()
    return said(name)


def said(text: str) -> str:
    """Return *text* when it says something: a letter or a digit; ``text_blank`` is raised otherwise."""
    if is_blank(text):
        raise PydanticCustomError("text_blank", "must say something: a letter or a digit")
    return text


def _controls() -> PydanticCustomError:
    return PydanticCustomError("text_controls", "must not contain control characters or signs of direction")


def _day(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


def _unkeepable(value: Any) -> PydanticCustomError | None:
    match value:
        case str() if "\x00" in value:
            return PydanticCustomError("text_nul", "text must not contain NUL (U+0000)")
        case int() if abs(value) > LARGEST_WHOLE:
            least, most = str(-LARGEST_WHOLE), str(LARGEST_WHOLE)
            return PydanticCustomError("whole_range", "must lie between {ge} and {le}", {"ge": least, "le": most})
        case _:
            return None


def _leaves(given: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield every value inside nested data, with its path."""
    match given:
        case BaseModel():
            for name in type(given).model_fields:
                yield from _leaves(getattr(given, name), (*path, name))
        case Mapping():
            for key, value in given.items():
                yield from _leaves(value, (*path, str(key)))
        case list() | tuple():
            for index, value in enumerate(given):
                yield from _leaves(value, (*path, index))
        case _:
            yield path, given
