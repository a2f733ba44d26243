"""``registry mines``: closure by law, phasing out, mergers, improvement, and each mine's own policy."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import typer

from tailwarden.cli.answers import LIMIT, OFFSET
from tailwarden.cli.asking import AS_OF, BY, EXPECTED, HOME, JSON, ON, day, send
from tailwarden.cli.mines import EVIDENCE, MINE, act, mines, paper, papers

__all__ = ["register"]

merger = typer.Typer(no_args_is_help=True, help="Mergers: several mines become one. / 整合重组。")

DAY = ["%Y-%m-%d"]
BASIS = typer.Option(..., "--basis", help="Code of the situation (law-…, exit-…). / 依据代码。", show_default=False)
BASIS_IF = typer.Option(None, "--basis", help="Code of the situation, if none was planned. / 未列计划时的依据代码。")
DEADLINE = typer.Option(..., "--deadline", formats=DAY, help="By when. / 期限。", show_default=False)
RESPONSIBLE = typer.Option(..., "--responsible", help="Who answers for it. / 责任人。", show_default=False)
DOCUMENT = typer.Option(None, "--document", help="Number or title of the paper. / 文件编号或名称。", show_default=False)
MEASURES = typer.Option(..., "--measure", help="A measure; may be repeated. / 措施，可重复。", show_default=False)
TARGET = typer.Option(..., "--target", help="Where the mine is to go. / 目标。", show_default=False)
OWNER = typer.Option(..., "--owner", help="Who answers for it. / 责任人。", show_default=False)
START = typer.Option(..., "--start", formats=DAY, help="From when. / 开始日期。", show_default=False)
DUE = typer.Option(..., "--due", formats=DAY, help="By when. / 完成日期。", show_default=False)
MERGER = typer.Argument(metavar="MERGER", help="The merger's id. / 整合方案编号。", show_default=False)
MEMBERS = typer.Option(..., "--member", help="A mine that takes part; repeat it. / 参加整合的矿山，可重复。")
INTO = typer.Option(..., "--into", help="The mine that remains. / 保留的矿山。", show_default=False)
REASON = typer.Option(..., "--reason", help="Why. / 理由。", show_default=False)
STATE = typer.Option(None, "--state", help="planned, completed, withdrawn; may be repeated. / 状态，可重复。")


def register(app: typer.Typer) -> None:
    """Add the group of mergers; the other commands stand among those of ``registry mines``."""
    mines.add_typer(merger, name="merger")


@mines.command("plan-closure")
def plan_closure(
    mine: str = MINE, basis: str = BASIS, deadline: datetime = DEADLINE, responsible: str = RESPONSIBLE,
    document: str | None = DOCUMENT, on: datetime | None = ON, by: str = BY, expected: int | None = EXPECTED,
    as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Plan a closure by law, or change its deadline or person. / 列入依法关闭计划，或变更时限、责任人。"""
    from shared.contracts.mines import PlanClosure

    told = {"basis": basis, "deadline": day(deadline), "responsible": responsible, "document": paper(home, document)}
    act(home, PlanClosure, as_json, mine_id=mine, **told, expected_version=expected, by=by, on=on)


