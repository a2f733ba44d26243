"""What is published of letters and findings (version 1)."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from shared.contracts.acts import Recorded
from shared.contracts.base import Event, Identifier
from shared.contracts.casefiles import (
    Assignment,
    EvidenceRef,
    FindingSource,
    ListedSupervision,
    SimilarCheck,
    Subject,
)

__all__ = [
    "FINDING_EVENTS",
    "LETTER_EVENTS",
    "DeadlineExtended",
    "FindingAssigned",
    "FindingClosedOut",
    "FindingLinked",
    "FindingListed",
    "FindingRaised",
    "FindingReinspected",
    "FindingReopened",
    "FindingSubmitted",
    "LetterAmended",
    "LetterReceived",
    "LetterTakenUp",
    "LookBackHeld",
    "LookBackScheduled",
    "NextStepPlanned",
    "ProgressReported",
    "SimilarChecksProposed",
    "SuggestionAnswered",
    "SuggestionRecorded",
]


# -- events of a letter -----------------------------------------------------------------------------------------------


class LetterReceived(Recorded):
    """A letter came in."""

    event_type: ClassVar[str] = "cases.letter.received"
    letter_id: Identifier
    number: str
    title: str
    issuer: str
    issued_on: date | None
    received_on: date
    addressee: str
    text: str


class LetterAmended(Recorded):
    """What was entered of a letter was put right; these are all of its particulars."""

    event_type: ClassVar[str] = "cases.letter.amended"
    letter_id: Identifier
    number: str
    title: str
    issuer: str
    issued_on: date | None
    received_on: date
    addressee: str
    text: str


class LetterTakenUp(Recorded):
    """How the addressee took the letter up (the reply's opening)."""

    event_type: ClassVar[str] = "cases.letter.taken_up"
    letter_id: Identifier
    text: str


class SuggestionRecorded(Recorded):
    """A suggestion of the letter was entered."""

    event_type: ClassVar[str] = "cases.letter.suggestion_recorded"
    letter_id: Identifier
    number: int
    text: str


class SuggestionAnswered(Recorded):
    """What was done about a suggestion."""

    event_type: ClassVar[str] = "cases.letter.suggestion_answered"
    letter_id: Identifier
    number: int
    heading: str
    text: str


class NextStepPlanned(Recorded):
    """What the addressee intends to do next."""

    event_type: ClassVar[str] = "cases.letter.next_step_planned"
    letter_id: Identifier
    heading: str
    text: str


# -- events of a finding ----------------------------------------------------------------------------------------------


class FindingRaised(Recorded):
    """A finding was entered."""

    event_type: ClassVar[str] = "cases.finding.raised"
    finding_id: Identifier
    title: str
    quote: str
    source: FindingSource
    letter_id: str | None
    number: int | None
    subjects: tuple[Subject, ...]
    county: str
    found_on: date
    recurrence_of: tuple[str, ...] = ()
    campaign_id: str | None = None
    similar_to: str | None = None


class FindingLinked(Recorded):
    """A finding turned out to be the recurrence of an earlier one."""

    event_type: ClassVar[str] = "cases.finding.linked"
    finding_id: Identifier
    recurrence_of: str


class FindingAssigned(Recorded):
    """A finding was assigned 交办 (again, after a relapse)."""

    event_type: ClassVar[str] = "cases.finding.assigned"
    finding_id: Identifier
    assignment: Assignment


class ProgressReported(Recorded):
    """Progress was reported; the first report means that rectification is under way."""

    event_type: ClassVar[str] = "cases.finding.progress_reported"
    finding_id: Identifier
    text: str
    heading: str = ""
    evidence: tuple[EvidenceRef, ...] = ()


class DeadlineExtended(Recorded):
    """A finding got more time."""

    event_type: ClassVar[str] = "cases.finding.deadline_extended"
    finding_id: Identifier
    deadline: date
    reason: str
    approver: str


class FindingSubmitted(Recorded):
    """The rectification was submitted with its evidence."""

    event_type: ClassVar[str] = "cases.finding.submitted"
    finding_id: Identifier
    text: str
    evidence: tuple[EvidenceRef, ...]


class FindingReinspected(Recorded):
    """The rectification was re-inspected 复查: passed, or returned 退回 with the reason."""

    event_type: ClassVar[str] = "cases.finding.reinspected"
    finding_id: Identifier
    passed: bool
    reason: str


class FindingClosedOut(Recorded):
    """The finding was closed out 销号 by a verifier who did not rectify it."""

    event_type: ClassVar[str] = "cases.finding.closed_out"
    finding_id: Identifier
    verifier: str
    evidence: tuple[EvidenceRef, ...]


class LookBackScheduled(Recorded):
    """A look-back 回头看 is due."""

    event_type: ClassVar[str] = "cases.finding.look_back_scheduled"
    finding_id: Identifier
    due: date


class LookBackHeld(Recorded):
    """A look-back was held."""

    event_type: ClassVar[str] = "cases.finding.look_back_held"
    finding_id: Identifier
    holds: bool
    note: str


class FindingReopened(Recorded):
    """The finding relapsed 反弹 and is open again; ``time`` counts reopenings from 1."""

    event_type: ClassVar[str] = "cases.finding.reopened"
    finding_id: Identifier
    time: int
    reason: str


class FindingListed(Recorded):
    """The finding was put under listed supervision 挂牌督办."""

    event_type: ClassVar[str] = "cases.finding.listed"
    finding_id: Identifier
    listed: ListedSupervision


class SimilarChecksProposed(Recorded):
    """The same check was proposed at similar sites 举一反三."""

    event_type: ClassVar[str] = "cases.finding.similar_checks_proposed"
    finding_id: Identifier
    checks: tuple[SimilarCheck, ...]


LETTER_EVENTS: tuple[type[Event], ...] = (
    LetterReceived,
    LetterAmended,
    LetterTakenUp,
    SuggestionRecorded,
    SuggestionAnswered,
    NextStepPlanned,
)
FINDING_EVENTS: tuple[type[Event], ...] = (
    FindingRaised,
    FindingLinked,
    FindingAssigned,
    ProgressReported,
    DeadlineExtended,
    FindingSubmitted,
    FindingReinspected,
    FindingClosedOut,
    LookBackScheduled,
    LookBackHeld,
    FindingReopened,
    FindingListed,
    SimilarChecksProposed,
)
