"""``cases findings``, the work: assign, report, submit, re-inspect, close out, extend, look back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import typer

from tailwarden.cli.asking import BY, EXPECTED, HOME, JSON, ON, day, text_of
from tailwarden.cli.cases_findings import DAY, ID, MEASURES, UNTIL, act_on, findings

__all__ = ["register"]

TARGET = typer.Option("", "--target", help="What is to be reached. / 目标任务。")
UNIT = typer.Option("", "--unit", help="The responsible unit. / 责任单位。")
PERSON = typer.Option("", "--person", help="Who answers for it. / 责任人。")
DEADLINE = typer.Option(None, "--deadline", formats=DAY, help="By when. / 完成时限。")
TEXT = typer.Option(..., "--text", help="The text, or @FILE, or @- . / 正文，或 @文件。", show_default=False)
HEADING = typer.Option("", "--heading", help="Its heading in the reply. / 回复中的小标题。")
EVIDENCE = typer.Option(
    [], "--evidence", help="SHA-256 of stored evidence, or a file to store; may be repeated. / 证据的 SHA-256 或文件。"
)
PASSED = typer.Option(..., "--passed/--returned", help="How it ended. / 通过或退回。", show_default=False)
REASON = typer.Option("", "--reason", help="Why (a return needs it). / 理由，退回必填。")
WHY = typer.Option(..., "--reason", help="Why. / 理由。", show_default=False)
APPROVER = typer.Option(..., "--approver", help="Who approved it. / 批准人。", show_default=False)
HOLDS = typer.Option(..., "--holds/--relapsed", help="Whether it holds. / 保持或反弹。", show_default=False)
NOTE = typer.Option(..., "--note", help="What was seen. / 所见情况。", show_default=False)
DUE = typer.Option(..., "--due", formats=DAY, help="By when. / 应于何日前。", show_default=False)


def register(app: typer.Typer) -> None:
    """The commands are on the group as soon as this module is read."""


@findings.command()
def assign(
    finding: str = ID,
    target: str = TARGET,
    unit: str = UNIT,
    person: str = PERSON,
    deadline: datetime | None = DEADLINE,
    measure: list[str] = MEASURES,
    expected: int | None = EXPECTED,
    by: str = BY,
    on: datetime | None = ON,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Assign it: target, unit, person, deadline, measures, all of them. / 交办，五项缺一不可。"""
    from shared.contracts.cases import AssignFinding

    given = {"target": target, "responsible_unit": unit, "person": person, "deadline": day(deadline)}
    act_on(AssignFinding, finding, by, on, as_json, home, **given, measures=measure, expected_version=expected)


@findings.command()
def progress(
    finding: str = ID,
    text: str = TEXT,
    heading: str = HEADING,
    evidence: list[str] = EVIDENCE,
    by: str = BY,
    on: datetime | None = ON,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Report progress. / 报告整改进展。"""
    from shared.contracts.cases import ReportProgress

    act_on(ReportProgress, finding, by, on, as_json, home, text=text_of(text), heading=heading, evidence=evidence)


@findings.command()
def submit(
    finding: str = ID,
    text: str = TEXT,
    evidence: list[str] = EVIDENCE,
    by: str = BY,
    on: datetime | None = ON,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Submit the rectification with its evidence. / 报验，附证据。"""
    from shared.contracts.cases import SubmitRectification

    act_on(SubmitRectification, finding, by, on, as_json, home, text=text_of(text), evidence=evidence)


@findings.command()
def reinspect(
    finding: str = ID,
    passed: bool = PASSED,
    reason: str = REASON,
    by: str = BY,
    on: datetime | None = ON,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Re-inspect it: passed, or returned with a reason. / 复查：通过，或说明理由退回。"""
    from shared.contracts.cases import Reinspect

    act_on(Reinspect, finding, by, on, as_json, home, passed=passed, reason=reason)


@findings.command("close-out")
def close_out(
    finding: str = ID,
    expected: int | None = EXPECTED,
    by: str = BY,
    on: datetime | None = ON,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Close it out, as one who did not rectify it. / 销号，核验人不得参与整改。"""
    from shared.contracts.cases import CloseOutFinding

    act_on(CloseOutFinding, finding, by, on, as_json, home, expected_version=expected)


@findings.command()
def extend(
    finding: str = ID,
    deadline: datetime = UNTIL,
    reason: str = WHY,
    approver: str = APPROVER,
    by: str = BY,
    on: datetime | None = ON,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Give it more time, with a reason and an approver. / 延期，须有理由和批准人。"""
    from shared.contracts.cases import ExtendDeadline

    given = {"deadline": deadline.date(), "reason": reason, "approver": approver}
    act_on(ExtendDeadline, finding, by, on, as_json, home, **given)


@findings.command("look-back")
def look_back(
    finding: str = ID,
    holds: bool = HOLDS,
    note: str = NOTE,
    by: str = BY,
    on: datetime | None = ON,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Record a look-back; a relapse reopens what was closed out. / 登记“回头看”，反弹则重新立案。"""
    from shared.contracts.cases import HoldLookBack

    act_on(HoldLookBack, finding, by, on, as_json, home, holds=holds, note=note)


@findings.command("schedule-look-back")
def schedule_look_back(
    finding: str = ID,
    due: datetime = DUE,
    by: str = BY,
    on: datetime | None = ON,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Schedule a look-back (closing does it by itself). / 安排“回头看”，销号时自动安排。"""
    from shared.contracts.cases import ScheduleLookBack

    act_on(ScheduleLookBack, finding, by, on, as_json, home, due=due.date())
