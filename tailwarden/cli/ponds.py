"""``ponds``: how each pond stands now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from shared.contracts.monitor import PondStanding, PondStandings
    from shared.settings import Connection

__all__ = ["register"]

POND = typer.Argument(None, metavar="[POND]", help="Only this one. / 只看这一座。", show_default=False)
JSON = typer.Option(False, "--json", help="Print JSON. / 输出 JSON。")
HOME = typer.Option(None, "--home", help="Where the system keeps its data. / 数据目录。", show_default=".tailwarden")


def register(app: typer.Typer) -> None:
    """Add this module's command to *app*."""
    app.command("ponds")(ponds)


def ponds(pond: str | None = POND, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Show how each pond stands: level, newest values, silence. / 各库现状：级别、最新读数、无数据的传感器。"""
    import asyncio

    from shared.settings import Settings

    found = asyncio.run(_ask(Settings.load(home=home).connection(), pond))
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        _table(found.ponds)


async def _ask(to: Connection, pond: str | None) -> PondStandings:
    from shared.bus.connection import connect
    from shared.bus.rpc import CommandClient
    from shared.contracts.monitor import PondStandings, ShowPondStanding

    nc = await connect(to, name="tailwarden-ponds")
    try:
        return await CommandClient(nc).send(ShowPondStanding(pond_id=pond), PondStandings)
    finally:
        await nc.close()


def _table(found: tuple[PondStanding, ...]) -> None:
    from rich.text import Text

    from shared.words import joined, language, say
    from tailwarden.cli.answers import table
    from tailwarden.cli.warnings import STYLES
    from tailwarden.cli.wording import local

    words = language()
    rows = []
    for each in found:
        state = Text(_state(each, words), style=STYLES[each.level] if each.level is not None else "")
        values = [f"{name} {'–' if value is None else f'{value:g}'}" for name, value in each.values.items()]
        freeboard = "" if each.live_freeboard is None else f"{each.live_freeboard:g} m"
        head = say("ponds.never", words) if each.head is None else local(each.head)
        rows.append((each.pond_id, state, joined(values, words), freeboard, head, each.warning_id))
    headings = ("pond", "state", "values", "freeboard", "head", "warning")
    table([f"ponds.{heading}" for heading in headings], rows, "ponds.none")


def _state(each: PondStanding, words: str) -> str:
    """Say the level; a blind pond is never called normal."""
    from shared.words import joined, say
    from tailwarden.cli.wording import semicolons

    parts: list[str] = []
    if each.level is not None:
        parts.append(say(f"level.{each.level}", words))
        if not each.verified:
            parts.append(say("replay.unverified", words))
    if each.blind:
        parts.append(say("ponds.blind", words, sensors=joined(each.blind, words)))
    if not parts:
        parts.append(say("ponds.never" if each.head is None else "level.none", words))
    return semicolons(parts, words)
