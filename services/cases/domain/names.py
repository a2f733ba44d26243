"""Names and texts as people give them: which are blank, and which mean the same person."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from shared.problems import BadInput

__all__ = ["blank", "named", "same_person"]


def blank(text: str) -> bool:
    """Tell whether *text* says nothing: spaces, dashes, or signs nobody sees."""
    return not any(letter.isalnum() for letter in text)


def named(**texts: str) -> None:
    """Refuse the first of *texts* that is blank.

    Raises
    ------
    BadInput
        ``acts.blank``; ``field`` is its name.
    """
    for name, text in texts.items():
        if blank(text):
            raise BadInput("acts.blank", field=name, name=name)


def same_person(name: str, others: Iterable[str]) -> bool:
    """Tell whether *name* is one of *others*, however it is written: width, case and blanks do not count.

    >>> same_person("张 三", ["张三"]), same_person("ＬＩ Lei", ["li lei"]), same_person("李四", ["张三"])
    (True, True, False)
    """
    wanted = _plain(name)
    return any(_plain(other) == wanted for other in others)


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    # Format signs (zero-width spaces and the like) are as invisible as blanks.
    return "".join(sign for sign in folded if not sign.isspace() and unicodedata.category(sign) != "Cf")
