"""The one writer on a real PostgreSQL: what it holds in memory and what is committed always say the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import psycopg
import pytest

from services.monitor.adapters.people import StoredWarnings
from services.monitor.points import slot_moment
from services.monitor.ring import SLOT_US
from shared.contracts.levels import SensorState
from shared.contracts.monitor import AcknowledgeWarning, CloseWarning, HandleWarning
from shared.contracts.registry import LimitBand, LimitsAdopted, SensorAmended, SensorRegistered, SensorStateChanged
from shared.eventstore import audit
from shared.problems import BadInput, Conflict, Fault, NotFound
from tests.acceptance.ponds import BEGINS, LIMITS, Watched, stamp, stamp_us, stormy
from tests.integration.monitor.conftest import Opened, Room

YI = Watched("yi")


def level(**slots: float) -> dict[int, float]:
    return {int(name[1:]): value for name, value in slots.items()}


def steady(first: int, last: int, value: float) -> dict[int, float]:
    """Return a level with a ripple, so that no sensor is called stuck."""
    return {slot: value + 0.001 * (slot % 3) for slot in range(first, last)}


async def test_restart_anywhere_says_nothing_new_and_goes_on_as_if_nothing_had_been(
    room: Room, another: Opened
) -> None:
    pond = stormy("yi", 700, rain=True, seed=3, silence=range(300, 330))
    await room.register(pond)
    slots = sorted(pond.series["level-1"])
    present = room
    for begin in range(0, len(slots), 60):
        part = slots[begin : begin + 60]
        # What has one time comes in one batch: nothing is late.
        await present.messages(
            *(
                (f"tw.telemetry.yi.{name}", _columns({slot: values[slot] for slot in part}))
                for name, values in pond.series.items()
            )
        )
        before = await present.events("yi")
        await present.desk.tenure.end()
        present = await another()
        assert await present.events("yi") == before
    assert [each[:2] for each in await present.record("yi")] == [each[:2] for each in pond.timeline()]
    kinds = ("raised", "escalated", "eased", "cleared")
    said = [(each["kind"], each.get("level")) for each in await present.events("yi") if each["kind"] in kinds]
    assert said == [(kind, name) for kind, _, name in pond.timeline() if kind in kinds]
    assert "timeline_corrected" not in await present.kinds("yi")
    async with present.desk.pool.connection() as conn:
        assert (await audit(conn)).finding is None


def _columns(values: dict[int, float]) -> bytes:
    return orjson.dumps({"times": [stamp(slot) for slot in values], "values": list(values.values())})


Break = Callable[[Room, pytest.MonkeyPatch], None]


def _raise(*_: Any, **__: Any) -> Any:
    raise psycopg.OperationalError("the connection was lost")


def break_append(room: Room, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(room.desk.watches._store, "append", _raise)


def break_anchors(room: Room, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(room.desk.records, "save_anchors", _raise)


def break_insert(room: Room, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(room.desk.series, "insert", _raise)


def break_place(room: Room, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(room.desk.records, "amend_timeline", _raise)


@pytest.mark.parametrize("size", [30, 600])
@pytest.mark.parametrize("breaks", [break_append, break_anchors, break_insert, break_place])
async def test_a_transaction_that_fails_leaves_nothing_and_the_engine_is_rebuilt(
    room: Room, monkeypatch: pytest.MonkeyPatch, breaks: Break, size: int
) -> None:
    pond = stormy("yi", 700, seed=2)
    await room.register(pond)
    values = pond.series["level-1"]
    cut = 240
    await room.give("yi", {slot: values[slot] for slot in range(cut)})
    before = await room.events("yi"), await room.record("yi")
    following = {slot: values[slot] for slot in range(cut, min(700, cut + size))}
    with monkeypatch.context() as patch:
        breaks(room, patch)
        failed = True
        try:
            await room.give("yi", following)
        except psycopg.OperationalError:
            assert room.desk.stale
        else:
            failed = False  # this batch had no need of what was broken
    if failed:
        assert (await room.events("yi"), await room.record("yi")) == before
        assert (await room.rows("SELECT count(*) FROM reading")) == [(cut,)]
        assert (await room.give("yi", following)).stored == len(following)
    await room.give("yi", {slot: values[slot] for slot in range(cut + len(following), 700)} or {699: values[699]})
    assert [each[:2] for each in await room.record("yi")] == [each[:2] for each in pond.timeline()]


async def test_what_was_stored_behind_the_desks_back_is_found_and_the_next_try_succeeds(room: Room) -> None:
    await room.register(YI)
    await room.give("yi", steady(0, 10, 11.0))
    await room.rows(
        "INSERT INTO reading SELECT sensor, time + interval '5 min', value, flag, tests, rule_set, received"
        " FROM reading ORDER BY time DESC LIMIT 1 RETURNING 1"
    )
    with pytest.raises(Fault, match="disagree"):
        await room.give("yi", {10: 11.5, 11: 11.5})
    taken = await room.give("yi", {10: 11.5, 11: 11.5})
    assert (taken.stored, taken.duplicates) == (1, 1)


async def test_duplicates_within_and_across_batches(room: Room) -> None:
    await room.register(YI)
    first = await room.give("yi", steady(0, 50, 11.0))
    again = await room.give("yi", steady(40, 60, 11.0))
    assert (first.stored, again.stored, again.duplicates) == (50, 10, 10)
    three = [("tw.telemetry.yi.level-1", _columns({60: 11.0})) for _ in range(3)]
    twice = await room.messages(*three)
    assert (twice.stored, twice.duplicates) == (1, 2)
    assert await room.rows("SELECT count(*), count(DISTINCT time) FROM reading") == [(61, 61)]
    assert await room.kinds("yi") == []


async def test_of_two_values_for_one_time_the_first_stands_also_in_the_judgement(room: Room, another: Opened) -> None:
    await room.register(YI)
    await room.give("yi", steady(0, 50, 11.0))
    taken = await room.give("yi", dict.fromkeys(range(40, 50), 13.9))
    assert (taken.stored, taken.duplicates) == (0, 10)
    assert await room.kinds("yi") == []
    both = await room.messages(
        ("tw.telemetry.yi.level-1", _columns({50: 11.0})), ("tw.telemetry.yi.level-1", _columns({50: 13.9}))
    )
    assert (both.stored, both.duplicates) == (1, 1)
    assert await room.rows("SELECT max(value) FROM reading") == [(11.002,)]
    await room.desk.tenure.end()
    assert await (await another()).kinds("yi") == []


async def test_a_flood_known_only_later_corrects_the_record_and_fires_no_stale_alarm(room: Room) -> None:
    await room.register(YI)
    await room.give("yi", {**steady(0, 50, 11.0), **steady(110, 200, 11.0)})
    said = await room.kinds("yi")
    assert said == ["blind", "restored"]
    late = await room.give("yi", {**steady(50, 60, 12.1), **steady(60, 80, 12.7), **steady(80, 110, 11.0)})
    assert late.stored == 60
    assert (await room.kinds("yi"))[len(said) :] == ["timeline_corrected"]
    kinds = [kind for kind, _, _ in await room.record("yi")]
    assert "raised" in kinds
    assert kinds[-1] == "cleared"
    (warnings,) = (await room.rows("SELECT count(*) FROM warning"))[0]
    assert warnings == 0


async def test_a_pond_that_never_reports_goes_blind_by_the_clock_and_is_seen_at_its_first_reading(
    room: Room, another: Opened
) -> None:
    await room.register(YI)
    await room.desk.tick()
    assert await room.kinds("yi") == []
    room.clock.advance(timedelta(hours=1))
    await room.desk.tick()
    await room.desk.tick()
    blind = await room.events("yi")
    assert [each["kind"] for each in blind] == ["blind"]
    assert blind[0]["causes"][0]["sensor"] == "level-1"
    assert blind[0]["flood_season"] is True
    await room.desk.tenure.end()
    present = await another()
    present.clock.advance(timedelta(hours=2))
    await present.desk.tick()
    await present.desk.tick()
    present.clock.advance(timedelta(hours=2))
    await present.desk.tick()
    assert await present.kinds("yi") == ["blind"]
    await present.give("yi", {0: 11.0})
    assert await present.kinds("yi") == ["blind", "restored"]


async def test_silence_is_told_by_the_clock_once_and_a_backlog_ends_it(room: Room, another: Opened) -> None:
    await room.register(YI)
    last = int((room.clock.now() - BEGINS).total_seconds()) // 300
    await room.give("yi", steady(last - 30, last, 11.0))
    for _ in range(6):
        room.clock.advance(timedelta(minutes=5))
        await room.desk.tick()
    assert await room.kinds("yi") == ["blind"]
    await room.desk.tenure.end()
    present = await another()
    await present.desk.tick()
    assert await present.kinds("yi") == ["blind"]
    await present.give("yi", steady(last, last + 6, 11.0))
    assert (await present.kinds("yi"))[-1] == "restored"


async def test_limits_adopted_later_judge_the_window_again(room: Room, another: Opened) -> None:
    await room.register(YI)
    await room.give("yi", steady(0, 100, 11.0))
    assert await room.kinds("yi") == []
    lower = LIMITS.model_copy(
        update={"document": "防汛 2024-2", "bands": {"level": (LimitBand(blue=10.0, yellow=10.5, orange=13.0),)}}
    )
    await room.hear("yi", LimitsAdopted(pond_id="yi", limits=lower, limits_version=2, by="测试", at=room.clock.now()))
    after = await room.events("yi")
    raised = [each for each in after if each["kind"] == "raised"]
    assert len(raised) == 1
    assert raised[0]["level"] == "yellow"
    assert raised[0]["causes"][0]["limit"] == 10.5
    await room.desk.tenure.end()
    present = await another()
    assert await present.events("yi") == after
    await present.hear(
        "yi", LimitsAdopted(pond_id="yi", limits=LIMITS, limits_version=3, by="测试", at=room.clock.now())
    )
    assert (await present.kinds("yi"))[-1] == "cleared"


async def test_a_sensor_in_maintenance_is_not_judged_and_not_missed(room: Room) -> None:
    await room.register(YI)
    await room.give("yi", steady(0, 50, 11.0))
    since = slot_moment(stamp_us(50) // SLOT_US)
    change = {"pond_id": "yi", "sensor_id": "level-1", "at": room.clock.now()}
    await room.hear("yi", SensorStateChanged(state=SensorState.MAINTENANCE, since=since, **change))
    await room.give("yi", steady(52, 90, 13.8))
    assert await room.kinds("yi") == []
    assert await room.rows("SELECT DISTINCT flag FROM reading WHERE value > 13") == [(2,)]
    until = slot_moment(stamp_us(90) // SLOT_US)
    await room.hear("yi", SensorStateChanged(state=SensorState.IN_SERVICE, since=until, **change))
    await room.give("yi", steady(91, 100, 12.2))
    assert (await room.kinds("yi"))[-1] == "raised"


async def test_a_sensors_new_range_counts_for_what_is_in_the_window(room: Room) -> None:
    await room.register(YI)
    await room.give("yi", {**steady(0, 50, 11.0), **steady(50, 80, 12.2)})
    assert await room.kinds("yi") == ["raised"]
    narrow = YI.sensors[0].model_copy(update={"range": (0.0, 12.0)})
    await room.hear("yi", SensorAmended(pond_id="yi", sensor=narrow, at=room.clock.now()))
    values = {each for (each,) in await room.rows("SELECT DISTINCT value > 12 FROM reading")}
    assert values == {True, False}
    wide = YI.sensors[0].model_copy(update={"range": (0.0, 30.0)})
    await room.hear("yi", SensorAmended(pond_id="yi", sensor=wide, at=room.clock.now()))
    # The two changes of the register cancel out, and the record says so.
    assert [kind for kind, _, _ in await room.record("yi") if kind != "notice"] == ["raised"]
    (warning,) = await room.rows("SELECT level FROM warning WHERE cleared IS NULL")
    assert warning == ("blue",)


async def test_a_registry_event_heard_twice_counts_once(room: Room) -> None:
    await room.register(YI)
    once = uuid4()
    other = YI.sensors[0].model_copy(update={"id": "level-2"})
    event = SensorRegistered(pond_id="yi", sensor=other, state=SensorState.IN_SERVICE, at=room.clock.now())
    await room.desk.hear(once, "yi", 4, event)
    await room.desk.hear(once, "yi", 4, event)
    assert [each.sensor.id for each in room.desk.views["yi"].sensors] == ["level-1", "level-2"]


async def test_acts_of_people_and_what_is_refused(room: Room, another: Opened) -> None:
    await room.register(YI)
    await room.give("yi", {**steady(0, 50, 11.0), **steady(50, 60, 12.2)})
    people = StoredWarnings(room.desk)
    ((name,),) = await room.rows("SELECT warning_id FROM warning")
    seen = await people.act(AcknowledgeWarning(warning_id=name, by="王工"))
    again = await people.act(AcknowledgeWarning(warning_id=name, by="王工"))
    assert (seen.acknowledged_by, again.version) == ("王工", seen.version)
    with pytest.raises(Conflict, match="still stands"):
        await people.act(CloseWarning(warning_id=name, by="王工", evidence="照片 12"))
    with pytest.raises(NotFound):
        await people.act(AcknowledgeWarning(warning_id="yi-19700101-1", by="王工"))
    with pytest.raises(BadInput):
        await people.act(HandleWarning(warning_id=name, by="  ", action="开闸"))
    assert (await people.act(HandleWarning(warning_id=name, by="李工", action="开闸"))).handled_by == "李工"
    await room.give("yi", steady(60, 90, 11.0))
    await room.desk.tenure.end()
    present = await another()
    people = StoredWarnings(present.desk)
    closed = await people.act(CloseWarning(warning_id=name, by="王工", evidence="照片 12"))
    assert (closed.closed_by, closed.level) == ("王工", None)
    with pytest.raises(Conflict, match="closed"):
        await people.act(AcknowledgeWarning(warning_id=name, by="王工"))
    kinds = await present.kinds("yi")
    assert kinds == ["raised", "acknowledged", "handled", "cleared", "closed"]
