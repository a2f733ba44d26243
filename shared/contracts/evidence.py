"""The evidence store: what is published of it and what may be asked (version 1).

A piece of evidence is named by the SHA-256 of its bytes. Bytes travel inside commands as base64: with the default
limit of 20 MB a message has at most 28 MB, well below what NATS is set to take (64 MB).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, ClassVar

from pydantic import BaseModel, Field, StringConstraints

from shared.contracts.acts import Act, Kept, Name, PageQuery, Recorded
from shared.contracts.base import Command, Event, Record

__all__ = [
    "EVIDENCE_EVENTS",
    "EVIDENCE_REPLIES",
    "AddEvidence",
    "Damage",
    "Evidence",
    "EvidenceAdded",
    "EvidenceContent",
    "EvidenceList",
    "EvidenceView",
    "GetEvidence",
    "ListEvidence",
    "Sha256",
    "ShowEvidence",
    "VerifyEvidence",
    "VerifyReport",
]

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in hexadecimal."""


class Evidence(Kept):
    """A piece of evidence in the store; its id is the SHA-256 of its bytes."""

    title: str
    filename: str
    media_type: str
    size: int = Field(ge=1)
    """Bytes."""
    effective: date | None = None
    """The day it speaks of."""
    received: date
    by: str


class EvidenceAdded(Recorded):
    """A piece of evidence entered the store; its bytes were on the disk before this was recorded."""

    event_type: ClassVar[str] = "cases.evidence.added"
    sha256: Sha256
    title: str
    filename: str
    media_type: str
    size: int
    effective: date | None
    received: date


class AddEvidence(Act):
    """Put a file into the store. The same bytes again change nothing: the answer shows what is kept of them."""

    command_name: ClassVar[str] = "cases.add_evidence"
    title: Name
    filename: Name
    content: str = Field(repr=False)
    """The file's bytes in base64."""
    effective: date | None = None
    received: date | None = None
    """None: the act's day."""


class ShowEvidence(Command):
    """Ask what is known of a piece of evidence, as of a day."""

    command_name: ClassVar[str] = "cases.show_evidence"
    sha256: Sha256
    as_of: date | None = None


class GetEvidence(Command):
    """Ask for a piece of evidence itself; its bytes are verified as they are read."""

    command_name: ClassVar[str] = "cases.get_evidence"
    sha256: Sha256


class ListEvidence(PageQuery):
    """Ask what is in the store, the latest first."""

    command_name: ClassVar[str] = "cases.list_evidence"


class VerifyEvidence(Command):
    """Read evidence from the disk and compare it with its name: one piece, or a page of all of them."""

    command_name: ClassVar[str] = "cases.verify_evidence"
    sha256: Sha256 | None = None
    limit: int = Field(default=20, ge=1, le=500)
    offset: int = Field(default=0, ge=0)


class EvidenceView(Record):
    """The answer to ``AddEvidence`` and ``ShowEvidence``."""

    evidence: Evidence
    version: int
    changed: bool = False


class EvidenceContent(Record):
    """The answer to ``GetEvidence``."""

    evidence: Evidence
    content: str = Field(repr=False)
    """The file's bytes in base64."""


class EvidenceList(Record):
    """The answer to ``ListEvidence``."""

    total: int
    evidence: tuple[Evidence, ...]


class Damage(Record):
    """A piece of evidence whose bytes are not what they were."""

    sha256: str
    title: str
    missing: bool
    """True: there is no file; False: its bytes have another hash."""


class VerifyReport(Record):
    """The answer to ``VerifyEvidence``."""

    total: int
    """Pieces in the store."""
    checked: int
    damaged: tuple[Damage, ...] = ()


EVIDENCE_EVENTS: tuple[type[Event], ...] = (EvidenceAdded,)
EVIDENCE_REPLIES: Mapping[type[Command], type[BaseModel]] = {
    AddEvidence: EvidenceView,
    ShowEvidence: EvidenceView,
    GetEvidence: EvidenceContent,
    ListEvidence: EvidenceList,
    VerifyEvidence: VerifyReport,
}
"""Command → model of its result."""
