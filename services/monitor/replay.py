"""A site's recorded series through the monitor's own engine: the code that runs live, without bus and store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from services.monitor.domain.ponds import PondSetup, SensorSetup
from services.monitor.engine import Engine
from services.monitor.policy import rule_settings
from services.monitor.ring import slot_of
from shared.contracts.monitor import TimelineChange
from shared.problems import BadInput
from shared.site.model import Site
from shared.site.series import SeriesData, read_series
from shared.site.units import to_canonical

__all__ = ["Replay", "canonical", "check_rules", "setup_of"]

_WIDTH = 8192


def setup_of(site: Site) -> PondSetup:
    """Return the pond a site file describes, as the registry would tell the monitor."""
    return PondSetup(
        site.pond,
        tuple(SensorSetup(each.sensor) for each in site.sensors),
        () if site.limits is None else (site.limits,),
    )


def canonical(sensor: SensorSetup, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return values of the sensor's own unit in the canonical one; a distance becomes a level."""
    about = sensor.description
    factor, offset = to_canonical(about.kind, about.unit)
    turned = values * factor + offset
    return about.zero_level - turned if about.zero_level is not None and about.kind == "water_distance" else turned


def check_rules(site: Site) -> None:
    """Refuse rule settings that the monitor does not have, naming the line of the site file.

    Raises
    ------
    BadInput
        ``replay.rule``.
    """
    try:
        rule_settings(site.pond.rules)
    except BadInput as error:
        where = site.line(*(error.field or "rules").split("."))
        raise BadInput("replay.rule", field=error.field, file=str(site.path), line=where, why=error) from error


@dataclass(slots=True)
class Replay:
    """One replay: give it a site, read ``changes``.

    ``since`` cuts what is told, not what is known: the state at that time comes from the readings before it, as it
    would have live. ``until`` is where the pond's clock stops.
    """

    site: Site
    since: datetime | None = None
    until: datetime | None = None
    series: dict[str, SeriesData] = field(default_factory=dict)

    def load(self) -> None:
        """Check the site's rules and read the series of every sensor that has one.

        Raises
        ------
        BadInput
            When no sensor has a series, or a series cannot be read.
        """
        check_rules(self.site)
        for each in self.site.sensors:
            if each.series is not None:
                self.series[each.sensor.id] = read_series(self.site.directory, each, self.site.timezone)
        if not self.series:
            raise BadInput("replay.no_series", field="sensor.series", file=str(self.site.path))

    def changes(self) -> Iterator[TimelineChange]:
        """Yield each change of the pond's state, in order."""
        for change in self._all():
            if self.since is None or change.time >= self.since:
                yield change

    def _all(self) -> Iterator[TimelineChange]:
        setup = setup_of(self.site)
        engine = Engine([setup], width=_WIDTH)
        rows, times, values = self._readings(engine, setup)
        order = np.argsort(times, kind="stable")
        rows, times, values = rows[order], times[order], values[order]
        # In one piece, the engine cuts it into strides itself; a stride's changes come out as it is judged.
        step = 200_000
        for begin in range(0, len(rows), step):
            part = slice(begin, begin + step)
            for turn in engine.take(rows[part], times[part], values[part]):
                yield from turn.added
        if self.until is not None and len(times):
            end = int(slot_of(np.array([int(self.until.timestamp() * 1_000_000)]))[0])
            for turn in engine.tick([setup.id], end):
                yield from turn.added

    def _readings(
        self, engine: Engine, setup: PondSetup
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        parts: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]] = []
        for sensor in setup.sensors:
            series = self.series.get(sensor.description.id)
            if series is None:
                continue
            keep = np.ones(len(series.times_us), np.bool_)
            if self.until is not None:
                keep &= series.times_us <= int(self.until.timestamp() * 1_000_000)
            row = engine.row_of[(setup.id, sensor.description.id)]
            values = canonical(sensor, series.values[keep])
            parts.append((np.full(len(values), row, np.int64), series.times_us[keep], values))
        rows, times, values = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        return rows, times, values
