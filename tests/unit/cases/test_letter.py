"""A letter's life: every act once, again, and where it does not fit."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from services.cases.domain.letter import LetterAct, decide, evolve
from shared.contracts.acts import Asked
from shared.contracts.cases import (
    AmendLetter,
    AnswerSuggestion,
    Letter,
    PlanNextStep,
    ReceiveLetter,
    RecordSuggestion,
    TakeUpLetter,
)
from shared.problems import BadInput, Conflict, NotFound, Refusal

DAY = date(2023, 2, 7)
AT = datetime(2026, 1, 5, tzinfo=UTC)
PARTICULARS = {
    "letter_id": "l5", "number": "矿安冀函〔2023〕5号", "title": "建议函", "issuer": "河北局", "received_on": DAY,
    "issued_on": date(2023, 2, 3), "addressee": "石家庄市人民政府", "text": "一、二、三", "by": "王工",
}  # fmt: skip
RECEIVE = ReceiveLetter.model_validate(PARTICULARS)


def run(*commands: LetterAct, state: Letter | None = None) -> Letter:
    for command in commands:
        events = decide(Asked(command, AT, DAY), state)
        assert events, command
        for event in events:
            state = evolve(state, event)  # type: ignore[arg-type]  # decide gives events of letters only
    assert state is not None
    assert decide(Asked(commands[-1], AT, DAY), state) == []
    return state


def test_a_letter_is_received_followed_and_answered() -> None:
    letter = run(
        RECEIVE,
        AmendLetter.model_validate({**PARTICULARS, "title": "关于加强和改善矿山安全监管工作的建议函"}),
        TakeUpLetter(letter_id="l5", text="立即组织研究调度", by="王工"),
        RecordSuggestion(letter_id="l5", number=2, text="明确目标任务", by="王工"),
        RecordSuggestion(letter_id="l5", number=1, text="提高政治站位", by="王工"),
        AnswerSuggestion(letter_id="l5", number=2, heading="目标", text="已完善方案", by="李四"),
        PlanNextStep(letter_id="l5", heading="专项整治", text="组织开展", by="李四"),
    )
    assert letter.title == "关于加强和改善矿山安全监管工作的建议函"
    assert [(each.number, len(each.answers)) for each in letter.suggestions] == [(1, 0), (2, 1)]
    assert letter.preamble[0].by == "王工"
    assert letter.next_steps[0].heading == "专项整治"


@pytest.mark.parametrize(
    ("command", "error", "code"),
    [
        (ReceiveLetter.model_validate({**PARTICULARS, "text": "别的"}), Conflict, "acts.exists"),
        (RecordSuggestion(letter_id="l5", number=1, text="别的", by="王工"), Conflict, "cases.suggestion_exists"),
        (AnswerSuggestion(letter_id="l5", number=9, text="做了", by="王工"), NotFound, "cases.no_suggestion"),
        (TakeUpLetter(letter_id="l5", text="……", by="王工"), BadInput, "acts.blank"),
        (PlanNextStep(letter_id="l5", text="做", by="—"), BadInput, "acts.blank"),
        (
            AmendLetter.model_validate({**PARTICULARS, "received_on": date(2023, 2, 8)}),
            BadInput,
            "cases.letter_days",
        ),
        (AmendLetter.model_validate({**PARTICULARS, "issued_on": date(2023, 2, 8)}), BadInput, "cases.letter_days"),
    ],
)
def test_what_is_refused(command: LetterAct, error: type[Refusal], code: str) -> None:
    letter = run(RECEIVE, RecordSuggestion(letter_id="l5", number=1, text="一", by="王工"))
    with pytest.raises(error) as refused:
        decide(Asked(command, AT, DAY), letter)
    assert refused.value.code == code


def test_nothing_is_known_of_a_letter_before_it_is_received() -> None:
    with pytest.raises(NotFound, match="no letter l5"):
        decide(Asked(TakeUpLetter(letter_id="l5", text="立即", by="王工"), AT, DAY), None)
