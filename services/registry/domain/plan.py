"""A reduction plan: what it must say, and how it is replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from services.registry.domain.texts import check_said
from shared.contracts.acts import Asked, Recorded
from shared.contracts.plans import (
    MineFreeGoal,
    Plan,
    PlannedClosing,
    PlannedMerging,
    PlanSet,
    ReductionPlan,
    ScopeKind,
    SetPlan,
)
from shared.problems import BadInput

__all__ = ["check_plan", "decide_plan", "evolve_plan", "in_scope"]


def in_scope(plan: ReductionPlan, county: str) -> bool:
    """Tell whether a plan is about the mines of a county."""
    if plan.scope is ScopeKind.COUNTY:
        return county == plan.place
    return not plan.counties or county in plan.counties


def check_plan(plan: ReductionPlan) -> None:
    """Refuse a plan that contradicts itself. Where it contradicts the register, its view names it.

    Raises
    ------
    BadInput
        ``acts.blank``, ``plans.deadline``, ``plans.item_late``, ``plans.twice``, ``plans.target_above``,
        ``plans.foreign_county``, ``plans.county_counties``.
    """
    check_said(title=plan.title, place=plan.place)
    if plan.deadline < plan.baseline_on:
        days = {"deadline": plan.deadline.isoformat(), "baseline": plan.baseline_on.isoformat()}
        raise BadInput("plans.deadline", field="plan.deadline", **days)
    if plan.target_count > plan.baseline_count:
        counts = {"target": plan.target_count, "baseline": plan.baseline_count}
        raise BadInput("plans.target_above", field="plan.target_count", **counts)
    if plan.scope is ScopeKind.COUNTY and plan.counties:
        raise BadInput("plans.county_counties", field="plan.counties")
    dated: tuple[tuple[str, Sequence[PlannedClosing | PlannedMerging | MineFreeGoal]], ...] = (
        ("closures", plan.closures),
        ("mergers", plan.mergers),
        ("mine_free", plan.mine_free),
    )
    for name, items in dated:
        for place, item in enumerate(items):
            if not plan.baseline_on <= item.deadline <= plan.deadline:
                days = {"deadline": item.deadline.isoformat(), "baseline": plan.baseline_on.isoformat()}
                raise BadInput(
                    "plans.item_late", field=f"plan.{name}.{place}.deadline", **days, end=plan.deadline.isoformat()
                )
    planned = [item.mine_id for item in plan.closures]
    for merging in plan.mergers:
        if len(set(merging.members)) < len(merging.members):
            raise BadInput("plans.twice", field="plan.mergers", mines=list(merging.members))
        planned += merging.sources
    twice = sorted(mine for mine, times in Counter(planned).items() if times > 1)
    if twice:
        raise BadInput("plans.twice", field="plan", mines=twice)
    counties = [goal.county for goal in plan.mine_free]
    foreign = [county for county in counties if not in_scope(plan, county)]
    if foreign or len(set(counties)) < len(counties):
        raise BadInput("plans.foreign_county", field="plan.mine_free", counties=foreign or counties)


def decide_plan(asked: Asked[SetPlan], state: Plan | None) -> list[Recorded]:
    """Return what the act brings about: nothing when the plan stands so already.

    Raises
    ------
    BadInput
        What ``check_plan`` refuses.
    """
    act = asked.command
    check_said(by=act.by)
    if state is not None and state.plan == act.plan:
        return []
    check_plan(act.plan)
    return [PlanSet(plan=act.plan, on=asked.on, at=asked.at, by=act.by)]


def evolve_plan(state: Plan | None, event: PlanSet) -> Plan:
    """Return the plan after *event*."""
    first, revisions = (event.on, 0) if state is None else (state.first_set_on, state.revisions + 1)
    return Plan(id=event.plan.id, plan=event.plan, first_set_on=first, revisions=revisions, last_on=event.on)
