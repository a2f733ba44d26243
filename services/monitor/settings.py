"""What the monitor may be told beyond the shared settings."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.bus.partitions import WHOLE, Share

__all__ = ["MonitorSettings"]


class MonitorSettings(BaseSettings):
    """From the environment, ``TAILWARDEN_MONITOR_…``."""

    model_config = SettingsConfigDict(
        env_prefix="TAILWARDEN_MONITOR_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    partitions: str | None = None
    """Which ponds this one serves, by partition: ``FIRST-LAST/16``; None: all. See ``shared.bus.partitions``."""
    batch: int = Field(default=4000, ge=1, le=20_000)
    """Messages taken at a time, when so many wait."""
    tick_s: float = Field(default=5.0, gt=0, le=300)
    """Seconds between looks at the wall clock for silent ponds."""
    ready_lag: int = Field(default=20_000, ge=1)
    """``/readyz`` says no while so many messages of telemetry wait."""

    @property
    def share(self) -> Share:
        """The partitions to serve.

        Raises
        ------
        BadInput
            When ``partitions`` says none.
        """
        return WHOLE if self.partitions is None else Share.read(self.partitions)
