"""``alarms``: who was told of a warning, who answered, what was done, and what is set aside for a while."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from pydantic import BaseModel

from tailwarden.cli.asking import BY, HOME, JSON

if TYPE_CHECKING:
    from shared.contracts.base import Command

__all__ = ["alarms", "register"]

C = TypeVar("C", bound=BaseModel)

alarms = typer.Typer(
    no_args_is_help=True,
    help="Alarms: who was told, who answered, what was done; shelving. / 警报：通知、答复、处置与搁置。",
)
"""Modules registered after this one add their own commands to it."""

ID = typer.Argument(
    metavar="ALARM", help="The alarm's id (that of its warning). / 警报（预警）编号。", show_default=False
)
PERSON = typer.Argument(metavar="PERSON", help="The person's id. / 人员编号。", show_default=False)
ANSWER = typer.Argument(
    metavar="ANSWER", help="acknowledge, on-site or cannot-go. / 收到、已到场、不能前往。", show_default=False
)
STEP = typer.Argument(metavar="STEP", help="The step's id on the card. / 处置卡步骤编号。", show_default=False)
POND = typer.Option(None, "--pond", help="Of one pond only. / 只看一座库。", show_default=False)
ALL = typer.Option(False, "--all", help="Ended ones too. / 含已结束的。")
EXERCISES = typer.Option(False, "--exercises", help="Those of exercises too. / 含演练的。")
NOTE = typer.Option("", "--note", help="A remark. / 备注。")
PHOTO = typer.Option(
    None, "--photo", metavar="SHA256|FILE", help="A photo: its SHA-256, or the file. / 照片的 SHA-256 或文件。",
    show_default=False,
)  # fmt: skip
POND_ID = typer.Argument(metavar="POND", help="The pond's id. / 尾矿库编号。", show_default=False)
HIGHEST = typer.Option("yellow", "--highest", help="Up to this level. / 最高搁置级别。")
REASON = typer.Option(..., "--reason", help="Why. / 原因。", show_default=False)
SECOND = typer.Option(
    None,
    "--second-approver",
    help="Somebody else who agrees; red needs one, both as registered. / 第二批准人；红色必填，两人均须已登记。",
    show_default=False,
)
FOR = typer.Option(None, "--for", metavar="TIME", help="For so long: 90min, 2h, 1d. / 时长。", show_default=False)
UNTIL = typer.Option(
    None, "--until", metavar="TIME", help="Until then: 2026-07-20T10:00+08:00. / 截止时间。", show_default=False
)
SHELVING = typer.Argument(metavar="ID", help="The shelving's id. / 搁置编号。", show_default=False)


def register(app: typer.Typer) -> None:
    """Add the group to *app*."""
    app.add_typer(alarms, name="alarms")


@alarms.command("list")
def list_(
    pond: str | None = POND,
    everything: bool = ALL,
    exercises: bool = EXERCISES,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """List alarms, newest first: level, who has been told, whether somebody answered. / 列出警报。"""
    from shared.contracts.notifier import AlarmList, ListAlarms
    from tailwarden.cli.alarms_shown import table
    from tailwarden.cli.asking import send

    found = send(home, _made(ListAlarms, pond_id=pond, include_ended=everything, exercises=exercises), AlarmList)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        table(found.alarms)


@alarms.command()
def show(alarm: str = ID, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Show one alarm: the proof per person, the action card, what was held back. / 查看一条警报的通知证据。"""
    from shared.contracts.notifier import ShowAlarm

    _act(home, _made(ShowAlarm, alarm_id=alarm), as_json)


