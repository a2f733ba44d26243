"""The live view's panel about people: one line an alarm, everybody in it with what they did. Rendering only."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from deploy.demo.fitted import Newest
from deploy.demo.told import SeenAlarm, SeenPerson, Told
from shared.contracts.levels import LevelName
from shared.contracts.notifier import Answer
from shared.words import counted, say

__all__ = ["ROWS", "people_line", "told_panel"]

ROWS = 7
"""Lines the panel takes at most, its frame included."""
_ANSWERS = {Answer.ACKNOWLEDGE: "green", Answer.ON_SITE: "bold green", Answer.CANNOT_GO: "red"}


def told_panel(
    told: Told, names: Mapping[str, str], styles: Mapping[LevelName | None, str], language: str, lines: int = ROWS - 3
) -> RenderableType:
    """Return the panel: the newest alarms, in so many *lines*, and the sums."""
    sums = counted(
        "demo.told_sums", told.messages, language, people=len(told.reached), answered=len(told.answered),
        clears=told.all_clears,
    )  # fmt: skip
    parts: list[RenderableType] = []
    alarms = [each for each in told.alarms.values() if each.people][-lines:]
    if alarms:
        rows = []
        for alarm in alarms:
            word = say("demo.over" if alarm.level is None else f"level.{alarm.level}", language)
            name = Text(names.get(alarm.pond, alarm.pond))
            rows.append((name, Text(word, style=styles[alarm.level]), people_line(alarm, language)))
        parts.append(Newest(rows, lines))
    parts.append(Text(sums if told.messages else say("demo.told_nobody", language), style="dim"))
    return Panel(Group(*parts), title=say("demo.told", language), title_align="left")


def people_line(alarm: SeenAlarm, language: str) -> Text:
    """Return everybody in an alarm with the furthest thing they did, those of the lowest rank first."""
    line = Text()
    for person in sorted(alarm.people.values(), key=lambda each: each.rank):
        word, style = _state(person, alarm)
        if line:
            line.append("  ")
        line.append(person.name)
        line.append(f" {say(f'demo.person_{word}', language)}", style=style)
        if person.steps:
            line.append(f" ✓{person.steps}", style="green")
    return line


def _state(person: SeenPerson, alarm: SeenAlarm) -> tuple[str, str]:
    if person.answer is not None:
        return person.answer.value, _ANSWERS[person.answer]
    if person.read:
        return "read", "cyan"
    if alarm.level is None and person.relieved:
        return "relieved", "dim"
    return ("told", "yellow") if person.alarmed or person.relieved else ("decided", "dim")
