"""Cases beside findings: what is published of them and what may be asked (version 1).

Three kinds of case share one life, opened → noted → closed with a conclusion and evidence: an incident (opened by an
orange or red warning, with what was seen frozen in it), joint enforcement 联合执法, and a typical case 典型案例, whose
publishing is an act with a day and a medium.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from shared.contracts.acts import Act, Kept, Name, PageQuery, Recorded, Text
from shared.contracts.base import Command, Event, Identifier, Moment, Record
from shared.contracts.cases import EvidenceRef, Subject
from shared.contracts.levels import LevelName

__all__ = [
    "CASEFILE_ACTS",
    "CASEFILE_EVENTS",
    "CASEWORK_REPLIES",
    "CaseFile",
    "CaseFileClosed",
    "CaseFileList",
    "CaseFileNoted",
    "CaseFileOpened",
    "CaseFilePublished",
    "CaseFileView",
    "CaseKind",
    "CaseNote",
    "CloseCaseFile",
    "FrozenWarning",
    "IncidentEscalated",
    "ListCaseFiles",
    "NoteCaseFile",
    "OpenCaseFile",
    "Publication",
    "PublishCaseFile",
    "ShowCaseFile",
]


class CaseKind(StrEnum):
    """What a case is."""

    INCIDENT = "incident"  # 险情
    JOINT_ENFORCEMENT = "joint_enforcement"  # 联合执法
    TYPICAL_CASE = "typical_case"  # 典型案例


class FrozenWarning(Record):
    """A warning's event with what was known of its pond when it was heard, as it will stay."""

    event_id: str
    event_type: str
    warning_id: str
    pond_id: Identifier
    level: LevelName
    time: Moment
    """Event time: the end of the slot that was judged."""
    recorded_at: Moment
    event: dict[str, Any]
    """The whole event, its causes among it."""
    pond: dict[str, Any] | None = None
    """The pond in the register (sensors, limits); None when the register does not know it."""
    standing: dict[str, Any] | None = None
    """The pond as the monitor saw it (newest values); None when it could not be had."""


class CaseNote(Record):
    """A note on a case."""

    on: date
    by: str
    text: str
    evidence: tuple[EvidenceRef, ...] = ()


class Publication(Record):
    """A typical case made public: on which day and where."""

    on: date
    by: str
    medium: str
    address: str = ""


class CaseFile(Kept):
    """A case as it stands."""

    case_kind: CaseKind
    title: str
    county: str
    subjects: tuple[Subject, ...] = ()
    parties: tuple[str, ...] = ()
    """The units that take part in joint enforcement."""
    finding_ids: tuple[str, ...] = ()
    opened_on: date
    opened_by: str
    warning_id: str | None = None
    level: LevelName | None = None
    """The warning's highest level so far."""
    frozen: tuple[FrozenWarning, ...] = ()
    notes: tuple[CaseNote, ...] = ()
    publications: tuple[Publication, ...] = ()
    closed_on: date | None = None
    closed_by: str | None = None
    confirmed_by: str | None = None
    """The second person, who confirmed the closing."""
    conclusion: str = ""
    evidence: tuple[EvidenceRef, ...] = ()


# -- events -----------------------------------------------------------------------------------------------------------


class CaseFileOpened(Recorded):
    """A case was opened, by a person or by a warning."""

    event_type: ClassVar[str] = "cases.casefile.opened"
    casefile_id: Identifier
    case_kind: CaseKind
    title: str
    county: str
    subjects: tuple[Subject, ...] = ()
    parties: tuple[str, ...] = ()
    finding_ids: tuple[str, ...] = ()
    frozen: FrozenWarning | None = None


class IncidentEscalated(Recorded):
    """The warning of an incident stepped up to orange or red; again with its data frozen."""

    event_type: ClassVar[str] = "cases.casefile.escalated"
    casefile_id: Identifier
    frozen: FrozenWarning


class CaseFileNoted(Recorded):
    """A note was made on a case."""

    event_type: ClassVar[str] = "cases.casefile.noted"
    casefile_id: Identifier
    text: str
    evidence: tuple[EvidenceRef, ...] = ()


class CaseFilePublished(Recorded):
    """A typical case was made public."""

    event_type: ClassVar[str] = "cases.casefile.published"
    casefile_id: Identifier
    medium: str
    address: str = ""


class CaseFileClosed(Recorded):
    """A case was closed with a conclusion and evidence; an incident with a second person's name."""

    event_type: ClassVar[str] = "cases.casefile.closed"
    casefile_id: Identifier
    conclusion: str
    evidence: tuple[EvidenceRef, ...]
    confirmed_by: str | None = None


# -- commands ---------------------------------------------------------------------------------------------------------


class OpenCaseFile(Act):
    """Open a case. Joint enforcement needs at least two parties."""

    command_name: ClassVar[str] = "cases.open_casefile"
    casefile_id: Identifier
    case_kind: CaseKind
    title: Name
    county: Name
    subjects: tuple[Subject, ...] = ()
    parties: tuple[Name, ...] = ()
    finding_ids: tuple[Identifier, ...] = ()


class NoteCaseFile(Act):
    """Make a note on a case."""

    command_name: ClassVar[str] = "cases.note_casefile"
    casefile_id: Identifier
    text: Text
    evidence: tuple[EvidenceRef, ...] = ()


class PublishCaseFile(Act):
    """Record that a typical case was made public: where, on the act's day."""

    command_name: ClassVar[str] = "cases.publish_casefile"
    casefile_id: Identifier
    medium: Name
    address: str = Field(default="", max_length=500)


class CloseCaseFile(Act):
    """Close a case; needs evidence, and for an incident a second person who is not the one who closes it."""

    command_name: ClassVar[str] = "cases.close_casefile"
    casefile_id: Identifier
    conclusion: Text
    evidence: tuple[EvidenceRef, ...] = ()
    confirmed_by: str = Field(default="", max_length=200)


class ShowCaseFile(Command):
    """Ask for a case with what is frozen in it, as of a day."""

    command_name: ClassVar[str] = "cases.show_casefile"
    casefile_id: Identifier
    as_of: date | None = None


class ListCaseFiles(PageQuery):
    """Ask for cases, the latest first; what is frozen in them is left out."""

    command_name: ClassVar[str] = "cases.list_casefiles"
    case_kind: CaseKind | None = None
    county: str | None = None
    closed: bool | None = None


class CaseFileView(Record):
    """The answer to acts on a case and to ``ShowCaseFile``."""

    casefile: CaseFile
    version: int
    changed: bool = False


class CaseFileList(Record):
    """The answer to ``ListCaseFiles``."""

    total: int
    casefiles: tuple[CaseFile, ...]


CASEFILE_EVENTS: tuple[type[Event], ...] = (
    CaseFileOpened,
    IncidentEscalated,
    CaseFileNoted,
    CaseFilePublished,
    CaseFileClosed,
)
CASEFILE_ACTS: tuple[type[Act], ...] = (OpenCaseFile, NoteCaseFile, PublishCaseFile, CloseCaseFile)
"""Acts, each answered by a ``CaseFileView``."""
CASEWORK_REPLIES: Mapping[type[Command], type[BaseModel]] = {
    **dict.fromkeys(CASEFILE_ACTS, CaseFileView),
    ShowCaseFile: CaseFileView,
    ListCaseFiles: CaseFileList,
}
"""Command → model of its result."""
