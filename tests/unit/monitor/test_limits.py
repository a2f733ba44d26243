"""Which limits are in force when: documents by effective date, seasons, points before quantities, local midnights."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from services.monitor.domain.ponds import limits_in_force, quantity_of, schedule
from shared.contracts.levels import SensorKind
from shared.contracts.registry import LimitBand, LimitDocument
from tests.unit.monitor.world import pond, sensor

LEVEL = sensor("level-1")


def document(name: str, since: date, **bands: tuple[LimitBand, ...]) -> LimitDocument:
    return LimitDocument(
        document=name, effective_from=since, bands={key.replace("__", ":"): each for key, each in bands.items()}
    )


YEAR = document("year", date(2020, 1, 1), level=(LimitBand(blue=1.0),))
SEASON = document(
    "season",
    date(2020, 1, 1),
    level=(LimitBand(blue=1.0), LimitBand(blue=0.5, season_from="06-01", season_to="09-30")),
)


def test_the_newest_document_in_force_decides() -> None:
    newer = document("newer", date(2024, 7, 1), level=(LimitBand(blue=2.0),))
    setup = pond(LEVEL, limits=(YEAR, newer))
    before, after = (limits_in_force(setup, LEVEL.description, date(2024, month, 1)) for month in (6, 7))
    assert (before.blue, before.document, before.version) == (1.0, "year", 1)
    assert (after.blue, after.document, after.version) == (2.0, "newer", 2)


def test_a_document_adopted_later_but_effective_earlier_goes_before_older_adoptions() -> None:
    first = document("first", date(2024, 7, 1), level=(LimitBand(blue=2.0),))
    correction = document("correction", date(2024, 6, 1), level=(LimitBand(blue=3.0),))
    setup = pond(LEVEL, limits=(first, correction))
    assert limits_in_force(setup, LEVEL.description, date(2024, 8, 1)).document == "correction"


def test_a_document_that_does_not_speak_of_the_quantity_leaves_the_older() -> None:
    other = document("other", date(2024, 1, 1), freeboard=(LimitBand(blue=2.0),))
    setup = pond(LEVEL, limits=(YEAR, other))
    assert limits_in_force(setup, LEVEL.description, date(2024, 8, 1)).document == "year"


def test_a_points_own_limit_goes_before_its_quantitys() -> None:
    own = document(
        "own", date(2020, 1, 1), **{"sensor__level-1": (LimitBand(blue=9.0),), "level": (LimitBand(blue=1.0),)}
    )
    assert own.bands.keys() == {"sensor:level-1", "level"}
    setup = pond(LEVEL, sensor("level-2"), limits=(own,))
    assert [limits_in_force(setup, each.description, date(2024, 1, 1)).blue for each in setup.sensors] == [9.0, 1.0]


@pytest.mark.parametrize(
    ("day", "blue"), [("05-31", 1.0), ("06-01", 0.5), ("09-30", 0.5), ("10-01", 1.0), ("02-29", 1.0)]
)
def test_a_season_includes_its_first_and_last_day(day: str, blue: float) -> None:
    when = date.fromisoformat(f"2024-{day}")
    assert limits_in_force(pond(LEVEL, limits=(SEASON,)), LEVEL.description, when).blue == blue


@pytest.mark.parametrize(
    ("day", "blue"), [("10-31", None), ("11-01", 0.5), ("12-31", 0.5), ("01-01", 0.5), ("02-01", None)]
)
def test_a_season_may_wrap_the_year_and_outside_it_there_may_be_none(day: str, blue: float | None) -> None:
    winter = document("winter", date(2020, 1, 1), level=(LimitBand(blue=0.5, season_from="11-01", season_to="01-31"),))
    when = date.fromisoformat(f"2023-{day}")
    assert limits_in_force(pond(LEVEL, limits=(winter,)), LEVEL.description, when).blue == blue


def test_without_documents_there_are_no_limits() -> None:
    assert limits_in_force(pond(LEVEL, limits=()), LEVEL.description, date(2024, 1, 1)).four == (None,) * 4


def test_the_schedule_turns_at_local_midnight() -> None:
    setup = pond(LEVEL, limits=(SEASON,), zone="Asia/Shanghai")
    plan = schedule(
        setup, LEVEL.description, datetime(2024, 5, 1, tzinfo=UTC), datetime(2024, 12, 1, tzinfo=UTC)
    )  # fmt: skip
    assert [start.isoformat() for start in plan.starts[1:]] == [
        "2024-05-31T16:00:00+00:00",
        "2024-09-30T16:00:00+00:00",
    ]
    assert plan.at(datetime(2024, 5, 31, 15, 59, tzinfo=UTC)).blue == 1.0
    assert plan.at(datetime(2024, 5, 31, 16, tzinfo=UTC)).blue == 0.5
    assert plan.at(datetime(2020, 1, 1, tzinfo=UTC)).blue == 1.0, "before the span, its first"


def test_a_season_from_29_february_begins_on_1_march_in_other_years() -> None:
    leap = document(
        "leap",
        date(2020, 1, 1),
        level=(LimitBand(blue=1.0), LimitBand(blue=0.5, season_from="02-29", season_to="03-31")),
    )
    setup = pond(LEVEL, limits=(leap,), zone="UTC")
    plan = schedule(setup, LEVEL.description, datetime(2023, 2, 1, tzinfo=UTC), datetime(2023, 3, 20, tzinfo=UTC))
    assert [start.date() for start in plan.starts] == [date(2023, 2, 1), date(2023, 3, 1)]


def test_distance_and_level_are_one_quantity() -> None:
    assert quantity_of(SensorKind.WATER_DISTANCE) == quantity_of(SensorKind.WATER_LEVEL) == "level"
    assert all(quantity_of(kind) for kind in SensorKind)
