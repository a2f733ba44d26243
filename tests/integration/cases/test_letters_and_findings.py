"""Letters and findings on a real database: across records, as of any day, two writers, similar sites."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.cases import wiring
from services.cases.adapters.subjects import similar_to
from services.cases.handlers.findings import Findings
from services.cases.handlers.letters import Letters
from services.cases.kinds import FINDING
from shared.clock import SystemClock
from shared.contracts.acts import Recorded
from shared.contracts.cases import (
    AssignFinding,
    CloseOutFinding,
    EvidenceRef,
    Finding,
    FindingSource,
    FindingState,
    HoldLookBack,
    LinkRecurrence,
    ListFindings,
    ListLetters,
    RaiseFinding,
    ReceiveLetter,
    Reinspect,
    ReportProgress,
    ShowFinding,
    ShowLetter,
    Subject,
    SubjectKind,
    SubmitRectification,
    TakeUpLetter,
)
from shared.eventstore import verify
from shared.eventstore.aggregates import Aggregates
from shared.postgres import Pool, open_pool
from shared.problems import BadInput, Conflict, NotFound

RECEIVED = date(2023, 2, 7)
XIAKOU = Subject(kind=SubjectKind.POND, id="xiakou", name="下口尾矿库")
LETTER = ReceiveLetter(
    letter_id="l5", number="矿安冀函〔2023〕5号", title="建议函", issuer="河北局", received_on=RECEIVED,
    addressee="石家庄市人民政府", text="一、二、三", by="王工",
)  # fmt: skip
SUBJECTS = [
    ("pond", "xiakou", "下口", "平山县", "out_of_use"),
    ("pond", "near", "近库", "平山县", "in_use"),
    ("pond", "near-idle", "近停库", "平山县", "out_of_use"),
    ("pond", "far", "远库", "行唐县", "in_use"),
    ("pond", "yihe", "怡和", "行唐县", "out_of_use"),
    ("pond", "gone", "旧库", "平山县", "deregistered"),
    ("mine", "m1", "甲矿", "平山县", "out_of_use"),
]


def day(number: int) -> date:
    return RECEIVED + timedelta(days=number)


def raising(finding_id: str, number: int | None = None, letter: str | None = "l5", **more: object) -> RaiseFinding:
    given = {"title": "停用未闭库", "quote": "仍未完成闭库治理并销号", "subjects": (XIAKOU,), "county": "平山县"}
    common = {"finding_id": finding_id, "letter_id": letter, "number": number, "by": "王工", "on": RECEIVED}
    return RaiseFinding.model_validate({**given, **common, **more})


def assigning(finding_id: str, on: int, deadline: int, **more: object) -> AssignFinding:
    parts = {"target": "闭库", "responsible_unit": "平山县政府", "person": "张三", "measures": ("设计",), "by": "王工"}
    given = {**parts, "finding_id": finding_id, "deadline": day(deadline), "on": day(on), **more}
    return AssignFinding.model_validate(given)


@pytest.fixture
async def cases_pool(database: dict[str, str]) -> AsyncIterator[Pool]:
    made = await open_pool(database["cases"], schema="cases")
    yield made
    await made.close()


@pytest.fixture
def records(cases_pool: Pool) -> Aggregates:
    parts = wiring.store()
    zone = ZoneInfo("Asia/Shanghai")
    return Aggregates(cases_pool, parts.store, parts.projections, SystemClock(), zone, lambda: None)


@pytest.fixture
def letters(records: Aggregates) -> Letters:
    return Letters(records)


@pytest.fixture
def findings(records: Aggregates) -> Findings:
    return Findings(records, similar_to, look_back_days=60, similar_checks=3)


async def live(findings: Findings, finding_id: str) -> None:
    """Lead a finding through a whole life with a relapse, on days 1 to 8."""
    evidence = (EvidenceRef(sha256="b" * 64, title="验收报告"),)
    await findings.change(assigning(finding_id, 1, 5))
    for number in (2, 2, 3):
        told = f"第 {number} 天的进展 {finding_id}"
        await findings.change(ReportProgress(finding_id=finding_id, text=told, by="李四", on=day(number)))
    submitted = SubmitRectification(finding_id=finding_id, text="完成", evidence=evidence, by="李四", on=day(6))
    await findings.change(submitted)
    await findings.change(Reinspect(finding_id=finding_id, passed=True, by="赵六", on=day(6)))
    await findings.close_out(CloseOutFinding(finding_id=finding_id, by="钱七", on=day(7)))
    await findings.change(HoldLookBack(finding_id=finding_id, holds=False, note="反弹", by="赵六", on=day(8)))


async def test_a_day_asked_about_is_the_replay_to_that_day(
    letters: Letters, findings: Findings, records: Aggregates, cases_pool: Pool
) -> None:
    await letters.receive(LETTER)
    await findings.raise_(raising("f1", 1))
    await live(findings, "f1")
    story = await records.story(FINDING, "f1")
    with pytest.raises(NotFound):
        await findings.show(ShowFinding(finding_id="f1", as_of=day(-1)))
    for number in range(10):
        state: Finding | None = None
        for stored in story:
            assert isinstance(stored.event, Recorded)
            if stored.event.on <= day(number):
                state = FINDING.evolve(state, stored.event)
        shown = await findings.show(ShowFinding(finding_id="f1", as_of=day(number)))
        assert shown.finding == state
        # Due on day 5, closed out on day 7, open again on day 8.
        assert shown.overdue is (number in (6, 8, 9))
        for overdue, fits in ((True, number in (6, 8, 9)), (False, number < 6)):
            listed = await findings.list(ListFindings(overdue=overdue, as_of=day(number)))
            assert listed.total == int(fits), (number, overdue)
    parts = wiring.store()
    assert await verify(cases_pool, parts.store, parts.projections) == []


async def test_findings_are_found_by_what_is_asked(letters: Letters, findings: Findings) -> None:
    await letters.receive(LETTER)
    mine = Subject(kind=SubjectKind.MINE, id="m1", name="甲矿")
    for finding_id, number in (("f3", 3), ("f1", 1), ("f2", 2)):
        await findings.raise_(raising(finding_id, number))
    await findings.raise_(raising("f4", None, None, subjects=(mine, XIAKOU), county="行唐县", campaign_id="c1"))
    await findings.change(assigning("f2", 1, 40))

    async def ids(**asked: object) -> list[str]:
        found = await findings.list(ListFindings.model_validate(asked))
        assert found.total >= len(found.findings)
        return [each.id for each in found.findings]

    assert await ids(letter_id="l5") == ["f1", "f2", "f3"]
    assert await ids(county="行唐县") == ["f4"]
    assert await ids(subject_id="m1") == ["f4"]
    assert await ids(campaign_id="c1") == ["f4"]
    assert await ids(state=(FindingState.ASSIGNED,)) == ["f2"]
    assert await ids(state=(FindingState.ASSIGNED,), as_of=RECEIVED) == []
    assert await ids(overdue=True) == ["f2"]
    assert await ids(limit=2, offset=1) == ["f2", "f3"]
    shown = await letters.show(ShowLetter(letter_id="l5"))
    assert [each.id for each in shown.findings] == ["f1", "f2", "f3"]
    assert [each.id for each in (await letters.list(ListLetters())).letters] == ["l5"]
    assert (await letters.list(ListLetters(as_of=day(-1)))).total == 0


async def test_the_same_again_long_after_changes_nothing(letters: Letters, findings: Findings) -> None:
    await letters.receive(LETTER)
    await letters.change(TakeUpLetter(letter_id="l5", text="立即组织", by="王工", on=day(3)))
    await findings.raise_(raising("f1", 1))
    await findings.change(assigning("f1", 1, 40))
    again, letter = await findings.raise_(raising("f1", 1)), await letters.receive(LETTER)
    assert (again.changed, again.version, letter.changed, letter.version) == (False, 2, False, 2)
    with pytest.raises(Conflict, match="exists already"):
        await letters.receive(LETTER.model_copy(update={"text": "别的", "on": day(3)}))


async def test_what_concerns_other_records_is_checked(letters: Letters, findings: Findings) -> None:
    with pytest.raises(NotFound, match="no letter l5"):
        await findings.raise_(raising("f1", 1))
    await letters.receive(LETTER)
    await findings.raise_(raising("f1", 1, recurrence_of=("2022年7月监督监察提出",)))
    with pytest.raises(Conflict, match="number 1 of letter l5 is finding f1"):
        await findings.raise_(raising("f2", 1))
    with pytest.raises(NotFound, match="no finding old is on file"):
        await findings.raise_(raising("f2", 2, recurrence_of=("old",)))
    with pytest.raises(NotFound):
        await findings.show(ShowFinding(finding_id="f2"))  # refused as a whole

    await findings.raise_(raising("old", None, None, found_on=date(2022, 7, 15)))
    await findings.raise_(raising("new", None, None, on=day(9)))
    with pytest.raises(BadInput, match="found on 2023-02-16"):
        await findings.link(LinkRecurrence(finding_id="f1", recurrence_of="new", by="王工"))
    linked = await findings.link(LinkRecurrence(finding_id="f1", recurrence_of="old", by="王工", on=day(9)))
    assert linked.finding.recurrence_of == ("2022年7月监督监察提出", "old")
    with pytest.raises(NotFound, match="no finding nowhere"):
        await findings.raise_(raising("f9", None, None, source=FindingSource.SIMILAR, similar_to="nowhere"))


async def test_closing_proposes_the_check_at_similar_sites(
    letters: Letters, findings: Findings, cases_pool: Pool
) -> None:
    async with cases_pool.connection() as conn:
        for row in SUBJECTS:
            await conn.execute(
                "INSERT INTO known_subject (kind, id, name, county, tag) VALUES (%s, %s, %s, %s, %s)", row
            )
    await findings.raise_(raising("f1", None, None))
    await live(findings, "f1")
    finding = (await findings.show(ShowFinding(finding_id="f1"))).finding
    # The same county first and in it the same state, then ponds in the same state elsewhere; not what is gone.
    assert [(each.subject.id, each.why) for each in finding.similar] == [
        ("near-idle", "same_county"), ("near", "same_county"), ("yihe", "same_state"),
    ]  # fmt: skip
    assert finding.look_backs[0].due == day(7 + 60)
    other = finding.similar[2].subject
    taken = raising("f2", None, None, source=FindingSource.SIMILAR, similar_to="f1", subjects=(other,), county="行唐县")
    assert (await findings.raise_(taken)).finding.similar_to == "f1"


async def test_of_two_writers_one_is_shown_the_present_state(letters: Letters, findings: Findings) -> None:
    await findings.raise_(raising("f1", None, None))
    acts = [assigning("f1", 1, 40, person=person, expected_version=1) for person in ("张三", "周八")]
    results = await asyncio.gather(*(findings.change(act) for act in acts), return_exceptions=True)
    refused = [each for each in results if isinstance(each, Conflict)]
    assert len(refused) == 1
    assert (refused[0].code, refused[0].params["actual"]) == ("acts.stale", 2)
    standing = (await findings.show(ShowFinding(finding_id="f1"))).finding
    assert Finding.model_validate(refused[0].params["state"]) == standing
