"""Letters and their findings: what may be asked (version 1); the states and events are offered from here too.

The mandatory parts are the criticism of the letter that this product comes from: no finding is assigned without
target, responsible unit, person, deadline and measures; none is closed out without evidence and a second person.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from pydantic import Field

from shared.contracts.acts import Act, Name, PageQuery, Text
from shared.contracts.base import Command, Identifier, Record
from shared.contracts.caseevents import (
    FINDING_EVENTS,
    LETTER_EVENTS,
    DeadlineExtended,
    FindingAssigned,
    FindingClosedOut,
    FindingLinked,
    FindingListed,
    FindingRaised,
    FindingReinspected,
    FindingReopened,
    FindingSubmitted,
    LetterAmended,
    LetterReceived,
    LetterTakenUp,
    LookBackHeld,
    LookBackScheduled,
    NextStepPlanned,
    ProgressReported,
    SimilarChecksProposed,
    SuggestionAnswered,
    SuggestionRecorded,
)
from shared.contracts.casefiles import (
    Assignment,
    EvidenceRef,
    Extension,
    Finding,
    FindingSource,
    FindingState,
    Letter,
    ListedSupervision,
    LookBack,
    NextStep,
    Progress,
    Reinspection,
    Relapse,
    SimilarCheck,
    Subject,
    SubjectKind,
    Submission,
    Suggestion,
)

__all__ = [
    "FINDING_ACTS",
    "FINDING_EVENTS",
    "LETTER_ACTS",
    "LETTER_EVENTS",
    "AmendLetter",
    "AnswerSuggestion",
    "AssignFinding",
    "Assignment",
    "CloseOutFinding",
    "DeadlineExtended",
    "EvidenceRef",
    "ExtendDeadline",
    "Extension",
    "Finding",
    "FindingAssigned",
    "FindingClosedOut",
    "FindingLinked",
    "FindingList",
    "FindingListed",
    "FindingRaised",
    "FindingReinspected",
    "FindingReopened",
    "FindingSource",
    "FindingState",
    "FindingSubmitted",
    "FindingView",
    "HoldLookBack",
    "Letter",
    "LetterAmended",
    "LetterList",
    "LetterReceived",
    "LetterTakenUp",
    "LetterView",
    "LinkRecurrence",
    "ListFinding",
    "ListFindings",
    "ListLetters",
    "ListedSupervision",
    "LookBack",
    "LookBackHeld",
    "LookBackScheduled",
    "NextStep",
    "NextStepPlanned",
    "PlanNextStep",
    "Progress",
    "ProgressReported",
    "RaiseFinding",
    "ReceiveLetter",
    "RecordSuggestion",
    "Reinspect",
    "Reinspection",
    "Relapse",
    "ReportProgress",
    "ScheduleLookBack",
    "ShowFinding",
    "ShowLetter",
    "SimilarCheck",
    "SimilarChecksProposed",
    "Subject",
    "SubjectKind",
    "Submission",
    "SubmitRectification",
    "Suggestion",
    "SuggestionAnswered",
    "SuggestionRecorded",
    "TakeUpLetter",
]


class ReceiveLetter(Act):
    """Enter a letter. The act's day is the day the letter was received unless said otherwise."""

    command_name: ClassVar[str] = "cases.receive_letter"
    letter_id: Identifier
    number: Name
    title: Name
    issuer: Name
    issued_on: date | None = None
    received_on: date
    addressee: Name
    text: Text


class AmendLetter(Act):
    """Put right what was entered of a letter; the reply quotes the version as of its day."""

    command_name: ClassVar[str] = "cases.amend_letter"
    letter_id: Identifier
    number: Name
    title: Name
    issuer: Name
    issued_on: date | None = None
    received_on: date
    addressee: Name
    text: Text


class TakeUpLetter(Act):
    """Record how the addressee took the letter up: the reply's opening."""

    command_name: ClassVar[str] = "cases.take_up_letter"
    letter_id: Identifier
    text: Text


class RecordSuggestion(Act):
    """Enter a suggestion 监察建议 of a letter."""

    command_name: ClassVar[str] = "cases.record_suggestion"
    letter_id: Identifier
    number: int = Field(ge=1, le=99)
    text: Text


class AnswerSuggestion(Act):
    """Record what was done about a suggestion."""

    command_name: ClassVar[str] = "cases.answer_suggestion"
    letter_id: Identifier
    number: int = Field(ge=1, le=99)
    heading: str = Field(default="", max_length=500)
    text: Text


class PlanNextStep(Act):
    """Record what the addressee intends to do next."""

    command_name: ClassVar[str] = "cases.plan_next_step"
    letter_id: Identifier
    heading: str = Field(default="", max_length=500)
    text: Text


class RaiseFinding(Act):
    """Enter a finding."""

    command_name: ClassVar[str] = "cases.raise_finding"
    finding_id: Identifier
    title: Name
    quote: Text
    source: FindingSource = FindingSource.LETTER
    letter_id: Identifier | None = None
    number: int | None = Field(default=None, ge=1, le=999)
    subjects: tuple[Subject, ...] = Field(min_length=1)
    county: Name
    found_on: date | None = None
    recurrence_of: tuple[Name, ...] = ()
    """Earlier findings: ids, or descriptions where the old one is not on file (see ``LinkRecurrence``)."""
    campaign_id: Identifier | None = None
    similar_to: Identifier | None = None
    """The finding that proposed the check which found this one."""


