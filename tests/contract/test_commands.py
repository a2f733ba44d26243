"""What no command may carry."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from services.monitor.domain.watch import Life, WatchState, act
from shared.clock import SystemClock
from shared.contracts.levels import Level
from shared.contracts.monitor import AcknowledgeWarning, HandleWarning
from shared.contracts.registry import PondDescription, RegisterPond
from shared.problems import BadInput


@pytest.mark.parametrize("by", ["a\x00b", "\x00"])
def test_nul_is_refused_wherever_it_stands(by: str) -> None:
    with pytest.raises(ValidationError, match="NUL"):
        AcknowledgeWarning(warning_id="a-20260720-1", by=by)
    with pytest.raises(ValidationError, match="NUL"):
        RegisterPond.model_validate({"pond": {"id": "a", "name": f"n{by}"}, "by": "x"})
    assert RegisterPond(pond=PondDescription(id="a", name="下口"), by="李").by == "李"


@pytest.mark.parametrize("blank", [" ", "\u200b", "\u2800", "　", "-", "…"])
def test_a_name_nobody_sees_is_none(blank: str) -> None:
    state = WatchState(count=1, current="w", open={"w": Life(Level.BLUE, verified=True)})
    with pytest.raises(BadInput):
        act(state, AcknowledgeWarning(warning_id="w", by=blank), "pond", SystemClock().now())
    with pytest.raises(BadInput):
        act(state, HandleWarning(warning_id="w", by="李", action=blank), "pond", SystemClock().now())
