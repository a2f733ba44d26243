"""Named SQL: every statement of the event store in ``*.sql`` files here, after a line ``-- name: …``."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import LiteralString

__all__ = ["statement"]


@cache
def _statements() -> dict[str, str]:
    found: dict[str, str] = {}
    for file in files(__package__).iterdir():
        if not file.name.endswith(".sql"):
            continue
        for part in file.read_text("utf-8").split("-- name: ")[1:]:
            name, _, text = part.partition("\n")
            if name in found:
                raise ValueError(f"named SQL: {name} is defined twice ({file.name})")
            found[name.strip()] = text.strip()
    return found


def statement(name: str) -> LiteralString:
    """Return the statement called *name*.

    Raises
    ------
    KeyError
        If no file here defines it.
    """
    return _statements()[name]
