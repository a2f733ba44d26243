"""A pond's file in the register: size, use, people downstream, closure procedure 闭库 (version 1).

The file stands beside the pond's monitoring record (sensors, limits), in a stream of its own (``pondfile-<id>``), so
that paperwork neither waits for readings nor disturbs them. Its events belong to the same published aggregate, pond.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.contracts.acts import Act, Kept, Name, PageQuery, Recorded, Text
from shared.contracts.base import Command, Event, Identifier, Record
from shared.contracts.mines import DocumentRef

__all__ = [
    "PONDFILE_ACTS",
    "PONDFILE_EVENTS",
    "ChangePondUse",
    "Closure",
    "ClosureExtended",
    "ClosureOverdue",
    "ClosureStarted",
    "ClosureStep",
    "ClosureStepRecorded",
    "DamRaised",
    "ExtendClosure",
    "ListPondFiles",
    "PondFacts",
    "PondFactsSet",
    "PondFile",
    "PondFileList",
    "PondFileView",
    "PondUse",
    "PondUseChanged",
    "RaiseDam",
    "RecordClosureStep",
    "ReviewOutcome",
    "SetPondFacts",
    "ShowPondFile",
    "StartClosure",
    "StepRecord",
    "StepState",
]


class PondUse(StrEnum):
    """What a pond is used for now."""

    UNDER_CONSTRUCTION = "under_construction"  # 在建
    IN_USE = "in_use"  # 在用
    OUT_OF_USE = "out_of_use"  # 停用
    CLOSING = "closing"  # 闭库中
    CLOSED = "closed"  # 已闭库
    DEREGISTERED = "deregistered"  # 已销号


class ClosureStep(StrEnum):
    """The steps of the closure procedure 闭库, in their order."""

    STATUS_EVALUATION = "status_evaluation"  # 现状评价
    CLOSURE_DESIGN = "closure_design"  # 闭库设计
    EXPERT_REVIEW = "expert_review"  # 专家评审
    REVISION = "revision"  # 修改完善
    APPROVAL = "approval"  # 审批
    WORKS = "works"  # 施工
    ACCEPTANCE = "acceptance"  # 验收
    DEREGISTRATION = "deregistration"  # 销号


class StepState(StrEnum):
    """How far a step is."""

    COMMISSIONING = "commissioning"  # 正在聘请承担单位
    UNDER_WAY = "under_way"  # 进行中
    DONE = "done"  # 完成


class ReviewOutcome(StrEnum):
    """How an expert review ended."""

    PASSED = "passed"  # 通过
    REVISE = "revise"  # 修改后通过
    REJECTED = "rejected"  # 不通过


class PondFacts(Record):
    """What the register knows of a pond's size and surroundings."""

    volume_10k_m3: float | None = Field(default=None, ge=0)
    """Full storage V [10⁴ m³]."""
    dam_height_m: float | None = Field(default=None, ge=0)
    """Dam height H [m]."""
    enterprise: str = Field(default="", max_length=200)
    mine_id: Identifier | None = None
    dry: bool = False
    """Whether tailings are stacked dry."""
    above_residents: bool = False
    """头顶库: residents or important facilities within 1 km of the starter dam's toe along the flow path."""
    people_downstream: int | None = Field(default=None, ge=0)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    latitude: float | None = Field(default=None, ge=-90, le=90)


class StepRecord(Record):
    """One step of a closure, as last recorded."""

    step: ClosureStep
    state: StepState
    on: date
    organisation: str = ""
    document: DocumentRef | None = None
    outcome: ReviewOutcome | None = None
    opinions: tuple[str, ...] = ()


class Closure(Record):
    """A closure procedure: since when, due when (1 year, at most 6 months more), and its steps in order of record."""

    started_on: date
    due: date
    extended_to: date | None = None
    extension_reason: str = ""
    steps: tuple[StepRecord, ...] = ()

    @property
    def position(self) -> StepRecord | None:
        """Where the procedure stands: the record made last."""
        return self.steps[-1] if self.steps else None


class PondFile(Kept):
    """A pond's file as it stands."""

    name: str
    county: str
    declared_grade: int | None = None
    """The grade the pond was registered with, as of the file's last change."""
    facts: PondFacts = PondFacts()
    use: PondUse = PondUse.IN_USE
    use_since: date | None = None
    """Since when it is used so; None as long as nobody said."""
    out_of_use_since: date | None = None
    """For a pond out of use: since when. Its closing and closure keep this day."""
    term: int = 0
    """How often it went out of use: a corrected day belongs to the same term, a stop after another use to the next."""
    closure: Closure | None = None
    raised: tuple[date, ...] = ()
    """Days on which a dam raise was recorded."""


# -- events -----------------------------------------------------------------------------------------------------------


class PondFactsSet(Recorded):
    """A pond's facts were entered or changed; these are all of them."""

    event_type: ClassVar[str] = "registry.pond.facts_set"
    pond_id: Identifier
    name: str
    county: str
    declared_grade: int | None
    facts: PondFacts


class DamRaised(Recorded):
    """A pond's dam was raised: its new height and storage."""

    event_type: ClassVar[str] = "registry.pond.dam_raised"
    pond_id: Identifier
    dam_height_m: float
    volume_10k_m3: float
    document: DocumentRef | None = None


