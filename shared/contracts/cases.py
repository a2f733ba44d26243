"""Letters and their findings: what is published of them and what may be asked (version 1).

The mandatory parts are the criticism of the letter that this product comes from: no finding is assigned without
target, responsible unit, person, deadline and measures; none is closed out without evidence and a second person.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.contracts.acts import Act, Kept, Name, PageQuery, Recorded, Text
from shared.contracts.base import Command, Event, Identifier, Record

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


class SubjectKind(StrEnum):
    """What a finding is about."""

    MINE = "mine"
    POND = "pond"
    COUNTY = "county"
    CITY = "city"


class Subject(Record):
    """What a finding is about: its kind, its id in the register (a county's or city's is its name), its name."""

    kind: SubjectKind
    id: str = Field(min_length=1, max_length=100)
    name: Name


class FindingSource(StrEnum):
    """Where a finding comes from."""

    LETTER = "letter"  # 建议函、执法文书
    INSPECTION = "inspection"  # 检查
    CLOSURE_OVERDUE = "closure_overdue"  # 停用超过三年未销号
    SIMILAR = "similar"  # 举一反三
    CAMPAIGN = "campaign"  # 专项整治


class FindingState(StrEnum):
    """Where a finding stands."""

    FOUND = "found"  # 发现
    ASSIGNED = "assigned"  # 交办
    RECTIFYING = "rectifying"  # 整改中
    SUBMITTED = "submitted"  # 报验
    PASSED = "passed"  # 复查通过
    CLOSED_OUT = "closed_out"  # 销号


class EvidenceRef(Record):
    """A piece of evidence in the store: its SHA-256, what it is, and the day it speaks of."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    title: Name
    effective: date | None = None


class Assignment(Record):
    """交办: what is to be reached, who does it, who answers for it, by when, and how."""

    target: Text
    responsible_unit: Name
    person: Name
    deadline: date
    measures: tuple[Text, ...] = Field(min_length=1)
    assigned_on: date


class Progress(Record):
    """A report of progress; entries with one ``heading`` stand in one paragraph of the reply."""

    on: date
    by: str
    text: str
    heading: str = ""
    evidence: tuple[EvidenceRef, ...] = ()


class Submission(Record):
    """The rectification as submitted for re-inspection."""

    on: date
    by: str
    text: str
    evidence: tuple[EvidenceRef, ...]


class Reinspection(Record):
    """A re-inspection 复查: passed, or returned with a reason."""

    on: date
    by: str
    passed: bool
    reason: str


class LookBack(Record):
    """A look-back 回头看: due by when, and, once held, whether the rectification holds."""

    due: date
    held_on: date | None = None
    by: str | None = None
    holds: bool | None = None
    note: str = ""


class ListedSupervision(Record):
    """Listed supervision 挂牌督办."""

    leader: Name
    measures: tuple[Text, ...] = Field(min_length=1)
    funds_10k_yuan: float = Field(ge=0)
    person: Name
    deadline: date
    emergency_plan: Text
    public: bool = True


class SimilarCheck(Record):
    """A check proposed at a similar site 举一反三."""

    subject: Subject
    why: str


class Finding(Kept):
    """A finding as it stands."""

    title: str
    quote: str
    """The source's own words."""
    source: FindingSource
    letter_id: str | None = None
    number: int | None = None
    """Its number in the letter."""
    subjects: tuple[Subject, ...]
    county: str
    found_on: date
    state: FindingState
    assignment: Assignment | None = None
    extended: int = 0
    """How often the deadline was extended."""
    progress: tuple[Progress, ...] = ()
    submissions: tuple[Submission, ...] = ()
    reinspections: tuple[Reinspection, ...] = ()
    closed_out_on: date | None = None
    verifier: str | None = None
    look_backs: tuple[LookBack, ...] = ()
    reopened: int = 0
    """How often a relapse 反弹 reopened it."""
    recurrence_of: tuple[str, ...] = ()
    """Earlier findings (ids, or a description with its date where the old one is not on file)."""
    campaign_id: str | None = None
    listed: ListedSupervision | None = None
    similar: tuple[SimilarCheck, ...] = ()

    @property
    def deadline(self) -> date | None:
        """By when it is to be closed out."""
        return None if self.assignment is None else self.assignment.deadline


class Suggestion(Record):
    """A suggestion 监察建议 of a letter, and what was done about it."""

    number: int
    text: str
    answers: tuple[Progress, ...] = ()


class NextStep(Record):
    """What the addressee intends to do next 下一步工作打算."""

    on: date
    by: str
    heading: str
    text: str


class Letter(Kept):
    """A letter 建议函 as it stands."""

    number: str
    title: str
    issuer: str
    issued_on: date | None
    received_on: date
    addressee: str
    text: str
    preamble: tuple[Progress, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    next_steps: tuple[NextStep, ...] = ()


# -- events of a letter -----------------------------------------------------------------------------------------------


class LetterReceived(Recorded):
    """A letter came in."""

    event_type: ClassVar[str] = "cases.letter.received"
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
    text: str


class SuggestionRecorded(Recorded):
    """A suggestion of the letter was entered."""

    event_type: ClassVar[str] = "cases.letter.suggestion_recorded"
    number: int
    text: str


class SuggestionAnswered(Recorded):
    """What was done about a suggestion."""

    event_type: ClassVar[str] = "cases.letter.suggestion_answered"
    number: int
    heading: str
    text: str


class NextStepPlanned(Recorded):
    """What the addressee intends to do next."""

    event_type: ClassVar[str] = "cases.letter.next_step_planned"
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


# -- commands ---------------------------------------------------------------------------------------------------------


class ReceiveLetter(Act):
    """Enter a letter. Its act's day is the day it was received unless said otherwise."""

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
    recurrence_of: tuple[str, ...] = ()
    campaign_id: Identifier | None = None


class LinkRecurrence(Act):
    """Say that a finding is the recurrence of an earlier one."""

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
    """Record a look-back; one that does not hold reopens a closed finding."""

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
    """Only those open (not) past their deadline on that day."""
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
