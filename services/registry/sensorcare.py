"""Commands and queries of sensors' care. What readers of readings must follow goes into the pond's stream as well.

A window or a replacement is one transaction over two streams: the pond's, which the monitor follows, and the sensor's
own record, which answers for any day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, LiteralString

from services.registry.domain import Asked, Pond, Unregistered
from services.registry.domain.pond import Sensor, Upkeep
from services.registry.domain.sensorcare import (
    SEASON,
    CareAct,
    DatumSeason,
    SensorAct,
    care_id,
    datum_unchecked,
    in_season,
)
from services.registry.domain.upkeep import Replace
from services.registry.kinds import SENSORCARE
from services.registry.pondfiles import POND, registered
from shared.contracts.acts import Act
from shared.contracts.levels import SensorKind, SensorState
from shared.contracts.registry import SensorDescription
from shared.contracts.sensorcare import (
    EndMaintenance,
    ListSensorCare,
    PairSensors,
    PlanMaintenance,
    ReplaceSensor,
    SensorCare,
    SensorCareList,
    SensorCareView,
    ShowSensorCare,
)
from shared.contracts.synthetic import SYNTHETIC_PATTERN
from shared.eventstore import EventStore, Projection, Recording, handle
from shared.eventstore.aggregates import Acting, Aggregates, Outcome
from shared.eventstore.history import find
from shared.postgres import Connection
from shared.problems import BadInput, Conflict, NotFound
from shared.site.units import to_canonical

__all__ = ["SensorCares"]

_LEVELS = frozenset({SensorKind.WATER_LEVEL, SensorKind.WATER_DISTANCE})

_SENSORS: LiteralString = """
FROM sensor s LEFT JOIN sensorcare_history c ON c.pond_id = s.pond_id AND c.sensor_id = s.id
 AND CASE WHEN %(as_of)s::date IS NULL THEN c.valid_to IS NULL
     ELSE c.valid_from <= %(as_of)s AND (c.valid_to IS NULL OR c.valid_to > %(as_of)s) END
WHERE s.state <> 'retired' AND (%(pond)s::text IS NULL AND s.pond_id !~ %(synthetic)s OR s.pond_id = %(pond)s)
 AND (%(expired)s::boolean IS NULL OR %(expired)s = (
     coalesce(jsonb_array_length(c.state->'calibrations'), 0) > 0
     AND NOT EXISTS (SELECT FROM jsonb_array_elements(c.state->'calibrations') k
                     WHERE (k->>'valid_from')::date <= %(day)s AND (k->>'valid_until')::date >= %(day)s)))
 AND (%(unchecked)s::boolean IS NULL OR %(unchecked)s = (
     %(season)s::boolean
     AND NOT EXISTS (SELECT FROM jsonb_array_elements(c.state->'datum_checks') k
                     WHERE (k->>'on')::date BETWEEN %(checks_from)s::date AND %(day)s)))
