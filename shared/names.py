"""Names and texts as people give them: which say nothing, and which mean the same person.

A name is compared by its letters and digits alone. Everything that can be put around or between them without a reader
seeing another name (blanks, dots, dashes, marks, signs of format, fillers that count as letters) does not count, and
neither does a remark in brackets: 张三（县长） is 张三. Two people of one name must be told apart by more than
a remark.
"""

from __future__ import annotations

import unicodedata

__all__ = ["has_controls", "is_blank", "letters_of", "same_name", "visible"]

_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters by their category that show nothing: the fillers of Hangul."""
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Signs that turn the direction of writing: what is read is not what is stored."""


def letters_of(text: str) -> str:
    """Return the letters and digits of *text*, without width, case and marks.

    >>> letters_of("ＬＩ·Lei (\u200b1)"), letters_of("\u3164…")
    ('lilei1', '')
    """
    return _letters(_plain(text))


def is_blank(text: str) -> bool:
    """Tell whether *text* says nothing: spaces, dashes, marks, or signs nobody sees."""
    return not letters_of(text)


def same_name(one: str, other: str) -> bool:
    """Tell whether two names are one person's, however they are written.

    >>> same_name("张 三", "张·三"), same_name("张三（县长）", "张三"), same_name("Wang  Wei", "ｗａｎｇ wei ")
    (True, True, True)
    >>> same_name("张三", "张三丰"), same_name("张三（县长）", "县长")
    (False, False)
    """
    return not _forms(one).isdisjoint(_forms(other))


def has_controls(name: str) -> bool:
    """Tell whether *name* holds what no name has: control characters, signs of direction, halves of characters."""
    return any(_controls(sign) for sign in name)


def visible(text: str) -> str:
    r"""Return *text* with what has_controls finds written out, lines and tabs excepted: safe for any terminal.

    >>> visible("no pond \x1b[2J\u202e"), visible("two\nlines")
    ('no pond \\x1b[2J\\u202e', 'two\nlines')
    """
    return "".join(_escaped(sign) if _controls(sign) and sign not in "\n\t" else sign for sign in text)


def _controls(sign: str) -> bool:
    return sign in _BIDI or unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"}


def _escaped(sign: str) -> str:
    return f"\\x{ord(sign):02x}" if ord(sign) < 0x100 else f"\\u{ord(sign):04x}"


def _forms(name: str) -> set[str]:
    """Return how a name may be read: whole, and without remarks in brackets; as it stands when it has no letter."""
    plain = _plain(name)
    outside, depth = [], 0
    for sign in plain:
        kind = unicodedata.category(sign)
        if kind == "Ps":
            depth += 1
        elif kind == "Pe":
            depth = max(depth - 1, 0)
        elif depth == 0:
            outside.append(sign)
    forms = {_letters(plain), _letters("".join(outside))} - {""}
    return forms or {name.strip()}


def _plain(text: str) -> str:
    """Return *text* decomposed and folded: what is left of a letter with marks is the letter and its marks."""
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())


def _letters(plain: str) -> str:
    return "".join(sign for sign in plain if unicodedata.category(sign)[0] in "LN" and sign not in _FILLERS)
