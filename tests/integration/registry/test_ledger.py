"""A whole ledger into the register: all of it or nothing, and the same again changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from services.registry import wiring
from services.registry.domain.grid import YUNNAN
from services.registry.duties import Duties
from services.registry.ledger import Ledger
from services.registry.minekinds import MINE
from services.registry.people import People
from services.registry.pondfiles import PondFiles
from shared.clock import SystemClock
from shared.contracts.base import Command
from shared.contracts.ledger import (
    ContactCell,
    ImportLedger,
    ListPonds,
    MineRow,
    PersonRow,
    PondList,
    PondRow,
    SensorRow,
    Sheet,
)
from shared.contracts.levels import SensorKind
from shared.contracts.mines import ListMines, MineDescription, MineList, MineStatus
from shared.contracts.people import AdminLevel, Channel, PersonDescription
from shared.contracts.peopleacts import ListGrids, ListPeople, ReadContacts
from shared.contracts.plans import ListPlans, PlanList
from shared.contracts.pondfiles import ListPondFiles, PondFacts, PondUse
from shared.contracts.registry import PondDescription, SensorDescription
from shared.eventstore import audit, verify
from shared.eventstore.aggregates import Aggregates
from shared.eventstore.history import page
from shared.postgres import Pool
from tailwarden.excel.ledger import holdings, tables
from tailwarden.excel.read import read_workbook
from tailwarden.excel.rows import act_of, faults_of
from tailwarden.excel.write import write_ledger

DAY = date(2023, 6, 1)
NUMBER = "13812341234"


class Office:
    """The registry without its bus: what answers a command, by its type."""

    def __init__(self, pool: Pool) -> None:
        self.pool, self.parts = pool, wiring.store()
        store, projections = self.parts.store, tuple(self.parts.projections)
        records = Aggregates(pool, store, projections, SystemClock(), ZoneInfo("Asia/Shanghai"), lambda: None)
        self.woken = 0
        self.ledger = Ledger(records, store, projections, MINE, self._wake)
        people = People(records)
        self.people = people
        self.answers: Mapping[type[Command], Callable[[Any], Awaitable[Any]]] = {
            ListMines: self._mines,
            ListPonds: self.ledger.ponds,
            ListPondFiles: PondFiles(records, store).list,
            ListPeople: people.list,
            ListGrids: Duties(records, store, YUNNAN).list,
            ListPlans: self._plans,
        }

    def _wake(self) -> None:
        self.woken += 1

    async def send(self, command: Command, reply: type[Any]) -> Any:
        answer = await self.answers[type(command)](command)
        assert isinstance(answer, reply)
        return answer

    async def _mines(self, query: ListMines) -> MineList:
        async with self.pool.connection() as conn:
            found = await page(conn, MINE, {}, as_of=query.as_of, limit=query.limit, offset=query.offset)
        return MineList(total=found.total, mines=found.records)

    async def _plans(self, query: ListPlans) -> PlanList:
        return PlanList(total=0, plans=())

    async def events(self) -> int:
        async with self.pool.connection() as conn:
            row = await (await conn.execute("SELECT count(*) FROM event")).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def office(pool: Pool) -> Office:
    return Office(pool)


def ledger(**more: Any) -> ImportLedger:
    facts = PondFacts(dam_height_m=31.5, volume_10k_m3=250.0, mine_id="m-1", above_residents=True)
    level = SensorDescription(id="level", kind=SensorKind.WATER_LEVEL, unit="m", expected_interval_s=300)
    given: dict[str, Any] = {
        "by": "王工",
        "on": DAY,
        "source": "台账.xlsx",
        "given": {
            Sheet.MINES: ("id", "name", "county", "status", "reason"),
            Sheet.PONDS: ("id", "name", "county", "grade", *PondFacts.model_fields, "use", "use_since"),
            Sheet.SENSORS: ("pond_id", "id", "kind", "unit", "expected_interval_s"),
            Sheet.PEOPLE: ("id", "name", "level"),
        },
        "mines": (
            MineRow(row=2, mine=MineDescription(id="m-1", name="一矿", county="平山县")),
            MineRow(
                row=3, mine=MineDescription(id="m-2", name="二矿", county="平山县"), status=MineStatus.SUSPENDED,
                reason="安全生产许可证到期",
            ),
        ),
        "ponds": (
            PondRow(
                row=2, pond=PondDescription(id="p-1", name="一库", county="平山县", grade=4), facts=facts,
                use=PondUse.OUT_OF_USE, use_since=date(2019, 5, 1),
            ),
            PondRow(row=3, pond=PondDescription(id="p-2", name="二库"), facts=PondFacts()),
        ),
        "sensors": (SensorRow(row=2, pond_id="p-1", sensor=level),),
        "people": (
            PersonRow(
                row=2, person=PersonDescription(id="zhang", name="张县长", level=AdminLevel.COUNTY),
                contacts=(ContactCell(column="mobile", channel=Channel.MOBILE, address=NUMBER),),
            ),
        ),
    }  # fmt: skip
    return ImportLedger(**{**given, **more})


async def test_a_ledger_is_entered_once_and_what_it_lacks_stays(office: Office, pool: Pool) -> None:
    assert not (await office.ledger.take(ledger(check_only=True))).changed
    assert await office.events() == 0
    first = await office.ledger.take(ledger())
    assert first.refusals == ()
    assert [(each.sheet.value, each.added) for each in first.counts] == [
        ("mines", 2), ("people", 1), ("ponds", 2), ("sensors", 1),
    ]  # fmt: skip
    assert (first.changed, office.woken) == (True, 1)
    before = await office.events()
    again = await office.ledger.take(ledger())
    assert (again.changed, sum(each.unchanged for each in again.counts)) == (False, 6)
    assert (await office.events(), office.woken) == (before, 1)

    less = ledger().model_copy(
        update={
            "on": None,
            "given": {Sheet.MINES: ("id", "name"), Sheet.PEOPLE: ("id", "name"), Sheet.PONDS: ("id", "name")},
            "mines": (MineRow(row=2, mine=MineDescription(id="m-1", name="第一矿", county="x")),),
            "people": (PersonRow(row=2, person=PersonDescription(id="zhang", name="张县长")),),
            "ponds": (PondRow(row=2, pond=PondDescription(id="p-1", name="第一库"), facts=PondFacts()),),
            "sensors": (),
        }
    )
    changed = await office.ledger.take(less)
    assert [(each.amended, each.unchanged) for each in changed.counts] == [(1, 0), (0, 1), (1, 0), (0, 0)]
    held = await holdings(office, None, DAY)  # type: ignore[arg-type]  # it sends as a client does
    mine = next(each for each in held.mines if each.id == "m-1")
    assert (mine.description.name, mine.description.county) == ("第一矿", "平山县")
    (file,) = (each.file for each in held.files)
    assert (file.name, file.facts.dam_height_m, file.out_of_use_since) == ("第一库", 31.5, date(2019, 5, 1))
    then = await holdings(office, DAY, DAY)  # type: ignore[arg-type]  # as above
    assert [each.description.name for each in then.mines] == ["一矿", "二矿"]
    assert then.mines[1].suspension is not None
    assert then.mines[1].suspension.reason == "安全生产许可证到期"
    assert await verify(pool, office.parts.store, office.parts.projections) == []
    async with pool.connection() as conn:
        assert (await audit(conn)).events == await office.events()


async def test_one_row_refused_and_nothing_is_entered(office: Office, pool: Pool) -> None:
    furlong = SensorDescription(id="s", kind=SensorKind.WATER_LEVEL, unit="furlong", expected_interval_s=300)
    bad = ledger(
        mines=(
            *ledger().mines,
            MineRow(row=9, mine=MineDescription(id="m-9", name="九矿", county="平山县"), status=MineStatus.CLOSED),
        ),
        ponds=(
            *ledger().ponds,
            PondRow(row=7, pond=PondDescription(id="p-7", name="七库"), facts=PondFacts(mine_id="m-7")),
            PondRow(
                row=8, pond=PondDescription(id="p-8", name="八库"), facts=PondFacts(), use=PondUse.OUT_OF_USE,
                use_since=date(2030, 1, 1),
            ),
            PondRow(row=9, pond=PondDescription(id="drill-p-8", name="演练"), facts=PondFacts()),
        ),
        sensors=(
            SensorRow(row=4, pond_id="p-1", sensor=furlong),
            SensorRow(row=5, pond_id="nowhere", sensor=furlong.model_copy(update={"unit": "m"})),
            SensorRow(row=6, pond_id="watchdog", sensor=furlong.model_copy(update={"unit": "m"})),
        ),
        people=(
            PersonRow(
                row=6, person=PersonDescription(id="li", name="李"),
                contacts=(ContactCell(column="mobile", channel=Channel.MOBILE, address="138-abc"),),
            ),
            *ledger().people,
        ),
    )  # fmt: skip
    answer = await office.ledger.take(bad)
    assert [(each.sheet.value, each.row, each.column, each.code) for each in answer.refusals] == [
        ("mines", 9, "status", "ledger.new_status"),
        ("people", 6, "mobile", "people.bad_address"),
        ("ponds", 7, "mine_id", "ledger.no_mine"),
        ("ponds", 8, "use_since", "pondfiles.since_future"),
        ("ponds", 9, "id", "drills.reserved"),
        ("sensors", 4, "unit", "units.unknown"),
        ("sensors", 5, "pond_id", "registry.no_pond"),
        ("sensors", 6, "pond_id", "drills.reserved"),
    ]
    assert not answer.changed
    assert "138-abc" not in answer.model_dump_json()
    async with pool.connection() as conn:
        for table in ("event", "mine_history", "pond", "sensor", "person_history", "pondfile_history", "contact"):
            assert await (await conn.execute(f"SELECT count(*) FROM {table}")).fetchone() == (0,), table  # type: ignore[arg-type]  # our own names

    await office.ledger.take(ledger())
    row = MineRow(row=3, mine=MineDescription(id="m-2", name="二矿", county="平山县"), status=MineStatus.OPERATING)
    stays = await office.ledger.take(ledger(mines=(row,), ponds=(), sensors=(), people=()))
    assert [(each.column, each.code) for each in stays.refusals] == [("status", "ledger.by_act")]


async def test_what_is_exported_and_imported_again_changes_nothing(office: Office, tmp_path: Path) -> None:
    await office.ledger.take(ledger())
    for language in ("zh", "en"):
        await comes_back(office, tmp_path / f"台账-{language}.xlsx", language)
    found = await office.ledger.ponds(ListPonds(limit=1, offset=1))
    assert (found.total, [each.pond.id for each in found.ponds]) == (2, ["p-2"])
    none: PondList = await office.ledger.ponds(ListPonds(as_of=DAY))
    assert (none.total, none.ponds) == (0, ())


async def comes_back(office: Office, path: Path, language: str) -> None:
    held = await holdings(office, None, DAY)  # type: ignore[arg-type]  # it sends as a client does
    write_ledger(path, tables(held, language), language, "")
    texts = [str(cell.value) for sheet in load_workbook(path).worksheets for row in sheet.iter_rows() for cell in row]
    assert any("138****1234" in text for text in texts)
    assert all(NUMBER not in text for text in texts)
    read = read_workbook(path)
    act = act_of(read, source=path.name, by="李工", on=None, check_only=False)
    assert act is not None, [fault.words("en") for fault in read.faults]
    before = await office.events()
    answer = await office.ledger.take(act)
    assert [fault.words("en") for fault in faults_of(read, answer.refusals)] == []
    assert (answer.changed, await office.events()) == (False, before)
    assert sum(each.unchanged for each in answer.counts) == 6
    book = await office.people.contacts(ReadContacts(person_ids=("zhang",), service="notifier", purpose="test"))
    assert [each.address for each in book.addresses] == [NUMBER]
