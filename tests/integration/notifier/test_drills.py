"""Exercises on the real database: what ends them, who hears of it, and what a restart finds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from services.notifier.adapters.desk import Desk, Plan
from services.notifier.adapters.drillplay import DrillPlayer
from services.notifier.adapters.drills import Drills as StoredDrills
from services.notifier.adapters.links import Links
from services.notifier.adapters.outbox import Outbox
from services.notifier.adapters.outgoing import Parcels
from services.notifier.cards import load_cards
from services.notifier.domain.directory import Directory
from services.notifier.domain.policy import LevelPolicy, Settings
from services.notifier.domain.routing import Rank, Routing, Selector
from services.notifier.domain.storm import EVERY
from services.notifier.drilling import Drilling
from services.notifier.projections import Alarms, Drills, Shelvings
from services.notifier.wording import render
from shared.clock import ManualClock
from shared.contracts.base import Command, Event
from shared.contracts.cloudevents import CloudEvent
from shared.contracts.drills import ListDrills, ShowDrill, StartDrill, StopDrill
from shared.contracts.levels import LevelName, SensorKind, SensorState
from shared.contracts.monitor import (
    Cause,
    CloseWarning,
    ListWarnings,
    PondStanding,
    PondStandings,
    ShowPondStanding,
    WarningEscalated,
    WarningList,
    WarningRaised,
    WarningView,
)
from shared.contracts.notifier import NOTIFIER_EVENTS, AlarmAnswered, Answer, CardStepDone
from shared.contracts.people import (
    DutyAssigned,
    DutyAssignment,
    DutyKind,
    PersonDescription,
    PersonRegistered,
    Place,
    PlaceKind,
)
from shared.contracts.registry import (
    AdoptLimits,
    ChangeSensorState,
    LimitBand,
    LimitDocument,
    PondDescription,
    PondRegistered,
    PondView,
    RegisterPond,
    RegisterSensor,
    SensorDescription,
    SensorView,
    ShowPond,
)
from shared.eventstore import EventStore, ServiceStore, verify
from shared.postgres import Pool
from shared.problems import BadInput, Conflict, NotFound, Unavailable

NOW = datetime(2026, 7, 15, 6, 3, 20, tzinfo=UTC)
PLAN = Plan(
    Settings(levels={level: LevelPolicy() for level in LevelName}),
    Routing(chains={level.value: (Rank(who=(Selector(duty=DutyKind.ENTERPRISE),)),) for level in LevelName}),
    load_cards(),
)
LIMITS = LimitDocument(
    document="d", effective_from=date(2026, 1, 1),
    bands={"level": (LimitBand(blue=10.0, yellow=10.5, orange=11.0, red=11.5),)},
)  # fmt: skip


class Others:
    """The registry and the monitor as an exercise meets them; what it asks of them is in ``asked``."""

    def __init__(self) -> None:
        level = SensorDescription(id="level-1", kind=SensorKind.WATER_LEVEL, unit="m", expected_interval_s=3600)
        sensor = SensorView(sensor=level, state=SensorState.IN_SERVICE)
        yi = PondView(pond=PondDescription(id="yi", name="Yi"), sensors=(sensor,), limits=(LIMITS,), version=3)
        self.ponds = {"yi": yi}
        self.open: list[WarningView] = []
        self.asked: list[Command] = []
        self.away = self.deaf = False

    async def send(self, command: Command, reply: type[BaseModel]) -> BaseModel:
        if self.away:
            raise Unavailable("bus.no_responders", service="registry")
        self.asked.append(command)
        match command:
            case ShowPond():
                if command.pond_id not in self.ponds:
                    raise NotFound("registry.no_pond", pond=command.pond_id)
            case RegisterPond():
                self._put(PondView(pond=command.pond))
            case RegisterSensor():
                pond = self.ponds[command.pond_id]
                new = SensorView(sensor=command.sensor, state=command.state)
                self._put(pond.model_copy(update={"sensors": (*pond.sensors, new)}))
            case AdoptLimits():
                pond = self.ponds[command.pond_id]
                self._put(pond.model_copy(update={"limits": (*pond.limits, command.limits)}))
            case ChangeSensorState():
                pond = self.ponds[command.pond_id]
                [sensor] = pond.sensors
                self._put(pond.model_copy(update={"sensors": (sensor.model_copy(update={"state": command.state}),)}))
            case ShowPondStanding():
                return self._standing(str(command.pond_id))
            case ListWarnings():
                return WarningList(warnings=tuple(each for each in self.open if each.pond_id == command.pond_id))
            case CloseWarning():
                [closed] = [each for each in self.open if each.warning_id == command.warning_id]
                self.open.remove(closed)
                return closed
            case _:
                raise AssertionError(command)
        return self.ponds[getattr(command, "pond_id", "") or command.pond.id]  # type: ignore[attr-defined]  # RegisterPond

    def _put(self, view: PondView) -> None:
        self.ponds[view.pond.id] = view.model_copy(update={"version": view.version + 1})

    def _standing(self, pond_id: str) -> PondStandings:
        version = 0 if self.deaf else self.ponds[pond_id].version
        return PondStandings(
            ponds=(PondStanding(pond_id=pond_id, registry_version=version, level=None, verified=True, head=None),)
        )


class Office:
    """A notifier's desk with its exercises; ``open`` is a start of the process."""

    def __init__(self, pool: Pool) -> None:
        self.parts = ServiceStore("notifier", EventStore(NOTIFIER_EVENTS), (Alarms(), Shelvings(), Drills()))
        self.pool, self.clock, self.others, self.position = pool, ManualClock(NOW), Others(), 0
        self.sent: list[tuple[str, bytes]] = []

    async def open(self) -> None:
        directory = Directory()
        outgoing = Parcels(Outbox(self.pool), Links("a secret of this test", "http://warn.test"), directory)
        self.desk = Desk(self.pool, self.parts, PLAN, outgoing, self.clock, lambda: None, None, directory)
        await self.desk.restore()
        self.drills = StoredDrills(self.desk, self.others)  # type: ignore[arg-type]  # stands in for the client
        await self.drills.restore()
        self.player = DrillPlayer(self.drills, self.others, self._publish, self.clock)  # type: ignore[arg-type]  # as above
        self.drilling = Drilling(self.drills, self.clock)

    async def _publish(self, subject: str, payload: bytes) -> None:
        self.sent.append((subject, payload))

    def wrapped(self, aggregate: str, event: Event) -> CloudEvent:
        self.position += 1
        return TypeAdapter(CloudEvent).validate_python(
            {
                "specversion": "1.0", "id": str(uuid4()), "source": "/tailwarden/x", "type": event.event_type,
                "subject": aggregate, "time": self.clock.now(), "datacontenttype": "application/json",
                "dataschema": f"urn:tailwarden:schema:{event.event_type}:1", "data": event.model_dump(mode="json"),
                "position": self.position, "stream": aggregate, "streamversion": 1, "hash": "0" * 64,
            }
        )  # fmt: skip

    async def warn(
        self, pond: str, level: LevelName = LevelName.RED, warning: str = "", age: timedelta = timedelta()
    ) -> str:
        """Let the monitor raise a warning at a pond, of a slot that ended *age* ago."""
        warning, at = warning or f"{pond}-w", self.clock.now()
        cause = Cause(sensor="level-1", rule="threshold", value=11.6, limit=11.5, level=level, unit="m")
        raised = WarningRaised(
            warning_id=warning, pond_id=pond, at=at, time=at - age, level=level, verified=True, causes=(cause,)
        )
        view = {**raised.model_dump(), "highest": level, "raised": at, "version": 1}
        self.others.open.append(WarningView.model_validate(view))
        await self.desk.hear_monitor(self.wrapped(pond, raised))
        return warning

    async def told(self) -> list[tuple[str, str, bool, str, str]]:
        """Return (pond, kind, exercise, pond's name, reason) of every message, in order of their decisions."""
        async with self.pool.connection() as conn:
            cursor = await conn.execute(
                "SELECT pond_id, kind, exercise, message->>'pond_name', message->>'reason' FROM delivery ORDER BY seq"
            )
            return [tuple(row) for row in await cursor.fetchall()]  # type: ignore[misc]  # five columns

    async def began(self, storm: LevelName = LevelName.RED) -> str:
        """Start an exercise and play it until its storm is out; return its id."""
        view = await self.drilling.start(StartDrill(pond_id="yi", storm=storm, by="Sun"))
        await self.player.step()
        return view.drill_id

    async def stepped(self, *seconds: float) -> None:
        for each in seconds:
            self.clock.advance(timedelta(seconds=each))
            await self.player.step()

    def named(self, name: type[Command]) -> Sequence[Command]:
        return [each for each in self.others.asked if isinstance(each, name)]


