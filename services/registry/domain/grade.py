"""The grade 等别 of a tailings pond, computed from its storage and its dam's height.

References
----------
GB 39496-2020 尾矿库安全规程, in force 2021-09-01: the table of grades, and how two different ones make one.
"""

from __future__ import annotations

from bisect import bisect_right

from shared.contracts.pondfiles import PondFacts

__all__ = ["HEIGHTS_M", "VOLUMES_10K_M3", "computed_grade", "grade_of"]

VOLUMES_10K_M3 = (100.0, 1_000.0, 10_000.0, 50_000.0)
"""Full storage [10⁴ m³] from which a pond is of grade 4, 3, 2, 1; below the first it is of grade 5."""
HEIGHTS_M = (30.0, 60.0, 100.0, 200.0)
"""Dam height [m] from which a pond is of grade 4, 3, 2, 1."""


def grade_of(volume_10k_m3: float | None, dam_height_m: float | None) -> int | None:
    """Return the grade, 1 (the highest) to 5, or None when neither size is known.

    Of two grades that differ by one the higher counts, of two further apart the higher minus one step. When only
    one size is known, its grade is all there is to say.

    >>> grade_of(1_500.0, 45.0), grade_of(1_500.0, 20.0), grade_of(None, 45.0)
    (3, 4, 4)
    """
    by_volume = None if volume_10k_m3 is None else 5 - bisect_right(VOLUMES_10K_M3, volume_10k_m3)
    by_height = None if dam_height_m is None else 5 - bisect_right(HEIGHTS_M, dam_height_m)
    if by_volume is None or by_height is None:
        return by_height if by_volume is None else by_volume
    higher, lower = min(by_volume, by_height), max(by_volume, by_height)
    return higher if lower - higher <= 1 else higher + 1


def computed_grade(facts: PondFacts) -> int | None:
    """Return the grade that a pond's facts give."""
    return grade_of(facts.volume_10k_m3, facts.dam_height_m)
