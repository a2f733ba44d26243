"""The reply report, from the letter's story played on paper: what it says on which day, and on what it rests."""

from __future__ import annotations

import doctest
from datetime import date, timedelta
from importlib import import_module
from typing import Any

import pytest

from deploy.demo.letter.script import script
from services.cases.report.build import write_report
from services.cases.report.pen import Pen, sentences_of
from shared.contracts.cases import (
    AssignFinding,
    CloseOutFinding,
    ExtendDeadline,
    HoldLookBack,
    ListedSupervision,
    ListFinding,
    RaiseFinding,
    ReceiveLetter,
    Reinspect,
    ReportProgress,
    ScheduleLookBack,
    Subject,
    SubjectKind,
    SubmitRectification,
)
from shared.contracts.report import BlockKind, ReplyReport
from shared.problems import Fault
from tests.unit.cases.office import Office, reply, text_of

THE_DAY = date(2023, 6, 1)
SHA = "ab" * 32


@pytest.mark.parametrize(
    "name",
    ["services.cases.report.pen", "tailwarden.report.marks", "deploy.demo.letter.script"],
)
def test_examples_in_the_docs_hold(name: str) -> None:
    result = doctest.testmod(import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


def all_sentences(report: ReplyReport) -> list[Any]:
    return [
        report.title,
        *report.opening,
        *(each for block in report.blocks for each in block.sentences),
        report.closing,
    ]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("day", [date(2023, 2, 7), date(2023, 2, 10), date(2023, 3, 20), THE_DAY, date(2026, 1, 1)])
def test_every_sentence_rests_on_events_that_had_happened(day: date, language: str) -> None:
    office, story = Office(), script()
    office.play(story.steps, day)
    report = write_report(office.facts(story.letter_id, day, language))
    known = {entry.event_id: entry for entries in office.stories.values() for entry in entries}
    used = set()
    for sentence in all_sentences(report):
        assert sentence.sources, sentence.text
        used |= set(sentence.sources)
    assert used == set(range(1, len(report.sources) + 1))
    for source in report.sources:
        entry = known[source.event_id]
        assert (source.type, source.on, source.by) == (entry.type, entry.on, entry.by)
        assert source.on <= day
    assert len({source.event_id for source in report.sources}) == len(report.sources)


def test_in_june_it_says_where_both_ponds_stand_and_that_they_are_overdue() -> None:
    ponds = [block for block in reply(THE_DAY).blocks if block.label == "尾矿库闭库："]
    yihe, jianguo = ("".join(each.text for each in block.sentences) for block in ponds)
    assert "2023年5月8日，组织专家对闭库设计和现状评价进行了评审，结论为“修改后通过”" in yihe
    assert "目前正在根据专家评审提出的意见对闭库设计进行修改完善" in yihe
    assert "目前正在聘请具备相应资质的单位开展闭库设计" in jianguo
    assert all("仍未完成闭库治理并销号，按规则属逾期" in text for text in (yihe, jianguo))
    assert all(block.missing for block in ponds)


def test_it_follows_the_letter_part_by_part() -> None:
    report = reply(THE_DAY)
    parts = [block.sentences[0].text for block in report.blocks if block.kind is BlockKind.PART]
    assert parts == ["一、存在问题整改落实情况", "二、监察建议的落实情况", "三、下一步工作打算"]
    sections = [block.sentences[0].text[:3] for block in report.blocks if block.kind is BlockKind.SECTION]
    assert sections == ["（一）", "（二）", "（三）"]
    text = text_of(report)
    assert report.title.text.startswith("石家庄市人民政府关于《国家矿山安全监察局河北局关于")
    assert report.salutation == "国家矿山安全监察局河北局："
    assert "2023年2月7日，收到贵局《关于加强和改善矿山安全监管工作的建议函》（矿安冀函〔2023〕5号）。" in text
    assert "此前已提出：2022年7月" in text
    assert "应于2023年6月30日前完成" in text
    # Progress without a day in its words gets the day it is of; with one, it keeps its own.
    assert "2023年3月20日，召开全市非煤矿山安全专项整治工作推进会" in text
    assert "一是压实属地责任。3月2日至3日，分别组织" in text
    assert report.closing.text == "特此报告。"


def test_three_days_after_the_letter_it_says_plainly_what_is_missing() -> None:
    early, later = reply(date(2023, 2, 10)), reply(THE_DAY)
    text = text_of(early)
    assert text.count("尚未交办：目标任务、责任单位、责任人、整改时限和工作措施均未明确") == 3
    assert text.count("没有登记任何整改进展") == 3
    assert text.count("该项建议的落实情况尚未登记") == 5
    assert "下一步工作打算尚未登记" in text
    assert "评审" not in text
    assert len(text) < 0.7 * len(text_of(later))
    assert len(early.sources) < len(later.sources)


def test_before_anything_was_entered_of_the_letter_but_itself() -> None:
    office, story = Office(), script()
    received = next(step for step in story.steps if isinstance(step.command, ReceiveLetter))
    office.play([received], THE_DAY)
    text = text_of(write_report(office.facts(story.letter_id, THE_DAY)))
    for missing in ("研究部署情况尚未登记", "问题尚未登记", "监察建议尚未登记", "下一步工作打算尚未登记"):
        assert missing in text


def test_past_its_deadline_a_finding_is_told_overdue_with_the_days() -> None:
    day = date(2024, 1, 8)
    text = text_of(reply(day))
    assert "整改时限2023年12月29日已过，截至2024年1月8日逾期10天未销号" in text
    assert "逾期未销号2项" in text
    assert "应于2023年6月30日前完成的“回头看”，截至2024年1月8日尚未进行" in text


def whole_life(until: int) -> str:
    """Return the report of a finding's life up to its act number *until*."""
    office = Office()
    day = date(2024, 1, 1)
    subject = Subject(kind=SubjectKind.POND, id="nowhere", name="某库")
    evidence = [{"sha256": SHA, "title": "照片"}]
    who = {"finding_id": "f1"}
    listed = ListedSupervision(
        leader="赵某",
        measures=("驻点",),
        funds_10k_yuan=30.0,
        person="钱某",
        deadline=date(2024, 5, 1),
        emergency_plan="预案",
    )
    acts: list[Any] = [
        ReceiveLetter(
            letter_id="l1", number="N", title="函", issuer="局", received_on=day, addressee="市", text="x", by="a"
        ),
        RaiseFinding(
            title="漏水", quote="坝脚渗水", letter_id="l1", number=1, subjects=(subject,), county="某县", by="a", **who
        ),
        AssignFinding(
            target="止水",
            responsible_unit="某局",
            person="孙某",
            deadline=date(2024, 3, 1),
            measures=("反滤",),
            by="a",
            **who,
        ),
        ListFinding(listed=listed, by="a", **who),
        ExtendDeadline(deadline=date(2024, 4, 1), reason="材料未到", approver="李某", by="a", **who),
        ReportProgress(text="已做反滤", by="孙某", **who),
        SubmitRectification(text="完工", evidence=evidence, by="孙某", **who),
        Reinspect(passed=False, reason="仍有湿斑", by="周某", **who),
        SubmitRectification(text="再次完工", evidence=evidence, by="孙某", **who),
        Reinspect(passed=True, by="周某", **who),
        CloseOutFinding(by="周某", **who),
        HoldLookBack(holds=False, note="又见渗水", by="吴某", **who),
    ]
    for place, act in enumerate(acts[:until]):
        office.do(act, day + timedelta(days=place))
    return text_of(write_report(office.facts("l1", date(2024, 2, 1))))


def test_a_whole_life_is_told_step_by_step() -> None:
    closed = whole_life(11)
    for told in (
        "挂牌督办：责任领导赵某，责任人钱某",
        "经李某批准，整改时限延至2024年4月1日，理由：材料未到",
        "孙某报请复查：完工（佐证材料1份）",
        "周某复查，退回，理由：仍有湿斑",
        "周某复查，通过",
        "经周某核验销号",
        "已销号1项",
        "登记册中没有“某库”的闭库档案",
    ):
        assert told in closed
    assert closed.index("退回") < closed.index("通过") < closed.index("核验销号")
    relapsed = whole_life(12)
    assert "吴某“回头看”：又见渗水" in relapsed
    assert "第1次重新立案" in relapsed
    assert "已销号0项" in relapsed


def test_what_nothing_shows_is_not_said() -> None:
    with pytest.raises(Fault) as refused:
        Pen("zh", THE_DAY).write("一切都好")
    assert refused.value.code == "report.no_source"


def test_sentences_are_taken_apart_but_not_quotations() -> None:
    assert sentences_of("甲。乙“丙。丁。”戊。己") == ["甲。", "乙“丙。丁。”戊。", "己"]


def test_english_words_around_what_was_entered() -> None:
    text = text_of(reply(THE_DAY, "en"))
    assert "On 2023-05-08 experts reviewed the closure design and the status evaluation" in text
    assert "overdue by rule" in text
    assert "Now commissioning the closure design" in text


def test_a_look_back_of_an_open_finding_stays_in_the_report_until_it_is_held() -> None:
    assert any(isinstance(step.command, ScheduleLookBack) for step in script().steps)
    assert "已安排“回头看”" in text_of(reply(date(2023, 6, 30)))
