"""Which sheets and columns a ledger has. Sheet names and headings stand in the word catalogue, in both languages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from functools import cache

from shared.contracts.levels import SensorKind, SensorState
from shared.contracts.mines import MineStatus
from shared.contracts.people import AdminLevel
from shared.contracts.pondfiles import PondUse
from shared.words import LANGUAGES, say

__all__ = ["EXPORT_ONLY", "SHEETS", "Column", "Holds", "Table", "choice_key", "column_named", "plain", "table_named"]


class Holds(Enum):
    """What the cells of a column hold."""

    TEXT = auto()
    ID = auto()
    NUMBER = auto()
    WHOLE = auto()
    DATE = auto()
    FLAG = auto()
    CHOICE = auto()


@dataclass(frozen=True, slots=True)
class Column:
    """A column: ``name`` is its key in the catalogue's section of its sheet, and the field it fills."""

    name: str
    holds: Holds = Holds.TEXT
    required: bool = False
    read_only: bool = False
    """Written, never read: what follows from other records, or changes by acts of its own."""
    secret: bool = False
    """Read, never written: an address."""
    choices: type[StrEnum] | None = None
    words: str = ""
    """Start of the catalogue keys of the choices."""
    width: int = 14


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet: ``name`` gives the catalogue's section ``ledger_<name>``."""

    name: str
    columns: tuple[Column, ...]

    def title(self, language: str) -> str:
        """Return the sheet's name."""
        return say(f"ledger.sheet_{self.name}", language)

    def heading(self, column: Column, language: str) -> str:
        """Return a column's heading; read-only columns say so."""
        heading = say(f"ledger_{self.name}.{column.name}", language)
        return say("ledger.read_only", language, heading=heading) if column.read_only else heading


_NUMBER, _WHOLE, _DATE = Holds.NUMBER, Holds.WHOLE, Holds.DATE
_ID = Column("id", Holds.ID, required=True, width=18)
_NAME = Column("name", required=True, width=34)
_PLACE = (Column("longitude", _NUMBER, width=12), Column("latitude", _NUMBER, width=12))

