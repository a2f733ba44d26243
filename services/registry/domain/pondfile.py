"""A pond's file in the register: what may be recorded of it, what then happens, and what it becomes.

Which use follows which: a pond that closes is never used again (domain notes §6); its closing keeps the day since
which it is out of use, for by that day its deregistration falls due.
"""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar, TypeAlias, assert_never

from services.registry.domain.closure import TERMS, check_step, standing
from services.registry.domain.terms import months_after
from shared.contracts.acts import Act, Asked
from shared.contracts.pondfiles import (
    ChangePondUse,
    Closure,
    ClosureExtended,
    ClosureStarted,
    ClosureStep,
    ClosureStepRecorded,
    DamRaised,
    ExtendClosure,
    PondFacts,
    PondFactsSet,
    PondFile,
    PondUse,
    PondUseChanged,
    RaiseDam,
    RecordClosureStep,
    SetPondFacts,
    StartClosure,
    StepRecord,
    StepState,
)
from shared.contracts.registry import PondDescription
from shared.problems import BadInput, Conflict

__all__ = ["ENDED", "FILE_EVENTS", "FileAct", "PondFileAct", "decide", "evolve"]

PondFileAct: TypeAlias = SetPondFacts | RaiseDam | ChangePondUse | StartClosure | RecordClosureStep | ExtendClosure
FileEvent: TypeAlias = (
    PondFactsSet | DamRaised | PondUseChanged | ClosureStarted | ClosureStepRecorded | ClosureExtended
)
FILE_EVENTS = (PondFactsSet, DamRaised, PondUseChanged, ClosureStarted, ClosureStepRecorded, ClosureExtended)

ENDED = frozenset({PondUse.CLOSED, PondUse.DEREGISTERED})
_MOVES: dict[PondUse, frozenset[PondUse]] = {
    PondUse.UNDER_CONSTRUCTION: frozenset({PondUse.IN_USE, PondUse.OUT_OF_USE}),
    PondUse.IN_USE: frozenset({PondUse.OUT_OF_USE}),
    PondUse.OUT_OF_USE: frozenset({PondUse.IN_USE}),
    PondUse.CLOSING: frozenset({PondUse.OUT_OF_USE}),
    PondUse.CLOSED: frozenset({PondUse.DEREGISTERED}),
    PondUse.DEREGISTERED: frozenset(),
}
"""What a person may say outright; closing, and what ends it, come of the procedure's steps. "Out of use" said of a
closing pond is since when it was: it stays closing."""


class FileAct(Act):
    """An act on a file, together with the pond's registration, which its handler looked up."""

    command_name: ClassVar[str] = "registry.act_on_pond_file"
    act: PondFileAct
    pond: PondDescription


def decide(asked: Asked[FileAct], state: PondFile | None) -> list[FileEvent]:
    """Return what the act brings about; an unknown file is opened first.

    Raises
    ------
    Conflict, BadInput
        ``pondfiles.…``.
    """
    act, pond = asked.command.act, asked.command.pond
    stamp: dict[str, Any] = {"pond_id": pond.id, "on": asked.on, "at": asked.at, "by": asked.command.by}
    about = {"name": pond.name, "county": pond.county, "declared_grade": pond.grade}
    if isinstance(act, SetPondFacts):
        if state is not None and state.facts == act.facts and about == state.model_dump(include=set(about)):
            return []
        return [PondFactsSet(**stamp, **about, facts=act.facts)]
    opened: list[FileEvent] = []
    if state is None:
        facts = PondFactsSet(**stamp, **about, facts=PondFacts())
        opened, state = [facts], evolve(None, facts)
    match act:
        case RaiseDam():
            return [*opened, *_raise_dam(act, state, stamp)]
        case ChangePondUse():
            return [*opened, *_change_use(act, state, asked.on, stamp)]
        case StartClosure():
            return [*opened, *_start(state, act.reason, asked.on, stamp)]
        case RecordClosureStep():
            return [*opened, *_step(act, state, asked.on, stamp)]
        case ExtendClosure():
            return [*opened, *_extend(act, state, stamp)]
        case _:
            assert_never(act)


