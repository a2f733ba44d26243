"""The roll-up of GB 39496-2020 §5.5.4 for many cells at once.

The same reading of the standard as `services.monitor.domain.rollup`, which is the reference; kernels
may not import the domain, so the numbers stand here again and a property test holds the two equal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from services.monitor.kernels.arrays import Array, Flags

__all__ = ["roll_up"]

_RED = 4
_ENOUGH = (4, 3, 2)  # blue, yellow, orange: so many count as one of the next


def roll_up(
    levels: ArrayLike, item_index: ArrayLike, cell_index: ArrayLike, n_items: int, n_cells: int
) -> tuple[Flags, Flags]:
    """Roll the levels of points up to items and to cells.

    A cell is a pond at a slot: many ponds at one slot (live) or one pond at many slots (replay).

    Parameters
    ----------
    levels : int array, shape (p,)
        Level of each point, 0 none, 1 blue, 2 yellow, 3 orange, 4 red.
    item_index, cell_index : int array, shape (p,)
        Item (below ``n_items``) and cell (below ``n_cells``) of each point.
    n_items, n_cells : int
        Numbers of items and cells.

    Returns
    -------
    items : int8 array, shape (n_cells, n_items)
        Level of each item; 0 where it has no point.
    cells : int8 array, shape (n_cells,)
        Level of each cell.

    Raises
    ------
    ValueError
        If a level or an index is out of range.

    Examples
    --------
    >>> items, cells = roll_up([1, 1, 1, 1, 3], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1], 2, 2)
    >>> items.tolist(), cells.tolist()
    ([[2, 0], [0, 3]], [2, 3])
    """
    level = np.asarray(levels, dtype=np.int64)
    item = np.asarray(item_index, dtype=np.int64)
    cell = np.asarray(cell_index, dtype=np.int64)
    for name, array, limit in (("level", level, _RED + 1), ("item", item, n_items), ("cell", cell, n_cells)):
        if array.size and (array.min() < 0 or array.max() >= limit):
            raise ValueError(f"every {name} must lie in 0..{limit - 1}")
    key = (cell * n_items + item) * (_RED + 1) + level
    counts = np.bincount(key, minlength=n_cells * n_items * (_RED + 1)).reshape(n_cells, n_items, _RED + 1)
    items = _promoted(counts)
    colours = np.arange(_RED + 1, dtype=np.int8)
    return items, _promoted((items[:, :, None] == colours).sum(axis=1))


def _promoted(counts: Array) -> Flags:
    """Highest level after promotion of counts of shape (..., 5)."""
    best = np.zeros(counts.shape[:-1], dtype=np.int8)
    carried = np.zeros(counts.shape[:-1], dtype=np.int64)
    for level in range(1, _RED + 1):
        here = counts[..., level] + carried
        best[here > 0] = level
        if level < _RED:
            carried = (here >= _ENOUGH[level - 1]).astype(np.int64)
    return best