"""
"""What ``calibration_on`` and ``datum_unchecked`` say of one sensor, asked of all at once."""


class SensorCares:
    """Answers what may be asked of sensors' care.

    Parameters
    ----------
    records, store, projections
        The registry's.
    season : DatumSeason
        When a datum check is to be there.
    """

    def __init__(
        self, records: Aggregates, store: EventStore, projections: Sequence[Projection], season: DatumSeason = SEASON
    ) -> None:
        self._records, self._store, self._projections, self._season = records, store, projections, season

    async def act(self, act: Act) -> SensorCareView:
        """Do an act on a sensor.

        Raises
        ------
        NotFound
            ``registry.no_pond``, ``registry.no_sensor``.
        Refusal
            ``registry.retired``, ``acts.…`` and ``sensorcare.…``.
        """
        assert isinstance(act, SensorAct), "wiring serves these"

        async def work(acting: Acting) -> SensorCareView:
            pond = await self._pond(acting.conn, act.pond_id)
            before = _sensor(pond, act.sensor_id)
            if before.state is SensorState.RETIRED:
                raise Conflict("registry.retired", field="sensor_id", sensor=act.sensor_id)
            after = before
            if isinstance(act, PlanMaintenance | EndMaintenance):
                after = await self._in_pond(acting, act, act.by)
            elif isinstance(act, ReplaceSensor):
                wanted = _described(before.description, act)
                after = await self._in_pond(acting, Replace(act.pond_id, act.sensor_id, wanted, act.since), act.by)
            elif isinstance(act, PairSensors):
                await self._pair(acting, act, pond)
            outcome = await acting.ask(SENSORCARE, care_id(act.pond_id, act.sensor_id), _filed(act, after))
            return self._view(after, act.pond_id, (outcome.state, outcome.version), acting.today, outcome)

        return await self._records.together(work)

    async def show(self, query: ShowSensorCare) -> SensorCareView:
        """Return a sensor's care as it stood at the end of a day.

        Raises
        ------
        NotFound
            ``registry.no_pond``, ``registry.no_sensor``.
        """
        day = query.as_of or self._records.today()
        async with self._records.pool.connection() as conn:
            sensor = _sensor(await self._pond(conn, query.pond_id), query.sensor_id)
            found = await find(conn, SENSORCARE, care_id(query.pond_id, query.sensor_id), query.as_of)
        return self._view(sensor, query.pond_id, found, day)

    async def list(self, query: ListSensorCare) -> SensorCareList:
        """Return the sensors of the register, retired ones left out, each with its care at the end of a day."""
        day = query.as_of or self._records.today()
        asked = {
            "as_of": query.as_of,
            "day": day,
            "pond": query.pond_id,
            "synthetic": SYNTHETIC_PATTERN,
            "expired": query.calibration_expired,
            "unchecked": query.datum_unchecked,
            "season": in_season(day, self._season),
            "checks_from": f"{day.year}-{self._season.counts_from}",
            "limit": query.limit,
            "offset": query.offset,
        }
        async with self._records.pool.connection() as conn:
            total = await (await conn.execute(f"SELECT count(*) {_SENSORS}", asked)).fetchone()
            cursor = await conn.execute(
                "SELECT s.pond_id, s.id, s.kind, s.unit, s.state, c.state::text, c.version"
                f" {_SENSORS} ORDER BY s.pond_id, s.id LIMIT %(limit)s OFFSET %(offset)s",
                asked,
            )
            rows = await cursor.fetchall()
        assert total is not None, "an aggregate gives one row"
        found: list[SensorCareView] = []
        for pond_id, sensor_id, kind, unit, state, care, version in rows:
            known = None if care is None else (SensorCare.model_validate_json(care), int(version))
            found.append(self._told(pond_id, sensor_id, SensorKind(kind), unit, SensorState(state), known, day))
        return SensorCareList(total=int(total[0]), sensors=tuple(found))

    async def _pond(self, conn: Connection, pond_id: str) -> Pond:
        state = await registered(conn, self._store, pond_id)
        assert not isinstance(state, Unregistered), "registered refuses"
        return state

    async def _in_pond(self, acting: Acting, command: Upkeep, by: str) -> Sensor:
        """Let the pond's own stream decide, in the act's transaction; return the sensor as it then is."""
        recording = Recording(at=acting.now, aggregate_id=command.pond_id, metadata={"by": by})
        asked = Asked(command, acting.now)
        handled = await handle(
            acting.conn, self._store, f"pond-{command.pond_id}", POND, asked, recording, self._projections
        )
        acting.stored.extend(handled.stored)
        assert isinstance(handled.state, Pond), "the pond was there"
        return handled.state.sensors[command.sensor_id]

    async def _pair(self, acting: Acting, act: PairSensors, pond: Pond) -> None:
        """Tell the partner, and whoever was anybody's partner before."""
        mine = await acting.find(SENSORCARE, care_id(act.pond_id, act.sensor_id))
        left = None if mine is None else mine.state.partner_id
        if left is not None and left != act.partner_id:
            await self._tell_partner(acting, act, pond, left, None)
        if act.partner_id is None:
            return
        if act.partner_id == act.sensor_id:
            raise BadInput("sensorcare.pair_self", field="partner_id", sensor=act.sensor_id)
        one, other = _sensor(pond, act.sensor_id), _sensor(pond, act.partner_id, "partner_id")
        kinds = {one.description.kind, other.description.kind}
        if len(kinds) > 1 and not kinds <= _LEVELS:
            raise BadInput(
                "sensorcare.pair_kinds", field="partner_id", one=one.description.kind.value,
                other=other.description.kind.value,
            )  # fmt: skip
        theirs = await acting.find(SENSORCARE, care_id(act.pond_id, act.partner_id))
        third = None if theirs is None else theirs.state.partner_id
        if third is not None and third != act.sensor_id:
            raise Conflict("sensorcare.paired", field="partner_id", sensor=act.partner_id, partner=third)
        await self._tell_partner(acting, act, pond, act.partner_id, act.sensor_id)

    async def _tell_partner(
        self, acting: Acting, act: PairSensors, pond: Pond, sensor_id: str, partner_id: str | None
    ) -> None:
        told = act.model_copy(update={"sensor_id": sensor_id, "partner_id": partner_id, "expected_version": None})
        filed = _filed(told, _sensor(pond, sensor_id))
        await acting.ask(SENSORCARE, care_id(act.pond_id, sensor_id), filed)

    def _view(
        self,
        sensor: Sensor,
        pond_id: str,
        known: tuple[SensorCare, int] | None,
        day: date,
        outcome: Outcome[SensorCare] | None = None,
    ) -> SensorCareView:
        about = sensor.description
        view = self._told(pond_id, about.id, about.kind, about.unit, sensor.state, known, day)
        return view if outcome is None else view.model_copy(update={"changed": outcome.changed})

    def _told(
        self,
        pond_id: str,
        sensor_id: str,
        kind: SensorKind,
        unit: str,
        state: SensorState,
        known: tuple[SensorCare, int] | None,
        day: date,
    ) -> SensorCareView:
        care, version = (None, 0) if known is None else known
        calibration = None if care is None else care.calibration_on(day)
        return SensorCareView(
            pond_id=pond_id,
            sensor_id=sensor_id,
            kind=kind,
            unit=unit,
            state=state,
            care=care,
            version=version,
            calibration=calibration,
            calibration_expired=care is not None and bool(care.calibrations) and calibration is None,
            datum_unchecked=datum_unchecked(care, day, self._season),
        )