@mines.command()
def close(
    mine: str = MINE, evidence: list[str] | None = EVIDENCE, basis: str | None = BASIS_IF, on: datetime | None = ON,
    by: str = BY, expected: int | None = EXPECTED, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Record that a mine was closed by law; needs evidence. / 登记依法关闭完成，须有佐证。"""
    from shared.contracts.mines import CloseMine

    told = {"evidence": papers(home, evidence), "basis": basis, "expected_version": expected}
    act(home, CloseMine, as_json, mine_id=mine, **told, by=by, on=on)


@mines.command("plan-phase-out")
def plan_phase_out(
    mine: str = MINE, basis: str = BASIS, deadline: datetime = DEADLINE, responsible: str = RESPONSIBLE,
    document: str | None = DOCUMENT, on: datetime | None = ON, by: str = BY, expected: int | None = EXPECTED,
    as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Plan to phase a mine out. / 列入淘汰退出计划。"""
    from shared.contracts.mines import PlanPhaseOut

    told = {"basis": basis, "deadline": day(deadline), "responsible": responsible, "document": paper(home, document)}
    act(home, PlanPhaseOut, as_json, mine_id=mine, **told, expected_version=expected, by=by, on=on)


@mines.command("phase-out")
def phase_out(
    mine: str = MINE, evidence: list[str] | None = EVIDENCE, on: datetime | None = ON, by: str = BY,
    expected: int | None = EXPECTED, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Record that a mine was phased out; needs evidence. / 登记淘汰退出完成，须有佐证。"""
    from shared.contracts.mines import CompletePhaseOut

    told = {"evidence": papers(home, evidence), "expected_version": expected}
    act(home, CompletePhaseOut, as_json, mine_id=mine, **told, by=by, on=on)


@mines.command()
def improve(
    mine: str = MINE, measure: list[str] = MEASURES, deadline: datetime = DEADLINE, responsible: str = RESPONSIBLE,
    on: datetime | None = ON, by: str = BY, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Plan what a mine that stays must improve. / 登记改造提升方案。"""
    from shared.contracts.mines import PlanImprovement

    told = {"measures": measure, "deadline": day(deadline), "responsible": responsible}
    act(home, PlanImprovement, as_json, mine_id=mine, **told, by=by, on=on)


@mines.command()
def improved(
    mine: str = MINE, evidence: list[str] | None = EVIDENCE, on: datetime | None = ON, by: str = BY,
    as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Record that the improvement is done; needs evidence. / 登记改造提升完成，须有佐证。"""
    from shared.contracts.mines import CompleteImprovement

    act(home, CompleteImprovement, as_json, mine_id=mine, evidence=papers(home, evidence), by=by, on=on)


@mines.command()
def policy(
    mine: str = MINE, target: str = TARGET, measure: list[str] = MEASURES, owner: str = OWNER,
    start: datetime = START, due: datetime = DUE, on: datetime | None = ON, by: str = BY, as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:  # fmt: skip
    """Set a mine's own policy. / 登记一矿一策。"""
    from shared.contracts.mines import SetPolicy

    told = {"target": target, "measures": measure, "owner": owner, "start": day(start), "due": day(due)}
    act(home, SetPolicy, as_json, mine_id=mine, policy=told, by=by, on=on)


@merger.command("plan")
def plan_merger(
    merger_id: str = MERGER, member: list[str] = MEMBERS, into: str = INTO, deadline: datetime = DEADLINE,
    responsible: str = RESPONSIBLE, on: datetime | None = ON, by: str = BY, as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:  # fmt: skip
    """Plan a merger; the mines count until it is done. / 登记整合方案，完成前仍按原数计。"""
    from shared.contracts.mines import PlanMerger

    told = {"members": member, "into": into, "deadline": day(deadline), "responsible": responsible}
    act(home, PlanMerger, as_json, merger_id=merger_id, **told, by=by, on=on)


@merger.command("complete")
def complete_merger(
    merger_id: str = MERGER, evidence: list[str] | None = EVIDENCE, on: datetime | None = ON, by: str = BY,
    as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Record that a merger was carried out; needs evidence. / 登记整合完成，须有佐证。"""
    from shared.contracts.mines import CompleteMerger

    act(home, CompleteMerger, as_json, merger_id=merger_id, evidence=papers(home, evidence), by=by, on=on)


@merger.command("withdraw")
def withdraw_merger(
    merger_id: str = MERGER, reason: str = REASON, on: datetime | None = ON, by: str = BY, as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:  # fmt: skip
    """Give a planned merger up. / 取消整合方案。"""
    from shared.contracts.mines import WithdrawMerger

    act(home, WithdrawMerger, as_json, merger_id=merger_id, reason=reason, by=by, on=on)


@merger.command("list")
def list_mergers(
    state: list[str] | None = STATE, as_of: datetime | None = AS_OF, limit: int = LIMIT, offset: int = OFFSET,
    as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """List mergers. / 列出整合方案。"""
    from shared.contracts.mergers import ListMergers, MergerList
    from shared.contracts.reading import read_value

    asked = {"state": state or (), "as_of": day(as_of), "limit": limit, "offset": offset}
    found = send(home, read_value(ListMergers, asked), MergerList)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        from tailwarden.cli.mines_shown import merger_table

        merger_table(found.mergers)


@merger.command("show")
def show_merger(
    merger_id: str = MERGER, as_of: datetime | None = AS_OF, as_json: bool = JSON, home: Path | None = HOME
) -> None:
    """Show a merger. / 查看整合方案。"""
    from shared.contracts.mergers import MergerView, ShowMerger
    from shared.contracts.reading import read_value

    view = send(home, read_value(ShowMerger, {"merger_id": merger_id, "as_of": day(as_of)}), MergerView)
    if as_json:
        typer.echo(view.model_dump_json())
    else:
        from tailwarden.cli.mines_shown import tell_merger

        tell_merger(view)
