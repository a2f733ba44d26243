"""Ledgers in and out of Excel: what is typed is understood or refused by its cell, and text never becomes a formula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from shared.contracts.ledger import ImportLedger
from shared.contracts.levels import SensorKind, SensorState
from shared.contracts.mines import Mine, MineDescription, MineStatus
from shared.contracts.people import (
    AdminLevel,
    Channel,
    ContactChannel,
    DutyAssignment,
    DutyKind,
    Grid,
    Person,
    PersonDescription,
    Place,
    PlaceKind,
)
from shared.contracts.pondfiles import PondFacts, PondFile, PondFileView, PondUse
from shared.contracts.registry import PondDescription, PondView, SensorDescription, SensorView
from shared.problems import BadInput
from tailwarden.excel.ledger import Holdings, tables
from tailwarden.excel.read import Read, read_workbook
from tailwarden.excel.rows import act_of
from tailwarden.excel.write import write_ledger, write_template

DAY = date(2023, 6, 1)
MINE_HEADS = ("编号", "名称", "县（市、区）", "核定能力（万吨/年）", "统一社会信用代码", "状态", "停产停建起始日")


def book(path: Path, sheets: dict[str, Iterable[Sequence[Any]]]) -> Path:
    made = Workbook()
    made.remove(made.worksheets[0])
    for title, rows in sheets.items():
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    made.save(path)
    return path


def taken(path: Path) -> tuple[Read, ImportLedger | None]:
    read = read_workbook(path)
    return read, act_of(read, source=path.name, by="王工", on=None, check_only=False)


def told(read: Read, language: str = "en") -> list[str]:
    return [fault.words(language) for fault in read.faults]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.xlsx"


def test_what_officials_type_is_understood(file: Path) -> None:
    rows = [
        ("2023年矿山台账",),
        (*MINE_HEADS, None, None),
        (
            "ｍ－１".replace("－", "-"),
            " 平山一矿　",
            "平山县",
            "１，２００．５",
            "911301００",
            "停产停建",
            "2022年7月9日",
            " ",
            None,
        ),
        (None,) * 9,
        ("m-2", "三（北）矿", "平山县", 12, 1234567, "operating", None),
        ("m-3", 601, "井陉县", "1e2", None, "生产 ", None),
        ("m-4", "四矿", "井陉县", None, None, "suspended", 44751),
        ("m-5", "五矿", "井陉县", None, None, "suspended", 20220709),
        ("m-6", "六矿", "井陉县", None, None, "suspended", datetime(2022, 7, 9)),  # noqa: DTZ001  # Excel has no zones
        ("m-7", "七矿", "井陉县", None, None, "suspended", "2022/7/9"),
        ("  ", "\u200b", "　"),
    ]
    read, act = taken(book(file, {"矿山": rows, "说明": [("随便写",)], "Sheet3": []}))
    assert told(read) == []
    assert act is not None
    mines = {row.mine.id: row for row in act.mines}
    assert [row.row for row in act.mines] == [3, 5, 6, 7, 8, 9, 10]
    assert mines["m-1"].mine.name == "平山一矿"
    assert mines["m-1"].mine.capacity_10k_t == 1200.5
    assert mines["m-1"].mine.credit_code == "911301００"
    assert (mines["m-2"].mine.name, mines["m-2"].mine.credit_code) == ("三（北）矿", "1234567")
    assert mines["m-3"].mine.name == "601"
    assert mines["m-3"].mine.capacity_10k_t == 100
    assert {mines[f"m-{n}"].suspended_since for n in (1, 4, 5, 6, 7)} == {date(2022, 7, 9)}
    assert act.given["mines"] == (
        "id", "name", "county", "capacity_10k_t", "credit_code", "status", "suspended_since",
    )  # fmt: skip


def test_every_fault_is_told_by_sheet_row_and_column(file: Path) -> None:
    made = Workbook()
    mines = made.worksheets[0]
    mines.title = "Mines"
    for row in (
        MINE_HEADS,
        ("M 1", "一矿", "平山县", "12吨", 10**20, "关停", "昨天"),
        ("m-2", None, "平山县", True, None, None, "2023-02-30"),
        ("m-3", "=1+1", "平山县", -5, None, None, None),
        ("m-4", "四矿", "平山县", "#N/A", None, None, None),
        ("m-4", "四矿", "平山县", None, None, None, None),
        ("m-6", "六矿" * 200, "平山县", None, None, None, None),
    ):
        mines.append(row)
    mines["D5"].data_type = "e"
    ponds = made.create_sheet("尾矿库")
    ponds.append(("编号", "名称", "等别", "头顶库", "备注"))
    ponds.append(("p-1", "库", 9, "maybe", "x"))
    ponds.append(("p-2", "库", 2.5, "是"))
    sensors = made.create_sheet("sensors")
    sensors.append(("Pond id", "Id", "Kind", "Unit"))
    sensors.append(("p-1", "s-1", "rain", None))
    merged = made.create_sheet("人员")
    merged.append(("编号", "姓名"))
    merged.append(("zhang", "张"))
    merged.merge_cells("A2:A3")
    made.create_sheet("Budget").append(("x",))
    made.save(file)
    read, act = taken(file)
    assert act is None
    assert told(read) == [
        "Mines!A2 [编号]: 'M 1' is no id; use lower-case letters, digits, - and _, at most 64",
        "Mines!D2 [核定能力（万吨/年）]: '12吨' is no number; give the number alone, without a unit",
        "Mines!E2 [统一社会信用代码]: 100000000000000000000 is kept as a number and has lost its digits after the 15th;"
        " format the cell as text and fill it again",
        "Mines!F2 [状态]: '关停' is none of: operating, suspended, closing, phasing out, closed, phased out, merged",
        "Mines!G2 [停产停建起始日]: '昨天' is no date; write it as 2023-05-08",
        "Mines!B3 [名称]: required, and blank",
        "Mines!D3 [核定能力（万吨/年）]: 'True' is no number; give the number alone, without a unit",
        "Mines!G3 [停产停建起始日]: '2023-02-30' is no date; write it as 2023-05-08",
        "Mines!B4 [名称]: this is a formula; copy it and paste it as a value",
        "Mines!D5 [核定能力（万吨/年）]: the cell holds the error #N/A",
        "Mines!A6 [编号]: m-4 stands in row 5 already",
        "Mines!B7 [名称]: " + told(read)[11].split(": ", 1)[1],
        "尾矿库!E1 [备注]: unknown heading; use one of the template, or remove the column",
        "尾矿库!D2 [头顶库]: 'maybe' must be yes or no",
        "尾矿库!C3 [等别]: 2.5 is no whole number",
        "sensors!1: the required column 'Interval (s)' is missing",
        "sensors!D2 [Unit]: required, and blank",
        "人员: merged cells A2:A3; unmerge them and fill each",
        "Budget: unknown sheet; use Mines, Ponds, Sensors, People",
    ]
    assert "200" in told(read)[11]
    assert "尾矿库!E1 [备注]: 不认识的表头" in "\n".join(told(read, "zh"))


def test_a_name_that_does_not_read_as_it_is_stored_is_a_fault_of_its_cell(file: Path) -> None:
    rows = [("m-1", "一\u202e矿", "平山县"), ("m-2", "二\n矿", "平山县")]
    read, act = taken(book(file, {"Mines": [MINE_HEADS[:3], *rows]}))
    assert act is None
    assert [line.partition(" ")[0] for line in told(read)] == ["Mines!B2", "Mines!B3"]
    assert all("control characters" in line for line in told(read))


def test_what_a_contract_refuses_is_a_fault_of_its_cell(file: Path) -> None:
    sheets: dict[str, Iterable[Sequence[Any]]] = {
        "Ponds": [
            ("Id", "Name", "Grade", "Volume (10⁴ m³)", "Above residents"),
            ("p-1", "库", 9, -1, "maybe"),
            ("p-2", "库", 9, -1, "y"),
        ],
        "Sensors": [
            ("Pond id", "Id", "Kind", "Unit", "Interval (s)", "Range low", "Range high"),
            ("p-1", "s-1", "降雨量", "mm", 300, 10, 5),
            ("p-1", "s-2", "water_level", "m", 0, None, None),
            ("p-1", "s-3", "water_level", "m", 300, 1, None),
            ("p-1", "s-4", "water_distance", "m", 300, None, None),
        ],
    }  # fmt: skip
    read, act = taken(book(file, sheets))
    assert act is None
    assert [(fault.sheet, f"{fault.column}{fault.row}") for fault in read.faults] == [
        ("Ponds", "E2"), ("Ponds", "C3"), ("Ponds", "D3"), ("Sensors", "B2"), ("Sensors", "E3"), ("Sensors", "F4"),
        ("Sensors", "B5"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600)), "no Excel workbook"),
        (lambda path: path.write_text("编号,名称\n"), "no Excel workbook"),
        (lambda path: path.unlink(missing_ok=True), "there is no file"),
        (lambda path: path.mkdir(), "cannot read"),
    ],
)
def test_what_is_no_workbook_is_refused_in_a_line(file: Path, make: Any, words: str) -> None:
    make(file)
    with pytest.raises(BadInput, match=words):
        read_workbook(file)


def test_an_empty_workbook_and_a_sheet_without_headings(file: Path) -> None:
    assert told(read_workbook(book(file, {"矿山": [MINE_HEADS]}))) == ["ledger.xlsx: there are no rows to import"]
    (fault,) = read_workbook(book(file, {"矿山": [("a", "b")]})).faults
    assert fault.code == "excel.no_header"


def held() -> Holdings:
    """A register whose texts look like formulas."""
    mine = Mine(
        id="m-1",
        description=MineDescription(
            id="m-1", name='=HYPERLINK("http://x")', county="@平山县", enterprise="-企业", mineral="+铁"
        ),
        status=MineStatus.OPERATING, since=DAY, last_on=DAY,
    )  # fmt: skip
    pond = PondDescription(id="p-1", name="一库", county="平山县", grade=4, crest_level=312.5)
    sensor = SensorDescription(
        id="s-1", kind=SensorKind.WATER_LEVEL, unit="m", expected_interval_s=300, range=(290.0, 315.0)
    )
    file = PondFile(
        id="p-1", name="一库", county="平山县", declared_grade=4, use=PondUse.OUT_OF_USE, use_since=DAY,
        out_of_use_since=date(2019, 5, 1), facts=PondFacts(dam_height_m=31.5, mine_id="m-1", above_residents=True),
        last_on=DAY,
    )  # fmt: skip
    zhang = Person(
        id="zhang",
        description=PersonDescription(id="zhang", name="张县长", level=AdminLevel.COUNTY),
        contacts=(ContactChannel(channel=Channel.MOBILE, order=1, masked="138****1234"),),
        last_on=DAY,
    )
    duty = DutyAssignment(duty=DutyKind.GUARANTOR, person_id="zhang", deputies=("gone",), since=DAY)
    grid = Grid(id="pond-p-1", place=Place(kind=PlaceKind.POND, id="p-1"), assignments=(duty,), last_on=DAY)
    view = PondView(
        pond=pond,
        sensors=(
            SensorView(
                sensor=sensor,
                state=SensorState.MAINTENANCE,
                state_history=((None, SensorState.IN_SERVICE),),
            ),
        ),
    )
    filed = PondFileView(file=file, version=1, computed_grade=4, overdue_since=date(2022, 5, 1))
    return Holdings(DAY, (mine,), (view,), (filed,), (zhang,), (grid,))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_was_written_is_read_back_and_text_stays_text(file: Path, language: str) -> None:
    write_ledger(file, tables(held(), language), language, "note")
    sheet = load_workbook(file).worksheets[0]
    assert sheet.freeze_panes == "A2"
    assert [(cell.data_type, cell.quotePrefix) for cell in sheet[2][1:4]] == [("s", True)] * 2 + [("s", True)]
    assert sheet["B2"].value == '=HYPERLINK("http://x")'
    ponds = load_workbook(file).worksheets[1]
    since = next(cell for cell in ponds[2] if cell.is_date)
    assert since.value.date() == date(2019, 5, 1)
    grid = next(each for each in load_workbook(file).worksheets if each.title in ("责任网格", "Grid"))
    assert [cell.value for cell in grid[2]][5] == "张县长"

    read, act = taken(file)
    assert told(read) == []
    assert act is not None
    before = held()
    assert act.mines[0].mine == before.mines[0].description
    assert (act.mines[0].status, act.ponds[0].use_since) == (MineStatus.OPERATING, date(2019, 5, 1))
    assert act.ponds[0].pond == before.ponds[0].pond
    assert act.ponds[0].facts == before.files[0].file.facts
    assert act.sensors[0].sensor == before.ponds[0].sensors[0].sensor
    assert act.sensors[0].state is SensorState.IN_SERVICE
    assert act.people[0].person == before.people[0].description
    assert act.people[0].contacts == ()
    assert len(read.passed_over) == 3
    assert len(read.sheets["people"].passed_over) == 1


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_template_names_every_column_and_takes_a_row(file: Path, language: str) -> None:
    write_template(file, language)
    made = load_workbook(file)
    assert len(made.worksheets) == 5
    people = made.worksheets[3]
    people.append(["zhang", "张县长", None, None, "county", "138 1234 1234"])
    made.save(file)
    read, act = taken(file)
    assert told(read) == []
    assert act is not None
    assert [(cell.channel, cell.address) for cell in act.people[0].contacts] == [(Channel.MOBILE, "138 1234 1234")]
    assert "138 1234 1234" not in repr(act)
