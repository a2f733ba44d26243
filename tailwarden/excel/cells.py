"""One cell: what somebody typed, as the value its column holds, or why it is none.

Text is kept as it was written but for spaces around it; ids, numbers, dates and choices are read half-width, so that
full-width digits and letters mean what they look like.
"""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import date, datetime, time
from functools import cache
from typing import TYPE_CHECKING, Any, assert_never

from shared.contracts.base import ID_PATTERN
from shared.words import LANGUAGES, say
from tailwarden.excel.sheets import Column, Holds, choice_key, plain

if TYPE_CHECKING:
    from openpyxl.cell.cell import Cell, MergedCell

__all__ = ["CellFault", "is_blank", "value_of"]

_SAFE_DIGITS = 10**15
"""Excel keeps 15 digits of a number: a longer code typed as a number has lost its end."""
_SERIALS = (18_264, 73_050)
"""Excel's numbers of 1950-01-01 and 2099-12-31: other numbers are no dates anybody means here."""
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_FLAGS = {"是": True, "有": True, "√": True, "yes": True, "y": True, "true": True, "1": True} | {
    "否": False, "无": False, "×": False, "no": False, "n": False, "false": False, "0": False,
}  # fmt: skip
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))


class CellFault(Exception):
    """Why a cell cannot be read: a key of the word catalogue with its parameters."""

    def __init__(self, code: str, params: dict[str, Any] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.params = {} if params is None else params


def is_blank(value: object) -> bool:
    """Whether a cell's value is nothing, or nothing that can be seen."""
    return value is None or (isinstance(value, str) and not value.translate(_INVISIBLE).strip())


def value_of(cell: Cell | MergedCell, column: Column) -> Any:
    """Return what a cell holds, None when it is blank.

    Raises
    ------
    CellFault
        ``excel.…``.
    """
    if cell.data_type == "f":
        raise CellFault("excel.formula")
    if cell.data_type == "e":
        raise CellFault("excel.error_value", {"value": str(cell.value)})
    value = cell.value
    if is_blank(value):
        return None
    match column.holds:
        case Holds.TEXT:
            return _text(value)
        case Holds.ID:
            text = _half(value)
            if re.fullmatch(ID_PATTERN, text) is None:
                raise CellFault("excel.not_id", {"value": _excerpt(text)})
            return text
        case Holds.NUMBER:
            return _number(value)
        case Holds.WHOLE:
            number = _number(value)
            if number != int(number):
                raise CellFault("excel.not_whole", {"value": f"{number:g}"})
            return int(number)
        case Holds.DATE:
            return _date(value, cell)
        case Holds.FLAG:
            return _flag(value)
        case Holds.CHOICE:
            return _choice(value, column)
        case _:
            assert_never(column.holds)


def _text(value: object) -> str:
    match value:
        case bool():
            raise CellFault("excel.not_text", {"value": str(value)})
        case datetime() | date() | time():
            raise CellFault("excel.not_text", {"value": value.isoformat()})
        case int() | float():
            if abs(value) >= _SAFE_DIGITS:
                raise CellFault("excel.digits_lost", {"value": f"{value:.0f}"})
            return str(int(value)) if value == int(value) else repr(value)
        case _:
            return str(value).translate(_INVISIBLE).strip()


def _half(value: object) -> str:
    return unicodedata.normalize("NFKC", _text(value)).strip()


def _number(value: object) -> float:
    if isinstance(value, bool | datetime | date | time):
        raise CellFault("excel.not_number", {"value": str(value)})
    if isinstance(value, int | float):
        number = float(value)
    else:
        text = _half(value).replace(" ", "").replace("−", "-")
        if _GROUPED.fullmatch(text):
            text = text.replace(",", "")
        if _NUMBER.fullmatch(text) is None:
            raise CellFault("excel.not_number", {"value": _excerpt(text)})
        number = float(text)
    if not math.isfinite(number):
        raise CellFault("excel.not_number", {"value": str(number)})
    return number


def _date(value: object, cell: Cell | MergedCell) -> date:
    from openpyxl.utils.datetime import from_excel

    match value:
        case datetime():
            return value.date()
        case date():
            return value
        case bool() | time():
            raise CellFault("excel.not_date", {"value": str(value)})
        case int() | float():
            if _SERIALS[0] <= value <= _SERIALS[1]:
                book = cell.parent.parent
                assert book is not None, "a cell that was read belongs to a workbook"
                day = from_excel(int(value), book.epoch)
                return day.date() if isinstance(day, datetime) else date.fromisoformat(str(day))
            text = _text(value)
        case _:
            text = _half(value)
    found = _DATE.fullmatch(text) or _COMPACT.fullmatch(text)
    if found is None:
        # What a spreadsheet exports as a moment of midnight is that day.
        found = _DATE.fullmatch(re.sub(r"[T ]00:00(:00)?$", "", text))
    if found is not None:
        try:
            return date(int(found[1]), int(found[2]), int(found[3]))
        except ValueError:
            pass
    raise CellFault("excel.not_date", {"value": _excerpt(text)})


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    flag = _FLAGS.get(plain(_text(value)))
    if flag is None:
        raise CellFault("excel.not_flag", {"value": _excerpt(str(value))})
    return flag


def _choice(value: object, column: Column) -> str:
    found = _choices(column).get(plain(_text(value)))
    if found is None:
        assert column.choices is not None, "a column of choices names them"
        known = [choice_key(column, each) for each in column.choices]
        raise CellFault("excel.not_choice", {"value": _excerpt(str(value)), "known": known})
    return found


@cache
def _choices(column: Column) -> dict[str, str]:
    assert column.choices is not None, "a column of choices names them"
    return {
        plain(said): each.value
        for each in column.choices
        for said in (each.value, *(say(choice_key(column, each), language) for language in LANGUAGES))
    }


def _excerpt(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}…"
