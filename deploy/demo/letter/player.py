"""Enters the letter's story into a running system, by anybody's commands, and reads back what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from deploy.demo.letter.script import Script
from services.cases.report.ponds import pond_standing
from shared.bus.rpc import CommandClient
from shared.contracts.cases import FindingList, FindingSource, LetterView, ListFindings, ReceiveLetter, ShowLetter
from shared.contracts.commands import REPLIES
from shared.contracts.mines import ListMines, MineList
from shared.contracts.plans import ListPlans, PlanList, PlanView, ShowPlan
from shared.contracts.pondfiles import PondFileView, ShowPondFile
from shared.problems import Fault, NotFound
from shared.words import say

__all__ = ["Figures", "enter", "figures", "wait_for_reminders"]

REMINDER_LIMIT = 20.0
"""Longest wait for the register to say by itself that the ponds' closure is overdue [s]."""
PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Figures:
    """What the system says of the story on a day, and where that is not what the letter says."""

    told: dict[str, Any]
    wrong: list[str] = field(default_factory=list)


async def enter(client: CommandClient, script: Script, shown: Callable[[int], None] = lambda _: None) -> int:
    """Send every command of the story in the order of its days; return how many.

    Before the letter comes, the register's own word is awaited: it had the ponds' closure overdue before anybody wrote.

    Raises
    ------
    TailwardenError
        What a service refuses.
    """
    for count, step in enumerate(script.steps, 1):
        if isinstance(step.command, ReceiveLetter):
            await wait_for_reminders(client, script)
        await client.send(step.command, REPLIES[type(step.command)])
        shown(count)
    return len(script.steps)


async def wait_for_reminders(client: CommandClient, script: Script) -> None:
    """Wait until the register has raised the overdue closures by itself, and the cases have opened findings of them.

    Raises
    ------
    Fault
        ``letter.no_reminder`` when they do not.
    """
    end = time.monotonic() + REMINDER_LIMIT
    for pond in script.ponds:
        while not any(
            finding.source is FindingSource.CLOSURE_OVERDUE
            for finding in (await client.send(ListFindings(subject_id=pond), FindingList)).findings
        ):
            if time.monotonic() > end:
                raise Fault("letter.no_reminder", pond=pond, seconds=round(REMINDER_LIMIT))
            await asyncio.sleep(PAUSE)


async def figures(client: CommandClient, script: Script, as_of: date, language: str) -> Figures:
    """Read the story's figures as of a day, and compare what the register counts at the story's end with the letter."""
    told = await _read(client, script, as_of)
    last = max(step.on for step in script.steps if step.on is not None)
    whole = told if as_of >= last else await _read(client, script, last)
    wrong = [
        say("letter.wrong", language, name=name, got=whole[name], expected=expected)
        for name, expected in asdict(script.expected).items()
        if whole[name] != expected
    ]
    plan = await _plan(client, script, last)
    if plan is not None and not plan.reconciles:
        differences = ", ".join(f"{each.kind.value} {each.mine_id or each.county}".strip() for each in plan.differences)
        wrong.append(say("letter.not_reconciled", language, why=differences))
    return Figures(told, wrong)


async def _read(client: CommandClient, script: Script, as_of: date) -> dict[str, Any]:
    plan = await _plan(client, script, as_of)
    registered = (await client.send(ListMines(as_of=as_of, limit=1), MineList)).total
    findings, suggestions = 0, 0
    with suppress(NotFound):  # the letter had not come in yet
        letter = await client.send(ShowLetter(letter_id=script.letter_id, as_of=as_of), LetterView)
        findings, suggestions = len(letter.findings), len(letter.letter.suggestions)
    return {
        "mines_before": registered if plan is None else plan.mines_before,
        "mines_planned": None if plan is None else plan.mines_planned,
        "closures_planned": 0 if plan is None else plan.closures_planned,
        "merged_from": 0 if plan is None else plan.merged_from,
        "merged_into": 0 if plan is None else plan.merged_into,
        "mines_now": registered if plan is None else plan.mines_now,
        "findings": findings,
        "suggestions": suggestions,
        "ponds_overdue": await _overdue(client, script, as_of),
        "as_of": as_of.isoformat(),
    }


async def _plan(client: CommandClient, script: Script, as_of: date) -> PlanView | None:
    plans = (await client.send(ListPlans(place=script.city, as_of=as_of), PlanList)).plans
    return await client.send(ShowPlan(plan_id=plans[0].id, as_of=as_of), PlanView) if plans else None


async def _overdue(client: CommandClient, script: Script, as_of: date) -> list[dict[str, str]]:
    overdue = []
    for pond in script.ponds:
        try:
            view = await client.send(ShowPondFile(pond_id=pond, as_of=as_of), PondFileView)
        except NotFound:
            continue  # its file had not been opened yet
        if view.overdue_since is not None:
            overdue.append(
                {
                    "pond": pond,
                    "name": view.file.name,
                    "state": pond_standing(view, "en"),
                    "overdue_since": view.overdue_since.isoformat(),
                }
            )
    return overdue
