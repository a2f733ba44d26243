"""A real letter's story, played once by ``tailwarden demo letter``: the report says what the city's own reply said."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from docx import Document
from openpyxl import load_workbook
from psycopg import sql
from typer.testing import CliRunner

from deploy.local.places import temporary_home
from shared.settings import CONNECTION_FILE, Connection
from tailwarden.cli.app import app

pytestmark = pytest.mark.timeout(120)

TAILWARDEN = [sys.executable, "-P", "-m", "tailwarden"]
LETTER = "kuangan-2023-5"
UUID = re.compile(r"`([0-9a-f]{8}-[0-9a-f-]{27})`")


@dataclass(frozen=True)
class Played:
    out: Path
    home: Path

    def run(self, *words: str) -> str:
        """Run a command in this process: starting one for each of many would take longer than all they do."""
        done = CliRunner().invoke(app, [*words, "--home", str(self.home)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    @property
    def report(self) -> str:
        return (self.out / "report.md").read_text("utf-8")


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TAILWARDEN_")}
    return {**kept, "TAILWARDEN_LANGUAGE": "en", "COLUMNS": "160"}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """The story, played once; the system stays up for further questions and is ended like by Ctrl-C."""
    folder = tmp_path_factory.mktemp("letter")
    out, log = folder / "out", folder / "said.txt"
    with temporary_home() as home:
        command = [*TAILWARDEN, "demo", "letter", "--out", str(out), "--home", str(home), "--stay"]
        with log.open("w") as said:
            demo = subprocess.Popen(command, env=environment(), stdout=said, stderr=subprocess.STDOUT)
        try:
            limit = time.monotonic() + 100
            while "Ctrl-C" not in (text := log.read_text("utf-8")):
                assert demo.poll() is None, text
                assert time.monotonic() < limit, text
                time.sleep(0.05)
            assert "gives the letter's figures" in text
            yield Played(out, home)
        finally:
            demo.send_signal(signal.SIGINT)
            code = demo.wait(timeout=40)
        # Exit 0 only if everything reconciles.
        assert code == 0, log.read_text("utf-8")


def stored_events(home: Path) -> dict[str, tuple[str, str]]:
    """Return every event in the stores of registry and cases: id → type, and the day it tells of."""
    connection = Connection.read(home / CONNECTION_FILE)
    assert connection is not None
    found: dict[str, tuple[str, str]] = {}
    for service in ("registry", "cases"):
        with psycopg.connect(connection.database(service), autocommit=True) as conn:
            table = sql.Identifier(service, "event")
            query = sql.SQL("SELECT id::text, type, coalesce(data ->> 'on', '') FROM {}").format(table)
            rows = conn.execute(query).fetchall()
        found |= {row[0]: (row[1], row[2]) for row in rows}
    return found


def test_the_figures_are_the_letters(played: Played) -> None:
    figures = json.loads((played.out / "figures.json").read_text("utf-8"))
    ponds = figures.pop("ponds_overdue")
    assert figures == {
        "mines_before": 57,
        "mines_planned": 48,
        "closures_planned": 6,
        "merged_from": 6,
        "merged_into": 3,
        "mines_now": 57,
        "findings": 3,
        "suggestions": 5,
        "as_of": "2023-06-01",
    }
    assert {pond["name"]: pond["state"] for pond in ponds} == {
        "行唐县怡和矿业有限公司尾矿库": "design reviewed 2023-05-08, being revised",
        "平山县建国矿业有限公司下口分公司尾矿库": "commissioning the closure design",
    }
    assert all(set(pond) == {"pond", "name", "state", "overdue_since"} for pond in ponds)
    assert all(pond["overdue_since"] < "2023-02-07" for pond in ponds)


def test_the_report_says_what_the_citys_said(played: Played) -> None:
    text = re.sub(r"\[\^[\d-]+\]", "", played.report)
    for said in (
        "2023年2月7日，收到贵局《关于加强和改善矿山安全监管工作的建议函》（矿安冀函〔2023〕5号）。",
        "计划关闭6座矿山，整合重组6座矿山为3座，由57座减少到48座，共减少9座",
        "计划关闭的6座中已关闭0座，计划整合的6座中已整合0座，现有矿山57座。",
        "2023年5月8日，组织专家对闭库设计和现状评价进行了评审，结论为“修改后通过”。",
        "目前正在根据专家评审提出的意见对闭库设计进行修改完善",
        "目前正在聘请具备相应资质的单位开展闭库设计",
        "3月2日至3日，分别组织元氏县、行唐县和平山县召开3次专项调度会",
        "2023年3月20日，召开全市非煤矿山安全专项整治工作推进会",
        "2023年2月13日，召开平山县、行唐县非煤矿山专项整治专题调度会",
        "此前已提出：2022年7月",
        "三、下一步工作打算",
        "特此报告。",
    ):
        assert said in text, said
    assert text.count("仍未完成闭库治理并销号，按规则属逾期") == 2
    assert text.count("应于2023年12月29日前关闭，责任人") == 3
    assert "元氏县甲矿（匿名）、元氏县乙矿（匿名），应于2023年12月29日前关闭" in text
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings[:3] == ["一、存在问题整改落实情况", "二、监察建议的落实情况", "三、下一步工作打算"]
    assert len(re.findall(r"^### （[一二三]）", text, re.MULTILINE)) == 3


def sentences(body: str) -> list[tuple[str, str]]:
    """Return each sentence of the report's text with the marks right behind it."""
    lines = [line for line in body.splitlines() if line.strip() and line != "---"]
    return [found for line in lines for found in re.findall(r"(.+?)((?:\[\^[\d-]+\])+|$)", line) if found[0].strip()]


