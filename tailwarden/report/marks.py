"""What the renderings share: runs of source numbers, and text without signs that XML cannot hold."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["clean", "runs_of"]

_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def clean(text: str) -> str:
    r"""Return *text* without the control signs that neither Word nor Excel can keep.

    >>> clean("a\x07b")
    'ab'
    """
    return _UNFIT.sub("", text)


def runs_of(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and last number of every run of three and more; shorter runs stay apart.

    >>> runs_of([1, 2, 5, 6, 7, 9])
    [(1, 1), (2, 2), (5, 7), (9, 9)]
    """
    runs: list[tuple[int, int]] = []
    ordered = sorted(set(numbers))
    begin = 0
    for place in range(1, len(ordered) + 1):
        if place < len(ordered) and ordered[place] == ordered[place - 1] + 1:
            continue
        run = ordered[begin:place]
        runs += [(run[0], run[-1])] if len(run) > 2 else [(number, number) for number in run]
        begin = place
    return runs
