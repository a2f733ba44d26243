"""People, grids and rosters in their pure core."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from services.registry.domain.contacts import mask, normal_address
from services.registry.domain.grid import YUNNAN, check_guarantor, decide_grid, evolve_grid, in_force
from services.registry.domain.person import decide_person, evolve_person, order_for
from services.registry.domain.roster import decide_roster, evolve_roster
from shared.contracts.acts import Asked
from shared.contracts.people import (
    AdminLevel,
    Channel,
    ContactChannel,
    DutyKind,
    Grid,
    Person,
    PersonDescription,
    Place,
    PlaceKind,
    Roster,
    Shift,
)
from shared.contracts.peopleacts import (
    AddShifts,
    AmendPerson,
    AssignDuty,
    CreateRoster,
    EndDuty,
    HandOverDuty,
    PersonLeaves,
    RegisterPerson,
)
from shared.problems import BadInput, Conflict, NotFound

AT = datetime(2023, 3, 1, 4, tzinfo=UTC)
DAY = date(2023, 3, 1)
ZHANG = PersonDescription(id="zhang", name="张县长", level=AdminLevel.COUNTY)
POND = Place(kind=PlaceKind.POND, id="xiakou")


@pytest.mark.parametrize(
    ("channel", "given", "normal", "masked"),
    [
        (Channel.MOBILE, "１３８ 1234-1234", "13812341234", "138****1234"),
        (Channel.MOBILE, "+86 138 1234 1234", "+8613812341234", "+86138****1234"),
        (Channel.PHONE, "(0311) 8234567", "03118234567", "031****4567"),
        (Channel.PHONE, "8234567", "8234567", "****67"),
        (Channel.MAIL, "wang@example.org", "wang@example.org", "w***@example.org"),
        (Channel.WEBHOOK, "https://example.org/hook?key=secret", "https://example.org/hook?key=secret", "https://example.org/***"),
    ],
)  # fmt: skip
def test_addresses_have_one_form_and_show_little(channel: Channel, given: str, normal: str, masked: str) -> None:
    assert normal_address(channel, given) == normal
    assert mask(channel, normal) == masked


@pytest.mark.parametrize(
    ("channel", "given"),
    [
        (Channel.MOBILE, "138****1234"),
        (Channel.MOBILE, "12345"),
        (Channel.MAIL, "nobody"),
        (Channel.MAIL, "a b@example.org"),
        (Channel.WEBHOOK, "ftp://example.org/x"),
        (Channel.WEBHOOK, "https://[broken"),
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(channel: Channel, given: str) -> None:
    with pytest.raises(BadInput) as refused:
        normal_address(channel, given)
    assert given not in refused.value.words("zh") + refused.value.words("en") + str(refused.value.params)


def test_a_channel_takes_the_place_of_its_like_or_the_next_free_one() -> None:
    def person(*contacts: tuple[Channel, int]) -> Person:
        kept = tuple(ContactChannel(channel=channel, order=order, masked="*") for channel, order in contacts)
        return Person(id="zhang", description=ZHANG, contacts=kept, last_on=DAY)

    assert order_for(Channel.MAIL, None, None) == 1
    assert order_for(Channel.MAIL, 4, person((Channel.MAIL, 1))) == 4
    assert order_for(Channel.MAIL, None, person((Channel.MOBILE, 1), (Channel.MAIL, 3))) == 3
    assert order_for(Channel.MAIL, None, person((Channel.MOBILE, 1), (Channel.PHONE, 3))) == 2
    with pytest.raises(Conflict, match="at most 9"):
        order_for(Channel.MAIL, None, person(*((Channel.MOBILE, order) for order in range(1, 10))))


def test_a_person_is_registered_once_amended_and_leaves_for_good() -> None:
    ask = RegisterPerson(person=ZHANG, by="王工")
    (registered,) = decide_person(Asked(ask, AT, DAY), None)
    state = evolve_person(None, registered)  # type: ignore[arg-type]  # one of its events
    assert decide_person(Asked(ask, AT, DAY), state) == []
    other = ZHANG.model_copy(update={"position": "县长"})
    with pytest.raises(Conflict, match="exists already"):
        decide_person(Asked(RegisterPerson(person=other, by="王工"), AT, DAY), state)
    (amended,) = decide_person(Asked(AmendPerson(person=other, by="王工"), AT, DAY), state)
    state = evolve_person(state, amended)  # type: ignore[arg-type]  # one of its events
    leaves = PersonLeaves(person_id="zhang", reason="调任", by="王工")
    (left,) = decide_person(Asked(leaves, AT, DAY), state)
    state = evolve_person(state, left)  # type: ignore[arg-type]  # one of its events
    assert state.left_on == DAY
    assert decide_person(Asked(leaves, AT, DAY), state) == []
    with pytest.raises(Conflict, match="left on 2023-03-01"):
        decide_person(Asked(AmendPerson(person=other, by="王工"), AT, DAY), state)
    with pytest.raises(BadInput, match="blank"):
        decide_person(Asked(ask.model_copy(update={"by": "…"}), AT, DAY), None)


@pytest.mark.parametrize("grade", range(1, 6))
@pytest.mark.parametrize("level", AdminLevel)
def test_the_level_of_a_guarantor_follows_the_grade(grade: int, level: AdminLevel) -> None:
    rank = [AdminLevel.TOWNSHIP, AdminLevel.COUNTY, AdminLevel.PREFECTURE, AdminLevel.PROVINCE]
    least = {1: 2, 2: 2, 3: 1, 4: 1, 5: 0}[grade]
    if rank.index(level) >= least:
        check_guarantor("张", level, "xiakou", grade, YUNNAN)
    else:
        with pytest.raises(Conflict, match=f"at grade {grade} that must be"):
            check_guarantor("张", level, "xiakou", grade, YUNNAN)
    with pytest.raises(Conflict):
        check_guarantor("张", level, "xiakou", grade, {})


def assigned(*asks: tuple[int, AssignDuty | HandOverDuty | EndDuty]) -> Grid:
    state: Grid | None = None
    for wait, ask in asks:
        for event in decide_grid(Asked(ask, AT, DAY + timedelta(days=wait)), state):
            state = evolve_grid(state, event)  # type: ignore[arg-type]  # one of its events
    assert state is not None
    return state


def test_a_duty_is_handed_over_day_by_day() -> None:
    give = AssignDuty(place=POND, duty=DutyKind.LEADERSHIP, person_id="zhang", by="w")
    hand = HandOverDuty(place=POND, duty=DutyKind.LEADERSHIP, to_person_id="li", by="w")
    grid = assigned((0, give), (10, hand))
    assert [each.person_id for each in in_force(grid, DAY + timedelta(days=9))] == ["zhang"]
    assert [each.person_id for each in in_force(grid, DAY + timedelta(days=10))] == ["li"]
    same_day = assigned((0, give), (0, hand))
    assert [each.person_id for each in same_day.assignments] == ["li"]
    with pytest.raises(Conflict, match="borne by li"):
        assigned((0, give), (10, hand), (20, give))
    with pytest.raises(Conflict, match="wang does not bear"):
        assigned((0, give), (10, hand.model_copy(update={"from_person_id": "wang"})))
    end = EndDuty(place=POND, duty=DutyKind.LEADERSHIP, reason="x", by="w")
    with pytest.raises(NotFound, match="nobody bears leadership on 2023-03-06"):
        assigned((0, give.model_copy(update={"until": DAY + timedelta(days=4)})), (5, end))
    county = Place(kind=PlaceKind.COUNTY, id="平山县")
    with pytest.raises(Conflict, match="only ponds"):
        assigned((0, give.model_copy(update={"place": county, "duty": DutyKind.GUARANTOR})))
    with pytest.raises(BadInput, match="own deputy"):
        assigned((0, give.model_copy(update={"deputies": ("zhang",)})))


def test_shifts_meet_but_do_not_overlap_and_a_place_in_any_script_has_an_id() -> None:
    def shift(first: int, last: int) -> Shift:
        return Shift(role="值班员", start=AT + timedelta(hours=first), end=AT + timedelta(hours=last), person_id="li")

    place = Place(kind=PlaceKind.CITY, id="石家庄市")
    assert (
        place.key == Place(kind=PlaceKind.CITY, id=" 石家庄市　").key != Place(kind=PlaceKind.COUNTY, id="石家庄市").key
    )
    create = CreateRoster(roster_id="r", name="值班", place=place, roles=("值班员",), by="w")
    (created,) = decide_roster(Asked(create, AT, DAY), None)
    state: Roster = evolve_roster(None, created)  # type: ignore[arg-type]  # one of its events
    (added,) = decide_roster(
        Asked(AddShifts(roster_id="r", shifts=(shift(0, 8), shift(8, 16)), by="w"), AT, DAY), state
    )
    state = evolve_roster(state, added)  # type: ignore[arg-type]  # one of its events
    for first, last, code in ((15, 17, "people.shifts_overlap"), (20, 20, "people.shift_order")):
        with pytest.raises((Conflict, BadInput)) as refused:
            decide_roster(Asked(AddShifts(roster_id="r", shifts=(shift(first, last),), by="w"), AT, DAY), state)
        assert refused.value.code == code
    stranger = shift(20, 24).model_copy(update={"role": "司机"})
    with pytest.raises(BadInput, match="no role '司机'"):
        decide_roster(Asked(AddShifts(roster_id="r", shifts=(stranger,), by="w"), AT, DAY), state)
