"""The scan that finds keys in a TOML text."""

from __future__ import annotations

from shared.contracts.levels import SensorKind
from shared.contracts.registry import SensorDescription
from shared.site.lines import key_lines, line_of
from shared.site.units import canonical_of, canonical_unit, to_canonical

AWKWARD = '''# comment = 1
a = """
[not.a.table]
b = 1
"""
"quoted key" = [ # comment ]
  1, "]",
  { x = 1 },
]
c.d = \'\'\'
e = 2\'\'\'
[ t . u ]  # spaced
v = { w = { x = 1 } }
[[s]]
i = 1
[[s.n]]
j = "a\\"b#"
[s.k]
l = 1979-05-27T07:32:00Z
[[s]]
[s.k]
l = 2'''


def test_awkward_texts() -> None:
    lines = key_lines(AWKWARD)
    assert lines["a",] == 2
    assert ("not", "a", "table") not in lines
    assert lines["quoted key",] == 6
    assert lines["c", "d"] == 10
    assert lines["t", "u"] == 12
    assert lines["t", "u", "v"] == 13
    assert lines["s", 0] == 14
    assert lines["s", 0, "n", 0, "j"] == 17
    assert lines["s", 0, "k", "l"] == 19
    assert lines["s", 1] == 20
    assert lines["s", 1, "k", "l"] == 22


def test_the_nearest_table_around_an_unknown_key() -> None:
    lines = key_lines(AWKWARD)
    assert line_of(lines, ("t", "u", "v", "w", "x")) == 13
    assert line_of(lines, ("s", 0, "zz")) == 14
    assert line_of(lines, ("nowhere",)) == 1
    assert line_of({}, ()) == 1


def test_units_are_exact() -> None:
    assert to_canonical(SensorKind.RAIN, "in") == (25.4, 0.0)
    assert to_canonical(SensorKind.WATER_LEVEL, "ft") == (0.3048, 0.0)
    assert canonical_unit(SensorKind.DISPLACEMENT) == "mm"
    lidar = SensorDescription(
        id="d", kind=SensorKind.WATER_DISTANCE, unit="cm", expected_interval_s=300, zero_level=10.0
    )
    factor, offset = canonical_of(lidar)
    assert 250 * factor + offset == 7.5
