"""``cases files``, ``cases incidents``: cases beside findings."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tailwarden.cli.answers import (
    AS_OF,
    BY,
    COUNTY,
    EVIDENCE,
    HOME,
    JSON,
    LIMIT,
    OFFSET,
    ON,
    ask,
    day_of,
    facts,
    login,
    references,
    table,
)  # fmt: skip
from tailwarden.cli.cases import cases

if TYPE_CHECKING:
    from shared.contracts.base import Command
    from shared.contracts.casework import CaseFile

__all__ = ["register"]

files = typer.Typer(
    no_args_is_help=True, help="Cases: incidents, joint enforcement, typical cases. / 险情、联合执法、典型案例。"
)
incidents = typer.Typer(
    no_args_is_help=True, help="Incidents that grave warnings opened. / 由橙色、红色预警立案的险情。"
)

CASE = typer.Argument(metavar="CASE", help="The case's id. / 案件编号。", show_default=False)
KIND = typer.Option(
    None, "--kind", help="incident, joint_enforcement or typical_case. / 案件类别。", show_default=False
)
NEW_KIND = typer.Option(..., "--kind", help="joint_enforcement, typical_case or incident. / 案件类别。")
CLOSED = typer.Option(None, "--closed/--open", help="Only closed or only open ones. / 只看已结或未结的。")
TITLE = typer.Option(..., "--title", help="What it is about. / 名称。", show_default=False)
IN_COUNTY = typer.Option(..., "--county", help="Where. / 县（区）。", show_default=False)
PARTY = typer.Option(None, "--party", help="A unit that takes part; may be repeated. / 参与单位，可重复。")
FINDING = typer.Option(None, "--finding", help="A finding it concerns; may be repeated. / 有关问题，可重复。")
TEXT = typer.Option(..., "--text", help="The note. / 记录内容。", show_default=False)
MEDIUM = typer.Option(..., "--medium", help="Where it was published. / 曝光媒体。", show_default=False)
ADDRESS = typer.Option("", "--address", help="Its address there. / 链接或版面。")
CONCLUSION = typer.Option(..., "--conclusion", help="How it ended. / 结论。", show_default=False)
CONFIRMED = typer.Option("", "--confirmed-by", help="The second person (an incident needs one). / 确认人。")
NAMED = typer.Option(..., "--by", help="Who closes it (a name). / 结案人姓名。", show_default=False)


def register(app: typer.Typer) -> None:
    """Add this module's commands to the group ``cases``."""
    cases.add_typer(files, name="files")
    cases.add_typer(incidents, name="incidents")
    for group in (files, incidents):
        group.command()(show)
        group.command()(note)
        group.command()(close)


