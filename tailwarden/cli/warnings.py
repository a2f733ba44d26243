"""``warnings``: the open warnings, one warning, and people's acts on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    from shared.bus.rpc import CommandClient
    from shared.contracts.base import Command
    from shared.contracts.monitor import WarningView

__all__ = ["STYLES", "register"]

T = TypeVar("T")

warnings = typer.Typer(
    no_args_is_help=True, help="Warnings: list, show, acknowledge, handle, close. / 预警的查看与处置。"
)

ID = typer.Argument(metavar="WARNING", help="The warning's id. / 预警编号。", show_default=False)
BY = typer.Option("", "--by", help="Who does this (a name). / 操作人姓名。", show_default="the login name / 登录名")
NAMED = typer.Option(..., "--by", help="Who closes it (a name). / 销警人姓名。", show_default=False)
JSON = typer.Option(False, "--json", help="Print JSON. / 输出 JSON。")
HOME = typer.Option(None, "--home", help="Where the system keeps its data. / 数据目录。", show_default=".tailwarden")
POND = typer.Option(None, "--pond", help="Of one pond only. / 只看一座库。", show_default=False)
ALL = typer.Option(False, "--all", help="Closed ones too. / 含已销警的。")
NOTE = typer.Option("", "--note", help="A remark. / 备注。")
ACTION = typer.Option(
    ..., "--action", "--note", help="What was done: here the remark is the report. / 采取的措施（即备注）。",
    show_default=False,
)  # fmt: skip
EVIDENCE = typer.Option(..., "--evidence", help="What shows that it is over. / 销警依据。", show_default=False)


def register(app: typer.Typer) -> None:
    """Add this module's commands to *app*."""
    app.add_typer(warnings, name="warnings")


@warnings.command("list")
def list_(pond: str | None = POND, everything: bool = ALL, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """List the open warnings, newest first. / 列出未销警的预警。"""
    from shared.contracts.monitor import ListWarnings, WarningList

    command = ListWarnings(pond_id=pond, include_closed=everything)
    found = _ask(home, lambda client: client.send(command, WarningList))
    if as_json:
        typer.echo(found.model_dump_json())
        return
    _table(found.warnings)


@warnings.command()
def show(warning: str = ID, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Show one warning with its causes and its life. / 查看一条预警的原因与处置过程。"""
    from shared.contracts.monitor import ShowWarning

    _act(home, ShowWarning(warning_id=warning), as_json)


@warnings.command()
def ack(warning: str = ID, by: str = BY, note: str = NOTE, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Say that you have seen it. / 确认收到。"""
    from shared.contracts.monitor import AcknowledgeWarning

    _act(home, AcknowledgeWarning(warning_id=warning, by=by or _login(), note=note), as_json)


@warnings.command()
def handle(
    warning: str = ID, action: str = ACTION, by: str = BY, as_json: bool = JSON, home: Path | None = HOME
) -> None:
    """Report what was done about it. / 上报处置措施。"""
    from shared.contracts.monitor import HandleWarning

    _act(home, HandleWarning(warning_id=warning, by=by or _login(), action=action), as_json)


@warnings.command()
def close(
    warning: str = ID, by: str = NAMED, evidence: str = EVIDENCE, as_json: bool = JSON, home: Path | None = HOME
) -> None:
    """Close it, by name and on evidence, once it has cleared. / 险情解除后，具名并凭依据销警。"""
    from shared.contracts.monitor import CloseWarning

    _act(home, CloseWarning(warning_id=warning, by=by, evidence=evidence), as_json)


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "tailwarden"


def _ask(home: Path | None, question: Callable[[CommandClient], Awaitable[T]]) -> T:
    import asyncio

    from shared.bus.connection import connect
    from shared.bus.rpc import CommandClient
    from shared.settings import Settings

    async def ask() -> T:
        nc = await connect(Settings.load(home=home).connection(), name="tailwarden-warnings")
        try:
            return await question(CommandClient(nc))
        finally:
            await nc.close()

    return asyncio.run(ask())


def _act(home: Path | None, command: Command, as_json: bool) -> None:
    from shared.contracts.monitor import WarningView

    view = _ask(home, lambda client: client.send(command, WarningView))
    if as_json:
        typer.echo(view.model_dump_json())
    else:
        _tell(view)


STYLES = {"blue": "bold blue", "yellow": "bold yellow", "orange": "bold dark_orange", "red": "bold red"}


def _level(view: WarningView, words: str) -> str:
    from shared.words import say
    from tailwarden.cli.wording import bracketed

    shown = view.level if view.level is not None else view.highest
    name = say(f"level.{shown}", words)
    if view.level is None or view.level != view.highest:
        name = say("warnings.highest", words, level=say(f"level.{view.highest}", words))
        if view.level is not None:
            name = say(f"level.{view.level}", words) + bracketed(name, words)
    if not view.verified:
        name = f"{name} [{say('replay.unverified', words)}]"
    return name


def _states(view: WarningView, words: str) -> list[str]:
    from shared.words import say

    states = [say("warnings.cleared" if view.cleared is not None else "warnings.standing", words)]
    if view.acknowledged_by is None:
        states.append(say("warnings.unacknowledged", words))
    for name in ("acknowledged", "handled", "closed"):
        by = getattr(view, f"{name}_by")
        if by is not None:
            states.append(say(f"warnings.{name}", words, by=by))
    return states


def _table(found: tuple[WarningView, ...]) -> None:
    from rich.text import Text

    from shared.words import language, say
    from tailwarden.cli.answers import table
    from tailwarden.cli.wording import because, local, semicolons

    words = language()
    rows = []
    for view in found:
        causes = [because(each, words) for each in view.causes[:1]]
        if len(view.causes) > 1:
            causes.append(say("warnings.more", words, count=len(view.causes) - 1))
        style = STYLES[view.level] if view.level is not None else "dim"
        rows.append(
            (
                view.warning_id, view.pond_id, Text(_level(view, words), style=style), local(view.raised),
                semicolons(_states(view, words), words), semicolons(causes, words),
            )
        )  # fmt: skip
    headings = ("id", "pond", "level", "raised", "state", "cause")
    table([f"warnings.{heading}" for heading in headings], rows, "warnings.none")


def _tell(view: WarningView) -> None:
    from rich.text import Text

    from shared.words import language, say
    from tailwarden.cli.tables import labelled, terminal
    from tailwarden.cli.wording import because, local

    words = language()
    console = terminal()

    def line(name: str, what: str) -> None:
        console.print(Text(f"  {labelled(say(f'warnings.{name}', words), words)}{what}"))

    style = STYLES[view.level] if view.level is not None else "dim"
    console.print(Text.assemble((view.warning_id, "bold"), "  ", (_level(view, words), style)))
    line("raised", local(view.raised))
    if view.cleared is not None:
        line("cleared", local(view.cleared))
    for state in _states(view, words)[1:]:
        console.print(Text(f"  {state}"))
    if view.action is not None:
        line("action", view.action)
    if view.evidence is not None:
        line("evidence", view.evidence)
    for cause in view.causes:
        console.print(Text(f"  - {because(cause, words)}"))
        if cause.document:
            console.print(Text(f"      {cause.document}, v{cause.limits_version}", style="dim"))
