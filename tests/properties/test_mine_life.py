"""Whatever is asked of a mine, in whatever order: closure never becomes suspension, and nobody comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.registry.domain.minerules import in_planned_merger
from shared.contracts.acts import Recorded
from shared.contracts.mines import GONE, DocumentRef, Mine, MineStatus
from shared.problems import Refusal
from tests.prove import examples
from tests.unit.registry.mineworld import (
    ACTS,
    BE_MERGED,
    CLOSE,
    DAY,
    INTO_A,
    JOIN,
    PHASE_OUT,
    PLAN_CLOSURE,
    PLAN_PHASE_OUT,
    REGISTER,
    SUSPEND,
    act,
    fold,
)

COMMANDS = [
    *ACTS.values(), REGISTER, SUSPEND, PLAN_CLOSURE, PLAN_PHASE_OUT, CLOSE, PHASE_OUT, BE_MERGED,
    JOIN.model_copy(update={"merger": INTO_A}),
]  # fmt: skip
SOFT = (MineStatus.OPERATING, MineStatus.SUSPENDED)
ON_THE_WAY = (MineStatus.CLOSING, MineStatus.CLOSED)


class Desk(RuleBasedStateMachine):
    """Asks for anything; keeps the statuses that the mine has had."""

    def __init__(self) -> None:
        super().__init__()
        self.on = DAY
        self.state: Mine | None = None
        self.told: list[Recorded] = []
        self.lived: list[MineStatus] = []

    def ask(self, command: Any) -> None:
        before = self.state
        try:
            events = act(before, command, self.on)
        except Refusal:
            return
        self.told += events
        self.state = fold(before, events)
        if self.state is not None:
            self.lived.append(self.state.status)

    @rule(command=st.sampled_from(COMMANDS))
    def anything(self, command: Any) -> None:
        self.ask(command)

    @rule(command=st.sampled_from([each for each in COMMANDS if "evidence" in type(each).model_fields]))
    def without_evidence(self, command: Any) -> None:
        """Nothing ends on an empty hand."""
        bare = command.model_copy(update={"evidence": (DocumentRef(),)})
        gone = self.state is not None and self.state.status in GONE
        if "merger" not in type(command).command_name and type(command).__name__ not in ("BeMerged", "Absorb"):
            self.ask(bare)
            assert gone or self.state is None or self.state.status not in GONE

    @rule(later=st.integers(1, 40))
    def time_passes(self, later: int) -> None:
        self.on += timedelta(days=later)

    @invariant()
    def closure_is_never_downgraded(self) -> None:
        if not self.lived:
            return
        now = self.lived[-1]
        if any(status in ON_THE_WAY for status in self.lived):
            assert now in ON_THE_WAY
        if MineStatus.PHASING_OUT in self.lived:
            assert now not in SOFT
        for gone in GONE:
            if gone in self.lived:
                assert now is gone

    @invariant()
    def the_record_says_what_its_status_means(self) -> None:
        mine = self.state
        if mine is None:
            return
        assert (mine.status is MineStatus.SUSPENDED) <= (mine.suspension is not None)
        assert (mine.status in GONE) <= (mine.suspension is None)
        assert (mine.status is MineStatus.CLOSING) <= (mine.closure is not None)
        assert (mine.status is MineStatus.CLOSED) <= (mine.closed_on_basis is not None)
        assert (mine.status in GONE) == bool(mine.evidence)
        assert not (mine.status in ON_THE_WAY and in_planned_merger(mine))

    @invariant()
    def what_was_told_replays_to_the_same_state(self) -> None:
        told = [type(event).model_validate_json(event.model_dump_json()) for event in self.told]
        assert fold(None, told) == self.state


TestMineLife = Desk.TestCase
TestMineLife.settings = settings(max_examples=examples(200), stateful_step_count=30, deadline=None)


def test_the_machine_can_reach_every_end() -> None:
    """The property is about something: each end is open to a mine."""
    ways = {
        MineStatus.CLOSED: (SUSPEND, PLAN_CLOSURE, CLOSE),
        MineStatus.PHASED_OUT: (PLAN_PHASE_OUT, PHASE_OUT),
        MineStatus.MERGED: (SUSPEND, JOIN, BE_MERGED),
    }
    for end, way in ways.items():
        desk = Desk()
        for command in (REGISTER, *way):
            desk.ask(command)
        assert desk.lived[-1] is end
        desk.closure_is_never_downgraded()
