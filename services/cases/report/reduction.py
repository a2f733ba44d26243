"""The reduction plan as the register counts it on the day: planned and done told apart."""

from __future__ import annotations

from collections.abc import Iterator

from services.cases.report.facts import Facts
from services.cases.report.pen import Pen
from shared.contracts.cases import Finding
from shared.contracts.report import Block
from shared.contracts.stories import StoryEntry

__all__ = ["reduction_blocks"]


def reduction_blocks(pen: Pen, facts: Facts, finding: Finding, raised: StoryEntry) -> Iterator[Block]:
    """Write how many mines there are, are to be, and are gone, for the city and counties a finding is about."""
    yield from ()
