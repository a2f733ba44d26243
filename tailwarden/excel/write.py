"""Tables as a workbook that officials can go on with: headings that stay in view, widths, dates as dates.

Text is text: a cell that begins with ``=``, ``+``, ``-`` or ``@`` never becomes a formula, neither here nor when
somebody edits it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.problems import BadInput
from shared.words import say
from tailwarden.excel.sheets import NOTES, SHEETS, Column, Holds, Table, choice_key

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

__all__ = ["write_ledger", "write_template"]

Row = Mapping[str, Any]

_FORMULA = re.compile(r"^[=+\-@\t\r]")
_LONGEST = 32_767
"""Letters that one cell of Excel holds."""


def write_ledger(path: Path, tables: Iterable[tuple[Table, Iterable[Row]]], language: str, note: str) -> None:
    """Write tables, one sheet each, and a sheet of notes; the file is there whole or not at all.

    Raises
    ------
    BadInput
        ``excel.unwritable``.
    """
    book = _book()
    for table, rows in tables:
        columns = [column for column in table.columns if not column.secret]
        sheet = _sheet(book, table, columns, language)
        for number, row in enumerate(rows, 2):
            for place, column in enumerate(columns, 1):
                value = row.get(column.name)
                if value is not None:
                    _put(sheet, number, place, column, value, language)
        sheet.auto_filter.ref = sheet.dimensions
    _notes(book, (note, say("ledger.note_export", language)), language)
    _save(book, path)


def write_template(path: Path, language: str) -> None:
    """Write an empty ledger: the sheets and columns that are read, choices to pick from, and notes.

    Raises
    ------
    BadInput
        ``excel.unwritable``.
    """
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    book = _book()
    for table in SHEETS.values():
        columns = [column for column in table.columns if not column.read_only]
        sheet = _sheet(book, table, columns, language, mark=True)
        for place, column in enumerate(columns, 1):
            letter = get_column_letter(place)
            if column.holds is Holds.CHOICE and column.choices is not None:
                said = ",".join(say(choice_key(column, each), language) for each in column.choices)
                validation = DataValidation(type="list", formula1=f'"{said}"', allow_blank=True)
                validation.add(f"{letter}2:{letter}2000")
                sheet.add_data_validation(validation)
            if column.holds in (Holds.TEXT, Holds.ID):
                # Codes and telephone numbers stay what was typed.
                sheet.column_dimensions[letter].number_format = "@"
    _notes(book, (say("ledger.note_template", language),), language)
    _save(book, path)


def _book() -> Workbook:
    from openpyxl import Workbook

    book = Workbook()
    for sheet in list(book.worksheets):
        book.remove(sheet)
    return book


def _sheet(book: Workbook, table: Table, columns: list[Column], language: str, *, mark: bool = False) -> Worksheet:
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.properties import PageSetupProperties

    sheet: Worksheet = book.create_sheet(table.title(language))
    for place, column in enumerate(columns, 1):
        heading = table.heading(column, language) + ("*" if mark and column.required else "")
        cell = sheet.cell(1, place, heading)
        cell.font = Font(bold=True)
        cell.alignment = Alignment(wrap_text=True, vertical="center")
        cell.fill = PatternFill("solid", fgColor="E7E6E6" if column.read_only else "DDEBF7")
        sheet.column_dimensions[get_column_letter(place)].width = column.width
    sheet.freeze_panes = "A2"
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    return sheet


def _put(sheet: Worksheet, row: int, place: int, column: Column, value: Any, language: str) -> None:
    cell = sheet.cell(row, place)
    if isinstance(value, StrEnum) and column.choices is not None:
        value = say(choice_key(column, value), language)
    if isinstance(value, bool):
        value = say("ledger.yes" if value else "ledger.no", language)
    if isinstance(value, date):
        cell.value = value
        cell.number_format = "yyyy-mm-dd"
    elif isinstance(value, int | float):
        cell.value = value
    else:
        text = _clean(str(value))
        cell.value = text
        cell.data_type = "s"  # openpyxl would take "=…" for a formula
        if _FORMULA.match(text):
            cell.quotePrefix = True


def _clean(text: str) -> str:
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    return ILLEGAL_CHARACTERS_RE.sub(" ", text)[:_LONGEST]


def _notes(book: Workbook, notes: Iterable[str], language: str) -> None:
    from openpyxl.styles import Alignment

    sheet: Worksheet = book.create_sheet(say(f"ledger.sheet_{NOTES}", language))
    sheet.column_dimensions["A"].width = 100
    for number, note in enumerate(notes, 1):
        cell = sheet.cell(number, 1, note)
        cell.alignment = Alignment(wrap_text=True, vertical="top")


def _save(book: Workbook, path: Path) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            book.save(fresh)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise BadInput("excel.unwritable", file=str(path), reason=error.strerror or str(error)) from error
