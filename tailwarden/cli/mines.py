"""``registry mines``: the register of mines, and a mine's suspension; what ends a mine stands in ``mines_ends``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tailwarden.cli.answers import COUNTY, LIMIT, OFFSET, references
from tailwarden.cli.asking import AS_OF, BY, EXPECTED, HOME, JSON, ON, day, login, send
from tailwarden.cli.registry import registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.contracts.acts import Act
    from shared.contracts.mines import DocumentRef, MineView

__all__ = ["EVIDENCE", "MINE", "act", "mines", "paper", "papers", "register", "say_mine"]

mines = typer.Typer(no_args_is_help=True, help="Mines: register, suspend, close, merge. / 矿山登记、停产、关闭与整合。")
"""``mines_ends`` and ``mergers`` add their commands to it."""

DAY = ["%Y-%m-%d"]
MINE = typer.Argument(metavar="MINE", help="The mine's id. / 矿山编号。", show_default=False)
EVIDENCE = typer.Option(
    None,
    "--evidence",
    help="What shows it: a document's title or number, or the SHA-256 of stored evidence; may be repeated."
    " / 佐证材料：文件名称或编号，或已入库证据的 SHA-256，可重复。",
    show_default=False,
)
STATUS = typer.Option(
    None,
    "--status",
    help="operating, suspended, closing, phasing_out, closed, phased_out, merged; may be repeated. / 状态，可重复。",
    show_default=False,
)
NAMED = typer.Option(None, "--name", help="Whose name contains this. / 名称包含。", show_default=False)
NAME = typer.Option(..., "--name", help="Its name. / 名称。", show_default=False)
IN_COUNTY = typer.Option(..., "--county", help="Its county. / 所在县（区）。", show_default=False)
NEW_NAME = typer.Option(None, "--name", help="Its name. / 名称。", show_default=False)
NEW_COUNTY = typer.Option(None, "--county", help="Its county. / 所在县（区）。", show_default=False)
MINERAL = typer.Option(None, "--mineral", help="What is mined. / 矿种。", show_default=False)
METHOD = typer.Option(None, "--method", help="How it is mined. / 开采方式。", show_default=False)
CAPACITY = typer.Option(None, "--capacity", min=0, help="Licensed capacity [10^4 t/a]. / 证载规模（万 t/a）。")
ENTERPRISE = typer.Option(None, "--enterprise", help="Whose mine it is. / 企业名称。", show_default=False)
CREDIT = typer.Option(None, "--credit-code", help="The enterprise's code. / 统一社会信用代码。", show_default=False)
EAST = typer.Option(None, "--longitude", help="Degrees east. / 经度。", show_default=False)
NORTH = typer.Option(None, "--latitude", help="Degrees north. / 纬度。", show_default=False)
SUSPENDED = typer.Option(
    "", "--suspended", metavar="REASON", help="It stands suspended, because of this. / 登记时已停产停建，原因。"
)
REASON = typer.Option(..., "--reason", help="Why. / 理由。", show_default=False)
SINCE = typer.Option(None, "--since", formats=DAY, help="Suspended since. / 停产停建起始日期。", show_default="--on")
DOCUMENT = typer.Option(None, "--document", help="Number or title of the paper. / 文件编号或名称。", show_default=False)
APPROVAL = typer.Option(..., "--approval", help="Number or title of the approval. / 复产批复。", show_default=False)
GUARANTORS = typer.Option(None, "--guarantor", help="包联包保: who answers; may be repeated. / 包保责任人，可重复。")
WATCH = typer.Option(None, "--watch", help="驻矿盯守: who is on site, and how. / 驻矿盯守安排。")
PATROLS = typer.Option(None, "--patrol-every", min=1, help="日常巡查: every so many days. / 巡查间隔（天）。")
POWER = typer.Option(None, "--power-limit", min=0, help="限电管理: power limit [kW]. / 限电（kW）。")
FOUND = typer.Option(..., "--found", help="What was found. / 巡查情况。", show_default=False)
IN_ORDER = typer.Option(..., "--in-order/--not-in-order", help="Whether all was in order. / 是否正常。")


def register(app: typer.Typer) -> None:
    """Add this module's group to ``registry``."""
    registry.add_typer(mines, name="mines")


