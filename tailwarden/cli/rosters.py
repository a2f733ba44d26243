"""``registry duty``: duty rosters, who is on duty when, and when nobody is."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tailwarden.cli.asking import AS_OF, BY, HOME, JSON, ON, day, login, send
from tailwarden.cli.duties import moment_of, place_of
from tailwarden.cli.registry import registry

if TYPE_CHECKING:
    from shared.contracts.acts import Act

__all__ = ["register"]

duty = typer.Typer(
    no_args_is_help=True, help="Duty rosters: shifts, who is on duty, gaps. / 值班表：班次、在岗、空档。"
)

ROSTER = typer.Argument(metavar="ROSTER", help="The roster's id. / 值班表编号。", show_default=False)
WHERE = typer.Argument(
    metavar="ROSTER|PLACE", help="A roster's id, or pond:ID, county:NAME, city:NAME. / 值班表编号或地点。",
    show_default=False,
)  # fmt: skip
NAME = typer.Option(..., "--name", help="Its name. / 名称。", show_default=False)
PLACE = typer.Option(..., "--place", help="pond:ID, county:NAME or city:NAME. / 地点。", show_default=False)
ROLES = typer.Option(..., "--role", help="A role; may be repeated. / 岗位，可重复。", show_default=False)
SHIFTS = typer.Option(
    ..., "--shift", help="ROLE|START|END|PERSON[|DEPUTY]; may be repeated. / 岗位|开始|结束|人员[|代理人]，可重复。",
    show_default=False,
)  # fmt: skip
ROLE = typer.Argument(metavar="ROLE", help="The shift's role. / 岗位。", show_default=False)
START = typer.Argument(metavar="START", help="When the shift starts. / 班次开始时间。", show_default=False)
PERSON = typer.Argument(metavar="PERSON", help="Who takes it. / 接班人编号。", show_default=False)
DEPUTY = typer.Option(None, "--deputy", help="Who stands in. / 代理人编号。")
REASON = typer.Option(..., "--reason", help="Why. / 原因。", show_default=False)
AT = typer.Option("", "--at", help="When, as 2023-07-01T08:00. / 时刻。", show_default="now / 现在")
SPAN_FROM = typer.Option(..., "--from", help="From when. / 起。", show_default=False)
SPAN_TO = typer.Option(..., "--to", help="Until when. / 止。", show_default=False)


def register(app: typer.Typer) -> None:  # every command module has this signature
    """Add this module's group to ``registry``."""
    registry.add_typer(duty, name="duty")