def evolve(state: PondFile | None, event: FileEvent) -> PondFile:
    """Return the file after *event*; an event before the first facts is an error of ours."""
    if isinstance(event, PondFactsSet):
        told = {"name": event.name, "county": event.county, "declared_grade": event.declared_grade}
        if state is None:
            return PondFile(id=event.pond_id, last_on=event.on, facts=event.facts, **told)
        return state.model_copy(update={**told, "facts": event.facts, "last_on": event.on})
    if state is None:
        raise TypeError(f"{type(event).__name__} came before the file was opened")
    changed: dict[str, Any]
    match event:
        case DamRaised():
            size = {"dam_height_m": event.dam_height_m, "volume_10k_m3": event.volume_10k_m3}
            changed = {"facts": state.facts.model_copy(update=size), "raised": (*state.raised, event.on)}
        case PondUseChanged():
            changed = _used(state, event.use, event.since)
        case ClosureStarted():
            closure = Closure(started_on=event.on, due=event.due)
            changed = {"closure": closure, "use": PondUse.CLOSING, "use_since": event.on}
        case ClosureStepRecorded():
            assert state.closure is not None, "a step comes after its procedure's start"
            changed = {
                "closure": state.closure.model_copy(update={"steps": (*state.closure.steps, event.record)}),
                **_ended_by(event.record),
            }
        case ClosureExtended():
            assert state.closure is not None, "only a procedure that has begun is extended"
            more = {"extended_to": event.due, "extension_reason": event.reason}
            changed = {"closure": state.closure.model_copy(update=more)}
        case _:
            assert_never(event)
    return state.model_copy(update={**changed, "last_on": event.on})


def _used(state: PondFile, use: PondUse, since: date) -> dict[str, Any]:
    stopped = {"out_of_use_since": since, "term": state.term + (state.out_of_use_since is None)}
    if use is PondUse.OUT_OF_USE and state.use is PondUse.CLOSING:
        return stopped
    told: dict[str, Any] = {"use": use, "use_since": since}
    if use is PondUse.OUT_OF_USE:
        told |= stopped
    elif use in (PondUse.IN_USE, PondUse.UNDER_CONSTRUCTION):
        told["out_of_use_since"] = None
    return told


def _ended_by(record: StepRecord) -> dict[str, Any]:
    if record.state is not StepState.DONE:
        return {}
    if record.step is ClosureStep.ACCEPTANCE:
        return {"use": PondUse.CLOSED, "use_since": record.on}
    if record.step is ClosureStep.DEREGISTRATION:
        return {"use": PondUse.DEREGISTERED, "use_since": record.on}
    return {}


def _words(*uses: PondUse) -> list[str]:
    """Return what a refusal calls uses: keys, said in the reader's language."""
    return [f"pondfiles.in_use_{use}" for use in uses]


def _never_again(state: PondFile) -> Conflict:
    return Conflict("pondfiles.never_again", field="pond_id", pond=state.id, use=_words(state.use))


def _raise_dam(act: RaiseDam, state: PondFile, stamp: dict[str, Any]) -> list[FileEvent]:
    facts = state.facts
    if (facts.dam_height_m, facts.volume_10k_m3) == (act.dam_height_m, act.volume_10k_m3) and state.raised:
        return []
    if state.use in ENDED or state.use is PondUse.CLOSING:
        raise _never_again(state)
    if facts.dam_height_m is not None and act.dam_height_m <= facts.dam_height_m:
        raise BadInput(
            "pondfiles.not_raised", field="dam_height_m", height=f"{act.dam_height_m:g}", was=f"{facts.dam_height_m:g}"
        )
    size = {"dam_height_m": act.dam_height_m, "volume_10k_m3": act.volume_10k_m3}
    return [DamRaised(**stamp, **size, document=act.document)]


