"""Puts the report together, in the order of the letter it answers."""

from __future__ import annotations

from services.cases.report.facts import Facts
from services.cases.report.findings import finding_blocks, stream_of
from services.cases.report.letters import letter_entry, next_steps, opening, suggestions, tally, title
from services.cases.report.pen import Pen
from shared.contracts.cases import (
    DeadlineExtended,
    FindingAssigned,
    FindingClosedOut,
    FindingRaised,
    FindingReopened,
)
from shared.contracts.report import Block, BlockKind, ReplyReport, Sentence

__all__ = ["write_report"]

_COUNTED = frozenset(
    event.event_type for event in (FindingRaised, FindingAssigned, DeadlineExtended, FindingClosedOut, FindingReopened)
)
"""Events that make a finding count as assigned, overdue or closed out."""


def write_report(facts: Facts) -> ReplyReport:
    """Write the reply to a letter from what is on record as of a day.

    Raises
    ------
    Fault
        ``report.no_source``: nothing shows a sentence. It cannot happen while views and stories are of one day.
    """
    pen = Pen(facts.language, facts.as_of)
    letter = facts.letter.letter
    received = letter_entry(facts)
    heading = title(pen, facts)
    begins = tuple(opening(pen, facts))
    views = sorted(facts.findings, key=lambda view: (view.finding.number or 1_000, view.finding.id))
    counted = [
        entry for view in views for entry in facts.stories.get(stream_of(view.finding), ()) if entry.type in _COUNTED
    ]

    def part(key: str) -> Block:
        words = Sentence(text=pen.words(key), sources=pen.cite([received]))
        return Block(kind=BlockKind.PART, sentences=(words,))

    blocks: list[Block] = [part("part_findings"), tally(pen, facts, counted)]
    for place, view in enumerate(views, 1):
        blocks += finding_blocks(pen, facts, view, place)
    blocks += [part("part_suggestions"), *suggestions(pen, facts)]
    blocks += [part("part_next"), *next_steps(pen, facts)]
    closing = Sentence(text=pen.words("closing"), sources=pen.cite([received]))
    return ReplyReport(
        letter_id=letter.id,
        language=facts.language,
        as_of=facts.as_of,
        title=heading,
        salutation=pen.words("salutation", issuer=letter.issuer),
        opening=begins,
        blocks=tuple(blocks),
        closing=closing,
        signer=letter.addressee,
        sources=tuple(pen.sources),
    )
