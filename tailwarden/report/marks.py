"""Source numbers as they stand in a text: runs of numbers put together."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["runs_of"]


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
