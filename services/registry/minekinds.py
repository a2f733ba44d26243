"""Mines, mergers and reduction plans as kinds of records."""

from __future__ import annotations

from typing import Any

from services.registry.domain import mine, minelife
from services.registry.domain.merger import decide_merger, evolve_merger
from services.registry.domain.plan import decide_plan, evolve_plan
from shared.contracts.mergers import MERGER_EVENTS, Merger
from shared.contracts.mines import MINE_EVENTS, Mine
from shared.contracts.plans import PLAN_EVENTS, Plan
from shared.eventstore.kinds import Kind

__all__ = ["MERGER", "MINE", "MINE_KINDS", "PLAN"]

MINE: Kind[Mine] = Kind(
    "mine",
    Mine,
    MINE_EVENTS,
    mine.decide,
    minelife.evolve,
    {
        "county": lambda each: each.description.county,
        "name": lambda each: each.description.name,
        "status": lambda each: each.status.value,
        "since": lambda each: each.since,
    },
)
MERGER: Kind[Merger] = Kind(
    "merger",
    Merger,
    MERGER_EVENTS,
    decide_merger,
    evolve_merger,
    {"merger_state": lambda each: each.state.value, "deadline": lambda each: each.merger.deadline},
)
PLAN: Kind[Plan] = Kind("plan", Plan, PLAN_EVENTS, decide_plan, evolve_plan, {"place": lambda each: each.plan.place})
MINE_KINDS: tuple[Kind[Any], ...] = (MINE, MERGER, PLAN)