@pytest.fixture
async def office(pool: Pool, delivery_urls: dict[str, str]) -> AsyncIterator[Office]:
    with psycopg.connect(delivery_urls["owner"]) as owner:
        owner.execute("ALTER TABLE notifier.event DISABLE TRIGGER event_append_only")
        owner.execute(
            "TRUNCATE notifier.event, notifier.snapshot, notifier.inbox, notifier.alarm, notifier.shelving,"
            " notifier.heard, notifier.drill"
        )
        owner.execute("ALTER TABLE notifier.event ENABLE ALWAYS TRIGGER event_append_only")
    made = Office(pool)
    await made.open()
    stamp = {"on": date(2026, 6, 1), "at": NOW, "by": "clerk"}
    place = Place(kind=PlaceKind.POND, id="yi")
    duty = DutyAssignment(duty=DutyKind.ENTERPRISE, person_id="wang", since=date(2026, 6, 1))
    person = PersonDescription(id="wang", name="Wang")
    for aggregate, event in (
        ("yi", PondRegistered(pond=PondDescription(id="yi", name="Yi"), at=NOW)),
        ("wang", PersonRegistered.model_validate({"person": person, **stamp})),
        (place.key, DutyAssigned.model_validate({"place": place, "assignment": duty, **stamp})),
    ):
        await made.desk.hear_registry(made.wrapped(aggregate, event))
    yield made
    assert await verify(pool, made.parts.store, made.parts.projections) == []