def _change_use(act: ChangePondUse, state: PondFile, on: date, stamp: dict[str, Any]) -> list[FileEvent]:
    since = on if act.since is None else act.since
    if since > on:
        raise BadInput("pondfiles.since_future", field="since", since=since.isoformat(), on=on.isoformat())
    known = state.out_of_use_since if act.use is PondUse.OUT_OF_USE else state.use_since
    if act.use is state.use and known is not None and (known == since or act.since is None):
        return []
    # What is said first of a pond may be anything: it may have been closed before anybody kept this register.
    first = state.use_since is None and state.closure is None and act.use is not PondUse.CLOSING
    allowed = _MOVES[state.use]
    if state.use is PondUse.CLOSED and state.closure is not None:
        allowed = frozenset()
    again = act.use is state.use and act.use not in ENDED and act.use is not PondUse.CLOSING
    if not first and not again and act.use not in allowed:
        if state.use in ENDED:
            raise _never_again(state)
        if act.use in ENDED or act.use is PondUse.CLOSING:
            raise Conflict("pondfiles.by_procedure", field="use", use=_words(act.use))
        raise Conflict(
            "pondfiles.no_such_move", field="use", now=_words(state.use), wanted=_words(act.use),
            allowed=_words(*sorted(allowed)),
        )  # fmt: skip
    turns = act.use is not state.use and state.use is not PondUse.CLOSING
    if turns and state.use_since is not None and since < state.use_since:
        raise Conflict(
            "pondfiles.since_order", field="since", since=since.isoformat(), last=state.use_since.isoformat()
        )
    if state.use is PondUse.CLOSING and state.out_of_use_since == since:
        return []
    return [PondUseChanged(**stamp, use=act.use, since=since, reason=act.reason)]


def _start(state: PondFile, reason: str, on: date, stamp: dict[str, Any]) -> list[FileEvent]:
    if state.use in ENDED:
        raise _never_again(state)
    if state.closure is not None:
        return []
    return [ClosureStarted(**stamp, due=months_after(on, TERMS.months), reason=reason)]


def _step(act: RecordClosureStep, state: PondFile, on: date, stamp: dict[str, Any]) -> list[FileEvent]:
    told = {"organisation": act.organisation, "document": act.document}
    record = StepRecord(step=act.step, state=act.state, on=on, outcome=act.outcome, opinions=act.opinions, **told)
    known = standing(state.closure).get(act.step)
    last = None if state.closure is None else state.closure.position
    for same in (known, last):
        if same is not None and same.model_copy(update={"on": on}) == record:
            return []
    if state.use is PondUse.DEREGISTERED or (state.use is PondUse.CLOSED and state.closure is None):
        raise _never_again(state)
    check_step(state.closure, act)
    begun: list[FileEvent] = [] if state.closure is not None else _start(state, "", on, stamp)
    return [*begun, ClosureStepRecorded(**stamp, record=record)]


def _extend(act: ExtendClosure, state: PondFile, stamp: dict[str, Any]) -> list[FileEvent]:
    closure = state.closure
    if closure is None or state.use in ENDED:
        raise Conflict("pondfiles.no_procedure", field="pond_id", pond=state.id)
    if closure.extended_to is not None:
        if (closure.extended_to, closure.extension_reason) == (act.due, act.reason):
            return []
        raise Conflict("pondfiles.extended_once", field="due", due=closure.extended_to.isoformat())
    latest = months_after(closure.due, TERMS.extension_months)
    if not closure.due < act.due <= latest:
        raise BadInput(
            "pondfiles.extension_too_long", field="due", due=act.due.isoformat(), since=closure.due.isoformat(),
            latest=latest.isoformat(), months=TERMS.extension_months,
        )  # fmt: skip
    return [ClosureExtended(**stamp, due=act.due, reason=act.reason, approver=act.approver)]
