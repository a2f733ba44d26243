"""Grades of ponds from volume and height: the table, its edges, and how two grades make one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.registry.domain.grade import grade_of
from tests.prove import examples


@pytest.mark.parametrize(
    ("volume", "height", "grade"),
    [
        (50_000, 200, 1),
        (49_999, 199.9, 2),
        (10_000, 100, 2),
        (9_999, 99.9, 3),
        (1_000, 60, 3),
        (999, 59.9, 4),
        (100, 30, 4),
        (99.9, 29.9, 5),
        (0, 0, 5),
        # One grade apart: the higher; further apart: the higher minus one.
        (1_000, 45, 3),
        (500, 70, 3),
        (1_000, 20, 4),
        (50_000, 20, 2),
        (50, 250, 2),
        (50, 70, 4),
        # One size known: its grade.
        (None, 45, 4),
        (20_000, None, 2),
        (None, None, None),
    ],
)
def test_each_row_of_the_table(volume: float | None, height: float | None, grade: int | None) -> None:
    assert grade_of(volume, height) == grade


sizes = st.floats(0, 60_000), st.floats(0, 250)


@given(*sizes, *sizes)
@settings(max_examples=examples(200))
def test_a_larger_pond_is_never_of_a_lower_grade(volume: float, height: float, more: float, higher: float) -> None:
    small = grade_of(volume, height)
    large = grade_of(volume + more, height + higher)
    assert small is not None
    assert large is not None
    assert 1 <= large <= small <= 5
