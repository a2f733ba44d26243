"""Evidence on a real disk, cases and campaigns on a real database."""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator
from datetime import date
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.cases import wiring
from services.cases.adapters.evidence import EvidenceFiles, require_evidence
from services.cases.adapters.subjects import similar_to
from services.cases.handlers.casework import Campaigns, CaseFiles
from services.cases.handlers.evidence import EvidenceDesk
from services.cases.handlers.findings import Findings
from services.cases.kinds import FINDING
from services.cases.workkinds import EVIDENCE
from shared.clock import SystemClock
from shared.contracts.campaigns import (
    AmendCampaign,
    CampaignPlan,
    CampaignProgress,
    CloseCampaign,
    ListCampaigns,
    OpenCampaign,
    ShowCampaign,
)
from shared.contracts.cases import (
    AssignFinding,
    CloseOutFinding,
    EvidenceRef,
    FindingState,
    RaiseFinding,
    Reinspect,
    ReportProgress,
    Subject,
    SubjectKind,
    SubmitRectification,
)
from shared.contracts.casework import (
    CaseKind,
    CloseCaseFile,
    ListCaseFiles,
    NoteCaseFile,
    OpenCaseFile,
    PublishCaseFile,
    ShowCaseFile,
)
from shared.contracts.evidence import AddEvidence, GetEvidence, ListEvidence, ShowEvidence, VerifyEvidence
from shared.eventstore import verify
from shared.eventstore.aggregates import Aggregates
from shared.postgres import Pool, open_pool
from shared.problems import BadInput, Conflict, Fault, NotFound

PDF = b"%PDF-1.7\n" + "闭库设计评审意见".encode()
DIGEST = sha256(PDF).hexdigest()
DAY = date(2023, 5, 8)


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
def files(tmp_path: Path) -> EvidenceFiles:
    return EvidenceFiles(tmp_path / "evidence")


@pytest.fixture
def desk(records: Aggregates, files: EvidenceFiles) -> EvidenceDesk:
    return EvidenceDesk(records, files, 1000, ("pdf", "txt"))


def adding(content: bytes = PDF, **more: object) -> AddEvidence:
    given = {"title": "评审意见", "filename": "review.pdf", "by": "王工", "on": DAY, "effective": DAY}
    return AddEvidence.model_validate({**given, "content": base64.b64encode(content).decode(), **more})


async def test_evidence_is_kept_by_its_hash_and_comes_back(desk: EvidenceDesk, files: EvidenceFiles) -> None:
    view = await desk.add(adding(filename="C:\\文件\\review.pdf"))
    assert view.changed
    kept = view.evidence
    assert (kept.id, kept.size, kept.media_type, kept.filename) == (DIGEST, len(PDF), "application/pdf", "review.pdf")
    assert (kept.effective, kept.received, kept.by) == (DAY, DAY, "王工")
    assert files.path(DIGEST) == files.root / DIGEST[:2] / DIGEST[2:]
    assert files.path(DIGEST).read_bytes() == PDF
    again = await desk.add(adding(title="另一个名字"))
    assert (again.changed, again.evidence) == (False, kept)
    got = await desk.get(GetEvidence(sha256=DIGEST))
    assert base64.b64decode(got.content) == PDF
    assert (await desk.list(ListEvidence())).evidence == (kept,)
    with pytest.raises(NotFound, match="not in the store"):
        await desk.show(ShowEvidence(sha256=DIGEST, as_of=date(2023, 5, 7)))


REFUSED = [
    (adding(b"%PDF-" + b"x" * 1000), "evidence.too_large"),
    (adding(b"%PDF-" + b"x" * 100_000), "evidence.too_large"),
    (adding(b""), "evidence.empty"),
    (adding(b" \r\n"), "evidence.empty"),
    (adding(filename="review\u202efdp.exe"), "evidence.unreadable_name"),
    (adding(title="评审\n意见"), "evidence.unreadable_name"),
    (adding(b"MZ\x90\x00"), "evidence.unknown_type"),
    (adding("文字".encode()), "evidence.name_differs"),
    (adding().model_copy(update={"content": "%%%"}), "evidence.not_base64"),
    (adding(received=date(2023, 5, 9)), "evidence.received_on_future"),
]


async def test_what_is_not_taken_is_refused_in_words(desk: EvidenceDesk) -> None:
    for command, code in REFUSED:
        with pytest.raises(BadInput) as refused:
            await desk.add(command)
        assert refused.value.code == code
    assert (await desk.list(ListEvidence())).total == 0


