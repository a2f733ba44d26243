"""From 57 to 48 as the register counts it: planned and done told apart, names and times, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest

from deploy.demo.letter.script import script
from services.cases.report.build import write_report
from services.cases.report.counting import Count, count
from services.cases.report.facts import Facts
from shared.contracts.acts import Recorded
from shared.contracts.mines import (
    ClosurePlan,
    ClosurePlanned,
    MergerPlanned,
    Mine,
    MineClosed,
    MineDescription,
    MineMerged,
    MineMerger,
    MineRegistered,
    MineStatus,
)
from shared.contracts.plans import DifferenceKind, Plan, PlanDifference, PlanSet, PlanView, ReductionPlan, ScopeKind
from shared.contracts.stories import StoryEntry
from tests.unit.cases.office import Office, text_of

THE_DAY = date(2023, 6, 1)
PLANNED_ON = date(2023, 3, 20)


def entry(stream: str, version: int, event: Recorded) -> StoryEntry:
    return StoryEntry(
        event_id=uuid5(NAMESPACE_URL, f"{stream}/{version}"), service="registry", position=version, stream=stream,
        version=version, type=event.event_type, on=event.on, at=event.at, by=event.by,
        data=event.model_dump(mode="json"),
    )  # fmt: skip


def register(
    closing: int = 6, closed: int = 0, mergers: int = 3, merged: int = 0
) -> tuple[tuple[Mine, ...], dict[str, tuple[StoryEntry, ...]]]:
    """Return 57 mines of three counties with their stories; the first close, the next merge in pairs."""
    mines, stories = [], {}
    for number in range(57):
        mine_id = f"m{number:02d}"
        county = ("元氏县", "行唐县", "平山县")[number % 3]
        stamp: Mapping[str, Any] = {
            "on": date(2022, 12, 31),
            "at": datetime.combine(THE_DAY, time(9), UTC),
            "by": "clerk",
        }
        description = MineDescription(id=mine_id, name=f"矿{number}", county=county)
        told: list[Recorded] = [MineRegistered(mine=description, **stamp)]
        state: dict[str, Any] = {"status": MineStatus.OPERATING, "since": stamp["on"]}
        planning = {**stamp, "on": PLANNED_ON}
        pair, place = divmod(number - closing, 2)
        if number < closing:
            plan = ClosurePlan(basis="law-01", deadline=date(2023, 12, 29), responsible="甲", planned_on=PLANNED_ON)
            told.append(ClosurePlanned(plan=plan, **planning))
            state |= {"closure": plan, "status": MineStatus.CLOSING}
            if number < closed:
                told.append(MineClosed(basis="law-01", evidence=(), **{**stamp, "on": date(2023, 5, 30)}))
                state |= {"status": MineStatus.CLOSED}
        elif pair < mergers:
            members = (f"m{closing + 2 * pair:02d}", f"m{closing + 2 * pair + 1:02d}")
            merger = MineMerger(
                merger_id=f"g{pair}", into=members[0], members=members, deadline=date(2024, 6, 28), responsible="乙",
                planned_on=PLANNED_ON,
            )  # fmt: skip
            told.append(MergerPlanned(merger=merger, **planning))
            state |= {"merger": merger}
            if pair < merged and place == 1:
                on = {**stamp, "on": date(2023, 5, 31)}
                told.append(MineMerged(merger_id=merger.merger_id, into=members[0], evidence=(), **on))
                state |= {"status": MineStatus.MERGED}
        mines.append(Mine(id=mine_id, last_on=told[-1].on, description=description, **state))
        stream = f"mine-{mine_id}"
        stories[stream] = tuple(entry(stream, version, event) for version, event in enumerate(told, 1))
    return tuple(mines), stories


def city_plan(day: date, closed: int, merged: int, differences: tuple[PlanDifference, ...]) -> PlanView:
    plan = ReductionPlan(
        id="p1", title="削减计划", scope=ScopeKind.CITY, place="石家庄市", baseline_on=date(2022, 12, 31),
        baseline_count=57, target_count=48, deadline=date(2024, 6, 28),
    )  # fmt: skip
    return PlanView(
        plan=Plan(id="p1", last_on=PLANNED_ON, plan=plan, first_set_on=PLANNED_ON), version=1, as_of=day,
        mines_before=57, before_from_records=True, mines_planned=48, target_count=48, mines_now=57 - closed - merged,
        closures_planned=6, closures_done=closed, merged_from=6, merged_into=3, merged_from_done=2 * merged,
        merged_into_done=merged, counties=(), items=(), mine_free=(), differences=differences,
    )  # fmt: skip


def facts(
    day: date = THE_DAY,
    *differences: PlanDifference,
    planned: bool = True,
    closed: int = 0,
    merged: int = 0,
    **given: int,
) -> Facts:
    office, story = Office(), script()
    office.play(story.steps, day)
    mines, stories = register(closed=closed, merged=merged, **given)
    plain = office.facts(story.letter_id, day)
    if not planned:
        return replace(plain, mines=mines, stories={**plain.stories, **stories})
    plan = city_plan(day, closed, merged, differences)
    at = datetime.combine(PLANNED_ON, time(9), UTC)
    stories["plan-p1"] = (entry("plan-p1", 1, PlanSet(plan=plan.plan.plan, on=PLANNED_ON, at=at, by="clerk")),)
    return replace(plain, mines=mines, stories={**plain.stories, **stories}, plan=plan)


def test_planned_and_done_are_told_apart() -> None:
    text = text_of(write_report(facts()))
    assert "计划关闭6座矿山，整合重组6座矿山为3座，由57座减少到48座，共减少9座，应于2024年6月28日前完成。" in text
    assert "计划关闭的6座中已关闭0座，计划整合的6座中已整合0座，现有矿山57座。" in text
    later = text_of(write_report(facts(closed=2, merged=1)))
    assert "由57座减少到48座" in later
    assert "计划关闭的6座中已关闭2座，计划整合的6座中已整合2座，现有矿山54座。" in later
    assert "矿0，已于2023年5月30日依法关闭。" in later
    assert "矿6、矿7，已于2023年5月31日整合为矿6。" in later


def test_closures_have_names_times_and_persons_and_late_ones_are_told() -> None:
    text = text_of(write_report(facts()))
    assert "矿0、矿1、矿2、矿3、矿4、矿5，应于2023年12月29日前关闭，责任人甲。" in text
    assert "矿6、矿7，应于2024年6月28日前整合为矿6，责任人乙。" in text
    late = text_of(write_report(facts(day=date(2024, 1, 2))))
    assert "矿4、矿5，应于2023年12月29日前关闭，截至2024年1月2日逾期未关闭，责任人甲。" in late


def test_every_number_rests_on_the_mines_own_events() -> None:
    given = facts(closed=1)
    report = write_report(given)
    of = {source.event_id: source for source in report.sources}
    sentences = [each for block in report.blocks for each in block.sentences]
    registered = next(each for each in sentences if "共登记矿山57座" in each.text)
    types = [report.sources[number - 1].type for number in registered.sources]
    assert types == ["registry.mine.registered"] * 57
    planned = next(each for each in sentences if "由57座减少到48座" in each.text)
    kinds = {report.sources[number - 1].type for number in planned.sources}
    assert kinds == {"registry.plan.set", "registry.mine.closure_planned", "registry.mine.merger_planned"}
    done = next(each for each in sentences if "已关闭1座" in each.text and "6座中" in each.text)
    assert [report.sources[number - 1].type for number in done.sources] == ["registry.mine.closed"]
    assert len(of) == len(report.sources)


def test_of_a_large_register_the_report_says_that_it_cites_a_part() -> None:
    given = facts()
    stories = {stream: told for stream, told in given.stories.items() if not stream.startswith("mine-m5")}
    text = text_of(write_report(replace(given, stories=stories)))
    assert "共登记矿山57座（来源只列其中50座的登记，其余见登记册）。" in text


def test_without_any_plan_it_says_what_is_missing() -> None:
    report = write_report(facts(planned=False, closing=0, mergers=0))
    text = text_of(report)
    assert "尚未登记削减计划：关闭矿山的数量、名称和时间进度均未明确" in text
    assert "元氏县矿山数量：登记19座；截至2023年6月1日，没有登记任何关闭计划" in text
    assert "座减少到" not in text


def test_mines_own_plans_are_added_up_where_nobody_has_set_one() -> None:
    text = text_of(write_report(facts(planned=False)))
    assert "尚未登记削减计划" in text
    assert "各矿登记合计：拟关闭6座，拟将6座整合为3座" in text


@pytest.mark.parametrize("kind", list(DifferenceKind))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_where_plan_and_register_differ_is_told(kind: DifferenceKind, language: str) -> None:
    difference = PlanDifference(kind=kind, name="矿0", expected=47, found=48)
    given = replace(facts(THE_DAY, difference), language=language)
    label = "计划与登记册不一致：" if language == "zh" else "Plan and register do not agree: "
    told = [block for block in write_report(given).blocks if block.label == label]
    assert len(told) == 1
    assert "矿0" in told[0].sentences[0].text
    assert told[0].missing


def test_counties_are_counted_apart() -> None:
    given = facts(closed=1)
    parts = [count(given, county) for county in ("元氏县", "行唐县", "平山县")]
    assert sum(part.registered for part in parts) == 57
    assert sum(len(part.closing) for part in parts) == 6
    assert sum(part.now for part in parts) == count(given).now == 56
    assert Count(()).planned == 0
