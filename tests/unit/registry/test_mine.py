"""A mine: every act in every status, what an act must bring along, and that closure is never downgraded."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from services.registry.adapters.codes import read_codes
from services.registry.domain.merger import decide_merger, evolve_merger
from services.registry.domain.minerules import (
    ALLOWED,
    CloseMineKnowing,
    PlanClosureKnowing,
    PlanPhaseOutKnowing,
    in_planned_merger,
)
from services.registry.settings import RegistrySettings
from shared.contracts.acts import Asked
from shared.contracts.mines import (
    CloseMine,
    CompleteImprovement,
    CompleteMerger,
    CompletePhaseOut,
    DocumentRef,
    MineMerger,
    MineStatus,
    MineSuspended,
    PlanMerger,
    RegisterMine,
    SetPolicy,
    SuspendMine,
    SuspensionControls,
    SuspensionEntry,
    WithdrawMerger,
)
from shared.problems import BadInput, Conflict, NotFound, Refusal
from tests.unit.registry.mineworld import (
    ACTS,
    BE_MERGED,
    CLOSE,
    DAY,
    END,
    EXIT,
    INTO_A,
    JOIN,
    LAW,
    MERGER,
    MINE,
    OTHER_PAPER,
    PAPER,
    PHASE_OUT,
    PLAN_CLOSURE,
    PLAN_PHASE_OUT,
    PLANNED,
    REGISTER,
    STATUSES,
    SUSPEND,
    act,
    after,
    fold,
    of,
)

YES = ""
SAME = "gone"
# What becomes of every act, by the mine's status: done (YES) or refused for a reason. The table is the rule book's
# second copy, written by hand: whoever loosens the rules has to loosen it here as well.
ORDER = ("operating", "suspended", "closing", "phasing_out", "closed", "phased_out", "merged")
TABLE: dict[str, tuple[str, str, str, str, str, str, str]] = {
    "amend": (YES, YES, YES, YES, YES, YES, YES),
    "suspend": (YES, "suspended_already", *("never_suspended",) * 5),
    "controls": ("not_suspended", YES, "not_suspended", "not_suspended", SAME, SAME, SAME),
    "patrol": ("not_suspended", YES, "not_suspended", "not_suspended", SAME, SAME, SAME),
    "resume": ("not_suspended", YES, "never_back", "never_back", SAME, SAME, SAME),
    "plan_closure": (YES, YES, YES, YES, SAME, SAME, SAME),
    "close": (YES, YES, YES, YES, SAME, SAME, SAME),
    "plan_phase_out": (YES, YES, "never_back", YES, SAME, SAME, SAME),
    "phase_out": ("not_phasing_out", "not_phasing_out", "never_back", YES, SAME, SAME, SAME),
    "join": (YES, YES, "leaving", "leaving", SAME, SAME, YES),
    "leave": ("no_merger", "no_merger", "leaving", "leaving", SAME, SAME, SAME),
    "be_merged": ("no_merger", "no_merger", "leaving", "leaving", SAME, SAME, SAME),
    "absorb": ("no_merger", "no_merger", "leaving", "leaving", SAME, SAME, SAME),
    "improve": (YES, YES, "leaving", "leaving", SAME, SAME, SAME),
    "improved": ("no_improvement", "no_improvement", "leaving", "leaving", SAME, SAME, SAME),
    "policy": (YES, YES, YES, YES, SAME, SAME, SAME),
}


def test_the_table_knows_every_act() -> None:
    assert {type(each) for each in ACTS.values()} == set(ALLOWED)
    assert set(TABLE) == set(ACTS)


@pytest.mark.parametrize("status", list(MineStatus))
@pytest.mark.parametrize("name", list(ACTS))
def test_every_act_in_every_status(name: str, status: MineStatus) -> None:
    mine = STATUSES[status]
    assert mine.status is status
    expected = TABLE[name][ORDER.index(status.value)]
    if expected:
        with pytest.raises(Refusal) as refused:
            act(mine, ACTS[name])
        assert refused.value.code == f"mines.{expected}"
    else:
        # A member that was merged already took part in that very merger: nothing new.
        assert bool(act(mine, ACTS[name])) is not (name == "join" and status is MineStatus.MERGED)


@pytest.mark.parametrize("name", list(ACTS))
def test_no_act_finds_an_unknown_mine(name: str) -> None:
    with pytest.raises(NotFound, match="there is no mine a"):
        act(None, ACTS[name])


def test_the_refusal_says_why() -> None:
    with pytest.raises(Conflict) as refused:
        act(after(PLAN_CLOSURE), SUSPEND)
    assert "never downgraded" in refused.value.words("en")
    assert "不得降为停产停建" in refused.value.words("zh")


@pytest.mark.parametrize(
    ("mine", "command"),
    [
        ((), REGISTER),
        ((), SUSPEND),
        ((SUSPEND,), ACTS["controls"]),
        ((SUSPEND,), ACTS["patrol"]),
        ((SUSPEND,), ACTS["resume"]),
        ((), PLAN_CLOSURE),
        ((SUSPEND,), PLAN_CLOSURE),
        ((PLAN_CLOSURE,), CLOSE),
        ((PLAN_CLOSURE,), of(CloseMineKnowing, evidence=PAPER)),
        ((), PLAN_PHASE_OUT),
        ((PLAN_PHASE_OUT,), PHASE_OUT),
        ((), JOIN),
        ((), ACTS["improve"]),
        ((ACTS["improve"],), ACTS["improved"]),
        ((), ACTS["policy"]),
        ((), ACTS["amend"]),
    ],
)
def test_the_same_act_again_changes_nothing(mine: tuple[Any, ...], command: Any) -> None:
    done = after(*mine, command)
    assert act(done, command) == []


def test_a_mine_enters_as_operating_or_as_suspended() -> None:
    since = DAY - timedelta(days=400)
    entry = SuspensionEntry(reason="证照到期", since=since, controls=SuspensionControls(power_limit_kw=10))
    entered = RegisterMine(mine=MINE, suspension=entry, by="王工")
    events = act(None, entered)
    assert isinstance(events[1], MineSuspended)
    suspended = fold(None, events)
    assert suspended is not None
    assert (suspended.status, suspended.since) == (MineStatus.SUSPENDED, since)
    assert act(suspended, entered) == []
    with pytest.raises(Conflict, match="exists already"):
        act(after(), entered)
    later = RegisterMine(mine=MINE, suspension=entry.model_copy(update={"since": DAY + timedelta(days=1)}), by="王工")
    with pytest.raises(BadInput, match="lies after the day of the act"):
        act(None, later)


def test_a_suspended_mine_that_is_to_close_stays_under_its_controls() -> None:
    closing = after(of(SuspendMine, reason="证照到期", since=date(2022, 5, 1)), PLAN_CLOSURE)
    assert closing.status is MineStatus.CLOSING
    assert closing.suspension is not None
    patrolled = after(ACTS["patrol"], ACTS["controls"], mine=closing)
    assert patrolled.suspension is not None
    assert (patrolled.suspension.patrol_count, patrolled.suspension.controls.guarantors) == (1, ("赵镇长",))
    with pytest.raises(Conflict) as refused:
        act(patrolled, SUSPEND)
    assert refused.value.code == "mines.never_suspended"
    assert after(CLOSE, mine=patrolled).suspension is None


def test_a_plan_keeps_its_first_day_and_closure_replaces_what_is_softer() -> None:
    later = DAY + timedelta(days=30)
    moved = of(PlanClosureKnowing, basis="law-01", codes=LAW, deadline=later, responsible="赵县长")
    mine = after(moved, mine=after(PLAN_PHASE_OUT, PLAN_CLOSURE), on=later)
    assert mine.closure is not None
    assert (mine.closure.planned_on, mine.closure.deadline, mine.closure.responsible) == (DAY, later, "赵县长")
    assert (mine.phase_out, mine.status, mine.since) == (None, MineStatus.CLOSING, DAY)


def test_a_patrol_log_keeps_the_latest() -> None:
    mine = after(SUSPEND)
    for day in range(205):
        mine = after(ACTS["patrol"], mine=mine, on=DAY + timedelta(days=day))
    assert mine.suspension is not None
    assert (mine.suspension.patrol_count, len(mine.suspension.patrols)) == (205, 200)
    assert mine.suspension.patrols[-1].on == DAY + timedelta(days=204)


@pytest.mark.parametrize("empty", [(), (DocumentRef(),), (DocumentRef(title="——"),)])
@pytest.mark.parametrize(
    ("mine", "kind", "fields"),
    [
        ((PLAN_CLOSURE,), CloseMineKnowing, {}),
        ((PLAN_PHASE_OUT,), CompletePhaseOut, {}),
        ((ACTS["improve"],), CompleteImprovement, {}),
        ((), CloseMineKnowing, {"basis": "law-01", "codes": LAW}),
    ],
)
def test_nothing_ends_without_evidence(
    mine: tuple[Any, ...], kind: type[Any], fields: dict[str, Any], empty: tuple[DocumentRef, ...]
) -> None:
    with pytest.raises(BadInput) as refused:
        act(after(*mine), of(kind, evidence=empty, **fields))
    assert refused.value.code in ("mines.no_evidence", "mines.no_document")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (of(PlanClosureKnowing, basis="exit-01", codes=LAW, **PLANNED), "mines.basis_unknown"),
        (of(PlanPhaseOutKnowing, basis="law-01", codes=EXIT, **PLANNED), "mines.basis_unknown"),
        (of(CloseMineKnowing, evidence=PAPER, codes=LAW), "mines.basis_missing"),
        (of(CloseMineKnowing, evidence=PAPER, basis="law-99", codes=LAW), "mines.basis_unknown"),
        (of(PlanClosureKnowing, basis="law-01", codes=LAW, deadline=DAY, responsible="…"), "acts.blank"),
        (
            of(PlanClosureKnowing, basis="law-01", codes=LAW, deadline=date(2023, 1, 1), responsible="李"),
            "mines.deadline_past",
        ),
        (of(SuspendMine, reason="--"), "acts.blank"),
        (of(SuspendMine, reason="证照到期", since=END), "mines.since_future"),
        (
            of(SetPolicy, policy=ACTS["policy"].policy.model_copy(update={"due": date(2022, 1, 1)})),
            "mines.policy_dates",
        ),
    ],
)
def test_what_an_act_must_bring_along(command: Any, code: str) -> None:
    with pytest.raises(BadInput) as refused:
        act(after(), command)
    assert refused.value.code == code


@pytest.mark.parametrize("command", [PLAN_CLOSURE, CLOSE, PLAN_PHASE_OUT])
def test_a_mine_in_a_merger_leaves_it_before_it_goes(command: Any) -> None:
    mine = after(JOIN)
    with pytest.raises(Conflict, match="withdraw that first"):
        act(mine, command)
    assert act(after(ACTS["leave"], mine=mine), command)


def test_a_mine_takes_part_in_one_merger_at_a_time() -> None:
    other = of(type(JOIN), merger=MERGER.model_copy(update={"merger_id": "n"}))
    with pytest.raises(Conflict, match="takes part in the merger m already"):
        act(after(JOIN), other)
    survivor = after(of(type(JOIN), merger=INTO_A), ACTS["absorb"])
    assert (survivor.absorbed, in_planned_merger(survivor)) == (("b",), False)
    assert act(survivor, other)
    merged = after(JOIN, BE_MERGED)
    assert (merged.evidence, merged.status, in_planned_merger(merged)) == (PAPER, MineStatus.MERGED, False)


def ask_merger(state: Any, command: Any, on: date = DAY) -> Any:
    for event in decide_merger(Asked(command, act(None, REGISTER)[0].at, on), state):
        state = evolve_merger(state, event)  # type: ignore[arg-type]  # a merger's
    return state


def test_a_merger_of_its_own_record() -> None:
    wanted: dict[str, Any] = {"merger_id": "m", "members": ("a", "b"), "into": "b", "by": "王工", **PLANNED}
    planned = ask_merger(None, PlanMerger(**wanted))
    assert planned.merger == MineMerger(planned_on=DAY, **{k: v for k, v in wanted.items() if k != "by"})
    moved = ask_merger(planned, PlanMerger(**{**wanted, "deadline": DAY}))
    assert (moved.merger.deadline, moved.merger.planned_on) == (DAY, DAY)
    complete = CompleteMerger(merger_id="m", evidence=PAPER, by="王工")
    withdraw = WithdrawMerger(merger_id="m", reason="不再整合", by="王工")
    done, given_up = ask_merger(planned, complete), ask_merger(planned, withdraw)
    assert ask_merger(done, complete) is done
    assert ask_merger(given_up, withdraw) is given_up
    refused: list[tuple[Any, Any, str]] = [
        (None, complete, "acts.unknown"),
        (None, PlanMerger(**{**wanted, "members": ("a", "a")}), "mines.merger_twice"),
        (None, PlanMerger(**{**wanted, "deadline": date(2023, 1, 1)}), "mines.deadline_past"),
        (planned, CompleteMerger(merger_id="m", by="王工"), "mines.no_evidence"),
        (planned, PlanMerger(**{**wanted, "members": ("a", "c")}), "mines.merger_fixed"),
        (planned, PlanMerger(**{**wanted, "into": "a"}), "mines.merger_fixed"),
        (done, withdraw, "mines.merger_over"),
        (done, CompleteMerger(merger_id="m", evidence=OTHER_PAPER, by="王工"), "mines.merger_over"),
        (given_up, complete, "mines.merger_over"),
        (given_up, PlanMerger(**wanted), "mines.merger_over"),
    ]
    for state, command, code in refused:
        with pytest.raises(Refusal) as caught:
            ask_merger(state, command)
        assert caught.value.code == code


def test_the_code_lists_come_from_a_file(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own = read_codes(RegistrySettings().codes_file)
    assert (len(own.law), len(own.exit)) == (11, 4)
    file = tmp_path / "codes.toml"
    file.write_text('law = ["A1"]\nexit = ["B1"]\n')
    monkeypatch.setenv("TAILWARDEN_CODES_FILE", str(file))
    assert read_codes(RegistrySettings().codes_file).law == ("A1",)
    for text in ('law = ["A1", "A1"]\nexit = ["B1"]\n', 'law = ["A1"]\n', 'law = []\nexit = ["B1"]\n', "law = ["):
        file.write_text(text)
        with pytest.raises(BadInput, match="code file"):
            read_codes(file)
    assert CloseMine.model_fields["basis"].default is None
