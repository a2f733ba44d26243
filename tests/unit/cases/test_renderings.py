"""Word, Markdown and Excel: what is on the page is what the report says, and text stays text."""

from __future__ import annotations

import re
from datetime import date
from io import BytesIO

import pytest
from docx import Document
from docx.oxml.ns import qn
from openpyxl import load_workbook

from shared.contracts.cases import Finding, FindingSource, FindingState, Letter, LookBack, Subject, SubjectKind
from shared.contracts.report import ReplyReport
from tailwarden.report.ledger import ledger
from tailwarden.report.markdown import markdown
from tailwarden.report.word import word
from tests.unit.cases.office import reply

THE_DAY = date(2023, 6, 1)


@pytest.fixture(scope="module")
def report() -> ReplyReport:
    return reply(THE_DAY)


def test_word_has_real_headings_chinese_type_and_a_row_for_every_source(report: ReplyReport) -> None:
    document = Document(BytesIO(word(report)))
    styles = [paragraph.style.name for paragraph in document.paragraphs]
    assert styles.count("Heading 2") == 3
    assert styles.count("Heading 1") == 4  # three parts and the appendix
    assert styles[0] == "Title"
    for name, font in (("Body Text", "仿宋"), ("Heading 1", "黑体"), ("Heading 2", "楷体"), ("Title", "宋体")):
        fonts = document.styles[name].element.rPr.rFonts
        assert fonts.get(qn("w:eastAsia")) == font
        assert fonts.get(qn("w:eastAsiaTheme")) is None
    rows = document.tables[0].rows
    assert [row.cells[4].text for row in rows[1:]] == [str(source.event_id) for source in report.sources]
    text = "\n".join(paragraph.text for paragraph in document.paragraphs)
    for block in report.blocks:
        for sentence in block.sentences:
            assert sentence.text in text
    raised = [run for paragraph in document.paragraphs for run in paragraph.runs if run.font.superscript]
    sentences = sum(len(block.sentences) for block in report.blocks) + len(report.opening) + 2
    assert len(raised) == sentences


def test_every_footnote_of_the_markdown_is_explained_and_used(report: ReplyReport) -> None:
    text = markdown(report)
    body, _, appendix = text.partition("\n---\n")
    used = set(re.findall(r"\[\^([\d-]+)\]", body))
    explained = set(re.findall(r"^\[\^([\d-]+)\]:", appendix, re.MULTILINE))
    assert used == explained
    for source in report.sources:
        assert f"`{source.event_id}`" in appendix


def test_what_was_entered_cannot_break_the_markdown(report: ReplyReport) -> None:
    evil = report.model_copy(
        update={"opening": (report.opening[0].model_copy(update={"text": "1. **a** [x](y) <b>\n# z"}),), "blocks": ()}
    )
    assert r"1\. \*\*a\*\* \[x\](y) \<b\> \# z[^1]" in markdown(evil)


def test_signs_that_xml_cannot_hold_do_not_stop_the_report(report: ReplyReport) -> None:
    title = report.title.model_copy(update={"text": "标\x07题" + "长" * 300})
    source = report.sources[0].model_copy(update={"by": "a\x1bb"})
    odd = report.model_copy(update={"title": title, "signer": "x\x01", "sources": (source, *report.sources[1:])})
    document = Document(BytesIO(word(odd)))
    assert document.paragraphs[0].text.startswith("标题长")
    assert document.tables[0].rows[1].cells[2].text == "ab"


def finding(**changes: object) -> Finding:
    given = {
        "id": "f1",
        "last_on": THE_DAY,
        "title": "=HYPERLINK(1)",
        "quote": "+1\x07",
        "source": FindingSource.LETTER,
        "letter_id": "l1",
        "number": 1,
        "subjects": (Subject(kind=SubjectKind.CITY, id="x", name="@SUM(A1)"),),
        "county": "-1",
        "found_on": THE_DAY,
        "state": FindingState.FOUND,
        "look_backs": (LookBack(due=THE_DAY),),
    }
    return Finding.model_validate(given | changes)


def test_no_cell_of_the_ledger_is_a_formula() -> None:
    letter = Letter(
        id="l1", last_on=THE_DAY, number="=1+1", title="t", issuer="i", issued_on=None, received_on=THE_DAY,
        addressee="a", text="x", suggestions=({"number": 1, "text": "=cmd"},),
    )  # fmt: skip
    book = load_workbook(BytesIO(ledger([letter], [finding()], THE_DAY)))
    assert book.sheetnames == ["问题清单", "监察建议", "整改时限", "回头看"]
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell.coordinate for cell in cells if cell.data_type == "f"]
    first = {book["问题清单"].cell(1, place).value: book["问题清单"].cell(2, place) for place in range(1, 25)}
    assert first["问题"].value == "=HYPERLINK(1)"
    assert first["问题"].data_type == "s"
    assert first["问题"].quotePrefix
    assert first["原文"].value == "+1"
    assert first["来函文号"].value == "=1+1"
    assert first["责任单位"].value == "未交办"
    assert first["状态"].value == "发现，未交办"
    assert first["发现日期"].value.date() == THE_DAY
    assert book["监察建议"]["C2"].value == "=cmd"
    assert book["回头看"]["G2"].value == "未进行"


def test_a_printed_ledger_shows_every_column_under_its_headings() -> None:
    for sheet in load_workbook(BytesIO(ledger((), (), date(2023, 6, 1), "zh"))).worksheets:
        assert (sheet.page_setup.orientation, sheet.print_title_rows) == ("landscape", "$1:$1")
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (1, 0)


def test_the_ledger_tells_what_is_overdue_on_its_day() -> None:
    late = finding(
        assignment={
            "target": "t", "responsible_unit": "u", "person": "p", "deadline": date(2023, 5, 22), "measures": ("m",),
            "assigned_on": date(2023, 3, 1),
        },
        state=FindingState.ASSIGNED,
    )  # fmt: skip
    for day, overdue, days in ((date(2023, 5, 22), "否", 0), (THE_DAY, "是", 10)):
        sheet = load_workbook(BytesIO(ledger([], [late], day)))["整改时限"]
        assert (sheet["J2"].value, sheet["K2"].value) == (overdue, days)
