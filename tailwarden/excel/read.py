"""A workbook as rows: every fault found, by sheet, row and column, and the rows only when there is none."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.problems import BadInput
from shared.words import say
from tailwarden.excel.cells import CellFault, is_blank, value_of
from tailwarden.excel.sheets import EXPORT_ONLY, NOTES, SHEETS, Column, Table, column_named, table_named

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

__all__ = ["MOST_ROWS", "Fault", "Read", "SheetRead", "read_workbook"]

MOST_ROWS = 20_000
_MOST_BYTES = 40 * 1024 * 1024
_MOST_UNPACKED = 600 * 1024 * 1024
_HEADER_WITHIN = 10
"""Rows in which the headings are looked for: ledgers have titles above them."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and where; ``row`` and ``column`` are None where it is the sheet or the row as a whole."""

    sheet: str
    row: int | None
    column: str | None
    """The column's letter."""
    heading: str
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def words(self, language: str) -> str:
        """Say it in one line: sheet, cell, heading, and what to do."""
        cell = f"{self.column or ''}{'' if self.row is None else self.row}"
        place = f"{self.sheet}!{cell}" if cell else self.sheet
        named = f"{place} [{self.heading}]" if self.heading else place
        return f"{named}: {' '.join(say(self.code, language, **self.params).split())}"


@dataclass(slots=True)
class SheetRead:
    """A sheet's rows: number in the sheet → values by column name, blank cells left out."""

    title: str
    letters: dict[str, str]
    """Column name → its letter, of the columns that the sheet has."""
    headings: dict[str, str]
    rows: dict[int, dict[str, Any]]
    complete: bool = True
    """Whether it has every column that it needs."""
    passed_over: tuple[str, ...] = ()
    """Headings of columns that are there and never read."""

    def fault(self, row: int, column: str, code: str, params: Mapping[str, Any]) -> Fault:
        """Return a fault of a row that was found after reading."""
        return Fault(self.title, row, self.letters.get(column), self.headings.get(column, ""), code, params)


@dataclass(slots=True)
class Read:
    """What a workbook holds: its sheets by name, or what is wrong with it."""

    sheets: dict[str, SheetRead]
    faults: list[Fault]
    passed_over: tuple[str, ...] = ()
    """Titles of sheets that are only ever written."""
    titles: tuple[str, ...] = ()
    """Of every sheet, in the workbook's order."""

    def place_of(self, fault: Fault) -> tuple[int, int, int, str]:
        """Return where a fault stands, for putting faults into the order of the workbook."""
        sheet = self.titles.index(fault.sheet) if fault.sheet in self.titles else -1
        letter = fault.column or ""
        return sheet, fault.row or 0, len(letter), letter


def read_workbook(path: Path) -> Read:
    """Read a workbook; faults of its contents are collected, so that all can be put right at once.

    Raises
    ------
    BadInput
        ``excel.…`` when it is no workbook that can be read at all.
    """
    book = _open(path)
    read = Read({}, [], titles=tuple(book.sheetnames))
    passed: list[str] = []
    for sheet in book.worksheets:
        name = table_named(sheet.title)
        if name in EXPORT_ONLY:
            passed.append(sheet.title)
        elif name is None:
            if any(not is_blank(cell.value) for row in sheet.iter_rows() for cell in row):
                known = [f"ledger.sheet_{each}" for each in SHEETS]
                read.faults.append(Fault(sheet.title, None, None, "", "excel.unknown_sheet", {"known": known}))
        elif name in read.sheets:
            read.faults.append(
                Fault(sheet.title, None, None, "", "excel.sheet_twice", {"other": read.sheets[name].title})
            )
        elif name != NOTES:
            found = _sheet(sheet, SHEETS[name], read.faults)
            if found is not None:
                read.sheets[name] = found
    read.passed_over = tuple(passed)
    if not read.faults and not any(sheet.rows for sheet in read.sheets.values()):
        read.faults.append(Fault(path.name, None, None, "", "excel.empty"))
    return read


