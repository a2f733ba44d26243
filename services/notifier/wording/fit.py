"""Putting an SMS together: what must be said, and of the rest as much as two segments hold, the weightiest first."""

from __future__ import annotations

from dataclasses import dataclass

from services.notifier.wording.sms import fits

__all__ = ["Piece", "fitted"]

_COMMA = {"zh": "，", "en": ", "}
_STOP = {"zh": "。", "en": ". "}


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that may be said: ``weight`` 1 before 2 before 3; ``better`` words for it come at their own weight."""

    weight: int
    text: str
    better: str = ""
    better_weight: int = 0


def fitted(head: str, pieces: list[Piece], link: str | None, language: str) -> str:
    """Return *head*, the pieces that fit in their order, and *link*; head and link are never cut.

    A head and a link that fill more than two segments alone are sent as they are: a dearer message, but a whole one.
    """
    chosen: dict[int, str] = {}
    wishes = [(piece.weight, place, piece.text) for place, piece in enumerate(pieces)]
    wishes += [(piece.better_weight, place, piece.better) for place, piece in enumerate(pieces)]
    for _, place, text in sorted(wishes, key=lambda wish: wish[:2]):
        if text and fits(_joined(head, {**chosen, place: text}, link, language)):
            chosen[place] = text
    return _joined(head, chosen, link, language)


def _joined(head: str, chosen: dict[int, str], link: str | None, language: str) -> str:
    text = head
    if chosen:
        text += _STOP[language] + _COMMA[language].join(chosen[place] for place in sorted(chosen))
    return text if not link else f"{text} {link}"
