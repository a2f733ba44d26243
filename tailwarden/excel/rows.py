"""Rows that were read, as the act that enters them; what the contract refuses of a row is a fault of its cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from pydantic import ValidationError

from shared.contracts.ledger import (
    ContactCell,
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
from shared.contracts.reading import bad_input_of
from shared.contracts.registry import PondDescription, SensorDescription
from tailwarden.excel.read import Fault, Read

__all__ = ["act_of", "faults_of"]

T = TypeVar("T")


def act_of(read: Read, *, source: str, by: str, on: date | None, check_only: bool) -> ImportLedger | None:
    """Return the act that enters what was read, or None; faults are added to ``read.faults``."""
    mines = _made(read, Sheet.MINES, _mine)
    people = _made(read, Sheet.PEOPLE, _person)
    ponds = _made(read, Sheet.PONDS, _pond)
    sensors = _made(read, Sheet.SENSORS, _sensor)
    if read.faults:
        return None
    given = {Sheet(name): _fields(tuple(sheet.letters)) for name, sheet in read.sheets.items()}
    return ImportLedger(
        by=by,
        on=on,
        source=source,
        given=given,
        mines=mines,
        people=people,
        ponds=ponds,
        sensors=sensors,
        check_only=check_only,
    )


def faults_of(read: Read, refusals: tuple[RowRefusal, ...]) -> list[Fault]:
    """Return the registry's refusals as faults of the workbook's cells."""
    return [
        read.sheets[each.sheet.value].fault(each.row, _first_column(each.column), each.code, each.params)
        for each in refusals
    ]


def _made(read: Read, sheet: Sheet, make: Callable[[int, Mapping[str, Any]], T]) -> tuple[T, ...]:
    found = read.sheets.get(sheet.value)
    if found is None:
        return ()
    made: list[T] = []
    broken = {fault.row for fault in read.faults if fault.sheet == found.title}
    for number, values in found.rows.items():
        if number in broken:
            continue  # its faults are told already; what follows from them would only confuse
        try:
            made.append(make(number, values))
        except ValidationError as error:
            for each in error.errors(include_url=False):
                single = ValidationError.from_exception_data(error.title, [_line(each)])
                fault = bad_input_of(single)
                column = _first_column(str(each["loc"][0]) if each["loc"] else "id")
                read.faults.append(found.fault(number, column, fault.code, fault.params))
    return tuple(made)


def _line(error: Any) -> Any:
    """Return one error of a validation as it can be raised again; addresses are left out of it."""
    secret = error["loc"][:1] == ("address",)
    line = {"type": error["type"], "loc": error["loc"], "input": "…" if secret else error["input"]}
    return {**line, "ctx": error["ctx"]} if "ctx" in error else line


def _fields(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the model's fields that a sheet's columns fill."""
    names = dict.fromkeys("range" if name in ("range_low", "range_high") else name for name in columns)
    return tuple(name for name in names if name not in {each.value for each in Channel})


def _first_column(name: str) -> str:
    return "range_low" if name == "range" else name


def _of(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


def _mine(row: int, values: Mapping[str, Any]) -> MineRow:
    described = {name: value for name, value in values.items() if name not in ("status", "reason")}
    return MineRow(row=row, mine=MineDescription.model_validate(described), **_of(values, "status", "reason"))


def _pond(row: int, values: Mapping[str, Any]) -> PondRow:
    pond = PondDescription.model_validate(_of(values, "id", "name", "county", "grade", "crest_level"))
    facts = PondFacts.model_validate({name: value for name, value in values.items() if name in PondFacts.model_fields})
    return PondRow(row=row, pond=pond, facts=facts, **_of(values, "use", "use_since"))


def _sensor(row: int, values: Mapping[str, Any]) -> SensorRow:
    described = _of(values, "id", "kind", "unit", "expected_interval_s", "zero_level")
    if "range_low" in values or "range_high" in values:
        described["range"] = (values.get("range_low"), values.get("range_high"))
    sensor = SensorDescription.model_validate(described)
    return SensorRow(row=row, pond_id=values["pond_id"], sensor=sensor, **_of(values, "state"))


def _person(row: int, values: Mapping[str, Any]) -> PersonRow:
    person = PersonDescription.model_validate(_of(values, "id", "name", "organisation", "position", "level"))
    contacts = tuple(
        ContactCell(column=each.value, channel=each, address=values[each.value])
        for each in Channel
        if each.value in values
    )
    return PersonRow(row=row, person=person, contacts=contacts)