class PondUseChanged(Recorded):
    """A pond's use changed, from the day ``since``."""

    event_type: ClassVar[str] = "registry.pond.use_changed"
    pond_id: Identifier
    use: PondUse
    since: date
    reason: str


class ClosureStarted(Recorded):
    """A pond's closure procedure began; it is due in one year."""

    event_type: ClassVar[str] = "registry.pond.closure_started"
    pond_id: Identifier
    due: date
    reason: str


class ClosureStepRecorded(Recorded):
    """A step of the closure procedure was recorded; acceptance done closes the pond, deregistration done ends it."""

    event_type: ClassVar[str] = "registry.pond.closure_step_recorded"
    pond_id: Identifier
    record: StepRecord


class ClosureExtended(Recorded):
    """The closure procedure got more time, once and at most six months."""

    event_type: ClassVar[str] = "registry.pond.closure_extended"
    pond_id: Identifier
    due: date
    reason: str
    approver: str


class ClosureOverdue(Recorded):
    """A pond is out of use for more than three years and not deregistered; raised by the register itself.

    Once for each pond, time out of use and reminder stage; ``on`` and ``due_on`` are the day the stage fell due (the
    term's last day), whenever it was noticed. Where ``out_of_use_since`` was corrected the stages are counted anew from
    that day, and the latest of them is raised with it; ``on`` is never before the day of what was raised earlier. Kept
    in a stream of its own (``closure-<id>``).
    """

    event_type: ClassVar[str] = "registry.pond.closure_overdue"
    pond_id: Identifier
    name: str
    county: str
    out_of_use_since: date
    stage: int = Field(ge=1)
    """1 when three years are over; each further stage is a reminder."""
    due_on: date
    term: int = 0
    """Which time out of use, from 1; 0 in events from before terms were counted."""
    passed_over: int = 0
    """Of a corrected day: how many earlier stages this one stands for; they were told of the day that was wrong."""
    corrected: bool = False
    """Another ``out_of_use_since`` was raised of this term before: it was corrected."""


# -- commands ---------------------------------------------------------------------------------------------------------


class SetPondFacts(Act):
    """Enter or change a pond's facts. The pond must be registered; the same facts again change nothing."""

    command_name: ClassVar[str] = "registry.set_pond_facts"
    pond_id: Identifier
    facts: PondFacts


class RaiseDam(Act):
    """Record a dam raise."""

    command_name: ClassVar[str] = "registry.raise_dam"
    pond_id: Identifier
    dam_height_m: float = Field(gt=0)
    volume_10k_m3: float = Field(gt=0)
    document: DocumentRef | None = None


class ChangePondUse(Act):
    """Change a pond's use; a closed pond is never used again."""

    command_name: ClassVar[str] = "registry.change_pond_use"
    pond_id: Identifier
    use: PondUse
    since: date | None = None
    """None: the act's day. May lie before it (a pond found out of use since 2019)."""
    reason: Text


class StartClosure(Act):
    """Begin a pond's closure procedure."""

    command_name: ClassVar[str] = "registry.start_closure"
    pond_id: Identifier
    reason: Text


class RecordClosureStep(Act):
    """Record how far a step of the closure is; begins the procedure if need be."""

    command_name: ClassVar[str] = "registry.record_closure_step"
    pond_id: Identifier
    step: ClosureStep
    state: StepState
    organisation: str = Field(default="", max_length=200)
    document: DocumentRef | None = None
    outcome: ReviewOutcome | None = None
    """Of an expert review that is done; required then."""
    opinions: tuple[Text, ...] = ()


class ExtendClosure(Act):
    """Give a closure more time: once, at most six months, with reason and approver."""

    command_name: ClassVar[str] = "registry.extend_closure"
    pond_id: Identifier
    due: date
    reason: Text
    approver: Name


class ShowPondFile(Command):
    """Ask for a pond's file, as of a day."""

    command_name: ClassVar[str] = "registry.show_pond_file"
    pond_id: Identifier
    as_of: date | None = None


class ListPondFiles(PageQuery):
    """Ask for ponds' files."""

    command_name: ClassVar[str] = "registry.list_pond_files"
    county: str | None = None
    use: tuple[PondUse, ...] = ()
    overdue: bool | None = None
    """Only those whose closure is (not) overdue on that day."""
    above_residents: bool | None = None


class PondFileView(Record):
    """A pond's file with what follows from it on the day asked about."""

    file: PondFile
    version: int
    computed_grade: int | None = None
    """From volume and height, GB 39496-2020; None when neither is known."""
    grade_differs: bool = False
    overdue_since: date | None = None
    """The day after which its deregistration was overdue by the three-year rule."""
    closure_late: bool = False
    """Whether a running closure procedure is past its (extended) due day."""
    changed: bool = False


class PondFileList(Record):
    """The answer to ``ListPondFiles``."""

    total: int
    ponds: tuple[PondFileView, ...]


PONDFILE_EVENTS: tuple[type[Event], ...] = (
    PondFactsSet,
    DamRaised,
    PondUseChanged,
    ClosureStarted,
    ClosureStepRecorded,
    ClosureExtended,
    ClosureOverdue,
)
PONDFILE_ACTS: tuple[type[Act], ...] = (
    SetPondFacts,
    RaiseDam,
    ChangePondUse,
    StartClosure,
    RecordClosureStep,
    ExtendClosure,
)
"""Acts, each answered by a ``PondFileView``."""
