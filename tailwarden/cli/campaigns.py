"""``cases campaigns``: open, amend, list, show and close campaigns 专项整治."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tailwarden.cli.answers import (
    AS_OF,
    BY,
    EVIDENCE,
    HOME,
    JSON,
    LIMIT,
    OFFSET,
    ON,
    ask,
    day_of,
    facts,
    login,
    references,
    table,
)  # fmt: skip
from tailwarden.cli.cases import cases

if TYPE_CHECKING:
    from shared.contracts.base import Command
    from shared.contracts.campaigns import CampaignView

__all__ = ["register"]

campaigns = typer.Typer(
    no_args_is_help=True, help="Campaigns: open, amend, list, show, close. / 专项整治的部署、进展与结束。"
)

DAY = ["%Y-%m-%d"]
CAMPAIGN = typer.Argument(metavar="CAMPAIGN", help="The campaign's id. / 专项整治编号。", show_default=False)
NAME = typer.Option(..., "--name", help="Its name. / 名称。", show_default=False)
BEGINS = typer.Option(..., "--from", formats=DAY, help="Its first day. / 开始日期。", show_default=False)
ENDS = typer.Option(..., "--to", formats=DAY, help="Its last day. / 结束日期。", show_default=False)
SCOPE = typer.Option(..., "--scope", help="What it covers. / 范围。", show_default=False)
LEADER = typer.Option(..., "--leader", help="Who leads it. / 负责人。", show_default=False)
CLOSED = typer.Option(None, "--closed/--open", help="Only closed or only open ones. / 只看已结束或进行中的。")
CONCLUSION = typer.Option(..., "--conclusion", help="How it ended. / 结论。", show_default=False)


def register(app: typer.Typer) -> None:
    """Add this module's commands to the group ``cases``."""
    cases.add_typer(campaigns, name="campaigns")


@campaigns.command("list")
def list_(
    closed: bool | None = CLOSED, as_of: datetime | None = AS_OF, limit: int = LIMIT, offset: int = OFFSET,
    as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """List campaigns with their progress. / 列出专项整治及进展。"""
    from shared.contracts.campaigns import CampaignList, ListCampaigns

    found = ask(home, ListCampaigns(closed=closed, as_of=day_of(as_of), limit=limit, offset=offset), CampaignList)
    if as_json:
        typer.echo(found.model_dump_json())
        return
    names = ("id", "name", "days", "leader", "findings", "closed_out", "overdue", "relapsed", "state")
    table([f"casework.{name}" for name in names], [_row(each) for each in found.campaigns], "casework.no_campaigns")


@campaigns.command()
def show(
    campaign: str = CAMPAIGN, as_of: datetime | None = AS_OF, as_json: bool = JSON, home: Path | None = HOME
) -> None:
    """Show one campaign with its progress. / 查看一项专项整治及进展。"""
    from shared.contracts.campaigns import ShowCampaign
    from shared.contracts.reading import read_value

    _act(home, read_value(ShowCampaign, {"campaign_id": campaign, "as_of": day_of(as_of)}), as_json)


@campaigns.command("open")
def open_(
    campaign: str = CAMPAIGN, name: str = NAME, begins: datetime = BEGINS, ends: datetime = ENDS, scope: str = SCOPE,
    leader: str = LEADER, by: str = BY, on: datetime | None = ON, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Begin a campaign. / 部署专项整治。"""
    from shared.contracts.campaigns import OpenCampaign
    from shared.contracts.reading import read_value

    asked = {"campaign_id": campaign, "plan": _plan(name, begins, ends, scope, leader)}
    _act(home, read_value(OpenCampaign, {**asked, "by": by or login(), "on": day_of(on)}), as_json)


@campaigns.command()
def amend(
    campaign: str = CAMPAIGN, name: str = NAME, begins: datetime = BEGINS, ends: datetime = ENDS, scope: str = SCOPE,
    leader: str = LEADER, by: str = BY, on: datetime | None = ON, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Replace a campaign's plan. / 调整专项整治。"""
    from shared.contracts.campaigns import AmendCampaign
    from shared.contracts.reading import read_value

    asked = {"campaign_id": campaign, "plan": _plan(name, begins, ends, scope, leader)}
    _act(home, read_value(AmendCampaign, {**asked, "by": by or login(), "on": day_of(on)}), as_json)


@campaigns.command()
def close(
    campaign: str = CAMPAIGN, conclusion: str = CONCLUSION, evidence: list[str] | None = EVIDENCE, by: str = BY,
    on: datetime | None = ON, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """End a campaign whose findings are all closed out. / 问题全部销号后结束专项整治。"""
    from shared.contracts.campaigns import CloseCampaign
    from shared.contracts.reading import read_value

    asked = {
        "campaign_id": campaign, "conclusion": conclusion, "evidence": references(home, evidence),
        "by": by or login(), "on": day_of(on),
    }  # fmt: skip
    _act(home, read_value(CloseCampaign, asked), as_json)


def _plan(name: str, begins: datetime, ends: datetime, scope: str, leader: str) -> dict[str, Any]:
    return {"name": name, "begins": begins.date(), "ends": ends.date(), "scope": scope, "leader": leader}


def _act(home: Path | None, command: Command, as_json: bool) -> None:
    from shared.contracts.campaigns import CampaignView

    view = ask(home, command, CampaignView)
    if as_json:
        typer.echo(view.model_dump_json())
        return
    progress, plan = view.progress, view.campaign.plan
    facts(
        [
            ("casework.id", view.campaign.id),
            ("casework.name", plan.name),
            ("casework.days", f"{plan.begins} – {plan.ends}"),
            ("casework.scope", plan.scope),
            ("casework.leader", plan.leader),
            ("casework.findings", progress.findings),
            ("casework.closed_out", progress.closed_out),
            ("casework.overdue", progress.overdue),
            ("casework.relapsed", progress.relapsed),
            ("casework.state", _state(view)),
            ("casework.conclusion", view.campaign.conclusion),
        ]
    )


def _row(view: CampaignView) -> tuple[object, ...]:
    plan, progress = view.campaign.plan, view.progress
    return (
        view.campaign.id, plan.name, f"{plan.begins} – {plan.ends}", plan.leader, progress.findings,
        progress.closed_out, progress.overdue, progress.relapsed, _state(view),
    )  # fmt: skip


def _state(view: CampaignView) -> str:
    from shared.words import language, say

    on = view.campaign.closed_on
    return say("casework.open", language()) if on is None else say("casework.ended", language(), on=on.isoformat())