async def test_on_record_before_the_first_reading_and_not_before_the_monitor_knows_the_shadow(office: Office) -> None:
    office.others.deaf = True
    drill = await office.began()
    assert office.desk.shadows == {drill: "yi"}
    assert office.sent == []
    assert [type(each) for each in office.others.asked[-4:-1]] == [RegisterPond, RegisterSensor, AdoptLimits]
    office.others.deaf = False
    await office.stepped(0.0)
    [(subject, first)] = office.sent
    assert subject == f"tw.telemetry.{drill}"
    await office.open()  # restarted: the same storm again, reading for reading
    await office.stepped(0.0)
    assert office.sent[1:] == [(subject, first)]
    assert len(office.named(RegisterPond)) == 1
    await office.stepped(EVERY.total_seconds())
    assert len(office.sent) == 3  # live
    await office.stepped(1.0)
    assert len(office.sent) == 3


async def test_stopped_everybody_hears_it_once_and_nothing_follows(office: Office) -> None:
    drill = await office.began()
    await office.desk.hear_registry(office.wrapped(drill, PondRegistered(pond=office.others.ponds[drill].pond, at=NOW)))
    warning = await office.warn(drill)
    assert await office.told() == [(drill, "alarm", True, "Yi", "on_call")]
    office.clock.advance(EVERY)
    over = await office.drilling.stop(StopDrill(drill_id=drill, by="Li"))
    assert (over.why, over.ended_by, over.never_answered, over.tidied) == ("stopped", "Li", ("Wang",), None)
    assert (await office.told())[1:] == [(drill, "all_clear", True, "Yi", "exercise_over")]
    sent = len(office.sent)
    # The monitor is behind: what it still says reaches nobody.
    at = office.clock.now()
    late = WarningEscalated(
        warning_id=warning, pond_id=drill, at=at, time=at, level="red", previous="orange", verified=True, causes=()
    )
    await office.desk.hear_monitor(office.wrapped(drill, late))
    await office.warn(drill, warning="late")
    office.others.away = True
    await office.stepped(1.0)
    office.others.away = False
    await office.open()  # killed before it was cleared away
    await office.stepped(1.0, 1.0)
    after = await office.drilling.stop(StopDrill(drill_id=drill, by="somebody else"))
    assert (after.ended_by, after.tidied is not None, after.alarm_id) == ("Li", True, warning)
    assert len(await office.told()) == 2
    assert len(office.sent) == sent
    assert office.others.open == []
    [first, _] = office.named(CloseWarning)
    assert isinstance(first, CloseWarning)
    assert (first.by, drill in first.evidence) == ("Li", True)
    assert office.others.ponds[drill].sensors[0].state is SensorState.RETIRED
    assert office.drills.open == {}


