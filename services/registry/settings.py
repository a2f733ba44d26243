"""What the registry may be told beyond the shared settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.registry.domain.grid import YUNNAN
from shared.contracts.people import AdminLevel

__all__ = ["RegistrySettings"]

MonthDay = Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]


class RegistrySettings(BaseSettings):
    """From the environment, ``TAILWARDEN_REGISTRY_…``; the code file's name is ``TAILWARDEN_CODES_FILE``."""

    model_config = SettingsConfigDict(
        env_prefix="TAILWARDEN_REGISTRY_", frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    codes_file: Path | None = Field(default=None, validation_alias=AliasChoices("TAILWARDEN_CODES_FILE", "codes_file"))
    """TOML file with the codes of the situations for closure by law and for phasing out; None: the registry's own."""

    overdue_every_s: float = Field(default=15.0, gt=0, le=86_400)
    """Seconds between looks for ponds whose closure fell overdue; a change of a pond's use is looked at at once."""
    overdue_after_months: int = Field(default=36, ge=1, le=600)
    """Months out of use after which a pond that is not deregistered is overdue (停用超过 3 年)."""
    overdue_remind_months: int = Field(default=6, ge=1, le=600)
    """Months between the reminders that follow."""
    guarantor_levels: dict[int, tuple[AdminLevel, ...]] = dict(YUNNAN)
    """Levels of government that the guarantor 包保 of a pond may be of, by the pond's grade; as JSON,
    ``{"1": ["prefecture"], "5": ["township", "county"]}``. A grade that is not named has none that fits."""
    datum_counts_from: MonthDay = "03-01"
    """Month and day from which a datum check counts for the year's flood season."""
    datum_season_begins: MonthDay = "06-01"
    """First day on which each sensor ought to have its datum check (Hebei's flood season, 汛期)."""
    datum_season_ends: MonthDay = "09-30"
    """Last such day."""
