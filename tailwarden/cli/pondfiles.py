"""``registry ponds``: ponds' files, their use and their closure procedures."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tailwarden.cli.answers import COUNTY, LIMIT, OFFSET
from tailwarden.cli.asking import AS_OF, BY, EXPECTED, HOME, JSON, ON, day, login, send
from tailwarden.cli.registry import registry

if TYPE_CHECKING:
    from shared.contracts.acts import Act
    from shared.contracts.mines import DocumentRef
    from shared.contracts.pondfiles import PondFileView

__all__ = ["register"]

ponds = typer.Typer(no_args_is_help=True, help="Ponds' files: facts, use, closure. / 尾矿库档案、状态与闭库。")
closure = typer.Typer(no_args_is_help=True, help="The closure procedure, step by step. / 闭库程序。")
ponds.add_typer(closure, name="closure")

DAY = ["%Y-%m-%d"]
POND = typer.Argument(metavar="POND", help="The pond's id. / 尾矿库编号。", show_default=False)
STATE = typer.Argument(
    metavar="USE", help="under_construction, in_use, out_of_use, closed, deregistered. / 状态。", show_default=False
)
USES = typer.Option(None, "--use", help="Only in this use; may be repeated. / 只看该状态，可重复。", show_default=False)
OVERDUE = typer.Option(
    None, "--overdue/--not-overdue", help="Out of use for more than three years. / 停用超过三年未销号。"
)
RESIDENTS = typer.Option(None, "--above-residents/--no-residents", help="头顶库: people live below. / 是否头顶库。")
VOLUME = typer.Option(None, "--volume", min=0, help="Full storage [10^4 m3]. / 全库容（万 m³）。")
HEIGHT = typer.Option(None, "--height", min=0, help="Dam height [m]. / 坝高（m）。")
TO_VOLUME = typer.Option(..., "--volume", help="Storage after the raise [10^4 m3]. / 加高后库容。", show_default=False)
TO_HEIGHT = typer.Option(..., "--height", help="Height after the raise [m]. / 加高后坝高。", show_default=False)
ENTERPRISE = typer.Option(None, "--enterprise", help="Whose pond it is. / 企业名称。")
MINE = typer.Option(None, "--mine", help="The mine it belongs to. / 所属矿山编号。")
DRY = typer.Option(None, "--dry/--wet", help="Tailings stacked dry. / 干式堆存。")
PEOPLE = typer.Option(None, "--people", min=0, help="People downstream. / 下游人数。")
EAST = typer.Option(None, "--longitude", help="Degrees east. / 经度。")
NORTH = typer.Option(None, "--latitude", help="Degrees north. / 纬度。")
REASON = typer.Option(..., "--reason", help="Why. / 理由。", show_default=False)
SINCE = typer.Option(None, "--since", formats=DAY, help="Since when. / 起始日期。", show_default="--on")
DOCUMENT = typer.Option(None, "--document", help="Number or title of the paper. / 文件编号或名称。", show_default=False)
STEP = typer.Argument(
    metavar="STEP",
    help="status_evaluation, closure_design, expert_review, revision, approval, works, acceptance or deregistration."
    " / 步骤：现状评价、闭库设计、专家评审、修改完善、审批、施工、验收、销号。",
    show_default=False,
)
STEP_STATE = typer.Argument(metavar="STATE", help="commissioning, under_way, done. / 进度。", show_default=False)
BY_WHOM = typer.Option("", "--organisation", help="Who does it. / 承担单位。")
OUTCOME = typer.Option(
    None, "--outcome", help="Of a review: passed, revise, rejected. / 评审结论。", show_default=False
)
OPINION = typer.Option(None, "--opinion", help="An opinion; may be repeated. / 评审意见，可重复。", show_default=False)
DUE = typer.Option(..., "--due", formats=DAY, help="The new due day. / 延期至。", show_default=False)
APPROVER = typer.Option(..., "--approver", help="Who approved it. / 批准人。", show_default=False)


def register(app: typer.Typer) -> None:
    """Add this module's group to ``registry``."""
    registry.add_typer(ponds, name="ponds")