@duty.command()
def create(
    roster: str = ROSTER, name: str = NAME, place: str = PLACE, role: list[str] = ROLES, by: str = BY,
    on: datetime | None = ON, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Open a roster. / 新建值班表。"""
    from shared.contracts.peopleacts import CreateRoster

    _act(CreateRoster, roster, {"name": name, "place": place_of(place), "roles": role}, by, on, as_json, home)


@duty.command()
def add(
    roster: str = ROSTER, shift: list[str] = SHIFTS, by: str = BY, on: datetime | None = ON, as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:  # fmt: skip
    """Enter shifts, all or none. / 排班。"""
    from shared.contracts.peopleacts import AddShifts

    _act(AddShifts, roster, {"shifts": [_shift(each) for each in shift]}, by, on, as_json, home)


@duty.command()
def remove(
    roster: str = ROSTER, role: str = ROLE, start: str = START, reason: str = REASON, by: str = BY,
    on: datetime | None = ON, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Take a shift out. / 删去班次。"""
    from shared.contracts.peopleacts import RemoveShift

    given = {"role": role, "start": moment_of(start), "reason": reason}
    _act(RemoveShift, roster, given, by, on, as_json, home)


@duty.command()
def reassign(
    roster: str = ROSTER, role: str = ROLE, start: str = START, person: str = PERSON, deputy: str | None = DEPUTY,
    reason: str = REASON, by: str = BY, on: datetime | None = ON, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Give a shift to somebody else. / 换班。"""
    from shared.contracts.peopleacts import ReassignShift

    given = {"role": role, "start": moment_of(start), "person_id": person, "deputy_id": deputy, "reason": reason}
    _act(ReassignShift, roster, given, by, on, as_json, home)


@duty.command()
def who(
    where: str = WHERE, at: str = AT, as_of: datetime | None = AS_OF, as_json: bool = JSON, home: Path | None = HOME
) -> None:
    """Show who is on duty. / 查看谁在岗。"""
    from shared.contracts.peopleacts import WhoIsOnDuty
    from shared.contracts.peopleviews import OnDutyAnswer
    from shared.words import language, say
    from tailwarden.cli.answers import table
    from tailwarden.cli.wording import local

    query = WhoIsOnDuty(**_asked(where), at=moment_of(at) if at else None, as_of=day(as_of))
    answer = send(home, query, OnDutyAnswer)
    if as_json:
        typer.echo(answer.model_dump_json())
        return
    rows = [
        (
            each.roster_name,
            each.shift.role,
            each.person.description.name,
            "" if each.deputy is None else each.deputy.description.name,
            local(each.shift.start),
            local(each.shift.end),
        )
        for each in answer.on_duty
    ]
    heads = [f"people.head_{name}" for name in ("roster", "role", "person", "deputy", "start", "end")]
    table(heads, rows, "people.none")
    if answer.vacant:
        typer.echo(say("people.vacant", language(), roles=list(answer.vacant)))


@duty.command()
def gaps(
    where: str = WHERE, start: str = SPAN_FROM, end: str = SPAN_TO, as_of: datetime | None = AS_OF,
    as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Show when nobody is on duty, role by role. / 查看空档。"""
    from shared.contracts.peopleacts import RosterGaps
    from shared.contracts.peopleviews import WhatGaps
    from tailwarden.cli.answers import table
    from tailwarden.cli.wording import local

    query = RosterGaps(**_asked(where), start=moment_of(start), end=moment_of(end), as_of=day(as_of))
    found = send(home, query, WhatGaps)
    if as_json:
        typer.echo(found.model_dump_json())
        return
    heads = [f"people.head_{name}" for name in ("role", "start", "end")]
    table(heads, ((gap.role, local(gap.start), local(gap.end)) for gap in found.gaps), "people.none")


@duty.command("list")
def list_(
    place: str | None = typer.Option(None, "--place", help="Of one place. / 只看一处。"),
    as_of: datetime | None = AS_OF, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """List rosters. / 列出值班表。"""
    from shared.contracts.peopleacts import ListRosters
    from shared.contracts.peopleviews import RosterList
    from shared.words import joined, language
    from tailwarden.cli.answers import table

    query = ListRosters(place=None if place is None else place_of(place), as_of=day(as_of), limit=500)
    found = send(home, query, RosterList)
    if as_json:
        typer.echo(found.model_dump_json())
        return
    rows = (
        (each.id, each.name, f"{each.place.kind.value}:{each.place.id}", joined(each.roles, language()))
        for each in found.rosters
    )
    table([f"people.head_{name}" for name in ("id", "roster", "place", "roles")], rows, "people.none")


@duty.command()
def show(roster: str = ROSTER, as_of: datetime | None = AS_OF, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Show a roster's shifts. / 查看值班表。"""
    from shared.contracts.peopleacts import ShowRoster
    from shared.contracts.peopleviews import RosterView
    from tailwarden.cli.answers import table
    from tailwarden.cli.wording import local

    view = send(home, ShowRoster(roster_id=roster, as_of=day(as_of)), RosterView)
    if as_json:
        typer.echo(view.model_dump_json())
        return
    rows = (
        (each.role, local(each.start), local(each.end), each.person_id, each.deputy_id) for each in view.roster.shifts
    )
    table([f"people.head_{name}" for name in ("role", "start", "end", "person", "deputy")], rows, "people.none")


def _asked(where: str) -> dict[str, Any]:
    return {"place": place_of(where)} if ":" in where else {"roster_id": where}


def _shift(given: str) -> dict[str, Any]:
    from shared.problems import BadInput

    parts = [part.strip() for part in given.split("|")]
    if len(parts) not in (4, 5):
        raise BadInput("people.bad_shift", field="shift", given=given)
    shift: dict[str, Any] = {"role": parts[0], "start": moment_of(parts[1]), "end": moment_of(parts[2])}
    return {**shift, "person_id": parts[3], "deputy_id": parts[4] if len(parts) == 5 and parts[4] else None}


def _act(
    act: type[Act], roster: str, given: dict[str, Any], by: str, on: datetime | None, as_json: bool, home: Path | None
) -> None:
    from shared.contracts.peopleviews import RosterView
    from shared.contracts.reading import read_value
    from shared.words import language, say

    view = send(home, read_value(act, {"roster_id": roster, **given, "by": login(by), "on": day(on)}), RosterView)
    if as_json:
        typer.echo(view.model_dump_json())
        return
    what = f"{view.roster.name} ({roster})"
    typer.echo(say("people.recorded" if view.changed else "people.so_already", language(), what=what))
