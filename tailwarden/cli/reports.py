"""``cases report``, ``cases summary``, ``cases ledger``: what is told of the cases, as of any day."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tailwarden.cli.asking import AS_OF, HOME, JSON, day, talk, today
from tailwarden.cli.cases import cases

if TYPE_CHECKING:
    from shared.bus.rpc import CommandClient
    from shared.contracts.cases import Finding, Letter
    from shared.contracts.report import CountySummary, ReplyReport, SupervisionSummary

__all__ = ["fetch_ledger", "fetch_report", "register", "rendered", "write"]

LETTER = typer.Argument(metavar="LETTER", help="The letter's id. / 来函编号。", show_default=False)
OUT = typer.Option(None, "--out", help="Write it there. / 写入该文件。", show_default="Markdown on the screen / 屏幕")
XLSX = typer.Option(..., "--out", help="Write it there: FILE.xlsx. / 写入该 .xlsx 文件。", show_default=False)
COUNTY = typer.Option(None, "--county", help="Of one county only. / 只看一个县（区）。", show_default=False)
LANGUAGE = typer.Option("zh", "--language", help="zh or en. / 中文或英文。")

WAIT = 30.0
"""Longest wait for a report [s]."""
PAGE = 500


def register(app: typer.Typer) -> None:
    """Add this module's commands to the group ``cases``."""
    cases.command("report")(report)
    cases.command("summary")(summary)
    cases.command("ledger")(ledger)


def report(
    letter: str = LETTER,
    as_of: datetime | None = AS_OF,
    out: Path | None = OUT,
    language: str = LANGUAGE,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Write the reply to a letter: FILE.docx or FILE.md. / 生成整改情况的报告。

    Every sentence carries the numbers of the events it rests on; an appendix lists them. What is mandatory and
    missing (an assignment, a deadline, progress) is said, and so is what is overdue.
    每句话都标有来源事件编号，附录列出全部来源；缺少的和逾期的内容如实写明。
    """
    from shared.words import language as reader
    from shared.words import say

    if out is not None:
        _extension(out, ".docx", ".md")
    written = talk(home, lambda client: fetch_report(client, letter, day(as_of), language), WAIT)
    if out is None:
        typer.echo(written.model_dump_json() if as_json else rendered(written, ".md").decode(), nl=as_json)
        return
    write(out, rendered(written, out.suffix.lower()))
    sentences = len(written.opening) + sum(len(block.sentences) for block in written.blocks) + 2
    typer.echo(say("caseledger.wrote_report", reader(), path=out, sentences=sentences, sources=len(written.sources)))


def summary(
    as_of: datetime | None = AS_OF, county: str | None = COUNTY, as_json: bool = JSON, home: Path | None = HOME
) -> None:
    """Count findings by county: open, overdue, closed out, relapsed. / 按县（区）汇总监督情况。"""
    from shared.contracts.report import Summarise, SupervisionSummary

    command = Summarise(as_of=day(as_of), county=county)
    found = talk(home, lambda client: client.send(command, SupervisionSummary), WAIT)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        _table(found)


def ledger(
    out: Path = XLSX, as_of: datetime | None = AS_OF, language: str = LANGUAGE, home: Path | None = HOME
) -> None:
    """Write findings, suggestions, deadlines and look-backs as a workbook. / 导出清单台账。"""
    from shared.words import language as reader
    from shared.words import say
    from tailwarden.report.ledger import ledger as workbook

    _extension(out, ".xlsx")
    letters, findings = talk(home, lambda client: fetch_ledger(client, day(as_of)), WAIT)
    write(out, workbook(letters, findings, day(as_of) or today(), language))
    count = sum(len(letter.suggestions) for letter in letters)
    typer.echo(say("caseledger.wrote", reader(), path=out, findings=len(findings), suggestions=count))


async def fetch_report(client: CommandClient, letter: str, as_of: date | None, language: str) -> ReplyReport:
    """Ask for a reply report."""
    from shared.contracts.report import ReplyReport, WriteReport
    from shared.problems import BadInput

    if language not in ("zh", "en"):
        raise BadInput("report.language", field="language", got=language)
    return await client.send(WriteReport(letter_id=letter, as_of=as_of, language=language), ReplyReport)


async def fetch_ledger(client: CommandClient, as_of: date | None) -> tuple[list[Letter], list[Finding]]:
    """Ask for every letter and every finding, page by page."""
    from shared.contracts.cases import FindingList, LetterList, ListFindings, ListLetters

    letters: list[Letter] = []
    findings: list[Finding] = []
    while True:
        some = await client.send(ListLetters(as_of=as_of, limit=PAGE, offset=len(letters)), LetterList)
        letters += some.letters
        if not some.letters or len(letters) >= some.total:
            break
    while True:
        page = await client.send(ListFindings(as_of=as_of, limit=PAGE, offset=len(findings)), FindingList)
        findings += page.findings
        if not page.findings or len(findings) >= page.total:
            return letters, findings


def rendered(written: ReplyReport, suffix: str) -> bytes:
    """Return a report as the bytes of a .docx or .md file."""
    if suffix == ".docx":
        from tailwarden.report.word import word

        return word(written)
    from tailwarden.report.markdown import markdown

    return markdown(written).encode()


def write(path: Path, content: bytes) -> None:
    """Write a file; its folder is made when it is missing.

    Raises
    ------
    BadInput
        ``report.unwritable``.
    """
    from shared.problems import BadInput

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise BadInput("report.unwritable", field="out", path=str(path), reason=error.strerror) from error


def _extension(path: Path, *wanted: str) -> None:
    from shared.problems import BadInput

    if path.suffix.lower() not in wanted:
        raise BadInput("report.format", field="out", path=str(path), wanted=" | ".join(wanted))


def _table(found: SupervisionSummary) -> None:
    from rich.text import Text

    from shared.words import language, say
    from tailwarden.cli.tables import show, terminal

    words, console = language(), terminal()
    if not found.counties:
        console.print(say("summary.none", words))
        return
    names = [name for name in type(found.total).model_fields if name != "county"]

    def row(each: CountySummary, county: str, style: str = "") -> list[Text]:
        return [Text(county, style), *(Text(str(getattr(each, name)), style) for name in names)]

    rows = [row(each, each.county) for each in found.counties]
    rows.append(row(found.total, say("summary.total", words), "bold"))
    headings = [say(f"summary.{name}", words) for name in ("county", *names)]
    title = say("summary.title", words, day=found.as_of)
    show(headings, rows, title=title, right=range(1, len(headings)), console=console)