def _sensor(pond: Pond, sensor_id: str, field: str = "sensor_id") -> Sensor:
    sensor = pond.sensors.get(sensor_id)
    if sensor is None:
        raise NotFound("registry.no_sensor", field=field, sensor=sensor_id, pond=pond.description.id)
    return sensor


def _filed(act: SensorAct, sensor: Sensor) -> CareAct:
    told: dict[str, Any] = {"by": act.by, "on": act.on, "expected_version": act.expected_version}
    partner = act.partner_id if isinstance(act, PairSensors) else None
    return CareAct(
        **told,
        act=act,
        pond_id=act.pond_id,
        sensor_id=act.sensor_id,
        sensor=sensor.description,
        windows=sensor.windows,
        partner_id=partner,
    )


def _described(was: SensorDescription, act: ReplaceSensor) -> SensorDescription:
    """Return a sensor's description with the new instrument's unit; its range and steps converted or given anew."""
    unit = was.unit if act.unit is None else act.unit
    try:
        new, _ = to_canonical(was.kind, unit)
    except BadInput as error:
        raise BadInput(error.code, field="unit", **error.params) from error
    old, _ = to_canonical(was.kind, was.unit)

    def converted(pair: tuple[float, float] | None) -> tuple[float, float] | None:
        return pair if pair is None or unit == was.unit else (pair[0] * old / new, pair[1] * old / new)

    if act.zero_level is not None and was.kind is not SensorKind.WATER_DISTANCE:
        raise BadInput("sensorcare.zero_level", field="zero_level", kind=was.kind.value)
    span = converted(was.range) if act.range is None else act.range
    if span is not None and not span[0] < span[1]:
        raise BadInput("sensorcare.range", field="range", low=f"{span[0]:g}", high=f"{span[1]:g}")
    return was.model_copy(
        update={
            "unit": unit,
            "zero_level": was.zero_level if act.zero_level is None else act.zero_level,
            "range": span,
            "spike": converted(was.spike) if act.spike is None else act.spike,
        }
    )
