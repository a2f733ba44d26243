"""Rolling levels up: points to item, items to pond (GB 39496-2020 §5.5.4).

How the sentence is read here:

- At each step enough of one colour count as one of the next: 4 blue as 1 yellow, 3 yellow as 1 orange,
  2 orange as 1 red. What was promoted counts in the next comparison (4 blue and 2 yellow are 3 yellow,
  hence orange).
- It counts once, however many there are: 30 blue points are one yellow, not seven. The text speaks of
  the item, and a shift common to every point of a survey must not call an evacuation by arithmetic.
- A point is counted at its own colour. That a yellow is also at least blue changes nothing by itself (the
  yellow already stands where the blues would be promoted to), but counting it twice would make two
  yellow and two blue into orange.
- Raising any point never lowers the result.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.contracts.levels import Level

__all__ = ["PROMOTIONS", "items_to_pond", "points_to_item"]

PROMOTIONS: tuple[tuple[Level, int], ...] = ((Level.BLUE, 4), (Level.YELLOW, 3), (Level.ORANGE, 2))
"""How many of a level count as one of the next."""


def points_to_item(levels: Iterable[Level]) -> Level:
    """Return the level of an item (one kind of measurement) from the levels of its points.

    >>> points_to_item([Level.BLUE] * 4).name
    'YELLOW'
    >>> points_to_item([]).name
    'NONE'
    """
    return _promoted(levels)


def items_to_pond(levels: Iterable[Level]) -> Level:
    """Return the level of a pond from the levels of its items, by the same numbers.

    The standard states the step from blue items to yellow; the steps above follow the points' rule.

    >>> items_to_pond([Level.ORANGE, Level.ORANGE, Level.NONE]).name
    'RED'
    """
    return _promoted(levels)


def _promoted(levels: Iterable[Level]) -> Level:
    counts = dict.fromkeys(Level, 0)
    for level in levels:
        counts[level] += 1
    for level, enough in PROMOTIONS:
        if counts[level] >= enough:
            counts[Level(level + 1)] += 1
    return max((level for level, count in counts.items() if count), default=Level.NONE)
