"""A piece of evidence: entered once, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from services.cases.domain.names import named, signed
from shared.contracts.acts import Asked
from shared.contracts.evidence import AddEvidence, Evidence, EvidenceAdded
from shared.problems import BadInput

__all__ = ["Deposit", "Facts", "decide", "evolve"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the bytes themselves say."""

    sha256: str
    size: int
    media_type: str


class Deposit(AddEvidence):
    """An ``AddEvidence`` whose bytes are in the store: only what they say is left of them."""

    facts: Facts
    content: str = ""


def decide(asked: Asked[Deposit], state: Evidence | None) -> Sequence[EvidenceAdded]:
    """Record the first deposit; the same bytes again change nothing.

    Raises
    ------
    BadInput
        ``acts.blank``, ``evidence.received_on_future``.
    """
    command, facts = asked.command, asked.command.facts
    signed(by=command.by)
    named(title=command.title)
    if state is not None:
        return []
    received: date = asked.on if command.received is None else command.received
    if received > asked.on:
        raise BadInput(
            "evidence.received_on_future", field="received", received=received.isoformat(), on=asked.on.isoformat()
        )
    return [
        EvidenceAdded(
            on=asked.on, at=asked.at, by=command.by, sha256=facts.sha256, title=command.title,
            filename=command.filename, media_type=facts.media_type, size=facts.size, effective=command.effective,
            received=received,
        )
    ]  # fmt: skip


def evolve(state: Evidence | None, event: EvidenceAdded) -> Evidence:
    """Return the piece as it was entered."""
    return Evidence(
        id=event.sha256, last_on=event.on, title=event.title, filename=event.filename, media_type=event.media_type,
        size=event.size, effective=event.effective, received=event.received, by=event.by,
    )  # fmt: skip