def test_every_sentence_has_a_source_that_is_in_the_event_store(played: Played) -> None:
    body, _, appendix = played.report.partition("\n---\n")
    explained = dict(re.findall(r"^\[\^([\d-]+)\]: (.*)$", appendix, re.MULTILINE))
    # Not sentences, and so without a mark: whom it is addressed to, who signs, and the day.
    plain = [text for text, marks in sentences(body) if not marks]
    assert plain == ["国家矿山安全监察局河北局：", "石家庄市人民政府  ", "2023年6月1日"]
    known = stored_events(played.home)
    for text, marks in sentences(body):
        for mark in re.findall(r"\[\^([\d-]+)\]", marks):
            ids = UUID.findall(explained[mark])
            assert ids, text
            for event_id in ids:
                kind, on = known[event_id]
                assert kind in explained[mark]
                assert on <= "2023-06-01", (text, kind, on)


def test_three_days_after_the_letter_the_report_says_much_less(played: Played) -> None:
    early = played.run("cases", "report", LETTER, "--as-of", "2023-02-10")
    assert len(early) < 0.6 * len(played.report)
    assert early.count("该问题尚未交办") == 3
    assert "尚未登记削减计划" in early
    assert "下一步工作打算尚未登记" in early
    assert "评审" not in early
    assert "座减少到" not in early
    # The three-year rule knows no letter: both were overdue before it came.
    assert early.count("按规则属逾期") == 2


def test_later_what_is_done_is_told_apart_from_what_is_planned(played: Played, tmp_path: Path) -> None:
    later = tmp_path / "later.md"
    said = played.run("cases", "report", LETTER, "--as-of", "2024-01-10", "--out", str(later))
    assert later.name in said
    text = re.sub(r"\[\^[\d-]+\]", "", later.read_text("utf-8"))
    assert "由57座减少到48座" in text
    assert "计划关闭的6座中已关闭1座，计划整合的6座中已整合2座，现有矿山55座。" in text
    assert text.count("逾期未关闭") == 3
    assert "元氏县甲矿（匿名），已于2023年9月15日依法关闭。" in text
    assert "逾期未销号2项" in text


def test_word_opens_with_its_headings_and_the_appendix(played: Played) -> None:
    document = Document(str(played.out / "report.docx"))
    styles = [paragraph.style.name for paragraph in document.paragraphs]
    assert styles.count("Heading 2") == 3
    text = "\n".join(paragraph.text for paragraph in document.paragraphs)
    assert "由57座减少到48座" in text
    ids = {row.cells[4].text for row in document.tables[0].rows[1:]}
    assert ids == set(UUID.findall(played.report))


def test_the_ledger_and_the_summary_agree(played: Played) -> None:
    book = load_workbook(played.out / "ledger.xlsx")
    rows = list(book["问题清单"].iter_rows(min_row=2, values_only=True))
    assert sum(row[5] == "建议函" for row in rows) == 3
    # What the register raised by itself opened a finding for each pond.
    assert sum(row[5] == "尾矿库闭库逾期" for row in rows) == 2
    assert len(list(book["监察建议"].iter_rows(min_row=2))) == 5
    summary: dict[str, Any] = json.loads(played.run("cases", "summary", "--as-of", "2023-06-01", "--json"))
    assert summary["total"]["findings"] == len(rows)
    assert summary["total"]["overdue"] == 0
    counties = {each["county"]: each for each in summary["counties"]}
    assert counties["石家庄市"]["open"] == 3
    assert counties["行唐县"]["unassigned"] == counties["平山县"]["unassigned"] == 1
    late = json.loads(played.run("cases", "summary", "--as-of", "2024-01-10", "--json"))
    assert late["total"]["overdue"] == 2
    assert late["total"]["look_backs_due"] == 1
    table = played.run("cases", "summary", "--as-of", "2023-06-01")
    assert "石家庄市" in table


def test_the_stores_are_sound_afterwards(played: Played) -> None:
    played.run("audit", "verify")
    played.run("projections", "verify")