def _open(path: Path) -> Workbook:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise BadInput("excel.too_big", file=path.name, most=_MOST_BYTES // 2**20)
        with zipfile.ZipFile(path) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > _MOST_UNPACKED:
                raise BadInput("excel.too_big", file=path.name, most=_MOST_BYTES // 2**20)
        return load_workbook(path)
    except FileNotFoundError as error:
        raise BadInput("excel.no_file", file=str(path)) from error
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, TypeError, SyntaxError) as error:
        # openpyxl tells a broken workbook by whatever its parts raise.
        raise BadInput("excel.not_a_workbook", file=path.name) from error
    except OSError as error:
        raise BadInput("excel.unreadable", file=str(path), reason=error.strerror or str(error)) from error


def _sheet(sheet: Worksheet, table: Table, faults: list[Fault]) -> SheetRead | None:
    """Read one sheet; None when it is empty or its headings cannot be found."""
    header = next((row for row in range(1, _HEADER_WITHIN + 1) if _is_header(sheet, table, row)), None)
    if header is None:
        if any(not is_blank(cell.value) for row in sheet.iter_rows() for cell in row):
            wanted = [f"ledger_{table.name}.{each.name}" for each in table.columns if each.required]
            faults.append(Fault(sheet.title, None, None, "", "excel.no_header", {"wanted": wanted}))
        return None
    columns = dict(_columns(sheet, table, header, faults))
    read = SheetRead(sheet.title, {}, {}, {})
    for letter, column in columns.items():
        heading = str(sheet[f"{letter}{header}"].value).strip()
        if column.read_only:
            read.passed_over = (*read.passed_over, heading)
        else:
            read.letters[column.name], read.headings[column.name] = letter, heading
    absent = [each for each in table.columns if each.required and each.name not in read.letters]
    for each in absent:
        missing = {"heading": [f"ledger_{table.name}.{each.name}"]}
        faults.append(Fault(sheet.title, header, None, "", "excel.no_column", missing))
    faults.extend(
        Fault(sheet.title, None, None, "", "excel.merged", {"range": merged.coord})
        for merged in sheet.merged_cells.ranges
        if merged.max_row >= header
    )
    read.complete = not absent
    _rows(sheet, table, header, read, faults)
    return read


def _is_header(sheet: Worksheet, table: Table, row: int) -> bool:
    """Whether a row holds headings: at least two known ones (a title above the table is one text at most)."""
    if row > sheet.max_row:
        return False
    texts = [str(cell.value) for cell in sheet[row] if not is_blank(cell.value)]
    return len({column.name for text in texts if (column := column_named(table, text)) is not None}) >= 2


def _columns(sheet: Worksheet, table: Table, header: int, faults: list[Fault]) -> Iterator[tuple[str, Column]]:
    """Yield letter and column of each heading; unknown and repeated ones are faults."""
    from openpyxl.utils import get_column_letter

    seen: set[str] = set()
    for place, cell in enumerate(sheet[header], 1):
        letter = get_column_letter(place)
        if is_blank(cell.value):
            if any(not is_blank(each.value) for each in sheet[letter][header:]):
                faults.append(Fault(sheet.title, header, letter, "", "excel.no_heading"))
            continue
        heading = str(cell.value).strip()
        column = column_named(table, heading)
        if column is None:
            faults.append(Fault(sheet.title, header, letter, heading, "excel.unknown_heading"))
        elif column.name in seen:
            faults.append(Fault(sheet.title, header, letter, heading, "excel.heading_twice"))
        else:
            seen.add(column.name)
            yield letter, column


def _rows(sheet: Worksheet, table: Table, header: int, read: SheetRead, faults: list[Fault]) -> None:
    from openpyxl.utils import column_index_from_string

    columns = {each.name: each for each in table.columns}
    placed = [(columns[name], column_index_from_string(letter) - 1) for name, letter in read.letters.items()]
    keys = [name for name in ("pond_id", "id") if name in read.letters]
    seen: dict[tuple[Any, ...], int] = {}
    for number, cells in enumerate(sheet.iter_rows(min_row=header + 1), header + 1):
        if all(is_blank(cell.value) for cell in cells):
            continue
        if len(read.rows) >= MOST_ROWS:
            faults.append(Fault(sheet.title, number, None, "", "excel.too_many_rows", {"most": MOST_ROWS}))
            return
        values: dict[str, Any] = {}
        sound = True
        for column, index in placed:
            letter, heading = read.letters[column.name], read.headings[column.name]
            try:
                value = value_of(cells[index], column)
                if value is None and column.required:
                    raise CellFault("excel.required")
            except CellFault as fault:
                faults.append(Fault(sheet.title, number, letter, heading, fault.code, fault.params))
                sound = False
                continue
            if value is not None:
                values[column.name] = value
        key = tuple(values.get(name) for name in keys)
        if sound and key in seen:
            faults.append(read.fault(number, "id", "excel.twice", {"id": key[-1], "row": seen[key]}))
        seen.setdefault(key, number)
        read.rows[number] = values
