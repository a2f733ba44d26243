"""Reading a contract from bytes: what does not fit becomes a problem that names the field in words.

Pydantic tells a programmer what was wrong; the person at the far end needs the field and the reason in
their language. The mapping from pydantic's error types to the word catalogue is here and nowhere else.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from shared.problems import BadInput

__all__ = ["bad_input_of", "read_model", "read_value"]

M = TypeVar("M", bound=BaseModel)

_EXCERPT = 80
"""Characters of an offending value that are repeated back; enough to recognise it, too few to flood a log."""

_CHOICE = re.compile(r"'[^']*'|\b(?!or\b)[^\s,']+")
"""One of pydantic's choices: ``'a', 'b' or 3``."""

_REASONS: dict[str, str] = {
    "missing": "input.missing",
    "extra_forbidden": "input.unknown",
    "json_invalid": "input.not_json",
    "json_type": "input.not_json",
    "model_type": "input.not_object",
    "model_attributes_type": "input.not_object",
    "dict_type": "input.not_object",
    "finite_number": "input.not_finite",
    "timezone_aware": "input.no_offset",
    "string_pattern_mismatch": "input.pattern",
    "string_too_short": "input.too_short",
    "string_too_long": "input.too_long",
    "greater_than": "input.too_low",
    "greater_than_equal": "input.too_low",
    "less_than": "input.too_high",
    "less_than_equal": "input.too_high",
    "enum": "input.choice",
    "literal_error": "input.choice",
    "whole_range": "input.outside",
    "day_range": "input.outside",
    "text_blank": "input.blank",
    "text_controls": "input.controls",
}
_KIND_PREFIXES: tuple[tuple[str, str], ...] = (
    ("string", "input.not_text"),
    ("float", "input.not_number"),
    ("int", "input.not_whole"),
    ("bool", "input.not_bool"),
    ("datetime", "input.not_time"),
    ("date", "input.not_date"),
    ("tuple", "input.not_list"),
    ("list", "input.not_list"),
    ("uuid", "input.not_uuid"),
)


def read_model(model: type[M], payload: bytes | str) -> M:
    """Return *payload* (JSON) as *model*.

    Raises
    ------
    BadInput
        If it is not JSON or does not fit; ``field`` is the dotted path of the first fault
        (``sensor.range[1]``), the message says what is wrong and how many more faults there are.
    """
    try:
        return model.model_validate_json(payload)
    except ValidationError as error:
        raise bad_input_of(error) from error


def read_value(model: type[M], value: Any, prefix: str = "") -> M:
    """Return a decoded JSON *value* as *model*; like :func:`read_model`, field names start with *prefix*."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise bad_input_of(error, prefix) from error


def bad_input_of(error: ValidationError, prefix: str = "") -> BadInput:
    """Return the problem that a validation error stands for, worded about its first fault."""
    faults = error.errors(include_url=False)
    fault = faults[0]
    field = _path(fault["loc"], prefix)
    context = fault.get("ctx", {})
    kind = fault["type"]
    params: dict[str, Any] = {
        "where": field or "-",
        "got": _excerpt(fault.get("input")),
        "why": str(context.get("error", fault["msg"])),
        "expected": _choices(kind, str(context.get("expected", context.get("pattern", "")))),
        "least": str(context.get("ge", "")),
        "most": str(context.get("le", "")),
        "limit": _first(context, ("gt", "ge", "lt", "le", "min_length", "max_length")),
        "more": len(faults) - 1,
    }
    return BadInput(_code(kind), field=field or None, **params)


def _code(kind: str) -> str:
    known = _REASONS.get(kind)
    if known is not None:
        return known
    return next((code for prefix, code in _KIND_PREFIXES if kind.startswith(prefix)), "input.invalid")


def _path(location: tuple[int | str, ...], prefix: str) -> str:
    path = prefix
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path


def _excerpt(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"


def _choices(kind: str, expected: str) -> str | list[str]:
    """Return the choices that pydantic joined in English as a list, which is said in the reader's language."""
    return _CHOICE.findall(expected) if kind in ("enum", "literal_error") else expected


def _first(context: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((str(context[name]) for name in names if name in context), "")
