"""How reduction plans look on a terminal: figures planned and done told apart, then every difference by name."""

from __future__ import annotations

from shared.contracts.plans import PlanDifference, PlanList, PlanView
from shared.words import language, say
from tailwarden.cli.answers import facts, table

__all__ = ["plan_table", "said_difference", "tell_plan"]


def plan_table(found: PlanList) -> None:
    """Print one line a plan."""
    rows = [
        (
            each.id, each.plan.title, each.plan.place, f"{each.plan.baseline_count} → {each.plan.target_count}",
            each.plan.baseline_on.isoformat(), each.plan.deadline.isoformat(), each.revisions,
        )
        for each in found.plans
    ]  # fmt: skip
    headings = ("id", "title", "place", "counts", "baseline_on", "deadline", "revisions")
    table([f"planview.{each}" for each in headings], rows, "planview.none")


def said_difference(difference: PlanDifference, words: str) -> str:
    """Say one difference between plan and register."""
    mine = "" if difference.mine_id is None else f"{difference.name or '?'} ({difference.mine_id})"
    key = f"planview.differs_{difference.kind}"
    if difference.kind.value == "overdue":
        key += "_mine" if mine else "_county" if difference.county else "_plan"
    told = {
        "mine": mine, "county": difference.county, "deadline": difference.deadline,
        "expected": difference.expected, "found": difference.found,
    }  # fmt: skip
    return say(key, words, **told)


def tell_plan(view: PlanView) -> None:
    """Print a plan, its counties, items and goals, and where it does not add up."""
    words, plan = language(), view.plan.plan
    source = "records" if view.before_from_records else "declared"
    before = say(f"planview.before_{source}", words, count=view.mines_before, day=plan.baseline_on)
    facts(
        (f"planview.{name}", value)
        for name, value in (
            ("id", view.plan.id), ("title", plan.title), ("place", plan.place), ("as_of", view.as_of.isoformat()),
            ("deadline", plan.deadline.isoformat()), ("mines_before", before), ("mines_planned", view.mines_planned),
            ("target", view.target_count), ("mines_now", view.mines_now),
            ("closures", _of(view.closures_done, view.closures_planned, words)),
            ("mergers", _merged(view, words)), ("version", view.version),
        )
    )  # fmt: skip
    figures = ("county", "before", "planned", "now", "closures", "merged_from", "merged_into")
    table(
        [f"planview.{each}" for each in figures],
        [
            (
                row.county or "?", row.mines_before, row.mines_planned, row.mines_now,
                _of(row.closures_done, row.closures_planned, words),
                _of(row.merged_from_done, row.merged_from, words), _of(row.merged_into_done, row.merged_into, words),
            )
            for row in view.counties
        ],
        "planview.no_counties",
    )  # fmt: skip
    table(
        [f"planview.{each}" for each in ("item", "mine", "county", "deadline", "state", "done_on")],
        [
            (
                say(f"planview.item_{item.kind}", words, into=item.into), f"{item.name or '?'} ({item.mine_id})",
                item.county, item.deadline.isoformat(), say(f"planview.state_{item.state}", words),
                "" if item.done_on is None else item.done_on.isoformat(),
            )
            for item in view.items
        ],
        "planview.no_items",
    )  # fmt: skip
    for goal in view.mine_free:
        reached = say("planview.not_reached", words)
        if goal.reached_on is not None:
            reached = say("planview.reached", words, on=goal.reached_on)
        told = {"county": goal.county, "deadline": goal.deadline, "now": goal.mines_now, "reached": reached}
        facts([("planview.mine_free", say("planview.goal", words, **told))])
    differences = [say("planview.reconciles", words)] if view.reconciles else []
    differences += [said_difference(each, words) for each in view.differences]
    facts(("planview.differs", each) for each in differences)


def _of(done: int, planned: int, words: str) -> str:
    return say("planview.done_of", words, done=done, planned=planned)


def _merged(view: PlanView, words: str) -> str:
    return say(
        "planview.merged", words, done_from=view.merged_from_done, done_into=view.merged_into_done,
        planned_from=view.merged_from, planned_into=view.merged_into,
    )  # fmt: skip