@ponds.command("list")
def list_(
    county: str | None = COUNTY,
    use: list[str] | None = USES,
    overdue: bool | None = OVERDUE,
    above_residents: bool | None = RESIDENTS,
    as_of: datetime | None = AS_OF,
    limit: int = LIMIT,
    offset: int = OFFSET,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """List ponds' files. / 列出尾矿库档案。"""
    from shared.contracts.pondfiles import ListPondFiles, PondFileList
    from shared.contracts.reading import read_value

    asked = {"county": county, "use": use or (), "overdue": overdue, "above_residents": above_residents}
    query = read_value(ListPondFiles, {**asked, "as_of": day(as_of), "limit": limit, "offset": offset})
    found = send(home, query, PondFileList)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        from tailwarden.cli.pondfiles_shown import file_table

        file_table(found)


@ponds.command()
def show(pond: str = POND, as_of: datetime | None = AS_OF, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Show a pond's file. / 查看尾矿库档案。"""
    from shared.contracts.pondfiles import PondFileView, ShowPondFile
    from shared.contracts.reading import read_value

    _say(send(home, read_value(ShowPondFile, {"pond_id": pond, "as_of": day(as_of)}), PondFileView), as_json)


@ponds.command()
def facts(
    pond: str = POND,
    volume: float | None = VOLUME,
    height: float | None = HEIGHT,
    enterprise: str | None = ENTERPRISE,
    mine: str | None = MINE,
    dry: bool | None = DRY,
    above_residents: bool | None = RESIDENTS,
    people: int | None = PEOPLE,
    longitude: float | None = EAST,
    latitude: float | None = NORTH,
    on: datetime | None = ON,
    by: str = BY,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Enter facts of a pond; those not given stay as they are. / 登记尾矿库参数，未给出的保持不变。"""
    from shared.contracts.pondfiles import PondFacts, PondFileView, SetPondFacts, ShowPondFile
    from shared.contracts.reading import read_value
    from shared.problems import NotFound

    try:
        known = send(home, read_value(ShowPondFile, {"pond_id": pond}), PondFileView)
        had, version = known.file.facts, known.version
    except NotFound as error:
        if error.code != "pondfiles.no_file":
            raise
        had, version = PondFacts(), 0
    given = {
        "volume_10k_m3": volume, "dam_height_m": height, "enterprise": enterprise, "mine_id": mine, "dry": dry,
        "above_residents": above_residents, "people_downstream": people, "longitude": longitude, "latitude": latitude,
    }  # fmt: skip
    now = {**had.model_dump(), **{name: value for name, value in given.items() if value is not None}}
    # Somebody else's facts in between are not overwritten: the version that was read is the one acted on.
    _act(home, SetPondFacts, as_json, pond_id=pond, facts=now, by=by, on=on, expected_version=version)


@ponds.command("raise-dam")
def raise_dam(
    pond: str = POND,
    height: float = TO_HEIGHT,
    volume: float = TO_VOLUME,
    document: str | None = DOCUMENT,
    on: datetime | None = ON,
    by: str = BY,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Record a dam raise. / 登记加高扩容。"""
    from shared.contracts.pondfiles import RaiseDam

    size = {"dam_height_m": height, "volume_10k_m3": volume}
    _act(home, RaiseDam, as_json, pond_id=pond, **size, document=_paper(document), by=by, on=on)


@ponds.command()
def use(
    pond: str = POND,
    state: str = STATE,
    reason: str = REASON,
    since: datetime | None = SINCE,
    on: datetime | None = ON,
    by: str = BY,
    expected: int | None = EXPECTED,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Change a pond's use. / 变更尾矿库状态（在建、在用、停用）。"""
    from shared.contracts.pondfiles import ChangePondUse

    told = {"use": state, "since": day(since), "reason": reason, "expected_version": expected}
    _act(home, ChangePondUse, as_json, pond_id=pond, **told, by=by, on=on)


@closure.command()
def start(
    pond: str = POND,
    reason: str = REASON,
    on: datetime | None = ON,
    by: str = BY,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Begin the closure procedure; it is due in one year. / 启动闭库程序，期限一年。"""
    from shared.contracts.pondfiles import StartClosure

    _act(home, StartClosure, as_json, pond_id=pond, reason=reason, by=by, on=on)


@closure.command()
def step(
    pond: str = POND,
    step: str = STEP,
    state: str = STEP_STATE,
    organisation: str = BY_WHOM,
    document: str | None = DOCUMENT,
    outcome: str | None = OUTCOME,
    opinion: list[str] | None = OPINION,
    on: datetime | None = ON,
    by: str = BY,
    expected: int | None = EXPECTED,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Record how far a step is. / 登记闭库步骤的进度。"""
    from shared.contracts.pondfiles import RecordClosureStep

    told = {
        "step": step, "state": state, "organisation": organisation, "document": _paper(document), "outcome": outcome,
        "opinions": opinion or (), "expected_version": expected,
    }  # fmt: skip
    _act(home, RecordClosureStep, as_json, pond_id=pond, **told, by=by, on=on)


@closure.command()
def extend(
    pond: str = POND,
    due: datetime = DUE,
    reason: str = REASON,
    approver: str = APPROVER,
    on: datetime | None = ON,
    by: str = BY,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Give it more time, once and at most six months. / 延期一次，最长六个月。"""
    from shared.contracts.pondfiles import ExtendClosure

    told = {"due": day(due), "reason": reason, "approver": approver}
    _act(home, ExtendClosure, as_json, pond_id=pond, **told, by=by, on=on)


def _paper(title: str | None) -> DocumentRef | None:
    from shared.contracts.mines import DocumentRef
    from shared.contracts.reading import read_value

    return None if title is None else read_value(DocumentRef, {"title": title})


def _act(home: Path | None, act: type[Act], as_json: bool, *, by: str, on: datetime | None, **told: Any) -> None:
    from shared.contracts.pondfiles import PondFileView
    from shared.contracts.reading import read_value

    command = read_value(act, {**told, "by": login(by), "on": day(on)})
    _say(send(home, command, PondFileView), as_json)


def _say(view: PondFileView, as_json: bool) -> None:
    if as_json:
        typer.echo(view.model_dump_json())
    else:
        from tailwarden.cli.pondfiles_shown import tell_file

        tell_file(view)
