"""The closure procedure of a pond 闭库: which step may be recorded when, and what a closure so far amounts to.

Order of the steps and terms: GB 39496-2020 尾矿库安全规程 and the ministries' closure plan as read in the project's
domain notes: evaluation and design side by side, expert review, revision, approval, works, acceptance, deregistration;
one year in all, and once at most six months more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.contracts.pondfiles import Closure, ClosureStep, RecordClosureStep, ReviewOutcome, StepRecord, StepState
from shared.problems import BadInput, Conflict

__all__ = ["TERMS", "ClosureTerms", "check_step", "standing", "step_done", "step_words"]

_RANK = {state: rank for rank, state in enumerate(StepState)}
_BEFORE: Mapping[ClosureStep, tuple[ClosureStep, ...]] = {
    ClosureStep.STATUS_EVALUATION: (),
    ClosureStep.CLOSURE_DESIGN: (),
    ClosureStep.EXPERT_REVIEW: (ClosureStep.STATUS_EVALUATION, ClosureStep.CLOSURE_DESIGN),
    ClosureStep.REVISION: (ClosureStep.EXPERT_REVIEW,),
    ClosureStep.APPROVAL: (ClosureStep.EXPERT_REVIEW,),
    ClosureStep.WORKS: (ClosureStep.APPROVAL,),
    ClosureStep.ACCEPTANCE: (ClosureStep.WORKS,),
    ClosureStep.DEREGISTRATION: (ClosureStep.ACCEPTANCE,),
}
_ORDER = {step: place for place, step in enumerate(ClosureStep)}
_SIDE_BY_SIDE = frozenset({ClosureStep.STATUS_EVALUATION, ClosureStep.CLOSURE_DESIGN})


@dataclass(frozen=True, slots=True)
class ClosureTerms:
    """How long a closure may take [months], and by how much it may be extended, once."""

    months: int = 12
    extension_months: int = 6


TERMS = ClosureTerms()


def standing(closure: Closure | None) -> dict[ClosureStep, StepRecord]:
    """Return the record that counts of each step: a rejected design has to be made and reviewed again."""
    found: dict[ClosureStep, StepRecord] = {}
    for record in () if closure is None else closure.steps:
        found[record.step] = record
        if record.step is ClosureStep.EXPERT_REVIEW and record.outcome is ReviewOutcome.REJECTED:
            del found[ClosureStep.EXPERT_REVIEW]
            found.pop(ClosureStep.CLOSURE_DESIGN, None)
    return found


def step_done(records: Mapping[ClosureStep, StepRecord], step: ClosureStep) -> bool:
    """Tell whether a step is done among the records that count."""
    record = records.get(step)
    return record is not None and record.state is StepState.DONE


def step_words(step: ClosureStep) -> list[str]:
    """Return what a refusal calls a step: a key, said in the reader's language."""
    return [f"pondfiles.step_{step}"]


def check_step(closure: Closure | None, asked: RecordClosureStep) -> None:
    """Refuse a step out of turn.

    Raises
    ------
    BadInput
        ``pondfiles.outcome_missing``, ``pondfiles.outcome_elsewhere``.
    Conflict
        ``pondfiles.step_waits``: an earlier step is not done; ``pondfiles.no_revision``: the review asked for none;
        ``pondfiles.step_over``: a later step has begun; ``pondfiles.step_back``: the step is further already.
    """
    reviewed = asked.step is ClosureStep.EXPERT_REVIEW and asked.state is StepState.DONE
    if reviewed and asked.outcome is None:
        raise BadInput("pondfiles.outcome_missing", field="outcome")
    if asked.outcome is not None and not reviewed:
        raise BadInput(
            "pondfiles.outcome_elsewhere",
            field="outcome",
            step=step_words(asked.step),
            state=[f"pondfiles.state_{asked.state}"],
        )
    records = standing(closure)
    needed = list(_BEFORE[asked.step])
    review = records.get(ClosureStep.EXPERT_REVIEW)
    to_revise = review is not None and review.outcome is ReviewOutcome.REVISE
    if asked.step is ClosureStep.APPROVAL and to_revise:
        needed.append(ClosureStep.REVISION)
    missing = [f"pondfiles.step_{step}" for step in needed if not step_done(records, step)]
    if missing:
        raise Conflict("pondfiles.step_waits", field="step", step=step_words(asked.step), missing=missing)
    if asked.step is ClosureStep.REVISION and not to_revise:
        raise Conflict("pondfiles.no_revision", field="step")
    begun = [
        step.value for step in records if _ORDER[step] > _ORDER[asked.step] and not {step, asked.step} <= _SIDE_BY_SIDE
    ]
    if begun:
        raise Conflict("pondfiles.step_over", field="step", step=step_words(asked.step), later=begun)
    known = records.get(asked.step)
    if known is not None and _RANK[asked.state] < _RANK[known.state]:
        raise Conflict(
            "pondfiles.step_back",
            field="state",
            step=step_words(asked.step),
            now=[f"pondfiles.state_{known.state}"],
            wanted=[f"pondfiles.state_{asked.state}"],
        )
    if known is not None and known.outcome is not None and known.outcome is not asked.outcome:
        raise Conflict("pondfiles.outcome_fixed", field="outcome", now=[f"pondfiles.outcome_{known.outcome}"])