@mines.command("list")
def list_(
    county: str | None = COUNTY, status: list[str] | None = STATUS, name: str | None = NAMED,
    as_of: datetime | None = AS_OF, limit: int = LIMIT, offset: int = OFFSET, as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:  # fmt: skip
    """List mines. / 列出矿山。"""
    from shared.contracts.mines import ListMines, MineList
    from shared.contracts.reading import read_value

    asked = {"county": county, "status": status or (), "name_contains": name, "as_of": day(as_of)}
    found = send(home, read_value(ListMines, {**asked, "limit": limit, "offset": offset}), MineList)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        from tailwarden.cli.mines_shown import mine_table

        mine_table(found)


@mines.command()
def show(mine: str = MINE, as_of: datetime | None = AS_OF, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Show a mine. / 查看矿山。"""
    from shared.contracts.mines import MineView, ShowMine
    from shared.contracts.reading import read_value

    say_mine(send(home, read_value(ShowMine, {"mine_id": mine, "as_of": day(as_of)}), MineView), as_json)


@mines.command("register")
def register_(
    mine: str = MINE, name: str = NAME, county: str = IN_COUNTY, mineral: str | None = MINERAL,
    method: str | None = METHOD, capacity: float | None = CAPACITY, enterprise: str | None = ENTERPRISE,
    credit_code: str | None = CREDIT, longitude: float | None = EAST, latitude: float | None = NORTH,
    suspended: str = SUSPENDED, since: datetime | None = SINCE, on: datetime | None = ON, by: str = BY,
    as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Register a mine, operating or suspended. / 登记矿山（生产或停产停建）。"""
    from shared.contracts.mines import RegisterMine

    told = _description(
        name=name, county=county, mineral=mineral, method=method, capacity_10k_t=capacity, enterprise=enterprise,
        credit_code=credit_code, longitude=longitude, latitude=latitude,
    )  # fmt: skip
    entry = {"reason": suspended, "since": day(since)} if suspended or since is not None else None
    act(home, RegisterMine, as_json, mine={"id": mine, **told}, suspension=entry, by=by, on=on)


@mines.command()
def amend(
    mine: str = MINE, name: str | None = NEW_NAME, county: str | None = NEW_COUNTY, mineral: str | None = MINERAL,
    method: str | None = METHOD, capacity: float | None = CAPACITY, enterprise: str | None = ENTERPRISE,
    credit_code: str | None = CREDIT, longitude: float | None = EAST, latitude: float | None = NORTH,
    on: datetime | None = ON, by: str = BY, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Amend a mine's description; what is not given stays. / 更正矿山登记，未给出的保持不变。"""
    from shared.contracts.mines import AmendMine, MineView, ShowMine
    from shared.contracts.reading import read_value

    known = send(home, read_value(ShowMine, {"mine_id": mine}), MineView)
    told = _description(
        name=name, county=county, mineral=mineral, method=method, capacity_10k_t=capacity, enterprise=enterprise,
        credit_code=credit_code, longitude=longitude, latitude=latitude,
    )  # fmt: skip
    now = {**known.mine.description.model_dump(), **told}
    # What somebody else amended in between is not overwritten: the version that was read is the one acted on.
    act(home, AmendMine, as_json, mine=now, expected_version=known.version, by=by, on=on)


@mines.command()
def suspend(
    mine: str = MINE, reason: str = REASON, since: datetime | None = SINCE, document: str | None = DOCUMENT,
    guarantor: list[str] | None = GUARANTORS, watch: str | None = WATCH, patrol_every: int | None = PATROLS,
    power_limit: float | None = POWER, on: datetime | None = ON, by: str = BY, expected: int | None = EXPECTED,
    as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Suspend a mine; refused for one that is to close. / 停产停建；列入关闭的矿山不得以此代替。"""
    from shared.contracts.mines import SuspendMine

    told = {"reason": reason, "since": day(since), "document": paper(home, document), "expected_version": expected}
    controls = _controls(guarantor, watch, patrol_every, power_limit)
    act(home, SuspendMine, as_json, mine_id=mine, **told, controls=controls, by=by, on=on)


@mines.command()
def controls(
    mine: str = MINE, guarantor: list[str] | None = GUARANTORS, watch: str | None = WATCH,
    patrol_every: int | None = PATROLS, power_limit: float | None = POWER, on: datetime | None = ON, by: str = BY,
    as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Change a suspended mine's controls; those not given stay. / 变更管控措施，未给出的保持不变。"""
    from shared.contracts.mines import MineView, SetSuspensionControls, ShowMine, SuspensionControls
    from shared.contracts.reading import read_value

    known = send(home, read_value(ShowMine, {"mine_id": mine}), MineView)
    had = SuspensionControls() if known.mine.suspension is None else known.mine.suspension.controls
    now = {**had.model_dump(), **_controls(guarantor, watch, patrol_every, power_limit)}
    told = {"controls": now, "expected_version": known.version}
    act(home, SetSuspensionControls, as_json, mine_id=mine, **told, by=by, on=on)


@mines.command()
def patrol(
    mine: str = MINE, found: str = FOUND, in_order: bool = IN_ORDER, on: datetime | None = ON, by: str = BY,
    as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Log a patrol of a suspended mine. / 登记停产停建矿山的巡查。"""
    from shared.contracts.mines import LogPatrol

    act(home, LogPatrol, as_json, mine_id=mine, found=found, in_order=in_order, by=by, on=on)


@mines.command()
def resume(
    mine: str = MINE, approval: str = APPROVAL, on: datetime | None = ON, by: str = BY,
    expected: int | None = EXPECTED, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Let a suspended mine operate again. / 批准停产停建的矿山复产。"""
    from shared.contracts.mines import ResumeMine

    told = {"approval": paper(home, approval), "expected_version": expected}
    act(home, ResumeMine, as_json, mine_id=mine, **told, by=by, on=on)


def _description(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _controls(
    guarantors: Sequence[str] | None, watch: str | None, patrol_every: int | None, power_limit: float | None
) -> dict[str, Any]:
    given = {
        "guarantors": guarantors or None, "on_site_watch": watch, "patrol_every_days": patrol_every,
        "power_limit_kw": power_limit,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


def paper(home: Path | None, given: str | None) -> DocumentRef | None:
    """Return the document that an option names, if it names one; see ``papers``."""
    return None if given is None else papers(home, [given])[0]


def papers(home: Path | None, given: Sequence[str] | None) -> tuple[DocumentRef, ...]:
    """Return documents as options name them: by SHA-256 those of the evidence store, others by title or number.

    Raises
    ------
    NotFound
        ``evidence.unknown``.
    """
    import re

    from shared.contracts.mines import DocumentRef
    from shared.contracts.reading import read_value

    found = []
    for each in given or ():
        if re.fullmatch(r"[0-9a-f]{64}", each):
            stored = references(home, [each])[0]
            found.append(DocumentRef(title=stored.title, dated=stored.effective, sha256=stored.sha256))
        else:
            found.append(read_value(DocumentRef, {"title": each}))
    return tuple(found)


def act(home: Path | None, kind: type[Act], as_json: bool, *, by: str, on: datetime | None, **told: Any) -> None:
    """Do an act on a mine or a merger, and show the mine as it then stands."""
    from shared.contracts.mines import MineView
    from shared.contracts.reading import read_value

    say_mine(send(home, read_value(kind, {**told, "by": login(by), "on": day(on)}), MineView), as_json)


def say_mine(view: MineView, as_json: bool) -> None:
    """Print a mine."""
    if as_json:
        typer.echo(view.model_dump_json())
    else:
        from tailwarden.cli.mines_shown import tell_mine

        tell_mine(view)
