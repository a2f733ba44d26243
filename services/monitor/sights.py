"""From what the judge found to what the timeline folds: the sight of one pond in one slot."""

from __future__ import annotations

import numpy as np

from services.monitor.domain.timeline import Sight
from services.monitor.judge import NOTICES, Findings
from services.monitor.points import ITEMS, Points
from shared.contracts.levels import Level

__all__ = ["sight_of"]


def sight_of(points: Points, found: Findings, place: int, column: int) -> Sight:
    """Return what the pond at *place* of *found* shows in a slot (*column*)."""
    begin = int(found.starts[place])
    end = int(found.starts[place + 1]) if place + 1 < len(found.starts) else len(found.rows)
    blind = [_sensor(points, found, begin + at) for at in np.flatnonzero(found.blind[begin:end, column]).tolist()]
    notices: list[tuple[str, str]] = []
    for at in np.flatnonzero(found.notice[begin:end, column]).tolist():
        bits, sensor = int(found.notice[begin + at, column]), _sensor(points, found, begin + at)
        notices += [(rule, sensor) for bit, rule in enumerate(NOTICES) if bits >> bit & 1]
    return Sight(
        up=Level(int(found.up[place, column])),
        release=Level(int(found.release[place, column])),
        verified=bool(found.verified[place, column]),
        items=_items(int(found.items[place, column])),
        unseeing=_items(int(found.unseeing[place, column])),
        blind=frozenset(blind),
        notices=frozenset(notices),
    )


def _sensor(points: Points, found: Findings, at: int) -> str:
    return points.setups[int(found.rows[at])][1].description.id


def _items(mask: int) -> frozenset[str]:
    return frozenset(name for bit, name in enumerate(ITEMS) if mask >> bit & 1)