MINES = Table(
    "mines",
    (
        _ID,
        _NAME,
        Column("county", required=True),
        Column("mineral"),
        Column("method"),
        Column("capacity_10k_t", _NUMBER),
        Column("enterprise", width=30),
        Column("credit_code", width=22),
        *_PLACE,
        Column("status", Holds.CHOICE, choices=MineStatus, words="ledger.mine_status_"),
        Column("reason", width=30),
        Column("suspended_since", _DATE),
        Column("since", _DATE, read_only=True),
        Column("guarantors", read_only=True, width=20),
        Column("on_site_watch", read_only=True, width=20),
        Column("plan", read_only=True),
        Column("plan_deadline", _DATE, read_only=True),
        Column("plan_responsible", read_only=True),
        Column("policy_target", read_only=True, width=40),
        Column("policy_measures", read_only=True, width=50),
        Column("policy_owner", read_only=True),
        Column("policy_due", _DATE, read_only=True),
    ),
)
PONDS = Table(
    "ponds",
    (
        _ID,
        _NAME,
        Column("county"),
        Column("grade", _WHOLE, width=8),
        Column("crest_level", _NUMBER),
        Column("volume_10k_m3", _NUMBER),
        Column("dam_height_m", _NUMBER),
        Column("enterprise", width=30),
        Column("mine_id", Holds.ID, width=18),
        Column("dry", Holds.FLAG, width=8),
        Column("above_residents", Holds.FLAG, width=8),
        Column("people_downstream", _WHOLE),
        *_PLACE,
        Column("use", Holds.CHOICE, choices=PondUse, words="ledger.pond_use_"),
        Column("use_since", _DATE),
        Column("computed_grade", _WHOLE, read_only=True, width=12),
        Column("grade_differs", Holds.FLAG, read_only=True, width=12),
        Column("closure_step", read_only=True),
        Column("closure_state", read_only=True),
        Column("closure_started", _DATE, read_only=True),
        Column("closure_due", _DATE, read_only=True),
        Column("closure_late", Holds.FLAG, read_only=True),
        Column("overdue_since", _DATE, read_only=True),
    ),
)
SENSORS = Table(
    "sensors",
    (
        Column("pond_id", Holds.ID, required=True, width=18),
        _ID,
        Column("kind", Holds.CHOICE, required=True, choices=SensorKind, words="sites.kind_"),
        Column("unit", required=True, width=8),
        Column("expected_interval_s", _WHOLE, required=True),
        Column("range_low", _NUMBER),
        Column("range_high", _NUMBER),
        Column("zero_level", _NUMBER),
        Column("state", Holds.CHOICE, choices=SensorState, words="sites.state_"),
    ),
)
PEOPLE = Table(
    "people",
    (
        _ID,
        Column("name", required=True),
        Column("organisation", width=30),
        Column("position", width=20),
        Column("level", Holds.CHOICE, choices=AdminLevel, words="people.level_"),
        Column("mobile", secret=True),
        Column("phone", secret=True),
        Column("mail", secret=True, width=24),
        Column("webhook", secret=True, width=30),
        Column("contacts", read_only=True, width=36),
    ),
)
GRID = Table(
    "grid",
    (
        Column("kind"),
        Column("place", width=20),
        Column("place_name", width=30),
        Column("duty", width=16),
        Column("unit", width=24),
        Column("person"),
        Column("position", width=30),
        Column("since", _DATE),
        Column("until", _DATE),
        Column("deputies", width=24),
        Column("note", width=30),
    ),
)
PLANS = Table(
    "plans",
    (
        Column("county"),
        Column("mine_id", width=18),
        Column("mine", width=34),
        Column("item", width=16),
        Column("detail", width=44),
        Column("planned_on", _DATE),
        Column("deadline", _DATE),
        Column("responsible"),
        Column("done", Holds.FLAG, width=8),
        Column("done_on", _DATE),
    ),
)
REDUCTION = Table(
    "reduction",
    (
        Column("plan", width=24),
        Column("county"),
        Column("mine_id", width=18),
        Column("mine", width=34),
        Column("kind"),
        Column("into", width=18),
        Column("deadline", _DATE),
        Column("state"),
        Column("done_on", _DATE),
    ),
)
SHEETS: Mapping[str, Table] = {table.name: table for table in (MINES, PONDS, SENSORS, PEOPLE)}
"""Sheets that are read and written, in the order of the workbook."""
EXPORT_ONLY: Mapping[str, Table] = {table.name: table for table in (GRID, PLANS, REDUCTION)}
"""Sheets that are written only; reading passes over them."""

NOTES = "notes"


def plain(text: str) -> str:
    """Return a heading or a choice as it is compared: half-width, one space, lower case, without its marks.

    >>> plain(" 库容（万m³）* "), plain("Dam  height")
    ('库容(万m3)', 'dam height')
    """
    text = unicodedata.normalize("NFKC", text)
    text = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    return re.sub(r"\s+", " ", text).strip().rstrip("*").strip().lower()


def choice_key(column: Column, value: StrEnum) -> str:
    """Return the catalogue key of a choice."""
    return f"{column.words}{value.value}"


@cache
def _titles() -> dict[str, str]:
    names = (*SHEETS, *EXPORT_ONLY, NOTES)
    said = {plain(say(f"ledger.sheet_{name}", language)): name for name in names for language in LANGUAGES}
    return {**said, **{name: name for name in names}}


def table_named(title: str) -> str | None:
    """Return the name of the sheet that a title means in either language, or None."""
    return _titles().get(plain(title))


@cache
def _headings(name: str) -> dict[str, Column]:
    table = SHEETS[name]
    found: dict[str, Column] = {}
    for column in table.columns:
        found[column.name] = column
        for language in LANGUAGES:
            found[plain(table.heading(column, language))] = column
            found[plain(say(f"ledger_{name}.{column.name}", language))] = column
    return found


def column_named(table: Table, heading: str) -> Column | None:
    """Return the column that a heading means in either language, or None."""
    return _headings(table.name).get(plain(heading))
