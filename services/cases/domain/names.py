"""Names and texts as people give them: which are blank, and which mean the same person."""

from __future__ import annotations

from collections.abc import Iterable

from shared.names import has_controls, is_blank, same_name
from shared.problems import BadInput

__all__ = ["blank", "named", "same_person", "signed"]

blank = is_blank


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


def signed(**names: str) -> None:
    """Refuse the first of *names* of people that is blank, or holds what no name has.

    Raises
    ------
    BadInput
        ``acts.blank``, ``acts.controls``; ``field`` is its name.
    """
    named(**names)
    for field, name in names.items():
        if has_controls(name):
            raise BadInput("acts.controls", field=field, name=field)


def same_person(name: str, others: Iterable[str]) -> bool:
    """Tell whether *name* is one of *others*, however it is written; see ``shared.names.same_name``.

    >>> same_person("张 三", ["张三"]), same_person("ＬＩ Lei", ["li lei"]), same_person("李四", ["张三"])
    (True, True, False)
    """
    return any(same_name(name, other) for other in others)
