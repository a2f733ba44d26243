"""The kinds of records that the cases keep."""

from __future__ import annotations

from typing import Any

from services.cases.domain import finding, finding_life, letter
from services.cases.workkinds import WORK_KINDS
from shared.contracts.cases import FINDING_EVENTS, LETTER_EVENTS, Finding, FindingState, Letter
from shared.eventstore.kinds import Kind

__all__ = ["FINDING", "KINDS", "LETTER"]

LETTER = Kind(
    "letter",
    Letter,
    LETTER_EVENTS,
    letter.decide,
    letter.evolve,
    {"number": lambda state: state.number, "received_on": lambda state: state.received_on},
)
FINDING = Kind(
    "finding",
    Finding,
    FINDING_EVENTS,
    finding.decide,
    finding_life.evolve,
    {
        "letter_id": lambda state: state.letter_id,
        "county": lambda state: state.county,
        "finding_state": lambda state: state.state.value,
        "deadline": lambda state: None if state.state is FindingState.CLOSED_OUT else state.deadline,
        "campaign_id": lambda state: state.campaign_id,
        "subject_ids": lambda state: [subject.id for subject in state.subjects],
    },
)

KINDS: tuple[Kind[Any], ...] = (LETTER, FINDING, *WORK_KINDS)
"""Every kind; each has its table, made by the migrations."""
