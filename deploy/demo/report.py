"""What came of a performance, and the JSON object that tells it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from deploy.demo.judge import Counts, Record
from deploy.demo.told import Told

__all__ = ["Report"]


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it."""

    counts: Counts
    record: Record
    latency_ms: dict[str, float | None]
    wrong: list[str]
    """What is not as it had to be; empty when all is well."""
    told: Told = field(default_factory=Told)
    first_message_ms: dict[str, float | None] = field(default_factory=dict)
    page: str | None = None
    """The page of somebody who was told."""

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``tailwarden demo --json`` prints."""
        return {
            "readings_published": self.counts.readings_published,
            "readings_stored": self.counts.readings_stored,
            "duplicates_sent": self.counts.duplicates_sent,
            "dead_letters": self.counts.dead_letters,
            "warnings": [
                {
                    "pond": warning.pond,
                    "level": warning.highest.value,
                    "raised": warning.raised.isoformat(),
                    "cleared": None if warning.cleared is None else warning.cleared.isoformat(),
                }
                for warning in sorted(self.record.warnings.values(), key=lambda w: (w.raised, w.pond))
            ],
            "latency_ms": self.latency_ms,
            "told": self.told.as_json(self.first_message_ms),
            "ok": not self.wrong,
        }
