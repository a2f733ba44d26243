"""Whether two names are one person's."""

from __future__ import annotations

import unicodedata

__all__ = ["same_name"]


def same_name(one: str, other: str) -> bool:
    """Tell whether two names are the same but for case, width and blanks.

    >>> same_name("Wang  Wei", "wang wei ")
    True
    """
    return _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())
