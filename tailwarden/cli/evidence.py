"""``cases evidence``: put files into the evidence store, list, show, fetch and verify them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tailwarden.cli.answers import AS_OF, BY, HOME, JSON, LIMIT, OFFSET, ON, ask, day_of, facts, login, table
from tailwarden.cli.cases import cases

if TYPE_CHECKING:
    from shared.contracts.evidence import Evidence, VerifyReport

__all__ = ["register"]

evidence = typer.Typer(
    no_args_is_help=True, help="Evidence: add, list, show, get, verify. / 证据的入库、查看、取出与校验。"
)

WAIT = 120.0
"""Longest wait for a file to travel, or a page of them to be read [s]."""
PAGE = 20
FILE = typer.Argument(metavar="FILE", help="The file. / 文件。", show_default=False)
SHA256 = typer.Argument(metavar="SHA256", help="Its SHA-256. / 证据的 SHA-256。", show_default=False)
ONE = typer.Argument(None, metavar="[SHA256]", help="One piece; all of them else. / 只校验一件，缺省为全部。")
TITLE = typer.Option(..., "--title", help="What it is. / 证据名称。", show_default=False)
EFFECTIVE = typer.Option(
    None, "--effective", formats=["%Y-%m-%d"], help="The day it speaks of. / 证据所述日期。", show_default=False
)
RECEIVED = typer.Option(
    None,
    "--received",
    formats=["%Y-%m-%d"],
    help="When it came in. / 收到日期。",
    show_default="the act's day / 入库日",
)
OUT = typer.Option(None, "--out", help="Write it there. / 写入该文件。", show_default="its own name / 原文件名")
FORCE = typer.Option(False, "--force", help="Replace a file that is there. / 覆盖已有文件。")


def register(app: typer.Typer) -> None:
    """Add this module's commands to the group ``cases``."""
    cases.add_typer(evidence, name="evidence")


@evidence.command()
def add(
    file: Path = FILE,
    title: str = TITLE,
    effective: datetime | None = EFFECTIVE,
    received: datetime | None = RECEIVED,
    by: str = BY,
    on: datetime | None = ON,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Put a file into the store; print its SHA-256. / 文件入库，返回其 SHA-256。"""
    import base64

    from shared.contracts.evidence import AddEvidence, EvidenceView
    from shared.contracts.reading import read_value
    from shared.problems import BadInput
    from shared.words import language, say

    try:
        content = base64.b64encode(file.read_bytes()).decode("ascii")
    except OSError as error:
        raise BadInput("evidence.unreadable", field="FILE", name=str(file), reason=error.strerror) from error
    asked = {
        "title": title, "filename": file.name, "content": content, "effective": day_of(effective),
        "received": day_of(received), "by": by or login(), "on": day_of(on),
    }  # fmt: skip
    command = read_value(AddEvidence, asked)
    view = ask(home, command, EvidenceView, WAIT)
    if as_json:
        typer.echo(view.model_dump_json())
    else:
        typer.echo(say("evidence.added" if view.changed else "evidence.known", language(), sha256=view.evidence.id))


@evidence.command("list")
def list_(
    as_of: datetime | None = AS_OF, limit: int = LIMIT, offset: int = OFFSET, as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:  # fmt: skip
    """List what is in the store, the latest first. / 列出库中证据。"""
    from shared.contracts.evidence import EvidenceList, ListEvidence

    found = ask(home, ListEvidence(as_of=day_of(as_of), limit=limit, offset=offset), EvidenceList)
    if as_json:
        typer.echo(found.model_dump_json())
        return
    headings = [f"evidence.{name}" for name in ("sha256", "title", "type", "size", "effective", "received", "by")]
    rows = [
        (each.id, each.title, each.media_type, each.size, each.effective, each.received, each.by)
        for each in found.evidence
    ]
    table(headings, rows, "evidence.none")


@evidence.command()
def show(sha256: str = SHA256, as_of: datetime | None = AS_OF, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Show what is known of one piece. / 查看一件证据的登记信息。"""
    from shared.contracts.evidence import EvidenceView, ShowEvidence

    view = ask(home, ShowEvidence(sha256=_digest(sha256), as_of=day_of(as_of)), EvidenceView)
    if as_json:
        typer.echo(view.model_dump_json())
    else:
        _tell(view.evidence)


@evidence.command()
def get(
    sha256: str = SHA256, out: Path | None = OUT, force: bool = FORCE, home: Path | None = HOME
) -> None:  # fmt: skip
    """Fetch a piece, verified as it is read. / 取出一件证据，读取时即校验。"""
    import base64

    from shared.contracts.evidence import EvidenceContent, GetEvidence
    from shared.problems import BadInput, Conflict
    from shared.words import language, say

    piece = ask(home, GetEvidence(sha256=_digest(sha256)), EvidenceContent, WAIT)
    content = base64.b64decode(piece.content)
    path = Path(piece.evidence.filename) if out is None else out
    try:
        with path.open("wb" if force else "xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise Conflict("evidence.exists_file", field="--out", name=str(path)) from error
    except OSError as error:
        raise BadInput("evidence.unreadable", field="--out", name=str(path), reason=error.strerror) from error
    typer.echo(say("evidence.written", language(), name=str(path), size=len(content)))


@evidence.command()
def verify(sha256: str | None = ONE, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Read pieces from the disk and compare; exit 1 at damage. / 逐件校验；如有损坏，退出码为 1。"""
    report = _verified(home, None if sha256 is None else _digest(sha256))
    if as_json:
        typer.echo(report.model_dump_json())
    else:
        _report(report)
    raise typer.Exit(1 if report.damaged else 0)


def _verified(home: Path | None, digest: str | None) -> VerifyReport:
    """Verify one piece, or all of them, page by page."""
    from shared.contracts.evidence import VerifyEvidence, VerifyReport

    if digest is not None:
        return ask(home, VerifyEvidence(sha256=digest), VerifyReport, WAIT)
    whole = VerifyReport(total=0, checked=0)
    while True:
        page = ask(home, VerifyEvidence(limit=PAGE, offset=whole.checked), VerifyReport, WAIT)
        whole = VerifyReport(
            total=page.total, checked=whole.checked + page.checked, damaged=(*whole.damaged, *page.damaged)
        )
        if not page.checked or whole.checked >= page.total:
            return whole


def _report(report: VerifyReport) -> None:
    from shared.words import language, say

    words = language()
    if not report.damaged:
        typer.echo(say("evidence.sound", words, checked=report.checked))
        return
    typer.echo(say("evidence.hurt", words, checked=report.checked, count=len(report.damaged)))
    for each in report.damaged:
        what = say("evidence.is_missing" if each.missing else "evidence.is_damaged", words)
        typer.echo(f"  {each.sha256}  {each.title}  {what}")


def _digest(given: str) -> str:
    """Return a SHA-256 as it was given, if it can be one."""
    import re

    from shared.problems import NotFound

    if re.fullmatch(r"[0-9a-f]{64}", given) is None:
        raise NotFound("evidence.unknown", field="SHA256", sha256=given)
    return given


def _tell(piece: Evidence) -> None:
    facts(
        [
            ("evidence.sha256", piece.id),
            ("evidence.title", piece.title),
            ("evidence.file", piece.filename),
            ("evidence.type", piece.media_type),
            ("evidence.size", piece.size),
            ("evidence.effective", piece.effective),
            ("evidence.received", piece.received),
            ("evidence.by", piece.by),
        ]
    )