async def test_a_real_warning_is_told_first_and_ends_the_exercise(office: Office) -> None:
    drill = await office.began(LevelName.BLUE)
    await office.warn(drill, LevelName.BLUE)
    await office.warn("yi", LevelName.BLUE)  # the same level at the same pond, and neither grouped nor covered
    pond_kind_reason = [(pond, kind, reason) for pond, kind, _, _, reason in await office.told()]
    assert pond_kind_reason == [
        (drill, "alarm", "on_call"), ("yi", "alarm", "on_call"), (drill, "all_clear", "exercise_overtaken"),
    ]  # fmt: skip
    view = await office.drilling.show(ShowDrill(drill_id=drill))
    assert (view.why, view.level) == ("overtaken", LevelName.BLUE)
    async with office.pool.connection() as conn:
        cursor = await conn.execute("SELECT urgency FROM delivery ORDER BY seq")
        assert [row[0] for row in await cursor.fetchall()] == [0, 1, 0]  # what is real goes out first
    with pytest.raises(Conflict, match="yi-w"):
        await office.drilling.start(StartDrill(pond_id="yi", by="Sun"))


async def test_it_ends_by_itself_when_all_is_done_or_its_hour_is_over(office: Office) -> None:
    drill = await office.began(LevelName.ORANGE)
    warning = await office.warn(drill, LevelName.ORANGE)
    about = {"alarm_id": warning, "pond_id": drill, "exercise": True, "person_id": "wang"}
    steps = [step.id for step in PLAN.cards[LevelName.ORANGE]]

    def answers(_: object) -> list[AlarmAnswered]:
        given = {"answer": Answer.ON_SITE, "via": "bus", "at": office.clock.now()}
        return [AlarmAnswered.model_validate(about | given)]

    def does(step: str) -> CardStepDone:
        return CardStepDone.model_validate(about | {"step_id": step, "at": office.clock.now()})

    office.clock.advance(timedelta(seconds=42))
    await office.desk.act(warning, "wang", answers)
    await office.desk.act(warning, "wang", lambda _: [does(step) for step in steps[:-1]])
    await office.stepped(1.0)
    assert (await office.drilling.show(ShowDrill(drill_id=drill))).ended is None
    await office.stepped(20 * 60.0)
    await office.desk.act(warning, "wang", lambda _: [does(steps[-1])])
    await office.stepped(0.0)
    sheet = await office.drilling.show(ShowDrill(drill_id=drill))
    assert (sheet.why, sheet.never_answered) == ("finished", ())
    [score] = sheet.scores
    assert (score.seconds_to_answer, score.answer, score.steps_done) == (42.0, Answer.ON_SITE, len(steps))
    within = {step.id: step.within_minutes for step in PLAN.cards[LevelName.ORANGE]}
    assert {step.step_id: step.in_time for step in sheet.steps} == {
        step: step != steps[-1] or within[step] >= 21 for step in steps
    }
    await office.stepped(1.0)
    other = await office.began()
    await office.stepped(3601.0)
    assert (await office.drilling.show(ShowDrill(drill_id=other))).why == "finished"
    listed = (await office.drilling.list(ListDrills())).drills
    assert [each.drill_id for each in listed] == [other, drill]
    assert (await office.drilling.list(ListDrills(running=True))).drills == ()


