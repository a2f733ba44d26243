"""``registry grid``: who answers for what. ``registry duty``: who is on duty when."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tailwarden.cli.asking import AS_OF, BY, EXPECTED, HOME, JSON, ON, day, login, send
from tailwarden.cli.registry import registry

if TYPE_CHECKING:
    from shared.contracts.acts import Act
    from shared.contracts.people import Place

__all__ = ["moment_of", "place_of", "register"]

grid = typer.Typer(
    no_args_is_help=True, help="The responsibility grid: who answers for what. / 责任网格：领导、部门、企业、包保。"
)

PLACE = typer.Argument(
    metavar="PLACE", help="pond:ID, mine:ID, county:NAME or city:NAME. / 对象，如 pond:编号。", show_default=False
)
DUTY = typer.Argument(
    metavar="DUTY", help="leadership, department, enterprise or guarantor. / 责任种类。", show_default=False
)
PERSON = typer.Argument(metavar="PERSON", help="The person's id. / 人员编号。", show_default=False)
UNIT = typer.Option("", "--unit", help="Which department, where several bear the duty. / 部门。")
DEPUTY = typer.Option([], "--deputy", help="Who stands in; may be repeated. / 代理人，可重复。", show_default=False)
SINCE = typer.Option(None, "--since", formats=["%Y-%m-%d"], help="First day. / 起始日。", show_default="--on")
UNTIL = typer.Option(None, "--until", formats=["%Y-%m-%d"], help="Last day. / 截止日。")
NOTE = typer.Option("", "--note", help="A remark. / 备注。")
FROM = typer.Option(None, "--from", help="Who bears it now: refused if somebody else does. / 移交人编号。")
REASON = typer.Option(..., "--reason", help="Why. / 原因。", show_default=False)


def register(app: typer.Typer) -> None:  # every command module has this signature
    """Add this module's group to ``registry``."""
    registry.add_typer(grid, name="grid")


