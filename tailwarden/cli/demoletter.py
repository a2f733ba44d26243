"""``demo letter``: a letter of 2023 entered, followed and answered, in a system of its own."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from deploy.demo.letter.player import Figures
    from shared.settings import Connection

__all__ = ["letter"]

OUT = typer.Option(
    ..., "--out", help="Folder for the report, the ledger and the figures. / 输出目录。", show_default=False
)
AS_OF = typer.Option("2023-06-01", "--as-of", formats=["%Y-%m-%d"], help="Report and ledger of this day. / 截至该日。")
HOME = typer.Option(
    None,
    "--home",
    help="Keep the system's data there. / 系统数据保留在此目录。",
    show_default="a temporary one / 临时目录",
)

STAY = typer.Option(
    False, "--stay", help="Keep the system up for a second terminal until Ctrl-C. / 完成后保持运行，按 Ctrl-C 结束。"
)

WAIT = 30.0
"""Longest wait for one answer [s]."""


def letter(out: Path = OUT, as_of: datetime = AS_OF, home: Path | None = HOME, stay: bool = STAY) -> None:
    """Play a letter's story: entered, followed, answered. / 演示一封建议函从登记到答复。

    Starts everything, enters 57 mines, two ponds, the letter with its findings and suggestions and what was done, each
    on its day, and writes report.docx, report.md, ledger.xlsx and figures.json. Exit 0 only if the register's own
    count gives the letter's figures.
    启动独立系统，按日期录入矿山、尾矿库、来函、问题、建议及办理情况，生成报告、台账和数据；与来函数字相符才以 0 退出。
    """
    import asyncio
    import signal

    from deploy.local.places import temporary_home, usable_home
    from deploy.local.running import running_system
    from shared.words import language, say
    from tailwarden.cli.tables import terminal

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    words, console = language(), terminal()
    place: AbstractContextManager[Path] = temporary_home() if home is None else nullcontext(usable_home(home))
    try:
        with place as kept:
            console.print(say("demo.starting", words), style="dim")
            with running_system(kept) as system:
                found = asyncio.run(_play(system.connection, out, as_of.date(), words))
                for sentence in found.wrong:
                    console.print(sentence, style="red", markup=False, highlight=False)
                if not found.wrong:
                    told = say("letter.ok", words, out=out)
                    console.print(told, style="green", markup=False, highlight=False, soft_wrap=True)
                if stay:
                    _stay(kept, console, words)
    except KeyboardInterrupt:
        console.print(say("demo.stopped", words), style="dim")
        raise typer.Exit(130) from None
    raise typer.Exit(1 if found.wrong else 0)


def _stay(home: Path, console: Console, words: str) -> None:
    """Keep the system up until Ctrl-C, and say what to try."""
    import time
    from contextlib import suppress

    from deploy.demo.letter.script import script
    from shared.words import say

    console.print(say("demo.running", words), style="bold")
    console.print(f"  export TAILWARDEN_HOME={home}", style="cyan", highlight=False, soft_wrap=True)
    letter_id = script().letter_id
    for command in (
        f"tailwarden cases report {letter_id} --as-of 2023-02-10",
        f"tailwarden cases timeline {letter_id}",
        "tailwarden cases summary --as-of 2024-01-10",
    ):
        console.print(f"  {command}", style="cyan", highlight=False, soft_wrap=True)
    console.print(say("demo.stop", words))
    # Ctrl-C is how it ends, not how it fails.
    with suppress(KeyboardInterrupt):
        while True:
            time.sleep(3600)


async def _play(connection: Connection, out: Path, as_of: date, words: str) -> Figures:
    """Enter the story, write the files, and return the figures."""
    import json

    from deploy.demo.letter.player import enter, figures
    from deploy.demo.letter.script import script
    from shared.bus.connection import connect
    from shared.bus.rpc import CommandClient
    from shared.words import say
    from tailwarden.cli.reports import fetch_ledger, fetch_report, rendered, write
    from tailwarden.report.ledger import ledger

    story = script()
    for name, text in story.files.items():
        write(out / "evidence" / name, text.encode())
    nc = await connect(connection, name="tailwarden-demo-letter")
    try:
        client = CommandClient(nc, timeout=WAIT)
        count = await enter(client, story)
        typer.echo(say("letter.entered", words, count=count))
        found = await figures(client, story, as_of, words)
        written = await fetch_report(client, story.letter_id, as_of, "zh")
        letters, findings = await fetch_ledger(client, as_of)
    finally:
        await nc.close()
    write(out / "report.docx", rendered(written, ".docx"))
    write(out / "report.md", rendered(written, ".md"))
    write(out / "ledger.xlsx", ledger(letters, findings, as_of))
    write(out / "figures.json", (json.dumps(found.told, ensure_ascii=False, indent=2) + "\n").encode())
    return found
