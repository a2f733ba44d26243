"""The demonstration's script: what falls on which pond, what breaks, and what must come of it; read from TOML."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from deploy.demo.hydrology import STEP_S, Basin, Pond, Storm
from shared.contracts.levels import LevelName
from shared.site import Site, load_site

__all__ = ["ExpectedWarning", "Fault", "PondScript", "Pumping", "Scenario", "scenario", "site", "site_file"]

HERE = Path(__file__).parent
Moment = Annotated[AwareDatetime, AfterValidator(lambda value: value.astimezone(UTC))]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Fault(_Part):
    """Something wrong with a sensor or its link.

    ``spike``: one reading off by ``by``; ``stuck``: the value of the beginning repeats; ``silent``: readings
    are lost; ``late``: they come in one batch when the link is back. Units are the sensor's own.
    """

    sensor: str
    kind: Literal["spike", "stuck", "silent", "late"]
    begins_h: float
    lasts_h: float = 0.0
    by: float = 0.0


class Pumping(_Part):
    """Process water pumped in: a flow [m³/s] for a while."""

    m3s: float
    begins_h: float
    lasts_h: float


class ExpectedWarning(_Part):
    """A warning that must come: its levels on the way up, and within which times it is raised and cleared."""

    levels: tuple[LevelName, ...] = Field(min_length=1)
    raised: tuple[Moment, Moment]
    cleared: tuple[Moment, Moment]


class PondScript(_Part):
    """One pond's part. A pond without ``warning`` must stay quiet."""

    id: str
    shape: Literal["single", "list", "columns", "gateway"]
    """In which of the accepted shapes its readings are sent."""
    clock: Literal["local", "utc", "unix_ms"] = "local"
    """How its loggers write times."""
    basin: Basin
    water: Pond
    storms: tuple[Storm, ...] = ()
    wetness_mm: float = 0.0
    pumping: tuple[Pumping, ...] = ()
    fault: tuple[Fault, ...] = ()
    warning: tuple[ExpectedWarning, ...] = ()
    blind: tuple[int, int] = (0, 0)
    """How often, at least and at most, the pond must be reported blind. A link that is only late leaves the pond blind
    for as long as nobody knows better: a monitor that was busy meanwhile finds the readings there and never says so."""
    notices: tuple[str, ...] = ()
    """Sensors about which there must be at least one notice."""


class Scenario(_Part):
    """The whole script."""

    begins: Moment
    hours: float = Field(gt=0)
    seed: int
    pond: tuple[PondScript, ...]

    @property
    def steps(self) -> int:
        """Number of 5-minute slots."""
        return round(self.hours * 3600 / STEP_S)

    @property
    def ends(self) -> datetime:
        """End of the last slot."""
        return self.begins + timedelta(hours=self.hours)


@cache
def scenario() -> Scenario:
    """Return the script that comes with the product."""
    return Scenario.model_validate(tomllib.loads((HERE / "scenario.toml").read_text("utf-8")))


def site_file(pond: str) -> Path:
    """Return the site file of a demonstration pond."""
    return HERE / "sites" / f"{pond}.toml"


@cache
def site(pond: str) -> Site:
    """Return a demonstration pond as the registry will be told."""
    return load_site(site_file(pond))
