"""``registry plans``: reduction plans, set from a file, and what became of them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tailwarden.cli.answers import LIMIT, OFFSET
from tailwarden.cli.asking import AS_OF, BY, EXPECTED, HOME, JSON, ON, day, login, send
from tailwarden.cli.registry import registry

if TYPE_CHECKING:
    from shared.contracts.plans import PlanView

__all__ = ["register"]

plans = typer.Typer(no_args_is_help=True, help="Reduction plans: set, show, reconcile. / 压减方案：制定、查看、核对。")

PLAN = typer.Argument(metavar="PLAN", help="The plan's id. / 方案编号。", show_default=False)
FILE = typer.Argument(metavar="PLAN.toml", help="The plan. / 方案文件。", show_default=False)
PLACE = typer.Option(None, "--place", help="Of one city or county only. / 只看一个市或县（区）。", show_default=False)


def register(app: typer.Typer) -> None:
    """Add this module's group to ``registry``."""
    registry.add_typer(plans, name="plans")


@plans.command("list")
def list_(
    place: str | None = PLACE, as_of: datetime | None = AS_OF, limit: int = LIMIT, offset: int = OFFSET,
    as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """List reduction plans. / 列出压减方案。"""
    from shared.contracts.plans import ListPlans, PlanList
    from shared.contracts.reading import read_value

    asked = {"place": place, "as_of": day(as_of), "limit": limit, "offset": offset}
    found = send(home, read_value(ListPlans, asked), PlanList)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        from tailwarden.cli.plans_shown import plan_table

        plan_table(found)


@plans.command()
def show(plan: str = PLAN, as_of: datetime | None = AS_OF, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Show a plan, what became of it and where it does not add up. / 查看方案、进度与不符之处。"""
    from shared.contracts.plans import PlanView, ShowPlan
    from shared.contracts.reading import read_value

    _say(send(home, read_value(ShowPlan, {"plan_id": plan, "as_of": day(as_of)}), PlanView), as_json)


@plans.command("set")
def set_(
    file: Path = FILE, on: datetime | None = ON, by: str = BY, expected: int | None = EXPECTED,
    as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Set a plan from a file, or replace it. / 由文件制定或替换方案。"""
    from shared.contracts.plans import PlanView, ReductionPlan, SetPlan
    from shared.contracts.reading import read_value

    data = _read(file)
    unknown = sorted(set(data) - set(ReductionPlan.model_fields))
    if unknown:
        raise _bad(file, ", ".join(unknown))
    asked = {"plan": data, "expected_version": expected, "by": login(by), "on": day(on)}
    _say(send(home, read_value(SetPlan, asked), PlanView), as_json)


def _read(file: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _bad(file, getattr(error, "strerror", None) or str(error)) from error


def _bad(file: Path, reason: str) -> Exception:
    from shared.problems import BadInput

    return BadInput("plans.file_bad", file=str(file), reason=reason)


def _say(view: PlanView, as_json: bool) -> None:
    if as_json:
        typer.echo(view.model_dump_json())
    else:
        from tailwarden.cli.plans_shown import tell_plan

        tell_plan(view)
