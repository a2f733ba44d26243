"""What a report is written from: views as of a day, and the events behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from shared.contracts.acts import Recorded
from shared.contracts.cases import FindingView, LetterView
from shared.contracts.mines import Mine
from shared.contracts.plans import PlanView
from shared.contracts.pondfiles import PondFileView
from shared.contracts.stories import StoryEntry

__all__ = ["Facts"]

E = TypeVar("E", bound=Recorded)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything on record that the report tells, as of one day.

    Parameters
    ----------
    letter, findings
        The letter and its findings.
    stories
        Stream → its events up to that day, oldest first.
    ponds
        Pond id → its file; None for a pond the register does not know.
    mines, plan
        The register's mines, where a finding is about a county or the city, and its reduction plan.
    """

    as_of: date
    language: str
    letter: LetterView
    findings: tuple[FindingView, ...] = ()
    stories: Mapping[str, tuple[StoryEntry, ...]] = field(default_factory=dict)
    ponds: Mapping[str, PondFileView | None] = field(default_factory=dict)
    mines: tuple[Mine, ...] = ()
    plan: PlanView | None = None

    def told(
        self, stream: str, event: type[E], where: Callable[[E], bool] = lambda _: True
    ) -> list[tuple[StoryEntry, E]]:
        """Return the events of one type in a stream that fit, oldest first, each with its entry."""
        found = (
            (entry, event.model_validate(entry.data))
            for entry in self.stories.get(stream, ())
            if entry.type == event.event_type
        )
        return [(entry, told) for entry, told in found if where(told)]
