"""Sensors' care in PostgreSQL: one act over two streams, any day can be asked about, and lists of what is lacking."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.registry import wiring
from services.registry.adapters.ponds import StoredPonds
from services.registry.domain.sensorcare import SensorAct
from services.registry.handlers import Registry
from services.registry.sensorcare import SensorCares
from shared.clock import ManualClock
from shared.contracts.levels import SensorKind, SensorState
from shared.contracts.mines import DocumentRef
from shared.contracts.registry import (
    ChangeSensorState,
    PondDescription,
    RegisterPond,
    RegisterSensor,
    SensorDescription,
    ShowPond,
)
from shared.contracts.sensorcare import (
    CalibrateSensor,
    CheckDatum,
    EndMaintenance,
    ListSensorCare,
    PairSensors,
    PlanMaintenance,
    ReplaceSensor,
    SensorCareView,
    ShowSensorCare,
)
from shared.eventstore import verify
from shared.eventstore.aggregates import Aggregates
from shared.postgres import Pool
from shared.problems import BadInput, Conflict, NotFound

START = datetime(2023, 6, 10, 2, 0, tzinfo=UTC)
LEVEL = SensorDescription(
    id="level-1", kind=SensorKind.WATER_LEVEL, unit="m", expected_interval_s=300, range=(290.0, 315.0), spike=(1.0, 2.0)
)
OTHERS = (
    LEVEL.model_copy(update={"id": "level-2"}),
    SensorDescription(id="deep-1", kind=SensorKind.WATER_DISTANCE, unit="m", expected_interval_s=300, zero_level=320.0),
    SensorDescription(id="rain-1", kind=SensorKind.RAIN, unit="mm", expected_interval_s=300),
)
PAPER = DocumentRef(number="检 2023-17")


class Office:
    """The registry's parts on one database, by a clock that is moved by hand."""

    def __init__(self, pool: Pool) -> None:
        self.pool, self.clock, self.parts = pool, ManualClock(START), wiring.store()
        store, projections = self.parts.store, self.parts.projections
        self.records = Aggregates(pool, store, projections, self.clock, ZoneInfo("Asia/Shanghai"), lambda: None)
        self.cares = SensorCares(self.records, store, projections)
        self.register = Registry(StoredPonds(pool, store, projections, lambda: None), self.clock)

    async def open(self) -> None:
        await self.register.change(RegisterPond(pond=PondDescription(id="p", name="下口尾矿库"), by="王工"))
        for sensor in (LEVEL, *OTHERS):
            await self.register.change(RegisterSensor(pond_id="p", sensor=sensor, by="王工"))

    async def do(self, act: type[SensorAct], sensor: str = "level-1", **told: object) -> SensorCareView:
        return await self.cares.act(act.model_validate({"pond_id": "p", "sensor_id": sensor, "by": "王工", **told}))

    async def listed(self, **wanted: object) -> list[str]:
        found = await self.cares.list(ListSensorCare.model_validate(wanted))
        assert found.total == len(found.sensors)
        return [each.sensor_id for each in found.sensors]


@pytest.fixture
async def office(pool: Pool) -> Office:
    made = Office(pool)
    await made.open()
    return made


async def test_what_is_lacking_is_listed_for_any_day(office: Office) -> None:
    everyone = ["deep-1", "level-1", "level-2", "rain-1"]
    assert await office.listed() == everyone
    assert await office.listed(datum_unchecked=True) == everyone
    assert await office.listed(datum_unchecked=True, as_of=date(2023, 5, 31)) == []
    assert await office.listed(calibration_expired=True) == []
    await office.do(CheckDatum, in_order=True, deviation=0.003, on=date(2023, 6, 5))
    again = await office.do(CheckDatum, in_order=True, deviation=0.003, on=date(2023, 6, 5))
    assert (again.changed, again.version, again.datum_unchecked) == (False, 1, False)
    assert await office.listed(datum_unchecked=True) == ["deep-1", "level-2", "rain-1"]
    assert await office.listed(datum_unchecked=False) == ["level-1"]
    assert await office.listed(datum_unchecked=True, as_of=date(2023, 6, 4)) == everyone
    # Late for one sensor is not late for another.
    held = {"valid_from": date(2022, 6, 1), "valid_until": date(2023, 5, 31), "certificate": PAPER}
    await office.do(CalibrateSensor, "rain-1", offset=0.1, on=date(2022, 6, 1), **held)
    assert await office.listed(calibration_expired=True) == ["rain-1"]
    assert await office.listed(calibration_expired=True, as_of=date(2023, 5, 31)) == []
    view = await office.cares.show(ShowSensorCare(pond_id="p", sensor_id="rain-1", as_of=date(2023, 5, 31)))
    assert view.calibration is not None
    assert (view.calibration.offset, view.calibration_expired, view.datum_unchecked) == (0.1, False, False)
    with pytest.raises(NotFound, match="no sensor"):
        await office.cares.show(ShowSensorCare(pond_id="p", sensor_id="none"))
    assert await verify(office.pool, office.parts.store, office.parts.projections) == []