@grid.command()
def who(place: str = PLACE, as_of: datetime | None = AS_OF, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Show who answers for a place, deputies included. / 查看谁对某处负责（含代理人）。"""
    from shared.contracts.peopleacts import WhoAnswers
    from shared.contracts.peopleviews import GridAnswer
    from shared.words import joined, language, say
    from tailwarden.cli.answers import table

    answer = send(home, WhoAnswers(place=place_of(place), as_of=day(as_of)), GridAnswer)
    if as_json:
        typer.echo(answer.model_dump_json())
        return
    words = language()
    rows = [
        (
            say(f"people.duty_{each.assignment.duty.value}", words),
            each.assignment.unit,
            f"{each.person.description.name} {each.person.description.position}".strip(),
            each.assignment.since,
            each.assignment.until,
            joined((deputy.description.name for deputy in each.deputies), words),
        )
        for each in answer.answering
    ]
    heads = [f"people.head_{name}" for name in ("duty", "unit", "person", "since", "until", "deputies")]
    table(heads, rows, "people.none")
    if answer.missing:
        duties = [f"people.duty_{each.value}" for each in answer.missing]
        typer.echo(say("people.missing_duties", words, duties=duties))


@grid.command()
def assign(
    place: str = PLACE, duty: str = DUTY, person: str = PERSON, unit: str = UNIT, deputy: list[str] = DEPUTY,
    since: datetime | None = SINCE, until: datetime | None = UNTIL, note: str = NOTE, by: str = BY,
    on: datetime | None = ON, expected: int | None = EXPECTED, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Give somebody a duty. / 指定责任人。"""
    from shared.contracts.peopleacts import AssignDuty

    given = {"person_id": person, "deputies": deputy, "since": day(since), "until": day(until), "note": note}
    _act(AssignDuty, place, duty, unit, given, by, on, expected, as_json, home)


@grid.command("hand-over")
def hand_over(
    place: str = PLACE, duty: str = DUTY, person: str = PERSON, former: str | None = FROM, unit: str = UNIT,
    deputy: list[str] = DEPUTY, note: str = NOTE, by: str = BY, on: datetime | None = ON,
    expected: int | None = EXPECTED, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Hand a duty over to PERSON, from the day of the act on. / 移交责任。"""
    from shared.contracts.peopleacts import HandOverDuty

    given = {"to_person_id": person, "from_person_id": former, "deputies": deputy, "note": note}
    _act(HandOverDuty, place, duty, unit, given, by, on, expected, as_json, home)


@grid.command()
def deputies(
    place: str = PLACE, duty: str = DUTY, unit: str = UNIT, deputy: list[str] = DEPUTY, by: str = BY,
    on: datetime | None = ON, expected: int | None = EXPECTED, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Name the deputies of a duty; without any, there are none. / 设置代理人。"""
    from shared.contracts.peopleacts import SetDeputies

    _act(SetDeputies, place, duty, unit, {"deputies": deputy}, by, on, expected, as_json, home)


@grid.command()
def end(
    place: str = PLACE, duty: str = DUTY, reason: str = REASON, unit: str = UNIT, by: str = BY,
    on: datetime | None = ON, expected: int | None = EXPECTED, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """End a duty without another to bear it. / 终止责任。"""
    from shared.contracts.peopleacts import EndDuty

    _act(EndDuty, place, duty, unit, {"reason": reason}, by, on, expected, as_json, home)


@grid.command("list")
def list_(
    kind: str | None = typer.Option(None, "--kind", help="mine, pond, county or city. / 对象类别。"),
    person: str | None = typer.Option(None, "--person", help="Where this person stands. / 涉及某人的。"),
    as_of: datetime | None = AS_OF, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """List grids, or where a person answers or stands in. / 列出责任网格。"""
    from shared.contracts.peopleacts import ListGrids
    from shared.contracts.peopleviews import GridList
    from shared.contracts.reading import read_value
    from shared.words import joined, language, say
    from tailwarden.cli.answers import table
    from tailwarden.cli.asking import today

    query = read_value(ListGrids, {"kind": kind, "person_id": person, "as_of": day(as_of), "limit": 500})
    found = send(home, query, GridList)
    if as_json:
        typer.echo(found.model_dump_json())
        return
    on, words = day(as_of) or today(), language()
    rows = [
        (
            f"{each.place.kind.value}:{each.place.id}",
            say(f"people.duty_{held.duty.value}", words),
            held.unit,
            held.person_id,
            held.since,
            held.until,
            joined(held.deputies, words),
        )
        for each in found.grids
        for held in each.assignments
        if held.in_force(on) and (person is None or person in (held.person_id, *held.deputies))
    ]
    heads = [f"people.head_{name}" for name in ("place", "duty", "unit", "person", "since", "until", "deputies")]
    table(heads, rows, "people.none")


def place_of(given: str) -> Place:
    """Return the place that ``pond:xiakou`` or ``county:平山县`` names.

    Raises
    ------
    BadInput
        ``people.bad_place``.
    """
    from shared.contracts.people import Place, PlaceKind
    from shared.problems import BadInput

    kind, colon, name = given.partition(":")
    if not colon or kind not in list(PlaceKind) or not name.strip():
        raise BadInput("people.bad_place", field="place", given=given)
    return Place(kind=PlaceKind(kind), id=name.strip())


def moment_of(given: str) -> datetime:
    """Return a moment; without an offset it is the office's time.

    Raises
    ------
    BadInput
        ``people.bad_moment``.
    """
    from zoneinfo import ZoneInfo

    from shared.problems import BadInput
    from shared.settings import Settings

    try:
        moment = datetime.fromisoformat(given.strip())
    except ValueError as error:
        raise BadInput("people.bad_moment", given=given) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(Settings.load().timezone))


def _act(
    act: type[Act], place: str, duty: str, unit: str, given: dict[str, Any], by: str, on: datetime | None,
    expected: int | None, as_json: bool, home: Path | None,
) -> None:  # fmt: skip
    from shared.contracts.peopleviews import GridView
    from shared.contracts.reading import read_value
    from shared.words import language, say

    where = {"place": place_of(place), "duty": duty, "unit": unit}
    stamp = {"by": login(by), "on": day(on), "expected_version": expected}
    view = send(home, read_value(act, {**where, **given, **stamp}), GridView)
    if as_json:
        typer.echo(view.model_dump_json())
        return
    typer.echo(say("people.recorded" if view.changed else "people.so_already", language(), what=place))
