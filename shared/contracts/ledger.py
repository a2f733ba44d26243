"""Whole ledgers 台账 in and out of the register: many rows in one act, and what a ledger is made of (version 1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from shared.contracts.acts import Act, Name, PageQuery
from shared.contracts.base import Command, Identifier, Record
from shared.contracts.levels import SensorState
from shared.contracts.mines import MineDescription, MineStatus
from shared.contracts.people import Channel, PersonDescription
from shared.contracts.pondfiles import PondFacts, PondUse
from shared.contracts.registry import PondDescription, PondView, SensorDescription

__all__ = [
    "LEDGER_REPLIES",
    "ContactCell",
    "ImportLedger",
    "Imported",
    "ListPonds",
    "MineRow",
    "PersonRow",
    "PondList",
    "PondRow",
    "RowRefusal",
    "SensorRow",
    "Sheet",
    "SheetCount",
]

MOST_ROWS = 20_000


class Sheet(StrEnum):
    """The sheets of a ledger that can be read in, in the order in which they are."""

    MINES = "mines"
    PEOPLE = "people"
    PONDS = "ponds"
    SENSORS = "sensors"


class MineRow(Record):
    """A mine of a ledger; ``row`` is its row in the sheet, for refusals."""

    row: int
    mine: MineDescription
    status: MineStatus | None = None
    """As the mine stands; only a new one may be entered as suspended, anything else needs its own act."""
    reason: str = ""
    """Of the suspension of a new mine that enters as suspended."""
    suspended_since: date | None = None
    """Of the same; None: the act's day."""


class PondRow(Record):
    """A pond of a ledger: registration and file."""

    row: int
    pond: PondDescription
    facts: PondFacts
    use: PondUse | None = None
    use_since: date | None = None
    """Since when it is used so; of a pond out of use: since when it is."""


class SensorRow(Record):
    """A sensor of a ledger."""

    row: int
    pond_id: Identifier
    sensor: SensorDescription
    state: SensorState | None = None
    """Of a new sensor; a known one changes its state by its own act."""


class ContactCell(Record):
    """An address in a ledger; a personal secret like any other."""

    column: str
    channel: Channel
    address: str = Field(repr=False, max_length=500)


class PersonRow(Record):
    """A person of a ledger."""

    row: int
    person: PersonDescription
    contacts: tuple[ContactCell, ...] = ()


class ImportLedger(Act):
    """Enter a whole ledger: all of it or, when one row is refused, nothing. The same again changes nothing.

    ``given`` names, by sheet, the columns that the ledger has: what it does not have stays as it is in the register.
    Records that the ledger does not name stay as they are.
    """

    command_name: ClassVar[str] = "registry.import_ledger"
    source: Name
    """The file's name; stands as the reason where an act needs one."""
    given: dict[Sheet, tuple[str, ...]] = Field(default_factory=dict)
    mines: tuple[MineRow, ...] = Field(default=(), max_length=MOST_ROWS)
    people: tuple[PersonRow, ...] = Field(default=(), max_length=MOST_ROWS)
    ponds: tuple[PondRow, ...] = Field(default=(), max_length=MOST_ROWS)
    sensors: tuple[SensorRow, ...] = Field(default=(), max_length=MOST_ROWS)
    check_only: bool = False
    """Judge it, change nothing."""


class RowRefusal(Record):
    """Why a row was refused: a key of the word catalogue with its parameters."""

    sheet: Sheet
    row: int
    column: str
    """The column that is at fault, ``id`` when it is the row as a whole."""
    code: str
    params: dict[str, Any] = Field(default_factory=dict)


class SheetCount(Record):
    """What became of a sheet's rows."""

    sheet: Sheet
    added: int = 0
    amended: int = 0
    unchanged: int = 0


class Imported(Record):
    """The answer to ``ImportLedger``. With ``refusals`` nothing was changed; the counts say what would have been."""

    counts: tuple[SheetCount, ...]
    refusals: tuple[RowRefusal, ...] = ()
    changed: bool = False


class ListPonds(PageQuery):
    """Ask for every registered pond with its sensors, by id; as of a day: what was registered by its end."""

    command_name: ClassVar[str] = "registry.list_ponds"


class PondList(Record):
    """The answer to ``ListPonds``."""

    total: int
    ponds: tuple[PondView, ...]


LEDGER_REPLIES: Mapping[type[Command], type[BaseModel]] = {ImportLedger: Imported, ListPonds: PondList}
"""Every question and act about whole ledgers with what answers it."""
