"""However often and seldom somebody looks: each hour of the season has its bulletin once, or was missed for hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.domain.bulletin import BulletinPlan, due, in_season
from tests.prove import examples

PLAN = BulletinPlan()
ZONE = ZoneInfo("Asia/Shanghai")


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZONE)  # type: ignore[arg-type,misc]  # year to minute


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(0, 180 * 24 * 60), st.lists(st.integers(1, 20 * 60), min_size=1, max_size=60))
def test_each_hour_once(start: int, gaps: list[int]) -> None:
    began = datetime(2025, 4, 15, tzinfo=UTC) + timedelta(minutes=start)
    now, last, seen, issued = began, began, [began], []
    for gap in gaps:
        now += timedelta(minutes=gap)
        seen.append(now)
        found = due(PLAN, now, last)
        if found is not None:
            last = found.hour
            issued.append(found.hour)
            assert found.late == (now - found.hour > timedelta(minutes=PLAN.late_minutes))
            assert due(PLAN, now, last) is None
    assert len(set(issued)) == len(issued)
    hours = [
        hour
        for day in range((now - began).days + 3)
        for at in PLAN.times
        if began < (hour := datetime.combine(began.astimezone(ZONE).date() + timedelta(day - 1), at, ZONE)) <= now
        and in_season(PLAN, hour.date())
    ]
    for hour in hours:
        looked = min(each for each in seen if each >= hour)
        following = [other for other in hours if hour < other <= looked]
        missed = looked - hour > timedelta(hours=PLAN.skip_hours) or bool(following)
        assert (hour.astimezone(UTC) in {each.astimezone(UTC) for each in issued}) == (not missed)
    assert len(issued) <= len(hours)


@pytest.mark.parametrize(
    ("now", "last", "hour", "late"),
    [
        (local(2025, 6, 1, 8, 0), local(2024, 9, 30, 22, 0), local(2025, 6, 1, 8, 0), False),
        (local(2025, 6, 1, 7, 59), local(2024, 9, 30, 22, 0), None, False),
        (local(2025, 7, 1, 8, 20), local(2025, 6, 30, 22, 0), local(2025, 7, 1, 8, 0), True),
        (local(2025, 7, 1, 12, 1), local(2025, 6, 30, 22, 0), None, False),  # missed for too long
        (local(2025, 7, 2, 1, 0), local(2025, 7, 1, 14, 0), local(2025, 7, 1, 22, 0), True),  # over midnight
        (local(2025, 10, 1, 1, 0), local(2025, 9, 30, 14, 0), local(2025, 9, 30, 22, 0), True),  # the season's last
        (local(2025, 10, 1, 9, 0), local(2025, 9, 30, 22, 0), None, False),
        (local(2025, 7, 1, 8, 5), local(2025, 7, 1, 8, 0), None, False),
    ],
)
def test_hours_of_the_season(now: datetime, last: datetime, hour: datetime | None, late: bool) -> None:
    found = due(PLAN, now, last)
    assert (None if found is None else (found.hour, found.late)) == (None if hour is None else (hour, late))


def test_a_season_may_wrap_the_year_and_hours_are_sorted() -> None:
    plan = BulletinPlan(times=(time(20), time(6), time(20)), season_from="11-15", season_to="02-28")
    assert plan.times == (time(6), time(20))
    days = [date(2025, 11, 14), date(2025, 11, 15), date(2026, 1, 1), date(2026, 2, 28), date(2026, 3, 1)]
    assert [in_season(plan, day) for day in days] == [False, True, True, True, False]
