"""The reply report 整改情况的报告 and the supervision summary: what is said of the cases on a day (version 1).

A report is a document without a look: headings and paragraphs of sentences, each with the numbers of the events it
rests on. Word and Markdown are made of it where it is wanted.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.base import Command, Identifier, Moment, Record

__all__ = [
    "Block",
    "BlockKind",
    "CountySummary",
    "ReplyReport",
    "ReportSource",
    "Sentence",
    "Summarise",
    "SupervisionSummary",
    "WriteReport",
]


class BlockKind(StrEnum):
    """What a block of the report is."""

    PART = "part"  # 一、
    SECTION = "section"  # （一）
    PARAGRAPH = "paragraph"


class Sentence(Record):
    """One sentence and the numbers (from 1) of the report's sources it rests on: never none."""

    text: str = Field(min_length=1)
    sources: tuple[int, ...] = Field(min_length=1)


class Block(Record):
    """A heading or a paragraph; ``label`` are the words it begins with, set apart."""

    kind: BlockKind
    label: str = ""
    sentences: tuple[Sentence, ...] = ()
    missing: bool = False
    """Whether it says that something mandatory is missing or overdue."""


class ReportSource(Record):
    """An event that sentences rest on."""

    event_id: UUID
    service: str
    type: str
    stream: str
    on: date
    at: Moment
    by: str


class ReplyReport(Record):
    """The answer to ``WriteReport``."""

    letter_id: str
    language: str
    as_of: date
    title: Sentence
    salutation: str
    """Whom it is addressed to: who issued the letter."""
    opening: tuple[Sentence, ...]
    blocks: tuple[Block, ...]
    closing: Sentence
    signer: str
    sources: tuple[ReportSource, ...]


class WriteReport(Command):
    """Ask for the reply to a letter, as the records stood at the end of a day (None: today)."""

    command_name: ClassVar[str] = "cases.write_report"
    letter_id: Identifier
    as_of: date | None = None
    language: Literal["zh", "en"] = "zh"
    """Of headings and connecting words; what people entered stays in their words."""


class Summarise(Command):
    """Ask how supervision stands, county by county, on a day (None: today)."""

    command_name: ClassVar[str] = "cases.supervision_summary"
    as_of: date | None = None
    county: str | None = None


class CountySummary(Record):
    """How the findings of one county stand."""

    county: str
    findings: int = 0
    open: int = 0
    """Not closed out."""
    unassigned: int = 0
    """Open, and nobody answers for it yet."""
    overdue: int = 0
    """Open past the deadline."""
    closed_out: int = 0
    relapsed: int = 0
    """Reopened at least once, whether closed out since or not."""
    listed: int = 0
    """Under listed supervision 挂牌督办."""
    look_backs_due: int = 0
    """Look-backs not held whose day has come."""


class SupervisionSummary(Record):
    """The answer to ``Summarise``: counties by name, and all of them together."""

    as_of: date
    counties: tuple[CountySummary, ...]
    total: CountySummary
