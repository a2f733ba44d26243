"""What was seen, told from the events alone, and whether it is what had to come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from deploy.demo.scenario import ExpectedWarning, PondScript, Scenario
from deploy.demo.sending import slot_end
from shared.contracts.cloudevents import CloudEvent, event_of
from shared.contracts.levels import Level, LevelName
from shared.contracts.monitor import (
    Cause,
    PondBlind,
    PondNoticed,
    PondRestored,
    WarningCleared,
    WarningEased,
    WarningEscalated,
    WarningRaised,
    WarningVerified,
)
from shared.words import say

__all__ = ["Counts", "Record", "SeenPond", "SeenWarning", "failures", "latencies", "percentiles"]


@dataclass(slots=True)
class SeenWarning:
    """One warning as a subscriber knows it."""

    id: str
    pond: str
    level: LevelName | None
    """Level now; None once cleared."""
    raised: datetime
    verified: bool
    steps: list[LevelName]
    """Its levels on the way up, in order."""
    cleared: datetime | None = None

    @property
    def highest(self) -> LevelName:
        """The highest level it reached."""
        return max(self.steps, key=Level.of)


@dataclass(slots=True)
class SeenPond:
    """One pond as a subscriber knows it."""

    blind: bool = False
    blind_times: int = 0
    restored_times: int = 0
    noticed: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A warning that stepped up: the slot it is about, its causes, and when a subscriber had it (monotonic) [s]."""

    pond: str
    slot_us: int
    causes: tuple[Cause, ...]
    at: float


@dataclass(slots=True)
class Record:
    """Everything a subscriber heard, folded as it came."""

    warnings: dict[str, SeenWarning] = field(default_factory=dict)
    ponds: dict[str, SeenPond] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    position: int = 0
    """Position of the newest event heard."""

    def hear(self, cloud: CloudEvent, at: float) -> object:
        """Take in one event that arrived at the monotonic time *at* [s]; return it, or None for an unknown type."""
        self.position = max(self.position, cloud.position)
        event = event_of(cloud)
        match event:
            case WarningRaised():
                self.warnings[event.warning_id] = SeenWarning(
                    event.warning_id, event.pond_id, event.level, event.time, event.verified, [event.level]
                )
                self._arrived(event, at)
            case WarningEscalated():
                warning = self.warnings.get(event.warning_id)
                if warning is not None:
                    warning.level, warning.verified = event.level, event.verified
                    warning.steps.append(event.level)
                self._arrived(event, at)
            case WarningVerified():
                warning = self.warnings.get(event.warning_id)
                if warning is not None:
                    warning.verified = True
            case WarningEased():
                warning = self.warnings.get(event.warning_id)
                if warning is not None:
                    warning.level = event.level
            case WarningCleared():
                warning = self.warnings.get(event.warning_id)
                if warning is not None:
                    warning.level, warning.cleared = None, event.time
            case PondBlind():
                pond = self.pond(event.pond_id)
                pond.blind, pond.blind_times = True, pond.blind_times + 1
            case PondRestored():
                pond = self.pond(event.pond_id)
                pond.blind, pond.restored_times = False, pond.restored_times + 1
            case PondNoticed():
                self.pond(event.pond_id).noticed |= {cause.sensor for cause in event.causes}
        return event

    def pond(self, name: str) -> SeenPond:
        """Return what is known of a pond."""
        return self.ponds.setdefault(name, SeenPond())

    def open_warning(self, pond: str) -> SeenWarning | None:
        """Return the pond's warning that has not cleared."""
        return next((w for w in reversed(self.warnings.values()) if w.pond == pond and w.cleared is None), None)

    def _arrived(self, event: WarningRaised | WarningEscalated, at: float) -> None:
        # A superseded step was already past when it was said (a backlog): its latency measures the backlog's age.
        if not event.superseded:
            slot = slot_end(round(event.time.timestamp() * 1_000_000))
            self.arrivals.append(Arrival(event.pond_id, slot, event.causes, at))


