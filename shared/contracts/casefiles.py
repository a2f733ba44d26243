"""Letters and findings as they stand (version 1): the states, and what they are made of."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from pydantic import Field

from shared.contracts.acts import Kept, Name, Text
from shared.contracts.base import Record

__all__ = [
    "Assignment",
    "EvidenceRef",
    "Extension",
    "Finding",
    "FindingSource",
    "FindingState",
    "Letter",
    "ListedSupervision",
    "LookBack",
    "NextStep",
    "Progress",
    "Reinspection",
    "Relapse",
    "SimilarCheck",
    "Subject",
    "SubjectKind",
    "Submission",
    "Suggestion",
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
    """Where a finding stands; all but the last are open."""

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


class Extension(Record):
    """More time: until when, why, and who approved it."""

    on: date
    by: str
    deadline: date
    reason: str
    approver: str


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


class Relapse(Record):
    """A relapse 反弹: why the finding was reopened, and the closing that did not hold."""

    on: date
    by: str
    reason: str
    closed_out_on: date
    verifier: str


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
    """``same_county`` or ``same_state``: a name in the word catalogue."""


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
    earlier_assignments: tuple[Assignment, ...] = ()
    """Those that later ones replaced; who answered for the finding once cannot verify it later."""
    extensions: tuple[Extension, ...] = ()
    progress: tuple[Progress, ...] = ()
    submissions: tuple[Submission, ...] = ()
    reinspections: tuple[Reinspection, ...] = ()
    closed_out_on: date | None = None
    verifier: str | None = None
    look_backs: tuple[LookBack, ...] = ()
    reopened: int = 0
    """How often a relapse 反弹 reopened it."""
    relapses: tuple[Relapse, ...] = ()
    awaits_assignment: bool = False
    """A relapse reopened it and the old assignment stands until it is assigned anew."""
    recurrence_of: tuple[str, ...] = ()
    """Earlier findings (ids, or a description with its date where the old one is not on file)."""
    campaign_id: str | None = None
    listed: ListedSupervision | None = None
    similar: tuple[SimilarCheck, ...] = ()
    """Checks it proposed elsewhere 举一反三."""
    similar_to: str | None = None
    """The finding that proposed the check which found this one."""

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
