"""``cases deadlines``: what is due soon, overdue, escalated, and which look-backs are due, on any day."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tailwarden.cli.answers import AS_OF, COUNTY, HOME, JSON, LIMIT, OFFSET, ask, day_of, table
from tailwarden.cli.cases import cases

if TYPE_CHECKING:
    from shared.contracts.deadlines import DeadlineView

__all__ = ["register"]

deadlines = typer.Typer(no_args_is_help=True, help="Deadlines on the working-day calendar. / 按工作日计算的时限。")
ALL = typer.Option(False, "--all", help="Those too whose first reminder is still to come. / 含未到提醒期的。")


def register(app: typer.Typer) -> None:
    """Add this module's commands to the group ``cases``."""
    cases.add_typer(deadlines, name="deadlines")


@deadlines.callback()
def group() -> None:
    """Deadlines on the working-day calendar. / 按工作日计算的时限。"""


@deadlines.command("list")
def list_(
    as_of: datetime | None = AS_OF, county: str | None = COUNTY, everything: bool = ALL, limit: int = LIMIT,
    offset: int = OFFSET, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """List what is due soon, overdue or escalated, the earliest deadline first. / 列出临期、逾期和上提的问题。"""
    from shared.contracts.deadlines import DeadlineList, ListDeadlines
    from shared.words import language, say

    question = ListDeadlines(
        as_of=day_of(as_of), county=county, everything=everything, limit=limit, offset=offset
    )  # fmt: skip
    found = ask(home, question, DeadlineList)
    if as_json:
        typer.echo(found.model_dump_json())
        return
    words = language()
    names = ("finding", "county", "deadline", "left", "standing", "level", "unit", "next")
    table([f"deadlines.{name}" for name in names], [_row(each, words) for each in found.deadlines], "deadlines.none")
    if any(not each.official_calendar for each in found.deadlines):
        typer.echo(say("deadlines.weekends", words, day=found.calendar_until.isoformat()))


def _row(view: DeadlineView, words: str) -> tuple[object, ...]:
    from shared.words import say

    coming = "" if view.next_stage is None else f"{view.next_on} {view.next_stage}"
    return (
        f"{view.finding_id} {view.title}", view.county, view.deadline, _left(view.working_days, words),
        say(f"deadlines.{view.standing.value}", words), say(f"deadlines.at_{view.level.value}", words),
        view.responsible_unit, coming,
    )  # fmt: skip


def _left(days: int, words: str) -> str:
    """Say how many working days there are to the deadline, or have been since."""
    from shared.words import counted, say

    if days == 0:
        return say("deadlines.last_day", words)
    return counted("deadlines.days_left" if days > 0 else "deadlines.days_over", abs(days), words)