@dataclass(frozen=True, slots=True)
class Counts:
    """How many readings and messages went in and what became of them."""

    readings_published: int
    """Every reading sent, repeats included."""
    duplicates_sent: int
    unreadable_sent: int
    readings_stored: int
    """Counted in the database."""
    dead_letters: int


def latencies(record: Record, sent: Mapping[tuple[str, str, int], float]) -> list[float]:
    """Return the time from reading to warning of every step up [s].

    Parameters
    ----------
    record : Record
    sent : mapping of (pond, sensor, end of slot [µs]) to monotonic time [s]
        When the first reading of the slot was published.

    Notes
    -----
    A step up is caused by the sensors it names; of those that spoke in its slot the first counts, so that
    the figure is never flattered. A step that no reading of its slot explains (a late batch) is left out.
    """
    found = []
    for arrival in record.arrivals:
        named = {cause.sensor for cause in arrival.causes}
        times = [
            time
            for (pond, sensor, slot), time in sent.items()
            if pond == arrival.pond and slot == arrival.slot_us and sensor in named
        ]
        if times:
            found.append(arrival.at - min(times))
    return found


def percentiles(seconds: Sequence[float]) -> dict[str, float | None]:
    """Return p50 and p99 [ms]; None without a sample.

    >>> percentiles([0.010, 0.020, 0.030])
    {'p50': 20.0, 'p99': 29.8}
    """
    if not seconds:
        return {"p50": None, "p99": None}
    p50, p99 = np.percentile(np.asarray(seconds) * 1000.0, [50, 99])
    return {"p50": round(float(p50), 1), "p99": round(float(p99), 1)}


def failures(whole: Scenario, record: Record, counts: Counts, language: str) -> list[str]:
    """Return what is not as it had to be, a sentence each; nothing when all is well."""
    wrong: list[str] = []

    def tell(key: str, **params: Any) -> None:
        wrong.append(say(f"demo.wrong_{key}", language, **params))

    known = {script.id for script in whole.pond}
    for warning in record.warnings.values():
        if warning.pond not in known:
            tell("stranger", pond=warning.pond)
    for script in whole.pond:
        seen = sorted((w for w in record.warnings.values() if w.pond == script.id), key=lambda w: w.raised)
        if len(seen) != len(script.warning):
            levels = ", ".join(say(f"level.{w.highest}", language) for w in seen) or "–"
            tell("number", pond=script.id, got=len(seen), expected=len(script.warning), levels=levels)
            continue
        for had, must in zip(seen, script.warning, strict=True):
            _compare(script, had, must, language, tell)
        pond = record.pond(script.id)
        least, most = script.blind
        if not least <= pond.blind_times <= most:
            expected = f"{least}–{most}" if least != most else least
            tell("blind", pond=script.id, got=pond.blind_times, expected=expected)
        if pond.blind:
            tell("still_blind", pond=script.id)
        for sensor in script.notices:
            if sensor not in pond.noticed:
                tell("notice", pond=script.id, sensor=sensor)
    distinct = counts.readings_published - counts.duplicates_sent
    if counts.readings_stored != distinct:
        tell("stored", got=counts.readings_stored, expected=distinct)
    if counts.dead_letters != counts.unreadable_sent:
        tell("dead", got=counts.dead_letters, expected=counts.unreadable_sent)
    return wrong


def _compare(script: PondScript, had: SeenWarning, must: ExpectedWarning, language: str, tell: Any) -> None:
    if tuple(had.steps) != must.levels:
        got, expected = (
            " → ".join(say(f"level.{level}", language) for level in levels) for levels in (had.steps, must.levels)
        )
        tell("level", pond=script.id, got=got, expected=expected)
    for what, when, (since, until) in (("raised", had.raised, must.raised), ("cleared", had.cleared, must.cleared)):
        if when is None or not since <= when <= until:
            got = "–" if when is None else f"{when:%m-%d %H:%M}Z"
            expected = f"{since:%m-%d %H:%M}Z … {until:%m-%d %H:%M}Z"
            tell(what, pond=script.id, got=got, expected=expected)
