"""Ledgers as Excel files: ``import FILE.xlsx``, ``registry export`` and ``registry template``."""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tailwarden.cli.asking import AS_OF, HOME, day, talk, today
from tailwarden.cli.registry import registry

if TYPE_CHECKING:
    from shared.contracts.ledger import Imported
    from tailwarden.excel.read import Fault, Read

__all__ = ["import_ledger", "register"]

OUT = typer.Option(..., "--out", metavar="FILE.xlsx", help="Where to write it. / 写入的文件。", show_default=False)
LANGUAGE = typer.Option(None, "--language", help="zh or en. / 语言。", show_default="the locale's / 随系统")

_WAIT = 60.0
_WAIT_PER_ROW = 0.05
"""Seconds to wait for an import, and for each of its rows: several times what was measured."""


def register(app: typer.Typer) -> None:  # every command module has this signature
    """Add this module's commands to ``registry``."""
    registry.command("export")(export)
    registry.command("template")(template)


def export(
    out: Path = OUT, as_of: datetime | None = AS_OF, language: str | None = LANGUAGE, home: Path | None = HOME
) -> None:
    """Write the ledgers to an Excel file: mines, ponds, sensors, people, grid, plans. / 导出清单台账。"""
    from shared.words import say
    from tailwarden.excel.ledger import holdings, tables
    from tailwarden.excel.write import write_ledger

    words, office = _language(language), today()
    held = talk(home, lambda client: holdings(client, day(as_of), office), wait=60.0)
    note = say("ledger.on_day", words, day=held.day.isoformat())
    write_ledger(out, tables(held, words), words, note)
    typer.echo(say("ledger.written", words, file=out))


def template(out: Path = OUT, language: str | None = LANGUAGE) -> None:
    """Write an empty ledger to fill in. / 生成空白台账模板。"""
    from shared.words import say
    from tailwarden.excel.write import write_template

    words = _language(language)
    write_template(out, words)
    typer.echo(say("ledger.written", words, file=out))


def import_ledger(file: Path, by: str, on: date | None, check_only: bool, as_json: bool, home: Path | None) -> None:
    """Read a workbook and enter it: all of it, or nothing and exit code 2 with every fault told."""
    from shared.contracts.ledger import Imported
    from tailwarden.excel.read import read_workbook
    from tailwarden.excel.rows import act_of, faults_of

    read = read_workbook(file)
    act = act_of(read, source=file.name[:200], by=by, on=on, check_only=check_only)
    if act is None:
        _refuse(file, read.faults, as_json)
        return
    rows = len(act.mines) + len(act.people) + len(act.ponds) + len(act.sensors)
    wait = min(_WAIT + rows * _WAIT_PER_ROW, 600.0)
    answer = talk(home, lambda client: client.send(act, Imported), wait=wait)
    if answer.refusals:
        _refuse(file, sorted(faults_of(read, answer.refusals), key=read.place_of), as_json)
    elif as_json:
        typer.echo(answer.model_dump_json())
    else:
        _tell(file, read, answer, check_only)


def _refuse(file: Path, faults: list[Fault], as_json: bool) -> None:
    import json

    from shared.words import language, say

    words = language()
    if as_json:
        told = [
            {"sheet": each.sheet, "row": each.row, "column": each.column, "heading": each.heading, "code": each.code,
             "detail": each.words(words)}
            for each in faults
        ]  # fmt: skip
        typer.echo(json.dumps({"refused": told}, ensure_ascii=False))
    sys.stderr.write(f"tailwarden: {say('ledger.refused', words, file=file.name, count=len(faults))}\n")
    if not as_json:
        for each in faults:
            sys.stderr.write(f"  {each.words(words)}\n")
    raise typer.Exit(2)


def _tell(file: Path, read: Read, answer: Imported, check_only: bool) -> None:
    from shared.words import language, say
    from tailwarden.cli.answers import table

    words = language()
    done = "sound" if check_only else "imported" if answer.changed else "nothing_new"
    typer.echo(say(f"ledger.{done}", words, file=file.name))
    rows = [
        (say(f"ledger.sheet_{each.sheet.value}", words), each.added, each.amended, each.unchanged)
        for each in answer.counts
        if each.sheet.value in read.sheets
    ]
    heads = [f"ledger.count_{name}" for name in ("sheet", "added", "amended", "unchanged")]
    table(heads, rows, "people.none")
    for sheet in read.sheets.values():
        if sheet.passed_over:
            typer.echo(say("ledger.not_read", words, sheet=sheet.title, headings=list(sheet.passed_over)))
    if read.passed_over:
        typer.echo(say("ledger.sheets_not_read", words, sheets=list(read.passed_over)))


def _language(given: str | None) -> str:
    from shared.settings import Settings
    from shared.words import language

    return language(given or Settings.load().language)
