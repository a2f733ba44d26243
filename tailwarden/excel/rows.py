"""Rows that were read, as the act that enters them; what the contract refuses of a row is a fault of its cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ErrorType

from shared.contracts.border import misread_names
from shared.contracts.ledger import (
    ImportLedger,
    MineRow,
    PersonRow,
    PondRow,
    RowRefusal,
    SensorRow,
    Sheet,
)
from shared.contracts.mines import MineDescription
from shared.contracts.people import Channel, PersonDescription
from shared.contracts.pondfiles import PondFacts
from shared.contracts.reading import bad_input_of, read_value
from shared.contracts.registry import PondDescription, SensorDescription
from tailwarden.excel.read import Fault, Read, SheetRead

__all__ = ["act_of", "faults_of"]

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

_ENTRY = ("status", "reason", "suspended_since")
"""How a new mine enters the register, beside its description."""


def act_of(read: Read, *, source: str, by: str, on: date | None, check_only: bool) -> ImportLedger | None:
    """Return the act that enters what was read, or None; faults are added to ``read.faults``."""
    mines = _made(read, Sheet.MINES, _mine)
    people = _made(read, Sheet.PEOPLE, _person)
    ponds = _made(read, Sheet.PONDS, _pond)
    sensors = _made(read, Sheet.SENSORS, _sensor)
    if read.faults:
        read.faults.sort(key=read.place_of)
        return None
    given = {Sheet(name): _fields(tuple(sheet.letters)) for name, sheet in read.sheets.items()}
    act = {"by": by, "on": on, "source": source, "given": given, "check_only": check_only}
    return read_value(ImportLedger, {**act, "mines": mines, "people": people, "ponds": ponds, "sensors": sensors})


def faults_of(read: Read, refusals: tuple[RowRefusal, ...]) -> list[Fault]:
    """Return the registry's refusals as faults of the workbook's cells."""
    return [
        read.sheets[each.sheet.value].fault(each.row, _first_column(each.column), each.code, each.params)
        for each in refusals
    ]


_KINDS = frozenset(get_args(ErrorType))


class _Builder:
    """Makes the models of one row; what they refuse becomes faults of the row's cells."""

    def __init__(self, read: Read, sheet: SheetRead, row: int) -> None:
        self._read, self._sheet, self._row = read, sheet, row

    def __call__(self, model: type[M], values: Mapping[str, Any]) -> M | None:
        try:
            made = model.model_validate(values)
            if misread := misread_names(made):  # what a command may not hold: here it has a cell
                raise ValidationError.from_exception_data(model.__name__, misread)
            return made
        except ValidationError as error:
            for each in error.errors(include_url=False):
                fault = bad_input_of(ValidationError.from_exception_data(error.title, [_line(each)]))
                column = _first_column(str(each["loc"][0]) if each["loc"] else "id")
                self._read.faults.append(self._sheet.fault(self._row, column, fault.code, fault.params))
            return None


def _made(read: Read, sheet: Sheet, make: Callable[[int, Mapping[str, Any], _Builder], T | None]) -> tuple[T, ...]:
    found = read.sheets.get(sheet.value)
    if found is None or not found.complete:
        return ()
    # What follows from a fault that is told already would only confuse.
    broken = {fault.row for fault in read.faults if fault.sheet == found.title}
    made = (
        make(number, values, _Builder(read, found, number))
        for number, values in found.rows.items()
        if number not in broken
    )
    return tuple(each for each in made if each is not None)


def _line(error: Any) -> Any:
    """Return one error of a validation as it can be raised again; addresses are left out of it."""
    secret = "contacts" in error["loc"]
    # A type of ours is not known by its name.
    kind = error["type"] if error["type"] in _KINDS else PydanticCustomError(error["type"], error["msg"])
    line = {"type": kind, "loc": error["loc"], "input": "…" if secret else error["input"]}
    return {**line, "ctx": error["ctx"]} if "ctx" in error else line


def _fields(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the model's fields that a sheet's columns fill."""
    names = dict.fromkeys("range" if name in ("range_low", "range_high") else name for name in columns)
    return tuple(name for name in names if name not in {each.value for each in Channel})


def _first_column(name: str) -> str:
    return "range_low" if name == "range" else name


def _of(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


def _mine(row: int, values: Mapping[str, Any], build: _Builder) -> MineRow | None:
    mine = build(MineDescription, {name: value for name, value in values.items() if name not in _ENTRY})
    return None if mine is None else build(MineRow, {"row": row, "mine": mine, **_of(values, *_ENTRY)})


def _pond(row: int, values: Mapping[str, Any], build: _Builder) -> PondRow | None:
    pond = build(PondDescription, _of(values, "id", "name", "county", "grade", "crest_level"))
    facts = build(PondFacts, {name: value for name, value in values.items() if name in PondFacts.model_fields})
    if pond is None or facts is None:
        return None
    return build(PondRow, {"row": row, "pond": pond, "facts": facts, **_of(values, "use", "use_since")})


def _sensor(row: int, values: Mapping[str, Any], build: _Builder) -> SensorRow | None:
    described = _of(values, "id", "kind", "unit", "expected_interval_s", "zero_level")
    if "range_low" in values or "range_high" in values:
        described["range"] = (values.get("range_low"), values.get("range_high"))
    sensor = build(SensorDescription, described)
    if sensor is None:
        return None
    return build(SensorRow, {"row": row, "pond_id": values["pond_id"], "sensor": sensor, **_of(values, "state")})


def _person(row: int, values: Mapping[str, Any], build: _Builder) -> PersonRow | None:
    person = build(PersonDescription, _of(values, "id", "name", "organisation", "position", "level"))
    contacts = [
        {"column": each.value, "channel": each, "address": values[each.value]}
        for each in Channel
        if each.value in values
    ]
    return None if person is None else build(PersonRow, {"row": row, "person": person, "contacts": contacts})
