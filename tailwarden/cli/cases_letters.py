"""``cases letters``: enter letters and what they suggest, follow them, list them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tailwarden.cli.asking import AS_OF, BY, HOME, JSON, ON, day, login, send, text_of
from tailwarden.cli.cases import cases

if TYPE_CHECKING:
    from shared.contracts.acts import Act

__all__ = ["register"]

letters = typer.Typer(
    no_args_is_help=True, help="Letters: receive, suggestions, next steps, show, list. / 建议函的登记、办理与查看。"
)

ID = typer.Argument(metavar="LETTER", help="The letter's id. / 来函编号。", show_default=False)
NUMBER = typer.Option(..., "--number", help="The letter's own number. / 文号。", show_default=False)
ITEM = typer.Option(..., "--number", min=1, help="Which suggestion. / 第几项建议。", show_default=False)
TITLE = typer.Option(..., "--title", help="Its title. / 标题。", show_default=False)
ISSUER = typer.Option(..., "--issuer", help="Who wrote it. / 发函单位。", show_default=False)
ISSUED = typer.Option(None, "--issued", formats=["%Y-%m-%d"], help="The day it was written. / 发函日期。")
RECEIVED = typer.Option(
    ..., "--received", formats=["%Y-%m-%d"], help="The day it came. / 收函日期。", show_default=False
)
ADDRESSEE = typer.Option(..., "--addressee", help="To whom. / 收函单位。", show_default=False)
TEXT = typer.Option(..., "--text", help="The text, or @FILE, or @- . / 正文，或 @文件。", show_default=False)
HEADING = typer.Option("", "--heading", help="Its heading in the reply. / 回复中的小标题。")
LIMIT = typer.Option(100, "--limit", min=1, max=500, help="At most so many. / 最多条数。")
OFFSET = typer.Option(0, "--offset", min=0, help="Leave out so many first. / 跳过条数。")


def register(app: typer.Typer) -> None:
    """Add this module's group to ``cases``."""
    cases.add_typer(letters, name="letters")


@letters.command("list")
def list_(
    as_of: datetime | None = AS_OF,
    limit: int = LIMIT,
    offset: int = OFFSET,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """List letters, newest first. / 列出来函。"""
    from shared.contracts.cases import LetterList, ListLetters

    found = send(home, ListLetters(as_of=day(as_of), limit=limit, offset=offset), LetterList)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        from tailwarden.cli.cases_shown import letter_table

        letter_table(found)


@letters.command()
def show(letter: str = ID, as_of: datetime | None = AS_OF, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Show a letter with its findings and suggestions. / 查看来函及其问题与建议。"""
    from shared.contracts.cases import LetterView, ShowLetter
    from shared.contracts.reading import read_value

    view = send(home, read_value(ShowLetter, {"letter_id": letter, "as_of": day(as_of)}), LetterView)
    if as_json:
        typer.echo(view.model_dump_json())
    else:
        from tailwarden.cli.cases_shown import tell_letter

        tell_letter(view, day(as_of))


@letters.command()
def receive(
    letter: str = ID,
    number: str = NUMBER,
    title: str = TITLE,
    issuer: str = ISSUER,
    received: datetime = RECEIVED,
    addressee: str = ADDRESSEE,
    text: str = TEXT,
    issued: datetime | None = ISSUED,
    by: str = BY,
    on: datetime | None = ON,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Enter a letter that came in. / 登记来函。"""
    from shared.contracts.cases import ReceiveLetter

    given = {"number": number, "title": title, "issuer": issuer, "addressee": addressee, "text": text_of(text)}
    days = {"issued_on": day(issued), "received_on": received.date(), "on": day(on)}
    _act(ReceiveLetter, {"letter_id": letter, "by": login(by), **given, **days}, as_json, home)


@letters.command("take-up")
def take_up(
    letter: str = ID,
    text: str = TEXT,
    by: str = BY,
    on: datetime | None = ON,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Say how the letter was taken up: the reply's opening. / 登记研究部署情况。"""
    from shared.contracts.cases import TakeUpLetter

    given = {"letter_id": letter, "text": text_of(text), "by": login(by), "on": day(on)}
    _act(TakeUpLetter, given, as_json, home)


@letters.command()
def suggestion(
    letter: str = ID,
    number: int = ITEM,
    text: str = TEXT,
    by: str = BY,
    on: datetime | None = ON,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Enter a suggestion of the letter. / 登记监察建议。"""
    from shared.contracts.cases import RecordSuggestion

    given = {"letter_id": letter, "number": number, "text": text_of(text), "by": login(by), "on": day(on)}
    _act(RecordSuggestion, given, as_json, home)


@letters.command()
def answer(
    letter: str = ID,
    number: int = ITEM,
    text: str = TEXT,
    heading: str = HEADING,
    by: str = BY,
    on: datetime | None = ON,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Say what was done about a suggestion. / 登记监察建议的落实情况。"""
    from shared.contracts.cases import AnswerSuggestion

    given = {"letter_id": letter, "number": number, "heading": heading, "text": text_of(text)}
    _act(AnswerSuggestion, {**given, "by": login(by), "on": day(on)}, as_json, home)


@letters.command("next-step")
def next_step(
    letter: str = ID,
    text: str = TEXT,
    heading: str = HEADING,
    by: str = BY,
    on: datetime | None = ON,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Say what is to be done next. / 登记下一步工作打算。"""
    from shared.contracts.cases import PlanNextStep

    given = {"letter_id": letter, "heading": heading, "text": text_of(text), "by": login(by), "on": day(on)}
    _act(PlanNextStep, given, as_json, home)


def _act(act: type[Act], given: Mapping[str, object], as_json: bool, home: Path | None) -> None:
    from shared.contracts.cases import LetterView
    from shared.contracts.reading import read_value

    view = send(home, read_value(act, given), LetterView)
    if as_json:
        typer.echo(view.model_dump_json())
    else:
        from tailwarden.cli.cases_shown import tell_letter

        tell_letter(view, None)
