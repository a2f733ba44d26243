"""The three-year rule: a pond out of use for more than three years and not deregistered is overdue, and says so.

Source: the closure situations of tailings ponds (停用超过 3 年), as in the letter this register answers. The rule
asks the file and a day, nothing else, so that views of any day and the reminders reckon alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar

from pydantic import Field

from services.registry.domain.terms import months_after
from shared.contracts.acts import Asked, Kept
from shared.contracts.base import Command
from shared.contracts.pondfiles import ClosureOverdue, PondFile, PondUse
from shared.problems import NotFound

__all__ = [
    "RULE",
    "OverdueRule",
    "RemindOverdue",
    "Reminders",
    "closure_late",
    "decide_reminders",
    "evolve_reminders",
    "missed",
    "overdue_since",
]


@dataclass(frozen=True, slots=True)
class OverdueRule:
    """After how many months out of use a pond is overdue, and how many months apart reminders follow."""

    after_months: int = 36
    remind_months: int = 6


RULE = OverdueRule()


class Reminders(Kept):
    """What was raised of a pond last: the stage, and the time out of use it belongs to."""

    term: int = 0
    """0: raised before terms were counted."""
    out_of_use_since: date
    stage: int
    due_on: date


class RemindOverdue(Command):
    """The clock's doing: raise what fell due before *today*."""

    command_name: ClassVar[str] = "registry.remind_overdue"
    file: PondFile
    today: date
    after_months: int = Field(default=RULE.after_months, ge=1)
    remind_months: int = Field(default=RULE.remind_months, ge=1)


def overdue_since(file: PondFile, day: date, rule: OverdueRule = RULE) -> date | None:
    """Return the day after which the pond was overdue, or None when on *day* it is not.

    The term's last day still belongs to it: a pond out of use since 2019-05-01 is overdue from 2022-05-02 on, and
    2022-05-01 is the answer.
    """
    if file.out_of_use_since is None or file.use is PondUse.DEREGISTERED:
        return None
    due = months_after(file.out_of_use_since, rule.after_months)
    return due if day > due else None


def closure_late(file: PondFile, day: date) -> bool:
    """Tell whether a closure procedure still runs after its (extended) due day."""
    closure = file.closure
    if closure is None or file.use is not PondUse.CLOSING:
        return False
    return day > (closure.due if closure.extended_to is None else closure.extended_to)


def missed(file: PondFile, today: date, known: Reminders | None, rule: OverdueRule = RULE) -> list[tuple[int, date]]:
    """Return the stages that fell due before *today* and were not raised, each with the day it fell due.

    Deregistration ends them: a stage that held on any day before it is raised even when noticed only afterwards. A pond
    that was used again and stopped anew begins with stage 1, and so does a corrected day: its stages are others.
    """
    since = file.out_of_use_since
    if since is None:
        return []
    end = today
    if file.use is PondUse.DEREGISTERED and file.use_since is not None:
        end = min(today, file.use_since - timedelta(days=1))
    raised = known.stage if known is not None and _same_term(known, file) and known.out_of_use_since == since else 0
    found: list[tuple[int, date]] = []
    while True:
        due = months_after(since, rule.after_months + raised * rule.remind_months)
        if due >= end:
            return found
        raised += 1
        found.append((raised, due))


def _same_term(known: Reminders, file: PondFile) -> bool:
    return known.term in (0, file.term)


def decide_reminders(asked: Asked[RemindOverdue], state: Reminders | None) -> list[ClosureOverdue]:
    """Raise every stage that was missed, dated on the day it fell due: no day's record depends on who was awake.

    Of a corrected day only the latest stage is raised, and says how many it stands for: the earlier ones were told, of
    the day that was wrong.
    """
    file, command = asked.command.file, asked.command
    stages = missed(file, command.today, state, OverdueRule(command.after_months, command.remind_months))
    if state is None and not stages:
        raise NotFound("acts.unknown", record=f"closure {file.id}")
    corrected = state is not None and _same_term(state, file) and state.out_of_use_since != file.out_of_use_since
    told = stages[-1:] if corrected else stages
    events: list[ClosureOverdue] = []
    last = None if state is None else state.last_on
    for stage, due in told:
        assert file.out_of_use_since is not None, "only a pond out of use has stages"
        # A day corrected backwards may make a later stage fall due before an earlier one was: a stream's days ascend.
        last = due if last is None else max(due, last)
        events.append(
            ClosureOverdue(
                pond_id=file.id,
                name=file.name,
                county=file.county,
                out_of_use_since=file.out_of_use_since,
                term=file.term,
                stage=stage,
                due_on=due,
                passed_over=len(stages) - len(told),
                corrected=corrected,
                on=last,
                at=asked.at,
                by="registry",
            )
        )
    return events


def evolve_reminders(state: Reminders | None, event: ClosureOverdue) -> Reminders:
    """Return what was raised after *event*."""
    return Reminders(
        id=event.pond_id,
        last_on=event.on,
        term=event.term,
        out_of_use_since=event.out_of_use_since,
        stage=event.stage,
        due_on=event.due_on,
    )
