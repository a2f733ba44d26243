"""People, grids and rosters in the database: who answered on any day, and addresses where nobody finds them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.registry import wiring
from services.registry.adapters.ponds import StoredPonds
from services.registry.domain import Asked
from services.registry.domain.grid import YUNNAN, evolve_grid, in_force
from services.registry.duties import Duties
from services.registry.people import People
from services.registry.peoplekinds import GRID
from services.registry.rosters import Rosters
from shared.clock import SystemClock
from shared.contracts.people import AdminLevel, Channel, DutyKind, PersonDescription, Place, PlaceKind, Shift
from shared.contracts.peopleacts import (
    AddShifts,
    AssignDuty,
    CreateRoster,
    EndDuty,
    HandOverDuty,
    ListGrids,
    ListPeople,
    PersonLeaves,
    ReadContacts,
    RegisterPerson,
    RemoveContact,
    RosterGaps,
    SetContact,
    SetDeputies,
    ShowPerson,
    WhoAnswers,
    WhoIsOnDuty,
)
from shared.contracts.registry import PondDescription, RegisterPond
from shared.eventstore import rebuild, verify
from shared.eventstore.aggregates import Aggregates
from shared.postgres import Pool
from shared.problems import BadInput, Conflict, NotFound

DAY = date(2023, 3, 1)
POND = Place(kind=PlaceKind.POND, id="xiakou")
CITY = Place(kind=PlaceKind.CITY, id="石家庄市")
NUMBER = "13812341234"


class Office:
    """The registry's people, grids and rosters on a database of the test's own."""

    def __init__(self, pool: Pool) -> None:
        self.parts = wiring.store()
        nobody: Callable[[], None] = lambda: None  # noqa: E731  # nothing relays here
        clock = SystemClock()
        self.pool = pool
        self.ponds = StoredPonds(pool, self.parts.store, self.parts.projections, nobody)
        self.records = Aggregates(
            pool, self.parts.store, self.parts.projections, clock, ZoneInfo("Asia/Shanghai"), nobody
        )
        self.people = People(self.records)
        self.duties = Duties(self.records, self.parts.store, YUNNAN)
        self.rosters = Rosters(self.records)

    async def person(self, person_id: str, name: str, level: AdminLevel | None = None) -> None:
        person = PersonDescription(id=person_id, name=name, organisation="平山县应急管理局", level=level)
        await self.people.act(RegisterPerson(person=person, by="王工", on=DAY))

    async def pond(self, grade: int | None) -> None:
        pond = PondDescription(id="xiakou", name="下口尾矿库", grade=grade)
        await self.ponds.ask("xiakou", Asked(RegisterPond(pond=pond, by="王工"), datetime.now(UTC)), "王工")


@pytest.fixture
async def office(pool: Pool) -> Office:
    made = Office(pool)
    for person_id, name, level in (
        ("zhang", "张县长", AdminLevel.COUNTY),
        ("li", "李镇长", AdminLevel.TOWNSHIP),
        ("zhao", "赵局长", None),
    ):
        await made.person(person_id, name, level)
    return made


async def dump(pool: Pool, except_for: str) -> str:
    """Return every row of every table of the registry but one, as text."""
    async with pool.connection() as conn:
        cursor = await conn.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema IN"
            " ('registry', 'dashboard') AND table_name NOT IN (%s, 'migration')",
            (except_for,),
        )
        tables = [row[0] for row in await cursor.fetchall()]
        assert "registry.event" in tables
        assert "registry.person_history" in tables
        rows: list[str] = []
        for table in tables:
            cursor = await conn.execute(f"SELECT t::text FROM {table} AS t")  # our own tables
            rows += [row[0] for row in await cursor.fetchall()]
    return "\n".join(rows)


async def test_an_address_is_kept_apart_and_shown_to_services_only(
    office: Office, pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ask = SetContact(person_id="zhang", channel=Channel.MOBILE, address=" 138-1234-1234 ", by="王工", on=DAY)
    view = await office.people.act(ask)
    assert (view.changed, view.person.contacts[0].masked) == (True, "138****1234")
    assert not (await office.people.act(ask)).changed
    # Another number that looks the same masked is a change all the same.
    other = ask.model_copy(update={"address": "13899991234"})
    assert (await office.people.act(other)).changed
    await office.people.act(ask)
    mail = SetContact(person_id="zhang", channel=Channel.MAIL, address="zhang@example.org", by="王工", on=DAY)
    assert [each.order for each in (await office.people.act(mail)).person.contacts] == [1, 2]
    with pytest.raises(BadInput) as refused:
        await office.people.act(ask.model_copy(update={"address": "1381234"[:4] + "secret"}))
    assert "secret" not in f"{refused.value} {refused.value.params}"
    with pytest.raises(NotFound):
        await office.people.act(ask.model_copy(update={"person_id": "nobody"}))

    book = await office.people.contacts(ReadContacts(person_ids=("zhang", "li"), service="notifier", purpose="告警"))
    assert [(each.order, each.address) for each in book.addresses] == [(1, NUMBER), (2, "zhang@example.org")]
    told = await dump(pool, except_for="contact") + caplog.text + repr(ask) + repr(book)
    assert "138****1234" in told
    for secret in (NUMBER, "1234-1234", "13899991234", "zhang@example.org", "secret"):
        assert secret not in told
    assert await verify(pool, office.parts.store, office.parts.projections) == []

    removed = await office.people.act(RemoveContact(person_id="zhang", order=2, by="王工"))
    assert [each.order for each in removed.person.contacts] == [1]
    await office.people.act(PersonLeaves(person_id="zhang", reason="调任", by="王工"))
    gone = await office.people.contacts(ReadContacts(person_ids=("zhang",), service="notifier", purpose="告警"))
    assert gone.addresses == ()
    then = await office.people.show(ShowPerson(person_id="zhang", as_of=DAY))
    assert (then.person.left_on, len(then.person.contacts)) == (None, 2)


async def test_who_answers_on_any_day_equals_the_story_to_that_day(office: Office, pool: Pool) -> None:
    await office.pond(4)
    day = [DAY + timedelta(days=n) for n in range(40)]
    guarantee = AssignDuty(
        place=POND, duty=DutyKind.GUARANTOR, person_id="zhang", deputies=("zhao",), by="王工", on=day[0]
    )
    assert (await office.duties.act(guarantee)).changed
    assert not (await office.duties.act(guarantee)).changed
    await office.duties.act(
        AssignDuty(place=POND, duty=DutyKind.ENTERPRISE, person_id="zhao", until=day[20], by="王工", on=day[5])
    )
    await office.person("wang", "王县长", AdminLevel.COUNTY)
    await office.duties.act(
        HandOverDuty(
            place=POND, duty=DutyKind.GUARANTOR, from_person_id="zhang", to_person_id="wang", by="王工", on=day[10],
            note="换届",
        )
    )  # fmt: skip
    await office.duties.act(SetDeputies(place=POND, duty=DutyKind.GUARANTOR, deputies=("li",), by="王工", on=day[12]))
    await office.duties.act(EndDuty(place=POND, duty=DutyKind.GUARANTOR, reason="闭库", by="王工", on=day[30]))

    story = await office.records.story(GRID, POND.key)
    seen = set()
    for each in day:
        state = None
        for stored in story:
            if stored.event.on <= each:  # type: ignore[attr-defined]  # every event here is Recorded
                state = evolve_grid(state, stored.event)  # type: ignore[arg-type]  # and of a grid
        answer = await office.duties.who(WhoAnswers(place=POND, as_of=each))
        expected = () if state is None else in_force(state, each)
        assert tuple(one.assignment for one in answer.answering) == expected
        seen.add(tuple((one.person.description.name, tuple(d.id for d in one.deputies)) for one in answer.answering))
    assert seen == {
        (("张县长", ("zhao",)),),
        (("赵局长", ()), ("张县长", ("zhao",))),
        (("赵局长", ()), ("王县长", ())),
        (("赵局长", ()), ("王县长", ("li",))),
        (("王县长", ("li",)),),
        (),
    }
    before = await office.duties.who(WhoAnswers(place=POND, as_of=DAY - timedelta(days=1)))
    assert before.missing == tuple(DutyKind)
    assert (await office.duties.list(ListGrids(person_id="li"))).total == 1
    assert (await office.duties.list(ListGrids(person_id="li", as_of=day[11]))).total == 0

    with pytest.raises(Conflict) as stale:
        await office.duties.act(
            EndDuty(place=POND, duty=DutyKind.ENTERPRISE, reason="x", by="王工", on=day[30], expected_version=1)
        )
    assert stale.value.code == "acts.stale"
    assert await verify(pool, office.parts.store, office.parts.projections) == []


async def test_a_guarantor_is_of_a_level_that_fits_the_pond(office: Office) -> None:
    def ask(person_id: str) -> AssignDuty:
        return AssignDuty(place=POND, duty=DutyKind.GUARANTOR, person_id=person_id, by="王工")

    with pytest.raises(NotFound, match="no pond xiakou"):
        await office.duties.act(ask("zhang"))
    await office.pond(None)
    with pytest.raises(Conflict, match="has no grade"):
        await office.duties.act(ask("zhang"))
    await office.pond(3)
    with pytest.raises(Conflict, match="township level and cannot be the guarantor of xiakou: at grade 3"):
        await office.duties.act(ask("li"))
    with pytest.raises(Conflict, match="no administrative level"):
        await office.duties.act(ask("zhao"))
    with pytest.raises(NotFound, match="no person nobody"):
        await office.duties.act(ask("nobody"))
    assert (await office.duties.act(ask("zhang"))).changed
    with pytest.raises(Conflict, match="still answers for xiakou"):
        await office.people.act(PersonLeaves(person_id="zhang", reason="退休", by="王工"))
    await office.pond(5)
    handed = HandOverDuty(place=POND, duty=DutyKind.GUARANTOR, to_person_id="li", by="王工")
    assert (await office.duties.act(handed)).changed
    assert (await office.people.act(PersonLeaves(person_id="zhang", reason="退休", by="王工"))).changed
    with pytest.raises(Conflict, match="left on"):
        await office.duties.act(handed.model_copy(update={"to_person_id": "zhang"}))
    assert [each.id for each in (await office.people.list(ListPeople())).people] == ["li", "zhao"]


async def test_rosters_of_a_place_never_have_two_of_one_role(office: Office, pool: Pool) -> None:
    start = datetime(2023, 7, 1, 0, tzinfo=UTC)

    def shift(first: int, last: int, who: str, role: str = "值班员") -> Shift:
        return Shift(role=role, start=start + timedelta(hours=first), end=start + timedelta(hours=last), person_id=who)

    for roster in ("july", "reserve"):
        await office.rosters.act(
            CreateRoster(roster_id=roster, name="汛期值班", place=CITY, roles=("带班领导", "值班员"), by="王工", on=DAY)
        )
    add = AddShifts(roster_id="july", shifts=(shift(0, 12, "li"), shift(12, 24, "zhao")), by="王工", on=DAY)
    assert (await office.rosters.act(add)).changed
    assert not (await office.rosters.act(add)).changed
    with pytest.raises(Conflict, match="overlap"):
        await office.rosters.act(add.model_copy(update={"roster_id": "reserve", "shifts": (shift(11, 13, "zhang"),)}))
    later = add.model_copy(update={"roster_id": "reserve", "shifts": (shift(30, 36, "zhang"),)})
    assert (await office.rosters.act(later.model_copy(update={"on": DAY + timedelta(days=9)}))).changed
    with pytest.raises(NotFound, match="no person"):
        await office.rosters.act(add.model_copy(update={"shifts": (shift(40, 50, "nobody"),)}))

    noon = await office.rosters.on_duty(WhoIsOnDuty(place=CITY, at=start + timedelta(hours=12)))
    assert [(each.person.id, each.roster_id) for each in noon.on_duty] == [("zhao", "july")]
    assert noon.vacant == ("带班领导",)
    asked = RosterGaps(place=CITY, start=start, end=start + timedelta(hours=40))
    hours = [
        ((gap.start - start) // timedelta(hours=1), (gap.end - start) // timedelta(hours=1))
        for gap in (await office.rosters.gaps(asked)).gaps
        if gap.role == "值班员"
    ]
    assert hours == [(24, 30), (36, 40)]
    then = (await office.rosters.gaps(asked.model_copy(update={"as_of": DAY}))).gaps
    assert [gap.end - gap.start for gap in then if gap.role == "值班员"] == [timedelta(hours=16)]
    with pytest.raises(BadInput, match="either"):
        await office.rosters.on_duty(WhoIsOnDuty())
    assert await rebuild(pool, office.parts.store, office.parts.projections) > 0
    assert await verify(pool, office.parts.store, office.parts.projections) == []