@alarms.command()
def answer(
    alarm: str = ID,
    person: str = PERSON,
    given: str = ANSWER,
    note: str = NOTE,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Answer for a person who was told, as by phone. / 代被通知人答复（如电话答复）。"""
    from shared.contracts.notifier import Answer, AnswerAlarm
    from shared.problems import BadInput

    try:
        said = Answer(given.strip().lower().replace("-", "_"))
    except ValueError as error:
        known = [each.value.replace("_", "-") for each in Answer]
        raise BadInput("links.no_answer", field="answer", known=known) from error
    _act(home, _made(AnswerAlarm, alarm_id=alarm, person_id=person, answer=said, note=note), as_json)


@alarms.command()
def read(alarm: str = ID, person: str = PERSON, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Record that a person has read it. / 登记某人已读。"""
    from shared.contracts.notifier import ReportRead

    _act(home, _made(ReportRead, alarm_id=alarm, person_id=person), as_json)


@alarms.command()
def step(
    alarm: str = ID,
    person: str = PERSON,
    step: str = STEP,
    note: str = NOTE,
    photo: str | None = PHOTO,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Record that a person has done a step of the action card. / 登记处置卡步骤已完成。"""
    from shared.contracts.notifier import ActOnCard

    digest = None if photo is None else _digest(photo)
    _act(
        home, _made(ActOnCard, alarm_id=alarm, person_id=person, step_id=step, note=note, photo_sha256=digest), as_json
    )


@alarms.command()
def shelve(
    pond: str = POND_ID,
    highest: str = HIGHEST,
    reason: str = REASON,
    by: str = BY,
    second_approver: str | None = SECOND,
    lasting: str | None = FOR,
    until: str | None = UNTIL,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Set a pond's alarms aside for a while; all-clears and anything higher still come. / 暂时搁置一座库的警报。"""
    from shared.contracts.notifier import Shelve, ShelvingView
    from tailwarden.cli.alarms_shown import shelvings as shown
    from tailwarden.cli.asking import login, send

    command = _made(
        Shelve, pond_id=pond, highest=highest, reason=reason, by=login(by), second_approver=second_approver,
        expires=_end(lasting, until),
    )  # fmt: skip
    view = send(home, command, ShelvingView)
    if as_json:
        typer.echo(view.model_dump_json())
    else:
        shown((view.shelving,))


@alarms.command()
def unshelve(shelving: str = SHELVING, by: str = BY, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """End a shelving before its time: what still stands is told at once. / 提前结束搁置。"""
    from shared.contracts.notifier import ShelvingView, Unshelve
    from shared.words import language, say
    from tailwarden.cli.asking import login, send

    view = send(home, _made(Unshelve, shelving_id=shelving, by=login(by)), ShelvingView)
    if as_json:
        typer.echo(view.model_dump_json())
    else:
        typer.echo(say("alarms.unshelved", language(), shelving=view.shelving.shelving_id, pond=view.shelving.pond_id))


@alarms.command()
def shelvings(pond: str | None = POND, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """List shelvings in force. / 列出生效中的搁置。"""
    from shared.contracts.notifier import ListShelvings, ShelvingList
    from tailwarden.cli.alarms_shown import shelvings as shown
    from tailwarden.cli.asking import send

    found = send(home, _made(ListShelvings, pond_id=pond), ShelvingList)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        shown(found.shelvings)


def _act(home: Path | None, command: Command, as_json: bool) -> None:
    from shared.contracts.notifier import AlarmView
    from tailwarden.cli.alarms_shown import tell
    from tailwarden.cli.asking import send

    view = send(home, command, AlarmView)
    if as_json:
        typer.echo(view.model_dump_json())
    else:
        tell(view)


def _made(command: type[C], /, **given: Any) -> C:
    """Return a command; what it does not take is refused in one line."""
    from shared.contracts.reading import read_value

    return read_value(command, {name: value for name, value in given.items() if value is not None})


def _digest(photo: str) -> str:
    """Return a photo's SHA-256: as given, or computed of the file."""
    from hashlib import file_digest

    from shared.problems import BadInput

    text = photo.strip().lower()
    if re.fullmatch(r"[0-9a-f]{64}", text) and not Path(photo).exists():
        return text
    try:
        with Path(photo).open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput("alarms.no_photo", path=photo, reason=error.strerror or str(error)) from error


def _end(lasting: str | None, until: str | None) -> datetime:
    """Return when a shelving ends: ``--for`` from now, or ``--until``; exactly one of them."""
    from shared.clock import SystemClock
    from shared.problems import BadInput
    from tailwarden.cli.duties import moment_of

    if (lasting is None) == (until is None):
        raise BadInput("alarms.for_or_until")
    if until is not None:
        return moment_of(until)
    match = re.fullmatch(r"(\d{1,4}(?:\.\d{1,3})?)\s*(min|h|d)", str(lasting).strip())
    if match is None:
        raise BadInput("alarms.bad_duration", given=lasting)
    minutes = {"min": 1, "h": 60, "d": 1440}[match[2]]
    return SystemClock().now() + timedelta(minutes=float(match[1]) * minutes)