@files.command("list")
def list_files(
    kind: str | None = KIND, county: str | None = COUNTY, closed: bool | None = CLOSED, as_of: datetime | None = AS_OF,
    limit: int = LIMIT, offset: int = OFFSET, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """List cases, the latest first. / 列出案件。"""
    _list(kind, county, closed, as_of, limit, offset, as_json, home)


@incidents.command("list")
def list_incidents(
    county: str | None = COUNTY, closed: bool | None = CLOSED, as_of: datetime | None = AS_OF, limit: int = LIMIT,
    offset: int = OFFSET, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """List incidents, the latest first. / 列出险情。"""
    _list("incident", county, closed, as_of, limit, offset, as_json, home)


def _list(
    kind: str | None, county: str | None, closed: bool | None, as_of: datetime | None, limit: int, offset: int,
    as_json: bool, home: Path | None,
) -> None:  # fmt: skip
    from shared.contracts.casework import CaseFileList, ListCaseFiles
    from shared.contracts.reading import read_value
    from shared.words import language, say

    asked = {
        "case_kind": kind, "county": county, "closed": closed, "as_of": day_of(as_of), "limit": limit, "offset": offset
    }  # fmt: skip
    found = ask(home, read_value(ListCaseFiles, asked), CaseFileList)
    if as_json:
        typer.echo(found.model_dump_json())
        return
    words = language()
    headings = [f"casework.{name}" for name in ("id", "kind", "title", "county", "opened", "level", "state")]
    rows = [
        (each.id, say(f"casework.{each.case_kind.value}", words), _title(each, words), each.county, each.opened_on,
         "" if each.level is None else say(f"level.{each.level}", words), _state(each, words))
        for each in found.casefiles
    ]  # fmt: skip
    table(headings, rows, "casework.none")


@files.command("open")
def open_(
    case: str = CASE, kind: str = NEW_KIND, title: str = TITLE, county: str = IN_COUNTY,
    party: list[str] | None = PARTY, finding: list[str] | None = FINDING, by: str = BY, on: datetime | None = ON,
    as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Open a case. / 立案。"""
    from shared.contracts.casework import OpenCaseFile
    from shared.contracts.reading import read_value

    asked = {
        "casefile_id": case, "case_kind": kind, "title": title, "county": county, "parties": party or (),
        "finding_ids": finding or (), "by": by or login(), "on": day_of(on),
    }  # fmt: skip
    _act(home, read_value(OpenCaseFile, asked), as_json)


def show(case: str = CASE, as_of: datetime | None = AS_OF, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Show one case with its notes and what is frozen in it. / 查看案件、记录与冻结的数据。"""
    from shared.contracts.casework import ShowCaseFile
    from shared.contracts.reading import read_value

    _act(home, read_value(ShowCaseFile, {"casefile_id": case, "as_of": day_of(as_of)}), as_json)


def note(
    case: str = CASE, text: str = TEXT, evidence: list[str] | None = EVIDENCE, by: str = BY, on: datetime | None = ON,
    as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Make a note on a case. / 记录办理情况。"""
    from shared.contracts.casework import NoteCaseFile
    from shared.contracts.reading import read_value

    asked = {
        "casefile_id": case, "text": text, "evidence": references(home, evidence), "by": by or login(),
        "on": day_of(on),
    }  # fmt: skip
    _act(home, read_value(NoteCaseFile, asked), as_json)


@files.command()
def publish(
    case: str = CASE, medium: str = MEDIUM, address: str = ADDRESS, by: str = BY, on: datetime | None = ON,
    as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Record that a typical case was made public. / 记录典型案例曝光。"""
    from shared.contracts.casework import PublishCaseFile
    from shared.contracts.reading import read_value

    asked = {"casefile_id": case, "medium": medium, "address": address, "by": by or login(), "on": day_of(on)}
    _act(home, read_value(PublishCaseFile, asked), as_json)


def close(
    case: str = CASE, conclusion: str = CONCLUSION, by: str = NAMED, evidence: list[str] | None = EVIDENCE,
    confirmed_by: str = CONFIRMED, on: datetime | None = ON, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Close a case, by name and on evidence. / 具名并凭证据结案。"""
    from shared.contracts.casework import CloseCaseFile
    from shared.contracts.reading import read_value

    asked = {
        "casefile_id": case, "conclusion": conclusion, "evidence": references(home, evidence), "by": by,
        "confirmed_by": confirmed_by, "on": day_of(on),
    }  # fmt: skip
    _act(home, read_value(CloseCaseFile, asked), as_json)


def _act(home: Path | None, command: Command, as_json: bool) -> None:
    from shared.contracts.casework import CaseFileView

    view = ask(home, command, CaseFileView)
    if as_json:
        typer.echo(view.model_dump_json())
    else:
        _tell(view.casefile)


def _title(case: CaseFile, words: str) -> str:
    """Return a case's title; an incident's stock title, which is kept in Chinese, in the reader's words."""
    from shared.contracts.levels import LevelName
    from shared.words import say

    for subject in case.subjects:
        for level in LevelName:
            kept, read = (
                say("casework.incident_title", each, pond=subject.name, level=say(f"level.{level}", each))
                for each in ("zh", words)
            )
            if case.title == kept:
                return read
    return case.title


def _state(case: CaseFile, words: str) -> str:
    from shared.words import say

    if case.closed_on is None:
        return say("casework.open", words)
    return say("casework.done", words, on=case.closed_on.isoformat(), by=case.closed_by)


def _tell(case: CaseFile) -> None:
    from shared.words import language, say
    from tailwarden.cli.tables import labelled
    from tailwarden.cli.wording import local

    words = language()
    facts(
        [
            ("casework.id", case.id),
            ("casework.kind", say(f"casework.{case.case_kind.value}", words)),
            ("casework.title", _title(case, words)),
            ("casework.county", case.county),
            ("casework.opened", case.opened_on),
            ("casework.level", None if case.level is None else say(f"level.{case.level}", words)),
            ("casework.state", _state(case, words)),
            ("casework.confirmed", case.confirmed_by),
            ("casework.conclusion", case.conclusion),
            *(("casework.evidence", f"{each.title} {each.sha256}") for each in case.evidence),
            *(("casework.notes", f"{each.on} {labelled(each.by, words)}{each.text}") for each in case.notes),
            *(("casework.published", f"{each.on} {each.medium} {each.address}") for each in case.publications),
            *(
                ("casework.frozen", f"{say(f'level.{each.level}', words)} {each.warning_id} {local(each.time)}")
                for each in case.frozen
            ),
        ]
    )