async def test_damage_is_found_when_it_is_read_and_mended_by_the_original(
    desk: EvidenceDesk, files: EvidenceFiles
) -> None:
    await desk.add(adding())
    other = (await desk.add(adding(b"text", filename="a.txt", title="记录"))).evidence.id
    assert (await desk.verify(VerifyEvidence())).damaged == ()
    files.path(DIGEST).write_bytes(PDF[:-1] + b"X")
    files.path(other).unlink()
    with pytest.raises(Fault, match="damaged on the disk"):
        await desk.get(GetEvidence(sha256=DIGEST))
    with pytest.raises(Fault, match="not in the store's directory"):
        await desk.get(GetEvidence(sha256=other))
    report = await desk.verify(VerifyEvidence())
    assert report.checked == report.total == 2
    assert {(each.sha256, each.missing) for each in report.damaged} == {(DIGEST, False), (other, True)}
    assert not (await desk.add(adding())).changed
    assert (await desk.verify(VerifyEvidence(sha256=DIGEST))).damaged == ()


async def test_dying_between_the_bytes_and_the_record_does_no_harm(desk: EvidenceDesk, files: EvidenceFiles) -> None:
    await files.put(PDF)  # and then it was killed
    with pytest.raises(NotFound):
        await desk.get(GetEvidence(sha256=DIGEST))
    half = files.path(DIGEST).with_name(".new-abc")
    half.write_bytes(PDF[:3])  # and once more, in the middle of writing
    assert (await desk.verify(VerifyEvidence())).total == 0
    assert (await desk.add(adding())).changed
    await files.sweep()
    assert half.exists()  # somebody may be writing it just now
    os.utime(half, (0, 0))
    await files.sweep()
    assert not half.exists()
    assert files.path(DIGEST).read_bytes() == PDF


SITE = Subject(kind=SubjectKind.POND, id="xiakou", name="下口")


def raising(finding_id: str, campaign: str | None = None) -> RaiseFinding:
    return RaiseFinding(
        finding_id=finding_id, title="未闭库", quote="停用超过3年", subjects=(SITE,), county="平山县",
        campaign_id=campaign, by="王工", on=DAY,
    )  # fmt: skip


def assigning(finding_id: str) -> AssignFinding:
    return AssignFinding(
        finding_id=finding_id, target="闭库", responsible_unit="县政府", person="张三", measures=("设计",),
        deadline=date(2023, 6, 1), by="王工", on=DAY,
    )  # fmt: skip


async def test_a_finding_refers_only_to_evidence_in_the_store(desk: EvidenceDesk, records: Aggregates) -> None:
    findings = Findings(records, similar_to, require_evidence)
    await findings.raise_(raising("f1"))
    await findings.change(assigning("f1"))
    ref = EvidenceRef(sha256=DIGEST, title="评审意见")
    told = ReportProgress(finding_id="f1", text="评审完成", evidence=(ref,), by="李四", on=DAY)
    with pytest.raises(NotFound, match=DIGEST):
        await findings.change(told)
    assert (await records.find(FINDING, "f1")).state.progress == ()  # type: ignore[union-attr]
    await desk.add(adding())
    assert (await findings.change(told)).changed
    stranger = EvidenceRef(sha256="0" * 64, title="无")
    submitting = SubmitRectification(finding_id="f1", text="完成", evidence=(ref, stranger), by="李四", on=DAY)
    with pytest.raises(NotFound, match="0" * 64):
        await findings.change(submitting)


async def test_nothing_is_submitted_or_closed_out_on_evidence_that_is_not_what_it_was(
    desk: EvidenceDesk, records: Aggregates, files: EvidenceFiles
) -> None:
    findings = Findings(records, similar_to, require_evidence, damage=files.damage)
    await findings.raise_(raising("f1"))
    await findings.change(assigning("f1"))
    await desk.add(adding())
    ref = EvidenceRef(sha256=DIGEST, title="评审意见")
    submitting = SubmitRectification(finding_id="f1", text="完成", evidence=(ref,), by="李四", on=DAY)
    whole = files.path(DIGEST).read_bytes()
    files.path(DIGEST).write_bytes(b"%PDF-1.7\nanother")
    with pytest.raises(Fault) as refused:
        await findings.change(submitting)
    assert refused.value.code == "evidence.damaged"
    files.path(DIGEST).write_bytes(whole)
    assert (await findings.change(submitting)).finding.state is FindingState.SUBMITTED
    await findings.change(Reinspect(finding_id="f1", passed=True, by="赵六", on=DAY))
    files.path(DIGEST).unlink()
    closing = CloseOutFinding(finding_id="f1", by="钱七", on=DAY)
    with pytest.raises(Fault) as refused:
        await findings.close_out(closing)
    assert refused.value.code == "evidence.missing"
    assert (await records.find(FINDING, "f1")).state.state is FindingState.PASSED  # type: ignore[union-attr]
    files.path(DIGEST).write_bytes(whole)
    assert (await findings.close_out(closing)).finding.state is FindingState.CLOSED_OUT


