"""A letter's life: received, amended, its suggestions and what was done about them, what is meant to be done next."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from services.cases.domain.names import named, signed
from shared.contracts.acts import Asked, Recorded
from shared.contracts.cases import (
    AmendLetter,
    AnswerSuggestion,
    Letter,
    LetterAmended,
    LetterReceived,
    LetterTakenUp,
    NextStep,
    NextStepPlanned,
    PlanNextStep,
    Progress,
    ReceiveLetter,
    RecordSuggestion,
    Suggestion,
    SuggestionAnswered,
    SuggestionRecorded,
    TakeUpLetter,
)
from shared.problems import BadInput, Conflict, NotFound

__all__ = ["LetterAct", "LetterEvent", "decide", "evolve"]

LetterAct: TypeAlias = ReceiveLetter | AmendLetter | TakeUpLetter | RecordSuggestion | AnswerSuggestion | PlanNextStep
LetterEvent: TypeAlias = (
    LetterReceived | LetterAmended | LetterTakenUp | SuggestionRecorded | SuggestionAnswered | NextStepPlanned
)

_PARTICULARS = {"number", "title", "issuer", "issued_on", "received_on", "addressee", "text"}


def decide(asked: Asked[LetterAct], state: Letter | None) -> list[Recorded]:
    """Return what *asked* brings about; nothing when it was done already.

    Raises
    ------
    BadInput
        ``acts.blank``; ``cases.letter_days`` when it was received before it was issued or after the act.
    NotFound
        ``acts.unknown``: no such letter; ``cases.no_suggestion``.
    Conflict
        ``acts.exists``: a letter of this id and other content; ``cases.suggestion_exists``.
    """
    command = asked.command
    letter_id = command.letter_id
    signed(by=command.by)
    if isinstance(command, ReceiveLetter):
        return _receive(asked, command, state)
    if state is None:
        raise NotFound("acts.unknown", field="letter_id", record=f"letter {letter_id}")
    by, at, on = command.by, asked.at, asked.on
    match command:
        case AmendLetter():
            _check(asked, command)
            given = command.model_dump(include=_PARTICULARS)
            if given == state.model_dump(include=_PARTICULARS):
                return []
            return [LetterAmended(letter_id=letter_id, on=on, at=at, by=by, **given)]
        case TakeUpLetter(text=text):
            named(text=text)
            if Progress(on=on, by=by, text=text) in state.preamble:
                return []
            return [LetterTakenUp(letter_id=letter_id, on=on, at=at, by=by, text=text)]
        case RecordSuggestion(number=number, text=text):
            named(text=text)
            known = _suggestion(state, number)
            if known is not None:
                if known.text == text:
                    return []
                raise Conflict("cases.suggestion_exists", field="number", letter=letter_id, number=number)
            return [SuggestionRecorded(letter_id=letter_id, on=on, at=at, by=by, number=number, text=text)]
        case AnswerSuggestion(number=number, heading=heading, text=text):
            named(text=text)
            known = _suggestion(state, number)
            if known is None:
                raise NotFound("cases.no_suggestion", field="number", letter=letter_id, number=number)
            if Progress(on=on, by=by, text=text, heading=heading) in known.answers:
                return []
            answered = SuggestionAnswered(
                letter_id=letter_id, on=on, at=at, by=by, number=number, heading=heading, text=text
            )
            return [answered]
        case PlanNextStep(heading=heading, text=text):
            named(text=text)
            if NextStep(on=on, by=by, heading=heading, text=text) in state.next_steps:
                return []
            return [NextStepPlanned(letter_id=letter_id, on=on, at=at, by=by, heading=heading, text=text)]
        case _:
            assert_never(command)


def _receive(asked: Asked[LetterAct], command: ReceiveLetter, state: Letter | None) -> list[Recorded]:
    given = command.model_dump(include=_PARTICULARS)
    if state is not None:
        if given == state.model_dump(include=_PARTICULARS):
            return []
        raise Conflict("acts.exists", field="letter_id", record=f"letter {command.letter_id}")
    _check(asked, command)
    return [LetterReceived(letter_id=command.letter_id, on=asked.on, at=asked.at, by=command.by, **given)]


def _check(asked: Asked[LetterAct], given: ReceiveLetter | AmendLetter) -> None:
    named(number=given.number, title=given.title, issuer=given.issuer, addressee=given.addressee, text=given.text)
    if given.received_on > asked.on or (given.issued_on is not None and given.issued_on > given.received_on):
        raise BadInput(
            "cases.letter_days",
            field="received_on",
            issued="–" if given.issued_on is None else given.issued_on.isoformat(),
            received=given.received_on.isoformat(),
            on=asked.on.isoformat(),
        )


def _suggestion(state: Letter, number: int) -> Suggestion | None:
    return next((each for each in state.suggestions if each.number == number), None)


def evolve(state: Letter | None, event: LetterEvent) -> Letter:
    """Return the letter after *event*."""
    match event:
        case LetterReceived():
            given = event.model_dump(include=_PARTICULARS)
            return Letter(id=event.letter_id, last_on=event.on, **given)
        case _:
            assert state is not None, "a letter's life begins with its receipt"
    on, by = event.on, event.by
    match event:
        case LetterAmended():
            change: dict[str, object] = event.model_dump(include=_PARTICULARS)
        case LetterTakenUp(text=text):
            change = {"preamble": (*state.preamble, Progress(on=on, by=by, text=text))}
        case SuggestionRecorded(number=number, text=text):
            suggestions = (*state.suggestions, Suggestion(number=number, text=text))
            change = {"suggestions": tuple(sorted(suggestions, key=lambda each: each.number))}
        case SuggestionAnswered(number=number, heading=heading, text=text):
            answer = Progress(on=on, by=by, text=text, heading=heading)
            change = {
                "suggestions": tuple(
                    each.model_copy(update={"answers": (*each.answers, answer)}) if each.number == number else each
                    for each in state.suggestions
                )
            }
        case NextStepPlanned(heading=heading, text=text):
            change = {"next_steps": (*state.next_steps, NextStep(on=on, by=by, heading=heading, text=text))}
        case _:
            assert_never(event)
    return state.model_copy(update={**change, "last_on": on})
