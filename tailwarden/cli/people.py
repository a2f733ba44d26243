"""``registry people``: who is in the register, and how they are reached (addresses are never shown)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tailwarden.cli.asking import AS_OF, BY, EXPECTED, HOME, JSON, ON, day, login, send, text_of
from tailwarden.cli.registry import registry

if TYPE_CHECKING:
    from shared.contracts.acts import Act
    from shared.contracts.people import Person
    from shared.contracts.peopleviews import PersonView

__all__ = ["described", "register"]

people = typer.Typer(
    no_args_is_help=True, help="People: register, contacts, leave, list, show. / 人员的登记、联系方式与离任。"
)

ID = typer.Argument(metavar="PERSON", help="The person's id. / 人员编号。", show_default=False)
NAME = typer.Option(..., "--name", help="Their name. / 姓名。", show_default=False)
ORGANISATION = typer.Option("", "--organisation", help="Where they work. / 单位。")
POSITION = typer.Option("", "--position", help="Their position. / 职务。")
LEVEL = typer.Option(None, "--level", help="province, prefecture, county or township. / 行政级别。")
CHANNEL = typer.Argument(metavar="CHANNEL", help="mobile, phone, mail or webhook. / 联系方式种类。", show_default=False)
ADDRESS = typer.Argument(
    metavar="ADDRESS", help="The address, or @FILE, or @- (keeps it out of the shell's history). / 地址，或 @文件。",
    show_default=False,
)  # fmt: skip
ORDER = typer.Option(None, "--order", min=1, max=9, help="Which is tried first: 1. / 先后次序。")
WHICH = typer.Argument(metavar="ORDER", min=1, max=9, help="Which of the channels. / 第几条。", show_default=False)
REASON = typer.Option(..., "--reason", help="Why. / 原因。", show_default=False)
CONTAINS = typer.Option(None, "--name", help="Whose name contains this. / 姓名包含。")
ALL = typer.Option(False, "--all", help="Those who left, too. / 含已离任的。")
LIMIT = typer.Option(100, "--limit", min=1, max=500, help="At most so many. / 最多条数。")
OFFSET = typer.Option(0, "--offset", min=0, help="Leave out so many first. / 跳过条数。")


def register(app: typer.Typer) -> None:  # every command module has this signature
    """Add this module's group to ``registry``."""
    registry.add_typer(people, name="people")


@people.command("list")
def list_(
    name: str | None = CONTAINS,
    organisation: str | None = typer.Option(None, "--organisation", help="Of one organisation. / 只看一个单位。"),
    everybody: bool = ALL,
    as_of: datetime | None = AS_OF,
    limit: int = LIMIT,
    offset: int = OFFSET,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """List people, by name. / 列出人员。"""
    from shared.contracts.peopleacts import ListPeople
    from shared.contracts.peopleviews import PersonList
    from shared.words import language
    from tailwarden.cli.answers import table

    query = ListPeople(
        name_contains=name, organisation=organisation, left=None if everybody else False, as_of=day(as_of),
        limit=limit, offset=offset,
    )  # fmt: skip
    found = send(home, query, PersonList)
    if as_json:
        typer.echo(found.model_dump_json())
        return
    heads = [f"people.head_{name}" for name in ("id", "name", "organisation", "position", "level", "contacts", "left")]
    table(heads, (described(person, language()) for person in found.people), "people.none")


@people.command()
def show(person: str = ID, as_of: datetime | None = AS_OF, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Show one person. / 查看一个人。"""
    from shared.contracts.peopleacts import ShowPerson
    from shared.contracts.peopleviews import PersonView

    _tell(send(home, ShowPerson(person_id=person, as_of=day(as_of)), PersonView), as_json, acted=False)


@people.command("register")
def register_(
    person: str = ID, name: str = NAME, organisation: str = ORGANISATION, position: str = POSITION,
    level: str | None = LEVEL, by: str = BY, on: datetime | None = ON, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Register a person. / 登记人员。"""
    from shared.contracts.peopleacts import RegisterPerson

    described = {"id": person, "name": name, "organisation": organisation, "position": position, "level": level}
    _act(RegisterPerson, {"person": described, "by": login(by), "on": day(on)}, as_json, home)


@people.command()
def amend(
    person: str = ID, name: str = NAME, organisation: str = ORGANISATION, position: str = POSITION,
    level: str | None = LEVEL, by: str = BY, on: datetime | None = ON, expected: int | None = EXPECTED,
    as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Replace a person's description. / 更正人员信息。"""
    from shared.contracts.peopleacts import AmendPerson

    described = {"id": person, "name": name, "organisation": organisation, "position": position, "level": level}
    given = {"person": described, "by": login(by), "on": day(on), "expected_version": expected}
    _act(AmendPerson, given, as_json, home)


@people.command()
def contact(
    person: str = ID, channel: str = CHANNEL, address: str = ADDRESS, order: int | None = ORDER,
    by: str = BY, on: datetime | None = ON, as_json: bool = JSON, home: Path | None = HOME,
) -> None:  # fmt: skip
    """Set how a person is reached; the address is kept apart and only shown masked. / 设置联系方式（脱敏显示）。"""
    from shared.contracts.peopleacts import SetContact

    given = {"person_id": person, "channel": channel, "address": text_of(address).strip(), "order": order}
    _act(SetContact, {**given, "by": login(by), "on": day(on)}, as_json, home)


@people.command()
def forget(
    person: str = ID, order: int = WHICH, by: str = BY, on: datetime | None = ON, as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:  # fmt: skip
    """Remove one way to reach a person. / 删去一条联系方式。"""
    from shared.contracts.peopleacts import RemoveContact

    _act(RemoveContact, {"person_id": person, "order": order, "by": login(by), "on": day(on)}, as_json, home)


@people.command()
def leave(
    person: str = ID, reason: str = REASON, by: str = BY, on: datetime | None = ON, as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:  # fmt: skip
    """Record that a person left; their addresses are deleted. / 登记离任，并删除其联系地址。"""
    from shared.contracts.peopleacts import PersonLeaves

    _act(PersonLeaves, {"person_id": person, "reason": reason, "by": login(by), "on": day(on)}, as_json, home)


def described(person: Person, words: str) -> tuple[object, ...]:
    """Return a person as the cells of a table."""
    from shared.words import say

    about = person.description
    contacts = "\n".join(
        f"{each.order} {say(f'people.channel_{each.channel.value}', words)} {each.masked}" for each in person.contacts
    )
    level = "" if about.level is None else say(f"people.level_{about.level.value}", words)
    return about.id, about.name, about.organisation, about.position, level, contacts, person.left_on


def _act(act: type[Act], given: Mapping[str, object], as_json: bool, home: Path | None) -> None:
    from shared.contracts.peopleviews import PersonView
    from shared.contracts.reading import read_value

    _tell(send(home, read_value(act, given), PersonView), as_json)


def _tell(view: PersonView, as_json: bool, *, acted: bool = True) -> None:
    from shared.words import language, say
    from tailwarden.cli.answers import table

    if as_json:
        typer.echo(view.model_dump_json())
        return
    if acted:
        what = f"{view.person.description.name} ({view.person.id})"
        typer.echo(say("people.recorded" if view.changed else "people.so_already", language(), what=what))
    heads = [f"people.head_{name}" for name in ("id", "name", "organisation", "position", "level", "contacts", "left")]
    table(heads, [described(view.person, language())], "people.none")
