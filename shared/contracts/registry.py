"""What the registry publishes and what may be asked of it (version 1).

One aggregate, ``pond``: its sensors and its limit documents live and change with it, so that every
reader sees them in one order. Lengths are metres above the pond's datum unless a field says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from shared.contracts.base import Command, Event, Identifier, Moment, Record
from shared.contracts.levels import SensorKind, SensorState

__all__ = [
    "REGISTRY_COMMANDS",
    "REGISTRY_EVENTS",
    "AdoptLimits",
    "ChangeSensorState",
    "FormerMeasure",
    "LimitBand",
    "LimitDocument",
    "LimitsAdopted",
    "MaintenanceWindow",
    "PondAmended",
    "PondDescription",
    "PondRegistered",
    "PondView",
    "RegisterPond",
    "RegisterSensor",
    "SensorAmended",
    "SensorDescription",
    "SensorMaintenanceSet",
    "SensorRegistered",
    "SensorReplaced",
    "SensorStateChanged",
    "SensorView",
    "ShowPond",
    "lay_over",
]

MonthDay = Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]


class PondDescription(Record):
    """A pond as registered. ``crest_level`` in m, ``toe`` facts come with part 2 of the register."""

    id: Identifier
    name: str = Field(min_length=1, max_length=200)
    county: str = Field(default="", max_length=100)
    timezone: str = "Asia/Shanghai"
    grade: int | None = Field(default=None, ge=1, le=5)
    crest_level: float | None = None
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    """Where it lies [°, WGS 84]."""
    rules: dict[str, dict[str, float | int | bool | str | list[float]]] = Field(default_factory=dict)
    """Rule settings that differ from the defaults, by rule name (``{"rainfall": {"h12_blue": 40}}``)."""


class SensorDescription(Record):
    """A sensor of a pond. ``range`` (gross range) and ``zero_level`` are in the sensor's own unit / in m."""

    id: Identifier
    kind: SensorKind
    unit: str
    expected_interval_s: int = Field(gt=0, le=7 * 86400)
    range: tuple[float, float] | None = None
    zero_level: float | None = None
    """Level (m) at which a ``water_distance`` sensor would read zero; level = zero_level - distance."""
    spike: tuple[float, float] | None = None
    """Suspect and fail step (sensor's own unit) of the spike test; None takes the kind's default."""

    @model_validator(mode="after")
    def _range_in_order(self) -> SensorDescription:
        if self.range is not None and not self.range[0] < self.range[1]:
            raise ValueError(f"range must be [low, high] with low < high, not {list(self.range)}")
        if self.kind is SensorKind.WATER_DISTANCE and self.zero_level is None:
            raise ValueError("a water_distance sensor needs zero_level (m)")
        return self


class LimitBand(Record):
    """Limits of one quantity, valid all year or from MM-DD to MM-DD (inclusive, may wrap the new year).

    Units are the quantity's canonical one (m; mm for displacement). Levels and displacement warn upward
    (blue <= yellow <= orange <= red), freeboard and beach length downward.
    """

    blue: float | None = None
    yellow: float | None = None
    orange: float | None = None
    red: float | None = None
    season_from: MonthDay | None = None
    season_to: MonthDay | None = None


class LimitDocument(Record):
    """A versioned set of limits: which document says so, from when, and for which quantities.

    ``bands`` maps a quantity (``level``, ``freeboard``, ``beach_length``, ``phreatic_level``,
    ``displacement``; or ``sensor:<id>`` for a limit of one point) to its bands; a seasonal band goes
    before the all-year band on the days it covers.
    """

    document: str = Field(min_length=1, max_length=200)
    effective_from: date
    bands: dict[str, tuple[LimitBand, ...]]


class MaintenanceWindow(Record):
    """A stretch of time, ``begin`` to before ``end``, in which a sensor is worked on.

    What it reports then is stored, flagged as not evaluated, and not judged; its service resumes by itself.
    """

    begin: Moment
    end: Moment
    reason: str = ""


class FormerMeasure(Record):
    """How readings from before ``until`` are to be taken: the instrument of then had another unit or zero level."""

    until: Moment
    unit: str
    zero_level: float | None = None


class PondRegistered(Event):
    """A pond entered the register."""

    event_type: ClassVar[str] = "registry.pond.registered"
    pond: PondDescription
    at: Moment


class PondAmended(Event):
    """A pond's description changed; ``pond`` is the whole new description."""

    event_type: ClassVar[str] = "registry.pond.amended"
    pond: PondDescription
    at: Moment


class SensorRegistered(Event):
    """A sensor was registered at a pond, in the given state."""

    event_type: ClassVar[str] = "registry.pond.sensor_registered"
    pond_id: Identifier
    sensor: SensorDescription
    state: SensorState
    at: Moment


class SensorAmended(Event):
    """A sensor's description changed; ``sensor`` is the whole new description."""

    event_type: ClassVar[str] = "registry.pond.sensor_amended"
    pond_id: Identifier
    sensor: SensorDescription
    at: Moment


class SensorStateChanged(Event):
    """A sensor changed state; readings from ``since`` on are treated accordingly."""

    event_type: ClassVar[str] = "registry.pond.sensor_state_changed"
    pond_id: Identifier
    sensor_id: Identifier
    state: SensorState
    since: Moment
    reason: str = ""
    at: Moment


