"""From a pond and a level to people: grades, deputies, office hours and holidays, and who is told when nobody is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from services.notifier.domain.directory import Directory
from services.notifier.domain.routing import Rank, Routing, Selector, chain, control_room
from services.notifier.settings import load_rules
from shared.contracts.levels import LevelName
from shared.contracts.people import (
    Channel,
    ContactChannel,
    ContactSet,
    DutyAssigned,
    DutyAssignment,
    DutyKind,
    PersonDescription,
    PersonLeft,
    PersonRegistered,
    Place,
    PlaceKind,
    RosterCreated,
    Shift,
    ShiftsAdded,
)
from shared.contracts.registry import PondDescription, PondRegistered
from shared.problems import BadInput
from shared.workdays import is_working_day

DAY = date(2024, 1, 1)
AT = datetime(2024, 1, 1, tzinfo=UTC)
ABOUT = {"by": "x", "at": AT, "on": DAY}
POND = Place(kind=PlaceKind.POND, id="yi")
COUNTY = Place(kind=PlaceKind.COUNTY, id="赞皇县")
CITY = Place(kind=PlaceKind.CITY, id="石家庄市")
MONDAY_10 = datetime(2024, 7, 22, 2, tzinfo=UTC)  # 10:00 in Shanghai


@pytest.fixture
def directory() -> Directory:
    made = Directory()
    pond = PondDescription(id="yi", name="一号库", county="赞皇县", grade=2)
    made.apply("yi", PondRegistered(pond=pond, by="x", at=AT))
    for person in ("wang", "li", "zhao", "qian", "sun"):
        made.apply(person, PersonRegistered(person=PersonDescription(id=person, name=person.title()), **ABOUT))
        contact = ContactChannel(channel=Channel.MOBILE, order=1, masked="1**")
        made.apply(person, ContactSet(contact=contact, **ABOUT))
    for place, duty, person, deputies in (
        (POND, DutyKind.ENTERPRISE, "wang", ("li",)),
        (COUNTY, DutyKind.DEPARTMENT, "zhao", ()),
    ):
        assignment = DutyAssignment(duty=duty, person_id=person, deputies=deputies, since=DAY)
        made.apply(place.key, DutyAssigned(place=place, assignment=assignment, **ABOUT))
    for roster, place, person in (("r1", COUNTY, "qian"), ("r2", CITY, "sun")):
        made.apply(roster, RosterCreated(roster_id=roster, name=roster, place=place, roles=("值班",), **ABOUT))
        shift = Shift(role="值班", start=AT, end=AT + timedelta(days=999), person_id=person)
        made.apply(roster, ShiftsAdded(shifts=(shift,), **ABOUT))
    return made


def names(directory: Directory, routing: Routing, at: datetime = MONDAY_10) -> list[list[str]]:
    found = chain(directory, routing, "yi", LevelName.RED, at, is_working_day)
    return [[member.person_id for member in rank] for rank in found]


def ranks(*whos: tuple[Selector, ...]) -> tuple[Rank, ...]:
    return tuple(Rank(who=who) for who in whos)


ENTERPRISE = Selector(duty=DutyKind.ENTERPRISE)


def test_a_grade_has_its_own_chain_before_the_general_one(directory: Directory) -> None:
    own = ranks((Selector(of="county", roster=True),))
    assert names(directory, Routing(chains={"red": ranks((ENTERPRISE,)), "red:2": own})) == [["qian"]]
    assert names(directory, Routing(chains={"red": ranks((ENTERPRISE,)), "red:1": own})) == [["wang"]]


def test_a_deputy_stands_in_for_whoever_left_and_at_once(directory: Directory) -> None:
    routing = Routing(chains={"red": ranks((ENTERPRISE,), (Selector(duty=DutyKind.ENTERPRISE, deputies=True),))})
    assert names(directory, routing) == [["wang"], ["li"]]
    directory.apply("wang", PersonLeft(reason="moved", **ABOUT))
    assert names(directory, routing) == [["li"], ["li"]]


@pytest.mark.parametrize(
    ("at", "office"),
    [
        (MONDAY_10, True),
        (datetime(2024, 7, 22, 0, 29, tzinfo=UTC), False),  # 08:29
        (datetime(2024, 7, 22, 0, 30, tzinfo=UTC), True),  # 08:30
        (datetime(2024, 7, 22, 9, 30, tzinfo=UTC), False),  # 17:30
        (datetime(2024, 7, 20, 2, tzinfo=UTC), False),  # Saturday
        (datetime(2024, 10, 1, 2, tzinfo=UTC), False),  # National Day, a Tuesday
        (datetime(2024, 9, 29, 2, tzinfo=UTC), True),  # a Sunday that is worked for it
    ],
)
def test_the_office_in_its_hours_and_whoever_is_on_duty_otherwise(
    directory: Directory, at: datetime, office: bool
) -> None:
    desk = Selector(of="county", duty=DutyKind.DEPARTMENT, when="working_hours")
    duty = Selector(of="county", roster=True, when="off_hours")
    assert names(directory, Routing(chains={"red": ranks((desk, duty))}), at) == [["zhao" if office else "qian"]]


def test_a_rank_that_names_nobody_is_passed_over_and_a_whole_chain_falls_back(directory: Directory) -> None:
    nobody = (Selector(of="city", duty=DutyKind.LEADERSHIP),)
    routing = Routing(city="石家庄市", chains={"red": ranks(nobody, (ENTERPRISE,))}, fallback=("sun", "gone"))
    assert names(directory, routing) == [["wang"]]
    assert names(directory, routing.model_copy(update={"chains": {"red": ranks(nobody)}})) == [["sun"]]
    assert [each.person_id for each in control_room(directory, routing, MONDAY_10)] == ["sun"]


def test_the_hours_come_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "routing.toml"
    path.write_text("[settings.levels]\n[hours]\nworking_from = 09:00:00\n", "utf-8")
    assert load_rules(path).routing.working_from.hour == 9
    path.write_text('[settings.levels]\n[hours]\nworking_from = "soon"\n', "utf-8")
    with pytest.raises(BadInput, match="working_from"):
        load_rules(path)
