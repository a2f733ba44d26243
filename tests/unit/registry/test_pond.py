"""A pond's life in the register: given what happened, when this is asked, then that happens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from services.registry.domain import Asked, Pond, PondState, Unregistered, decide, evolve
from services.registry.domain.life import MOVES
from shared.contracts.base import Event
from shared.contracts.levels import SensorKind, SensorState
from shared.contracts.registry import (
    AdoptLimits,
    ChangeSensorState,
    LimitBand,
    LimitDocument,
    LimitsAdopted,
    PondAmended,
    PondDescription,
    PondRegistered,
    RegisterPond,
    RegisterSensor,
    SensorAmended,
    SensorDescription,
    SensorRegistered,
    SensorStateChanged,
)
from shared.problems import BadInput, Conflict, NotFound, Refusal

NOON = datetime(2023, 7, 1, 4, 0, tzinfo=UTC)
LATER = NOON + timedelta(days=1)
XIAKOU = PondDescription(id="xiakou", name="下口尾矿库", crest_level=312.5)
LEVEL = SensorDescription(id="level-1", kind=SensorKind.WATER_LEVEL, unit="m", expected_interval_s=300)
RAIN = SensorDescription(id="rain-1", kind=SensorKind.RAIN, unit="mm", expected_interval_s=300)
LIMITS = LimitDocument(
    document="2023", effective_from=date(2023, 6, 1), bands={"level": (LimitBand(blue=309.0, red=311.4),)}
)

REGISTERED = PondRegistered(pond=XIAKOU, at=NOON)
WITH_LEVEL = SensorRegistered(pond_id="xiakou", sensor=LEVEL, state=SensorState.IN_SERVICE, at=NOON)
WITH_RAIN = SensorRegistered(pond_id="xiakou", sensor=RAIN, state=SensorState.COMMISSIONING, at=NOON)
ADOPTED = LimitsAdopted(pond_id="xiakou", limits_version=1, limits=LIMITS, at=NOON)


def given(*events: Event) -> PondState:
    state: PondState = Unregistered()
    for event in events:
        state = evolve(state, event)
    return state


def when(state: PondState, command: object, at: datetime = LATER) -> Sequence[Event]:
    return decide(Asked(command, at), state)  # type: ignore[arg-type]  # the tables below mix commands


def register(pond: PondDescription = XIAKOU) -> RegisterPond:
    return RegisterPond(pond=pond, by="王工")


def sensor(description: SensorDescription, state: SensorState = SensorState.IN_SERVICE) -> RegisterSensor:
    return RegisterSensor(pond_id="xiakou", sensor=description, state=state, by="王工")


def move(state: SensorState, since: datetime | None = None, sensor_id: str = "level-1") -> ChangeSensorState:
    return ChangeSensorState(pond_id="xiakou", sensor_id=sensor_id, state=state, since=since, reason="雷击", by="王工")


def adopt(**bands: tuple[LimitBand, ...]) -> AdoptLimits:
    document = LIMITS.model_copy(update={"bands": {name.replace("__", ":"): band for name, band in bands.items()}})
    return AdoptLimits(pond_id="xiakou", limits=document, by="王工")


def moved(state: SensorState, since: datetime = LATER, at: datetime = LATER) -> SensorStateChanged:
    return SensorStateChanged(pond_id="xiakou", sensor_id="level-1", state=state, since=since, reason="雷击", at=at)


RENAMED = XIAKOU.model_copy(update={"name": "下口分公司尾矿库"})
FEET = LEVEL.model_copy(update={"unit": "ft"})
CASES: list[tuple[str, tuple[Event, ...], object, list[Event]]] = [
    ("a new pond", (), register(), [PondRegistered(pond=XIAKOU, at=LATER)]),
    ("the same pond again", (REGISTERED,), register(), []),
    ("an amended pond", (REGISTERED,), register(RENAMED), [PondAmended(pond=RENAMED, at=LATER)]),
    ("a new sensor", (REGISTERED,), sensor(LEVEL), [WITH_LEVEL.model_copy(update={"at": LATER})]),
    ("the same sensor again", (REGISTERED, WITH_LEVEL), sensor(LEVEL), []),
    (
        "an amended sensor",
        (REGISTERED, WITH_LEVEL),
        sensor(FEET),
        [SensorAmended(pond_id="xiakou", sensor=FEET, at=LATER)],
    ),
    (
        "registering again does not end a maintenance",
        (REGISTERED, WITH_LEVEL, moved(SensorState.MAINTENANCE)),
        sensor(LEVEL, SensorState.IN_SERVICE),
        [],
    ),
    ("a retired sensor told the same", (REGISTERED, WITH_LEVEL, moved(SensorState.RETIRED)), sensor(LEVEL), []),
    (
        "maintenance",
        (REGISTERED, WITH_LEVEL),
        move(SensorState.MAINTENANCE),
        [moved(SensorState.MAINTENANCE)],
    ),
    (
        "maintenance since yesterday",
        (REGISTERED, WITH_LEVEL),
        move(SensorState.MAINTENANCE, since=NOON),
        [moved(SensorState.MAINTENANCE, since=NOON)],
    ),
    ("in service already", (REGISTERED, WITH_LEVEL), move(SensorState.IN_SERVICE), []),
    (
        "first limits",
        (REGISTERED, WITH_LEVEL),
        AdoptLimits(pond_id="xiakou", limits=LIMITS, by="王工"),
        [ADOPTED.model_copy(update={"at": LATER})],
    ),
    ("limits in force again", (REGISTERED, ADOPTED), AdoptLimits(pond_id="xiakou", limits=LIMITS, by="王工"), []),
    (
        "limits of one point, for a season over the new year",
        (REGISTERED, WITH_LEVEL, ADOPTED),
        adopt(**{"sensor__level-1": (LimitBand(red=1.0, season_from="11-01", season_to="02-29"), LimitBand(red=2.0))}),
        [
            LimitsAdopted(
                pond_id="xiakou",
                limits_version=2,
                limits=LIMITS.model_copy(
                    update={
                        "bands": {
                            "sensor:level-1": (
                                LimitBand(red=1.0, season_from="11-01", season_to="02-29"),
                                LimitBand(red=2.0),
                            )
                        }
                    }
                ),
                at=LATER,
            )
        ],
    ),
]


@pytest.mark.parametrize(("past", "command", "then"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_given_when_then(past: tuple[Event, ...], command: object, then: list[Event]) -> None:
    assert when(given(*past), command) == then


ALL = (REGISTERED, WITH_LEVEL, WITH_RAIN)
REFUSED: list[tuple[str, tuple[Event, ...], object, type[Refusal], str]] = [
    ("sensor of no pond", (), sensor(LEVEL), NotFound, "registry.no_pond"),
    ("limits of no pond", (), adopt(level=(LimitBand(red=1.0),)), NotFound, "registry.no_pond"),
    ("state of no sensor", (REGISTERED,), move(SensorState.RETIRED), NotFound, "registry.no_sensor"),
    (
        "another kind",
        ALL,
        sensor(RAIN.model_copy(update={"id": "level-1"})),
        Conflict,
        "registry.kind_fixed",
    ),
    ("amending the retired", (*ALL, moved(SensorState.RETIRED)), sensor(FEET), Conflict, "registry.retired"),
    (
        "reviving the retired",
        (*ALL, moved(SensorState.RETIRED)),
        move(SensorState.IN_SERVICE),
        Conflict,
        "registry.retired",
    ),
    ("from service to trial", ALL, move(SensorState.COMMISSIONING), Conflict, "registry.no_such_move"),
    (
        "dated ahead",
        ALL,
        move(SensorState.MAINTENANCE, since=LATER + timedelta(seconds=1)),
        BadInput,
        "registry.since_future",
    ),
    (
        "before the last move",
        (*ALL, moved(SensorState.MAINTENANCE)),
        move(SensorState.IN_SERVICE, since=NOON),
        Conflict,
        "registry.since_order",
    ),
    ("no limits", ALL, adopt(), BadInput, "registry.limits_empty"),
    ("an empty subject", ALL, adopt(level=()), BadInput, "registry.limits_none"),
    ("an empty band", ALL, adopt(level=(LimitBand(),)), BadInput, "registry.limits_none"),
    ("an unknown quantity", ALL, adopt(lvel=(LimitBand(red=1.0),)), BadInput, "registry.limits_subject"),
    ("an unknown sensor", ALL, adopt(sensor__x=(LimitBand(red=1.0),)), BadInput, "registry.limits_sensor"),
    ("a rain gauge", ALL, adopt(**{"sensor__rain-1": (LimitBand(red=1.0),)}), BadInput, "registry.limits_rain"),
    ("blue above red", ALL, adopt(level=(LimitBand(blue=2.0, red=1.0),)), BadInput, "registry.limits_order"),
    (
        "freeboard upward",
        ALL,
        adopt(freeboard=(LimitBand(blue=1.0, red=2.0),)),
        BadInput,
        "registry.limits_order_down",
    ),
    (
        "two seasons of one day",
        ALL,
        adopt(
            level=(
                LimitBand(red=1.0, season_from="06-01", season_to="09-30"),
                LimitBand(red=1.0, season_from="09-30", season_to="10-31"),
            )
        ),
        BadInput,
        "registry.limits_overlap",
    ),
    ("all year twice", ALL, adopt(level=(LimitBand(red=1.0),) * 2), BadInput, "registry.limits_twice"),
    (
        "half a season",
        ALL,
        adopt(level=(LimitBand(red=1.0, season_from="06-01"),)),
        BadInput,
        "registry.limits_season",
    ),
    (
        "no such day",
        ALL,
        adopt(level=(LimitBand(red=1.0, season_from="06-01", season_to="06-31"),)),
        BadInput,
        "registry.limits_season",
    ),
]


@pytest.mark.parametrize(
    ("past", "command", "kind", "code"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_refusals_name_field_and_reason(
    past: tuple[Event, ...], command: object, kind: type[Refusal], code: str
) -> None:
    with pytest.raises(kind) as refused:
        when(given(*past), command)
    assert refused.value.code == code
    assert refused.value.field
    for language in ("zh", "en"):
        assert not refused.value.words(language).startswith(code)


def test_every_state_has_its_moves() -> None:
    assert set(MOVES) == set(SensorState)
    assert all(state not in after for state, after in MOVES.items())


def test_a_sensors_history() -> None:
    state = given(*ALL, moved(SensorState.MAINTENANCE, since=NOON), moved(SensorState.IN_SERVICE))
    assert isinstance(state, Pond)
    level = state.sensors["level-1"]
    assert level.state is SensorState.IN_SERVICE
    assert level.history == (
        (None, SensorState.IN_SERVICE),
        (NOON, SensorState.MAINTENANCE),
        (LATER, SensorState.IN_SERVICE),
    )


def test_an_event_out_of_place_is_our_fault_not_a_refusal() -> None:
    with pytest.raises(TypeError):
        evolve(Unregistered(), WITH_LEVEL)
