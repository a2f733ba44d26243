"""GB 39496-2020 §5.5.4 as a table."""

from __future__ import annotations

import pytest

from services.monitor.domain.rollup import items_to_pond, points_to_item
from shared.contracts.levels import Level

COLOUR = {"-": Level.NONE, "b": Level.BLUE, "y": Level.YELLOW, "o": Level.ORANGE, "r": Level.RED}

TABLE = [
    ("", "-"),
    ("-", "-"),
    ("-----", "-"),
    ("b", "b"),
    ("bbb", "b"),
    ("bbbb", "y"),
    ("bbbb-", "y"),
    ("bbby", "y"),
    ("y", "y"),
    ("yy", "y"),
    ("yyy", "o"),
    ("o", "o"),
    ("oo", "r"),
    ("r", "r"),
    ("rbbbb", "r"),
    # what was promoted counts one step up
    ("bbbbyy", "o"),
    ("bbbbyyo", "r"),
    ("yyyo", "r"),
    # a point counts once: two yellow and two blue are not four blue and two yellow
    ("yybb", "y"),
    ("yybbb", "y"),
    # a group counts once, however large
    ("b" * 12, "y"),
    ("b" * 100, "y"),
    ("b" * 8 + "y", "y"),
    ("y" * 6, "o"),
]


@pytest.mark.parametrize(("points", "expected"), TABLE)
def test_points_to_item_and_items_to_pond(points: str, expected: str) -> None:
    levels = [COLOUR[c] for c in points]
    assert points_to_item(levels) is COLOUR[expected]
    assert points_to_item(reversed(levels)) is COLOUR[expected]
    assert items_to_pond(iter(levels)) is COLOUR[expected]