async def test_a_case_is_opened_noted_published_and_closed(desk: EvidenceDesk, records: Aggregates) -> None:
    await desk.add(adding())
    cases = CaseFiles(records, require_evidence)
    given = {"county": "平山县", "by": "王工", "on": DAY}
    joint = OpenCaseFile(
        casefile_id="j1", case_kind=CaseKind.JOINT_ENFORCEMENT, title="联合检查", parties=("应急管理局",), **given
    )
    with pytest.raises(BadInput, match="two units"):
        await cases.change(joint)
    both = joint.model_copy(update={"parties": ("应急管理局", "自然资源局")})
    assert (await cases.change(both)).changed
    assert not (await cases.change(both)).changed
    with pytest.raises(BadInput, match="typical"):
        await cases.change(PublishCaseFile(casefile_id="j1", medium="日报", by="王工"))

    typical = OpenCaseFile(casefile_id="t1", case_kind=CaseKind.TYPICAL_CASE, title="违法开采", **given)
    await cases.change(typical)
    public = await cases.change(PublishCaseFile(casefile_id="t1", medium="石家庄日报", by="王工", on=date(2023, 5, 10)))
    assert [(each.on, each.medium) for each in public.casefile.publications] == [(date(2023, 5, 10), "石家庄日报")]

    incident = OpenCaseFile(casefile_id="i1", case_kind=CaseKind.INCIDENT, title="超汛限", **given)
    await cases.change(incident)
    ref = EvidenceRef(sha256=DIGEST, title="评审意见")
    closing = CloseCaseFile(casefile_id="i1", conclusion="险情解除", by="王工", on=date(2023, 5, 9))
    for missing, error in (({}, BadInput), ({"evidence": (ref,)}, BadInput)):
        with pytest.raises(error):
            await cases.change(closing.model_copy(update=missing))
    with pytest.raises(Conflict, match="somebody else"):
        await cases.change(closing.model_copy(update={"evidence": (ref,), "confirmed_by": "王 工"}))
    stranger = EvidenceRef(sha256="0" * 64, title="无")
    with pytest.raises(NotFound, match="0" * 64):
        await cases.change(closing.model_copy(update={"evidence": (stranger,), "confirmed_by": "赵六"}))
    done = closing.model_copy(update={"evidence": (ref,), "confirmed_by": "赵六"})
    assert (await cases.change(done)).casefile.confirmed_by == "赵六"
    assert not (await cases.change(done)).changed
    with pytest.raises(Conflict, match="was closed"):
        await cases.change(NoteCaseFile(casefile_id="i1", text="又", by="王工"))
    assert [each.id for each in (await cases.list(ListCaseFiles(closed=False))).casefiles] == ["j1", "t1"]
    assert (await cases.list(ListCaseFiles(case_kind=CaseKind.INCIDENT, as_of=DAY))).casefiles[0].closed_on is None
    with pytest.raises(NotFound):
        await cases.show(ShowCaseFile(casefile_id="i1", as_of=date(2023, 5, 7)))


async def test_a_campaign_counts_its_findings_and_ends_when_they_do(records: Aggregates, cases_pool: Pool) -> None:
    campaigns, findings = Campaigns(records, require_evidence), Findings(records, similar_to)
    plan = CampaignPlan(
        name="专项排查整治2023行动",
        begins=date(2023, 5, 1),
        ends=date(2023, 12, 31),
        scope="非煤矿山",
        leader="常务副市长",
    )
    await campaigns.change(OpenCampaign(campaign_id="c1", plan=plan, by="王工", on=DAY))
    backwards = plan.model_copy(update={"ends": date(2023, 4, 1)})
    with pytest.raises(BadInput, match="before it begins"):
        await campaigns.change(AmendCampaign(campaign_id="c1", plan=backwards, by="王工"))
    for finding_id in ("f1", "f2"):
        await findings.raise_(raising(finding_id, "c1"))
        await findings.change(assigning(finding_id))
    await findings.raise_(raising("f3"))
    evidence = (EvidenceRef(sha256=DIGEST, title="验收"),)
    later = date(2023, 6, 2)
    await findings.change(ReportProgress(finding_id="f1", text="完成", by="李四", on=later))
    submitting = SubmitRectification(finding_id="f1", text="完成", evidence=evidence, by="李四", on=later)
    await findings.change(submitting)
    await findings.change(Reinspect(finding_id="f1", passed=True, by="赵六", on=later))
    await findings.close_out(CloseOutFinding(finding_id="f1", by="钱七", on=later))
    now = (await campaigns.show(ShowCampaign(campaign_id="c1"))).progress
    states = {FindingState.CLOSED_OUT: 1, FindingState.ASSIGNED: 1}
    assert now == CampaignProgress(findings=2, by_state=states, open=1, closed_out=1, overdue=1)
    then = (await campaigns.list(ListCampaigns(as_of=DAY))).campaigns[0].progress
    assert then == CampaignProgress(findings=2, by_state={FindingState.ASSIGNED: 2}, open=2)
    with pytest.raises(Conflict, match="1 open"):
        await campaigns.change(CloseCampaign(campaign_id="c1", conclusion="结束", by="王工"))
    assert (await campaigns.show(ShowCampaign(campaign_id="c1"))).campaign.closed_on is None
    parts = wiring.store()
    assert await verify(cases_pool, parts.store, parts.projections) == []
    assert await records.find(EVIDENCE, DIGEST) is None
