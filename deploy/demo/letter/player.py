"""Enters the letter's story into a running system, by anybody's commands, and reads back what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from deploy.demo.letter.script import Script
from services.cases.report.ponds import pond_standing
from shared.bus.rpc import CommandClient
from shared.contracts.cases import LetterView, ShowLetter
from shared.contracts.commands import REPLIES
from shared.contracts.pondfiles import ClosureOverdue, PondFileView, ShowPondFile
from shared.contracts.stories import Story, TellRegistryStory
from shared.problems import Fault, NotFound

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

    Raises
    ------
    TailwardenError
        What a service refuses.
    """
    for count, step in enumerate(script.steps, 1):
        await client.send(step.command, REPLIES[type(step.command)])
        shown(count)
    return len(script.steps)


async def wait_for_reminders(client: CommandClient, script: Script) -> None:
    """Wait until the register has raised the overdue closures by itself.

    Raises
    ------
    Fault
        ``letter.no_reminder`` when it does not.
    """
    end = time.monotonic() + REMINDER_LIMIT
    for pond in script.ponds:
        query = TellRegistryStory(streams=(f"closure-{pond}",), types=(ClosureOverdue.event_type,))
        while not (await client.send(query, Story)).entries:
            if time.monotonic() > end:
                raise Fault("letter.no_reminder", pond=pond, seconds=round(REMINDER_LIMIT))
            await asyncio.sleep(PAUSE)


async def figures(client: CommandClient, script: Script, as_of: date) -> Figures:
    """Read the story's figures as of a day, from the register and the cases."""
    letter = None
    try:
        letter = await client.send(ShowLetter(letter_id=script.letter_id, as_of=as_of), LetterView)
    except NotFound:
        pass  # it had not come in yet
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
    told: dict[str, Any] = {}
    return Figures(told)
