"""What a text is in, how long it is, and the marks that stand before everything else in it."""

from __future__ import annotations

from typing import Literal

from shared.contracts.base import Record
from shared.words import say

__all__ = ["Language", "Length", "Rendered", "marks"]

Language = Literal["zh", "en"]
Length = Literal["full", "short"]

_FRAME = {"zh": ("【", "】【", "】"), "en": ("(", ", ", ") ")}


class Rendered(Record):
    """A text: a line for channels that show one, and the body, which says everything by itself."""

    subject: str
    body: str


def marks(
    language: Language,
    *,
    exercise: bool = False,
    verified: bool = True,
    late: bool = False,
    again: bool = False,
    some_unverified: bool = False,
    some_late: bool = False,
) -> str:
    """Return the marks: exercise, unverified, late, maybe sent before; nothing when none holds.

    ``some_…``: of several things said together, those of which it holds for a part only.
    """
    holds = {
        "exercise": exercise,
        "unverified": not verified,
        "some_unverified": some_unverified and verified,
        "late": late,
        "some_late": some_late and not late,
        "again": again,
    }
    words = [say(f"message.mark_{name}", language) for name, held in holds.items() if held]
    opening, between, closing = _FRAME[language]
    return f"{opening}{between.join(words)}{closing}" if words else ""