class LinkRecurrence(Act):
    """Say that a finding is the recurrence of an earlier one: by its id, or in words when it is not on file.

    What looks like an id (``[a-z0-9_-]{1,64}``) is taken for one and must be on file.
    """

    command_name: ClassVar[str] = "cases.link_recurrence"
    finding_id: Identifier
    recurrence_of: Name


class AssignFinding(Act):
    """Assign a finding 交办. What is missing is named, all of it at once: nothing here has a default that works."""

    command_name: ClassVar[str] = "cases.assign_finding"
    finding_id: Identifier
    target: str = ""
    responsible_unit: str = ""
    person: str = ""
    deadline: date | None = None
    measures: tuple[str, ...] = ()


class ReportProgress(Act):
    """Report progress on a finding."""

    command_name: ClassVar[str] = "cases.report_progress"
    finding_id: Identifier
    text: Text
    heading: str = Field(default="", max_length=500)
    evidence: tuple[EvidenceRef, ...] = ()


class ExtendDeadline(Act):
    """Give a finding more time."""

    command_name: ClassVar[str] = "cases.extend_deadline"
    finding_id: Identifier
    deadline: date
    reason: Text
    approver: Name


class SubmitRectification(Act):
    """Submit a rectification; ``by`` is the rectifier."""

    command_name: ClassVar[str] = "cases.submit_rectification"
    finding_id: Identifier
    text: Text
    evidence: tuple[EvidenceRef, ...] = ()


class Reinspect(Act):
    """Record a re-inspection; a return needs its reason."""

    command_name: ClassVar[str] = "cases.reinspect"
    finding_id: Identifier
    passed: bool
    reason: str = Field(default="", max_length=5_000)


class CloseOutFinding(Act):
    """Close a finding out 销号; ``by`` is the verifier, who must not have rectified it."""

    command_name: ClassVar[str] = "cases.close_out_finding"
    finding_id: Identifier


class ScheduleLookBack(Act):
    """Schedule a look-back, also of a finding that is open (the letter's own follow-up)."""

    command_name: ClassVar[str] = "cases.schedule_look_back"
    finding_id: Identifier
    due: date


class HoldLookBack(Act):
    """Record a look-back; one that does not hold reopens a closed finding. Nobody who had a hand in the rectification.

    On or after the day of a scheduled look-back it is that one; before, it stands beside it.
    """

    command_name: ClassVar[str] = "cases.hold_look_back"
    finding_id: Identifier
    holds: bool
    note: Text


class ListFinding(Act):
    """Put a finding under listed supervision 挂牌督办."""

    command_name: ClassVar[str] = "cases.list_finding"
    finding_id: Identifier
    listed: ListedSupervision


class ShowLetter(Command):
    """Ask for a letter with its findings, as of a day."""

    command_name: ClassVar[str] = "cases.show_letter"
    letter_id: Identifier
    as_of: date | None = None


class ListLetters(PageQuery):
    """Ask for letters."""

    command_name: ClassVar[str] = "cases.list_letters"


class ShowFinding(Command):
    """Ask for a finding, as of a day."""

    command_name: ClassVar[str] = "cases.show_finding"
    finding_id: Identifier
    as_of: date | None = None


class ListFindings(PageQuery):
    """Ask for findings."""

    command_name: ClassVar[str] = "cases.list_findings"
    letter_id: str | None = None
    county: str | None = None
    state: tuple[FindingState, ...] = ()
    overdue: bool | None = None
    """True: only those past their deadline on that day; False: only those open and not past it."""
    subject_id: str | None = None
    campaign_id: str | None = None


class LetterView(Record):
    """The answer to acts on a letter and to ``ShowLetter``."""

    letter: Letter
    findings: tuple[Finding, ...] = ()
    version: int
    changed: bool = False


class LetterList(Record):
    """The answer to ``ListLetters``."""

    total: int
    letters: tuple[Letter, ...]


class FindingView(Record):
    """The answer to acts on a finding and to ``ShowFinding``."""

    finding: Finding
    version: int
    overdue: bool = False
    changed: bool = False


class FindingList(Record):
    """The answer to ``ListFindings``."""

    total: int
    findings: tuple[Finding, ...]


LETTER_ACTS: tuple[type[Act], ...] = (
    ReceiveLetter,
    AmendLetter,
    TakeUpLetter,
    RecordSuggestion,
    AnswerSuggestion,
    PlanNextStep,
)
"""Acts, each answered by a ``LetterView``."""
FINDING_ACTS: tuple[type[Act], ...] = (
    RaiseFinding,
    LinkRecurrence,
    AssignFinding,
    ReportProgress,
    ExtendDeadline,
    SubmitRectification,
    Reinspect,
    CloseOutFinding,
    ScheduleLookBack,
    HoldLookBack,
    ListFinding,
)
"""Acts, each answered by a ``FindingView``."""