async def test_an_exercise_is_late_by_its_own_start_alone(office: Office) -> None:
    # Its storm has risen before it began; only what really waited since then is late. A real one is late by the slot.
    drill = await office.began()
    await office.warn(drill, warning="in-time", age=timedelta(minutes=46))
    assert not office.desk.alarms["in-time"].late
    await office.warn("yi", warning="real", age=timedelta(minutes=46))
    assert office.desk.alarms["real"].late


async def test_an_exercises_warning_that_really_waited_is_late(office: Office) -> None:
    drill = await office.began()
    office.clock.advance(timedelta(minutes=31))
    await office.warn(drill, warning="waited", age=timedelta(minutes=35))
    assert office.desk.alarms["waited"].late


async def test_what_nobody_started_alarms_nobody(office: Office) -> None:
    await office.warn("drill-yi-20260715-ffffff")
    assert await office.told() == []
    assert office.desk.alarms == {}


async def test_refusals_say_why_in_both_languages(office: Office) -> None:
    def asked(**given: str) -> StartDrill:
        return StartDrill.model_validate({"pond_id": "yi", "by": "Sun", **given})

    for refused, code in (
        (asked(pond_id="er"), "registry.no_pond"),
        (asked(pond_id="watchdog"), "drills.synthetic"),
    ):
        with pytest.raises((BadInput, NotFound)) as refusal:
            await office.drilling.start(refused)
        assert refusal.value.code == code
        assert refusal.value.words("zh") != refusal.value.words("en")
    with pytest.raises(ValidationError, match="must say something"):
        asked(by="··")
    dry = office.others.ponds["yi"].model_copy(update={"limits": ()})
    whole, office.others.ponds["yi"] = office.others.ponds["yi"], dry
    with pytest.raises(Conflict, match="no limit to play a red storm") as no_limits:
        await office.drilling.start(asked())
    assert "没有可演练红色预警的限值" in no_limits.value.words("zh")
    office.others.ponds["yi"] = whole
    drill = await office.began()
    with pytest.raises(Conflict, match=drill) as running:
        await office.drilling.start(asked())
    assert "正在进行" in running.value.words("zh")
    with pytest.raises(NotFound, match="no exercise drill-no"):
        await office.drilling.stop(StopDrill(drill_id="drill-no", by="Sun"))
    assert len((await office.drilling.list(ListDrills(pond_id="yi"))).drills) == 1


async def test_the_end_is_said_as_one_and_says_nothing_of_the_water(office: Office) -> None:
    from services.notifier.domain.message import Message

    drill = await office.began()
    await office.warn(drill)
    await office.drilling.stop(StopDrill(drill_id=drill, by="Li"))
    async with office.pool.connection() as conn:
        cursor = await conn.execute("SELECT message::text FROM delivery ORDER BY seq DESC LIMIT 1")
        row = await cursor.fetchone()
    assert row is not None
    message = Message.model_validate_json(row[0])
    broken = message.model_copy(update={"reason": "exercise_overtaken"})
    for length in ("full", "short"):
        assert "EXERCISE OVER" in render(message, "en", length).body
        assert "【演练】演练结束" in render(message, "zh", length).body
        assert "真实预警" in render(broken, "zh", length).body
        assert "real warning" in render(broken, "en", length).body
        for said in (message, broken):
            assert "限值" not in render(said, "zh", length).body
            assert "limits" not in render(said, "en", length).body
