"""``cases timeline``: everything that happened to a case, in words, each with its event id."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tailwarden.cli.asking import AS_OF, HOME, JSON, day, talk
from tailwarden.cli.cases import cases

if TYPE_CHECKING:
    from datetime import date

    from shared.bus.rpc import CommandClient
    from shared.contracts.stories import StoryEntry

__all__ = ["register"]

KINDS = ("finding", "deadline", "letter", "casefile", "campaign")
"""Kinds of records that may have the id; what clocks said of a finding stands under ``deadline``."""

RECORD = typer.Argument(
    metavar="FINDING|LETTER", help="The id of a finding, letter, case or campaign. / 问题、来函、案件编号。",
    show_default=False,
)  # fmt: skip
WHOLE = typer.Option(False, "--findings", help="With the letter's findings. / 连同来函的各项问题。")


def register(app: typer.Typer) -> None:
    """Add this module's command to the group ``cases``."""
    cases.command("timeline")(timeline)


def timeline(
    record: str = RECORD,
    findings: bool = WHOLE,
    as_of: datetime | None = AS_OF,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Tell everything that happened to a case: day, who, what, event. / 案卷经过：日期、经办人、事项、事件编号。"""
    from shared.problems import NotFound

    entries = talk(home, lambda client: _entries(client, record, findings, day(as_of)))
    if not entries:
        raise NotFound("told.nothing", record=record)
    if as_json:
        _print_json(entries)
    else:
        _table(entries)


async def _entries(client: CommandClient, record: str, findings: bool, as_of: date | None) -> list[StoryEntry]:
    """Return the events of every record with this id, in the order of the days on which they happened."""
    from shared.contracts.cases import LetterView, ShowLetter
    from shared.contracts.reading import read_value
    from shared.contracts.stories import Story, TellCaseStory

    streams = [f"{kind}-{record}" for kind in KINDS]
    if findings:
        view = await client.send(read_value(ShowLetter, {"letter_id": record, "as_of": as_of}), LetterView)
        streams += [f"{kind}-{each.id}" for each in view.findings for kind in KINDS[:2]]
    entries: list[StoryEntry] = []
    more = True
    while more:
        after = entries[-1].position if entries else 0
        asked = {"streams": tuple(streams), "as_of": as_of, "after": after}
        story = await client.send(read_value(TellCaseStory, asked), Story)
        entries += story.entries
        more = story.more and bool(story.entries)
    return sorted(entries, key=lambda each: (each.on, each.position))


def _print_json(entries: list[StoryEntry]) -> None:
    import json

    from shared.words import LANGUAGES
    from tailwarden.cli.telling import tell

    told = [
        {
            **entry.model_dump(mode="json"),
            "words": {language: tell(entry.type, entry.data, language) for language in LANGUAGES},
        }
        for entry in entries
    ]
    typer.echo(json.dumps({"entries": told}, ensure_ascii=False))


def _table(entries: list[StoryEntry]) -> None:
    from rich.text import Text

    from shared.words import language, say
    from tailwarden.cli.tables import fitting, show, terminal
    from tailwarden.cli.telling import tell

    words, console = language(), terminal()
    headings = [say(f"told.{heading}", words) for heading in ("day", "who", "what", "event")]
    ids = [entry.stream.partition("-")[2] for entry in entries]
    rows = []
    for entry, record in zip(entries, ids, strict=True):
        what = tell(entry.type, entry.data, words)
        about = f"[{record}] " if len(set(ids)) > 1 else ""
        by = say("told.clock", words) if entry.by == "clock" else entry.by
        cells = (entry.on.isoformat(), by, about + what)
        rows.append([*map(Text, cells), Text(str(entry.event_id), style="dim")])
    if fitting(headings, rows, console.width) is None:
        # An event's id is as wide as a sentence: below what happened it leaves three columns that fit.
        rows = [[day, by, Text("\n").join((what, event))] for day, by, what, event in rows]
        headings = [*headings[:2], f"{headings[2]} / {headings[3]}"]
    show(headings, rows, console=console)
