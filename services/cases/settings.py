"""What the cases may be told beyond the shared settings."""

from __future__ import annotations

from pathlib import Path

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.contracts.deadlines import SupervisionLevel

__all__ = ["CasesSettings"]


class CasesSettings(BaseSettings):
    """From the environment, ``TAILWARDEN_CASES_…``; the evidence store's place is ``TAILWARDEN_EVIDENCE``."""

    model_config = SettingsConfigDict(
        env_prefix="TAILWARDEN_CASES_", frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    evidence: Path | None = Field(default=None, validation_alias=AliasChoices("TAILWARDEN_EVIDENCE", "evidence"))
    """Where evidence is kept; None: ``evidence`` in the system's home."""
    evidence_max_mb: float = Field(default=20.0, gt=0, le=45)
    """Largest piece of evidence [10⁶ bytes]; in base64 it must fit into a NATS message (64 MB)."""
    evidence_types: tuple[str, ...] = ("pdf", "ofd", "docx", "xlsx", "jpg", "png", "txt", "md", "csv")
    """Kinds of file the store takes, of those it can tell apart."""
    deadline_tick_s: float = Field(default=5.0, gt=0, le=3600)
    """Seconds between looks at the findings' deadlines."""
    reminders: tuple[int, ...] = (10, 3, 1)
    """Reminders, in working days before a deadline."""
    escalations: dict[SupervisionLevel, int] = Field(
        default_factory=lambda: {SupervisionLevel.COUNTY: 5, SupervisionLevel.CITY: 10}
    )
    """Level → working days after a deadline at which the finding goes to it."""
    look_back_days: int = Field(default=90, ge=1, le=3650)
    """Days from a closing to its look-back; the source letter asks for look-backs and names no number."""
    similar_checks: int = Field(default=20, ge=0, le=500)
    """Similar sites at which a closing proposes the same check, at most."""