class SensorMaintenanceSet(Event):
    """Maintenance windows of a sensor were planned, ended or taken back; ``windows`` are all of them, in order."""

    event_type: ClassVar[str] = "registry.pond.sensor_maintenance_set"
    pond_id: Identifier
    sensor_id: Identifier
    windows: tuple[MaintenanceWindow, ...]
    at: Moment


class SensorReplaced(Event):
    """Another instrument measures for a sensor from ``since`` on; the series goes on under the same id.

    ``sensor`` is its whole description from then on; ``former`` says how readings from before are to be taken.
    """

    event_type: ClassVar[str] = "registry.pond.sensor_replaced"
    pond_id: Identifier
    sensor_id: Identifier
    sensor: SensorDescription
    former: tuple[FormerMeasure, ...]
    since: Moment
    at: Moment


class LimitsAdopted(Event):
    """A limit document took force for a pond; ``limits_version`` counts them from 1."""

    event_type: ClassVar[str] = "registry.pond.limits_adopted"
    pond_id: Identifier
    limits_version: int = Field(ge=1)
    limits: LimitDocument
    at: Moment


class RegisterPond(Command):
    """Register a pond, or amend it when it is already there; the same description again changes nothing."""

    command_name: ClassVar[str] = "registry.register_pond"
    pond: PondDescription
    by: str = Field(min_length=1, max_length=100)


class RegisterSensor(Command):
    """Register or amend a sensor of a pond; the same description again changes nothing."""

    command_name: ClassVar[str] = "registry.register_sensor"
    pond_id: Identifier
    sensor: SensorDescription
    state: SensorState = SensorState.IN_SERVICE
    by: str = Field(min_length=1, max_length=100)


class ChangeSensorState(Command):
    """Move a sensor to another state of its life."""

    command_name: ClassVar[str] = "registry.change_sensor_state"
    pond_id: Identifier
    sensor_id: Identifier
    state: SensorState
    since: Moment | None = None
    reason: str = ""
    by: str = Field(min_length=1, max_length=100)


class AdoptLimits(Command):
    """Adopt a limit document for a pond; the document in force again changes nothing."""

    command_name: ClassVar[str] = "registry.adopt_limits"
    pond_id: Identifier
    limits: LimitDocument
    by: str = Field(min_length=1, max_length=100)


class ShowPond(Command):
    """Ask for a pond as it stands (a query)."""

    command_name: ClassVar[str] = "registry.show_pond"
    pond_id: Identifier


class SensorView(Record):
    """A sensor with its state."""

    sensor: SensorDescription
    state: SensorState
    state_history: tuple[tuple[Moment | None, SensorState], ...] = ()
    """(since, state) in order, as people said; since None means "from the beginning"."""
    windows: tuple[MaintenanceWindow, ...] = ()
    """Maintenance windows, past and to come, in order."""
    former: tuple[FormerMeasure, ...] = ()
    """How readings of earlier instruments are to be taken, in order of time; none where nothing differed."""

    @property
    def states(self) -> tuple[tuple[Moment | None, SensorState], ...]:
        """The history with the windows laid over it: what is in service is in maintenance within a window."""
        return lay_over(self.state_history or ((None, self.state),), self.windows)


def lay_over(
    history: Sequence[tuple[datetime | None, SensorState]], windows: Sequence[MaintenanceWindow]
) -> tuple[tuple[datetime | None, SensorState], ...]:
    """Return (since, state) in order of time with maintenance windows laid over what people said.

    >>> at = datetime(2023, 6, 1, tzinfo=UTC)
    >>> window = MaintenanceWindow(begin=at, end=at.replace(hour=2))
    >>> [state.value for _, state in lay_over([(None, SensorState.IN_SERVICE)], [window])]
    ['in_service', 'maintenance', 'in_service']
    """
    if not windows:
        return tuple(history)
    first = datetime.min.replace(tzinfo=UTC)
    said: list[tuple[datetime, SensorState]] = []
    for since, state in history:
        begin = first if since is None else since
        # Told later goes before told earlier, from its time on.
        said = [*(turn for turn in said if turn[0] < begin), (begin, state)]
    turns = {turn for turn, _ in said} | {edge for each in windows for edge in (each.begin, each.end)}
    found: list[tuple[datetime | None, SensorState]] = []
    for turn in sorted(turns):
        states = [state for since, state in said if since <= turn]
        if not states:
            continue
        worked_on = any(each.begin <= turn < each.end for each in windows)
        now = SensorState.MAINTENANCE if worked_on and states[-1] is SensorState.IN_SERVICE else states[-1]
        if not found or found[-1][1] is not now:
            found.append((None if turn == first else turn, now))
    return tuple(found)


class PondView(Record):
    """The answer to every registry command of this version: the pond as it now stands."""

    pond: PondDescription
    sensors: tuple[SensorView, ...] = ()
    limits: tuple[LimitDocument, ...] = ()
    """Every document adopted, in order of adoption; position + 1 is its ``limits_version``."""
    version: int = 0
    """Version of the pond's event stream; the monitor reports the version it has seen."""
    changed: bool = False
    """Whether the command that this answers changed anything."""


REGISTRY_EVENTS: tuple[type[Event], ...] = (
    PondRegistered,
    PondAmended,
    SensorRegistered,
    SensorAmended,
    SensorStateChanged,
    LimitsAdopted,
    SensorMaintenanceSet,
    SensorReplaced,
)
REGISTRY_COMMANDS: tuple[type[Command], ...] = (
    RegisterPond,
    RegisterSensor,
    ChangeSensorState,
    AdoptLimits,
    ShowPond,
)
