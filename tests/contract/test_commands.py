"""What no command may carry."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from services.monitor.domain.watch import Life, WatchState, act
from shared.clock import SystemClock
from shared.contracts.base import Command
from shared.contracts.cases import ListFindings, ReportProgress
from shared.contracts.levels import Level
from shared.contracts.mines import RegisterMine
from shared.contracts.monitor import AcknowledgeWarning, HandleWarning
from shared.contracts.peopleacts import RegisterPerson
from shared.contracts.reading import bad_input_of
from shared.contracts.registry import PondDescription, PondRegistered, RegisterPond
from shared.problems import BadInput


@pytest.mark.parametrize("by", ["a\x00b", "\x00"])
def test_nul_is_refused_wherever_it_stands(by: str) -> None:
    with pytest.raises(ValidationError, match="NUL"):
        AcknowledgeWarning(warning_id="a-20260720-1", by=by)
    with pytest.raises(ValidationError, match="NUL"):
        RegisterPond.model_validate({"pond": {"id": "a", "name": f"n{by}"}, "by": "x"})
    assert RegisterPond(pond=PondDescription(id="a", name="下口"), by="李").by == "李"


@pytest.mark.parametrize("outside", [2**53, -(2**53), 10**40])
def test_no_whole_number_is_larger_than_every_reader_keeps(outside: int) -> None:
    with pytest.raises(ValidationError) as refused:
        ListFindings.model_validate({"offset": outside})
    problem = bad_input_of(refused.value)
    assert (problem.code, problem.params["where"]) == ("input.outside", "offset")
    assert "9007199254740991" in problem.words("en")


@pytest.mark.parametrize("day", ["0001-01-01", "1948-12-31", "2200-01-01", "9999-12-31"])
def test_no_act_has_a_day_on_which_nothing_here_can_happen(day: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ReportProgress.model_validate({"finding_id": "f1", "text": "x", "by": "李四", "on": day})
    problem = bad_input_of(refused.value)
    assert (problem.code, problem.params["where"]) == ("input.outside", "on")
    assert "1949-01-01" in problem.words("en")
    assert ReportProgress.model_validate({"finding_id": "f1", "text": "x", "by": "李四", "on": "1949-01-01"})


def test_a_signature_reads_as_it_is_stored() -> None:
    with pytest.raises(ValidationError, match="control characters"):
        ReportProgress(finding_id="f1", text="x", by="张\u202e三")


@pytest.mark.parametrize("name", ["尾矿\u202e库", "尾矿\n库", "Li\x1b[2J"])
@pytest.mark.parametrize(
    ("command", "given"),
    [
        (RegisterPond, {"pond": {"id": "a", "name": "?"}}),
        (RegisterPond, {"pond": {"id": "a", "name": "a", "county": "?"}}),
        (RegisterMine, {"mine": {"id": "m", "name": "?", "county": "c"}}),
        (RegisterPerson, {"person": {"id": "p", "name": "?"}}),
        (RegisterPerson, {"person": {"id": "p", "name": "a", "organisation": "?"}}),
    ],
)
def test_no_name_holds_signs_that_change_what_is_read(command: type[Command], given: dict[str, Any], name: str) -> None:
    ((kind, about),) = given.items()
    written = {field: name if value == "?" else value for field, value in about.items()}
    with pytest.raises(ValidationError) as refused:
        command.model_validate({kind: written, "by": "李"})
    problem = bad_input_of(refused.value)
    assert problem.code == "input.controls"
    assert problem.words("zh") != problem.words("en")
    field = next(field for field, value in about.items() if value == "?")
    assert problem.field == f"{kind}.{field}"


def test_what_was_stored_before_stays_readable() -> None:
    pond = PondDescription(id="a", name="尾矿\n库")
    event = PondRegistered(pond=pond, at=SystemClock().now())
    assert PondRegistered.model_validate_json(event.model_dump_json()) == event


@pytest.mark.parametrize("blank", [" ", "\u200b", "\u2800", "　", "-", "…"])
def test_a_name_nobody_sees_is_none(blank: str) -> None:
    state = WatchState(count=1, current="w", open={"w": Life(Level.BLUE, verified=True)})
    with pytest.raises(BadInput):
        act(state, AcknowledgeWarning(warning_id="w", by=blank), "pond", SystemClock().now())
    with pytest.raises(BadInput):
        act(state, HandleWarning(warning_id="w", by="李", action=blank), "pond", SystemClock().now())