async def test_a_window_stands_in_both_streams_or_in_neither(office: Office) -> None:
    begin, end = START + timedelta(hours=2), START + timedelta(hours=5)
    planned = await office.do(PlanMaintenance, begin=begin, end=end, reason="换电池")
    assert planned.care is not None
    assert [(each.begin, each.end) for each in planned.care.windows] == [(begin, end)]
    assert not (await office.do(PlanMaintenance, begin=begin, end=end, reason="换电池")).changed
    pond = await office.register.show(ShowPond(pond_id="p"))
    assert pond.version == 6
    assert pond.sensors[0].windows == planned.care.windows
    assert pond.sensors[0].state is SensorState.IN_SERVICE
    office.clock.advance(timedelta(hours=3))
    assert (await office.register.show(ShowPond(pond_id="p"))).sensors[0].state is SensorState.MAINTENANCE
    # A refused act leaves no trace in the pond's stream either.
    with pytest.raises(Conflict) as stale:
        await office.do(PlanMaintenance, begin=begin + timedelta(days=1), end=end + timedelta(days=1), reason="x",
                        expected_version=7)  # fmt: skip
    assert stale.value.code == "acts.stale"
    assert (await office.register.show(ShowPond(pond_id="p"))).version == 6
    ended = await office.do(EndMaintenance)
    assert ended.care is not None
    assert ended.care.windows[0].end == office.clock.now()
    pond = await office.register.show(ShowPond(pond_id="p"))
    assert (pond.sensors[0].state, pond.sensors[0].windows) == (SensorState.IN_SERVICE, ended.care.windows)
    assert await verify(office.pool, office.parts.store, office.parts.projections) == []


async def test_a_replacement_keeps_the_id_and_converts_what_is_in_the_sensors_unit(office: Office) -> None:
    replaced = await office.do(ReplaceSensor, instrument="雷达液位计", serial="R-9", unit="mm", reason="雷击")
    assert (replaced.unit, replaced.changed) == ("mm", True)
    assert not (await office.do(ReplaceSensor, instrument="雷达液位计", serial="R-9", unit="mm", reason="雷击")).changed
    sensor = (await office.register.show(ShowPond(pond_id="p"))).sensors[0]
    assert sensor.sensor.range == (290_000.0, 315_000.0)
    assert sensor.sensor.spike == (1_000.0, 2_000.0)
    assert [(each.until, each.unit) for each in sensor.former] == [(START, "m")]
    # Another of the same make changes nothing but who measures.
    office.clock.advance(timedelta(days=1))
    same = await office.do(ReplaceSensor, instrument="雷达液位计", serial="R-10", reason="故障")
    assert same.care is not None
    assert [each.serial for each in same.care.instruments] == ["R-9", "R-10"]
    with pytest.raises(BadInput, match="unknown unit"):
        await office.do(ReplaceSensor, instrument="x", unit="furlong")
    with pytest.raises(BadInput, match="zero level"):
        await office.do(ReplaceSensor, instrument="x", zero_level=300.0)
    assert await verify(office.pool, office.parts.store, office.parts.projections) == []


async def test_pairs_are_mutual_and_measure_the_same_thing(office: Office) -> None:
    async def partners() -> dict[str, str | None]:
        found = await office.cares.list(ListSensorCare())
        return {each.sensor_id: each.care.partner_id for each in found.sensors if each.care is not None}

    await office.do(PairSensors, partner_id="deep-1")
    assert await partners() == {"level-1": "deep-1", "deep-1": "level-1"}
    with pytest.raises(Conflict, match="has level-1 as its partner"):
        await office.do(PairSensors, "level-2", partner_id="deep-1")
    with pytest.raises(BadInput, match="same thing"):
        await office.do(PairSensors, partner_id="rain-1")
    with pytest.raises(BadInput, match="own partner"):
        await office.do(PairSensors, partner_id="level-1")
    await office.do(PairSensors, partner_id="level-2")
    assert await partners() == {"level-1": "level-2", "level-2": "level-1", "deep-1": None}
    await office.do(PairSensors, "level-2", partner_id=None)
    assert set((await partners()).values()) == {None}


async def test_a_retired_sensor_is_no_longer_cared_for(office: Office) -> None:
    retire = ChangeSensorState(pond_id="p", sensor_id="level-1", state=SensorState.RETIRED, by="王工")
    await office.register.change(retire)
    with pytest.raises(Conflict, match="retired"):
        await office.do(CheckDatum, in_order=True)
    assert "level-1" not in await office.listed()
