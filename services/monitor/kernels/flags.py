"""The five quality flags, how several tests' flags combine, and how they are stored.

References
----------
U.S. Integrated Ocean Observing System (2021), Manual for Real-Time Quality Control of Water Level Data,
version 2.1, doi:10.25923/vpsx-dc82.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from services.monitor.kernels.arrays import Array, Flags, Ints

__all__ = [
    "FAIL",
    "MISSING",
    "NOT_EVALUATED",
    "PASS",
    "RULE_SET_VERSION",
    "SUSPECT",
    "TESTS",
    "pack",
    "unpack",
    "worst",
]

PASS = 1
NOT_EVALUATED = 2
SUSPECT = 3
FAIL = 4
MISSING = 9

RULE_SET_VERSION = 1
"""Goes up whenever a test's outcome may change; stored with every reading."""

TESTS = (
    "gap",
    "syntax",
    "gross_range",
    "climatology",
    "spike",
    "step",
    "rate_of_change",
    "flat_line",
    "attenuated",
    "neighbour",
)
"""Order of the tests in a packed word; append only."""

_BITS = 3
_CODE_OF_FLAG = {PASS: 1, NOT_EVALUATED: 2, SUSPECT: 3, FAIL: 4, MISSING: 5}
_FLAG_OF_CODE = np.array([0, PASS, NOT_EVALUATED, SUSPECT, FAIL, MISSING, 0, 0], dtype=np.int8)
# precedence as in ioos_qc: a judgement counts before the absence of one
_FLAG_OF_RANK = np.array([MISSING, NOT_EVALUATED, PASS, SUSPECT, FAIL], dtype=np.int8)
# by the flag's own byte, so that any int8 may be looked up (a negative one counts from the end)
_RANK_OF_FLAG = np.zeros(256, dtype=np.int8)
_RANK_OF_FLAG[_FLAG_OF_RANK] = np.arange(5)
_CODE_TABLE = np.zeros(256, dtype=np.int32)
_CODE_TABLE[list(_CODE_OF_FLAG)] = list(_CODE_OF_FLAG.values())


def worst(*flags: ArrayLike) -> Flags:
    """Combine the flags of several tests: fail, suspect, pass, not evaluated, missing, in this order.

    As in ioos_qc, a judgement counts before the absence of one: missing results only when every test
    says so.

    Examples
    --------
    >>> worst([1, 1, 2, 9], [2, 4, 2, 9], [9, 3, 9, 9]).tolist()
    [1, 4, 2, 9]
    """
    if not flags:
        raise ValueError("at least one test's flags are needed")
    columns = np.broadcast_arrays(*(np.asarray(flag, dtype=np.int8) for flag in flags))
    highest: Array = np.zeros(columns[0].shape, dtype=np.int8)
    for column in columns:
        highest = np.maximum(highest, _RANK_OF_FLAG[column])
    result: Flags = _FLAG_OF_RANK[highest]
    return result


def pack(flags: Mapping[str, ArrayLike]) -> Ints:
    """Pack the flags of several tests into one word per reading, three bits a test.

    Parameters
    ----------
    flags : mapping of test name to int array, shape (m,)
        Names from `TESTS`; a test that is absent reads back as absent.

    Returns
    -------
    int32 array, shape (m,), never negative

    Raises
    ------
    ValueError
        For a name or a flag that does not exist.

    Examples
    --------
    >>> word = pack({"gross_range": [1, 9], "spike": [3, 2]})
    >>> {name: flag.tolist() for name, flag in unpack(word).items()}
    {'gross_range': [1, 9], 'spike': [3, 2]}
    """
    unknown = set(flags) - set(TESTS)
    if unknown:
        raise ValueError(f"no such quality test: {', '.join(sorted(unknown))}")
    word: Array = np.zeros((), dtype=np.int32)
    for name, flag in flags.items():
        column = np.asarray(flag)
        # others come to 0 through the clipping, which is no flag's number
        code: Array = _CODE_TABLE[np.clip(column, 0, 255).astype(np.uint8)]
        if not code.all():
            raise ValueError(f"{name} holds a number that is no quality flag")
        word = word | (code << (_BITS * TESTS.index(name)))
    return word.astype(np.int32)


def unpack(word: ArrayLike) -> dict[str, Flags]:
    """Return the flags that `pack` put into the words; tests no reading was put to are left out.

    A test that only some of the readings were put to is 0 for the others.

    >>> unpack([0])
    {}
    """
    packed = np.asarray(word, dtype=np.int32)
    tests = {name: _FLAG_OF_CODE[(packed >> (_BITS * place)) & 7] for place, name in enumerate(TESTS)}
    return {name: flags for name, flags in tests.items() if flags.any()}
