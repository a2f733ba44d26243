"""The cases' ledger 清单台账 as an Excel workbook: findings, suggestions, deadlines, look-backs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from io import BytesIO
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties

from shared.contracts.cases import Finding, FindingState, Letter
from shared.words import say
from tailwarden.report.marks import clean

__all__ = ["ledger"]

Value = str | int | date | None
Row = Sequence[Value]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
LONGEST = 32_000
"""Characters in a cell; Excel takes 32767."""

_FINDINGS = (
    ("finding", 22), ("letter", 22), ("number", 6), ("title", 36), ("quote", 48), ("source", 12), ("county", 12),
    ("subjects", 36), ("found_on", 12), ("state", 12), ("target", 32), ("unit", 18), ("person", 16), ("measures", 40),
    ("assigned_on", 12), ("deadline", 12), ("overdue", 10), ("latest", 40), ("latest_on", 12), ("closed_out_on", 12),
    ("verifier", 14), ("reopened", 10), ("listed", 10), ("recurrence", 32),
)  # fmt: skip
_SUGGESTIONS = (("letter", 22), ("number", 6), ("suggestion", 48), ("answers", 60), ("answered_on", 12))
_DEADLINES = (
    ("finding", 22), ("title", 36), ("county", 12), ("unit", 18), ("person", 16), ("assigned_on", 12),
    ("deadline", 12), ("extensions", 10), ("extension_reasons", 40), ("overdue", 10), ("days_overdue", 10),
)  # fmt: skip
_LOOK_BACKS = (
    ("finding", 22), ("title", 36), ("county", 12), ("due", 12), ("held_on", 12), ("by", 16), ("outcome", 12),
    ("note", 40),
)  # fmt: skip


def ledger(letters: Iterable[Letter], findings: Iterable[Finding], as_of: date, language: str = "zh") -> bytes:
    """Return the bytes of a workbook that tells letters and findings as they stood on *as_of*.

    Every cell is text, a number or a day; what people entered is never a formula, whatever sign it begins with.
    """
    letters, findings = tuple(letters), tuple(findings)
    book = Workbook(write_only=True)
    numbers = {letter.id: letter.number for letter in letters}
    sheets: tuple[tuple[str, Sequence[tuple[str, int]], Iterator[Row]], ...] = (
        ("findings", _FINDINGS, _finding_rows(findings, numbers, as_of, language)),
        ("suggestions", _SUGGESTIONS, _suggestion_rows(letters)),
        ("deadlines", _DEADLINES, _deadline_rows(findings, as_of, language)),
        ("look_backs", _LOOK_BACKS, _look_back_rows(findings, language)),
    )
    for name, columns, rows in sheets:
        sheet = book.create_sheet(say(f"caseledger.sheet_{name}", language))
        _head(sheet, columns, language)
        for row in rows:
            sheet.append([_cell(sheet, value) for value in row])
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def _head(sheet: Any, columns: Sequence[tuple[str, int]], language: str) -> None:
    sheet.freeze_panes = "A2"
    # Printed, a page shows every column, under the headings.
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = "8"  # A3
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    for place, (_, width) in enumerate(columns, 1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}1"
    cells = []
    for name, _ in columns:
        cell = WriteOnlyCell(sheet, say(f"caseledger.{name}", language))
        cell.font = Font(bold=True)
        cell.fill = PatternFill("solid", fgColor="DDDDDD")
        cells.append(cell)
    sheet.append(cells)


def _cell(sheet: Any, value: Value) -> Any:
    """Return a cell; a text stays a text."""
    cell: Any = WriteOnlyCell(sheet)
    if isinstance(value, str):
        text = clean(value)[:LONGEST]
        cell.value = text
        cell.data_type = "s"
        # Whoever edits the cell in Excel, or saves the sheet as CSV, still has text.
        cell.quotePrefix = text.startswith(_FORMULA)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        return cell
    cell.value = value
    if isinstance(value, date):
        cell.number_format = "yyyy-mm-dd"
    cell.alignment = Alignment(vertical="top")
    return cell


def _overdue(finding: Finding, as_of: date) -> int:
    """Return by how many days a finding is past its deadline, 0 when it is not."""
    if finding.state is FindingState.CLOSED_OUT or finding.deadline is None:
        return 0
    return max((as_of - finding.deadline).days, 0)


def _finding_rows(findings: Iterable[Finding], numbers: dict[str, str], as_of: date, language: str) -> Iterator[Row]:
    join = say("report.clauses", language).join
    for finding in findings:
        duty, latest = finding.assignment, finding.progress[-1] if finding.progress else None
        late = _overdue(finding, as_of) > 0
        yield (
            finding.id,
            numbers.get(finding.letter_id or "", finding.letter_id or ""),
            finding.number,
            finding.title,
            finding.quote,
            say(f"caseledger.source_{finding.source.value}", language),
            finding.county,
            join(subject.name for subject in finding.subjects),
            finding.found_on,
            say(f"report.state_{finding.state.value}", language),
            None if duty is None else duty.target,
            say("caseledger.unassigned", language) if duty is None else duty.responsible_unit,
            None if duty is None else duty.person,
            None if duty is None else join(duty.measures),
            None if duty is None else duty.assigned_on,
            finding.deadline,
            say("caseledger.yes" if late else "caseledger.no", language),
            None if latest is None else latest.text,
            None if latest is None else latest.on,
            finding.closed_out_on,
            finding.verifier,
            finding.reopened,
            say("caseledger.no" if finding.listed is None else "caseledger.yes", language),
            join(finding.recurrence_of),
        )


def _suggestion_rows(letters: Iterable[Letter]) -> Iterator[Row]:
    for letter in letters:
        for suggestion in letter.suggestions:
            if not suggestion.answers:
                yield letter.number, suggestion.number, suggestion.text, None, None
            for answer in suggestion.answers:
                yield letter.number, suggestion.number, suggestion.text, answer.text, answer.on


def _deadline_rows(findings: Iterable[Finding], as_of: date, language: str) -> Iterator[Row]:
    join = say("report.clauses", language).join
    for finding in findings:
        duty = finding.assignment
        if duty is None:
            continue
        late = _overdue(finding, as_of)
        yield (
            finding.id,
            finding.title,
            finding.county,
            duty.responsible_unit,
            duty.person,
            duty.assigned_on,
            finding.deadline,
            len(finding.extensions),
            join(f"{each.reason}（{each.approver}）" for each in finding.extensions),
            say("caseledger.yes" if late else "caseledger.no", language),
            late,
        )


def _look_back_rows(findings: Iterable[Finding], language: str) -> Iterator[Row]:
    for finding in findings:
        for look in finding.look_backs:
            outcome = "not_held" if look.held_on is None else "holds" if look.holds else "relapsed"
            outcome_words = say(f"caseledger.{outcome}", language)
            yield finding.id, finding.title, finding.county, look.due, look.held_on, look.by, outcome_words, look.note
