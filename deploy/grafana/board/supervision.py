"""Supervision: findings until they are closed out, the plan from so many mines to so many, closures, look-backs."""

from __future__ import annotations

from deploy.grafana.board.spec import Board, Column, Panel, Query, Variable

__all__ = ["SUPERVISION"]

UNCHANGED = Column("unchanged_days", "count", width=110)
"""How many days ago the newest act was recorded: the staleness of records."""
_STATE = Column("finding_state", "word", words="finding", width=100)
_FINDING = (Column("finding_id", width=120), Column("title"), Column("county", width=100), _STATE)

_TOTALS = Query(
    "supervision/totals",
    (
        Column("open", "fixed", "#5794F2"), Column("overdue", "fixed", "#E02F44"),
        Column("unassigned", "fixed", "#FF9830"), Column("closed_out", "fixed", "#37872D"),
        Column("relapsed", "fixed", "#B877D9"), UNCHANGED,
    ),
)  # fmt: skip
_COUNTIES = Query(
    "supervision/by_county",
    (
        Column("county"), Column("found", "fixed", "#FF9830"), Column("assigned", "fixed", "#FFCB7D"),
        Column("rectifying", "fixed", "#5794F2"), Column("submitted", "fixed", "#8AB8FF"),
        Column("passed", "fixed", "#73BF69"),
    ),
)  # fmt: skip
_OVERDUE = Query(
    "supervision/overdue",
    (
        *_FINDING, Column("responsible_unit"), Column("person", width=90), Column("deadline", "day", width=110),
        Column("late_days", "count", width=90), Column("listed", "yes_no", width=80), UNCHANGED,
    ),
)  # fmt: skip
_PLAN = Query(
    "supervision/plan",
    (
        Column("baseline_count", "count"), Column("target_count", "count"), Column("mines_now", "count"),
        Column("planned_now", "count"), Column("left_days", "count"), UNCHANGED,
    ),
)  # fmt: skip
_BURNDOWN = Query(
    "supervision/burndown",
    (
        Column("month"), Column("planned", "fixed", "#9E9E9E"), Column("actual", "fixed", "#5794F2"),
        Column("target", "fixed", "#37872D"),
    ),
)  # fmt: skip
_ITEMS = Query(
    "supervision/items",
    (
        Column("kind", "word", words="item", width=90), Column("mine"), Column("county", width=100),
        Column("mine_status", "word", words="mine"), Column("deadline", "day", width=110),
        Column("done_on", "day", width=110), Column("left_days", "count", width=90),
    ),
)  # fmt: skip
_CLOSURES = Query(
    "supervision/closures",
    (
        Column("pond_id", "hidden"), Column("pond"), Column("county", width=100),
        Column("pond_use", "word", words="use"), Column("closure_step", "word", words="step"),
        Column("step_state", "word", words="step_state"), Column("due", "day", width=110),
        Column("left_days", "count", width=90), Column("out_of_use_since", "day", width=110),
        Column("overdue_stage", "count", width=90),
        Column("above_residents", "yes_no", width=80), Column("people_downstream", "count"), UNCHANGED,
    ),
)  # fmt: skip
_LOOK_BACKS = Query(
    "supervision/look_backs",
    (*_FINDING, Column("due", "day", width=110), Column("left_days", "count", width=90), UNCHANGED),
)

SUPERVISION = Board(
    "supervision",
    (
        Panel("supervision_totals", "stat", (_TOTALS,), 12, 5),
        Panel("supervision_plan", "stat", (_PLAN,), 12, 5),
        Panel("supervision_counties", "barchart", (_COUNTIES,), 12, 10, unit="none", stacked=True),
        Panel("supervision_burndown", "barchart", (_BURNDOWN,), 12, 10, unit="none"),
        Panel("supervision_overdue", "table", (_OVERDUE,), 14, 10),
        Panel("supervision_items", "table", (_ITEMS,), 10, 10),
        Panel("supervision_closures", "table", (_CLOSURES,), 14, 10),
        Panel("supervision_look_backs", "table", (_LOOK_BACKS,), 10, 10),
    ),
    begins="now-90d",
    refresh="5m",
    variables=(
        Variable("county", "supervision/variable_county", many=True),
        Variable("plan", "supervision/variable_plan"),
    ),
)
