"""What the mines of an area add up to by their own records, planned and done."""

from __future__ import annotations

from dataclasses import dataclass

from services.cases.report.facts import Facts
from shared.contracts.mines import GONE, Mine, MineMerger, MineStatus

__all__ = ["Count", "count"]


@dataclass(frozen=True, slots=True)
class Count:
    """What the mines of an area add up to."""

    mines: tuple[Mine, ...]

    @property
    def registered(self) -> int:
        """Mines that ever were in the register."""
        return len(self.mines)

    @property
    def now(self) -> int:
        """Mines that still are."""
        return sum(mine.status not in GONE for mine in self.mines)

    @property
    def closing(self) -> tuple[Mine, ...]:
        """Mines to be closed by law, those that are closed among them."""
        return tuple(mine for mine in self.mines if mine.closure is not None or mine.status is MineStatus.CLOSED)

    @property
    def phasing_out(self) -> tuple[Mine, ...]:
        """Mines to be phased out, those that are among them."""
        return tuple(mine for mine in self.mines if mine.phase_out is not None or mine.status is MineStatus.PHASED_OUT)

    @property
    def mergers(self) -> tuple[MineMerger, ...]:
        """Mergers these mines take part in, each once."""
        known = {mine.merger.merger_id: mine.merger for mine in self.mines if mine.merger is not None}
        return tuple(known[merger_id] for merger_id in sorted(known))

    @property
    def merging(self) -> int:
        """Mines that mergers begin with."""
        return len({member for merger in self.mergers for member in merger.members})

    @property
    def merged_away(self) -> int:
        """Mines that all mergers, done and planned, take away."""
        own = {mine.id for mine in self.mines}
        return sum(len((set(merger.members) - {merger.into}) & own) for merger in self.mergers)

    @property
    def planned(self) -> int:
        """Mines left when everything planned is done."""
        return self.registered - len(self.closing) - len(self.phasing_out) - self.merged_away

    @property
    def moving(self) -> tuple[Mine, ...]:
        """Mines that are to go or to merge, or have."""
        return tuple(
            mine
            for mine in self.mines
            if mine.status in GONE or mine.closure is not None or mine.phase_out is not None or mine.merger is not None
        )

    def merger_done(self, merger: MineMerger) -> bool:
        """Tell whether a merger was carried out: every other member has gone into the one it names."""
        others = [mine for mine in self.mines if mine.id in merger.members and mine.id != merger.into]
        return bool(others) and all(mine.status is MineStatus.MERGED for mine in others)


def count(facts: Facts, county: str | None = None) -> Count:
    """Count the mines of a county, or of all."""
    chosen = (mine for mine in facts.mines if county is None or mine.description.county == county)
    return Count(tuple(sorted(chosen, key=lambda mine: mine.id)))
