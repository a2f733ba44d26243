"""What commands about records have in common: asking a service, who and when, texts from files."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel

    from shared.bus.rpc import CommandClient
    from shared.contracts.base import Command

__all__ = ["AS_OF", "BY", "EXPECTED", "HOME", "JSON", "ON", "day", "login", "send", "talk", "text_of", "today"]

T = TypeVar("T")
M = TypeVar("M", bound="BaseModel")

JSON = typer.Option(False, "--json", help="Print JSON. / 输出 JSON。")
HOME = typer.Option(None, "--home", help="Where the system keeps its data. / 数据目录。", show_default=".tailwarden")
AS_OF = typer.Option(
    None, "--as-of", formats=["%Y-%m-%d"], help="As things stood on this day. / 截至该日。", show_default="now / 现在"
)
ON = typer.Option(
    None, "--on", formats=["%Y-%m-%d"], help="The day it happened. / 发生日期。", show_default="today / 今天"
)
BY = typer.Option("", "--by", help="Who does this (a name). / 经办人姓名。", show_default="the login name / 登录名")
EXPECTED = typer.Option(
    None, "--expected-version", help="Refuse if the record has moved on from this version. / 所见版本，已变则拒绝。"
)


def talk(home: Path | None, question: Callable[[CommandClient], Awaitable[T]], wait: float = 10.0) -> T:
    """Ask the running system something that takes several commands; *wait* is the longest for one of them [s]."""
    import asyncio

    from shared.bus.connection import connect
    from shared.bus.rpc import CommandClient
    from shared.settings import Settings

    async def ask() -> T:
        nc = await connect(Settings.load(home=home).connection(), name="tailwarden-cli")
        try:
            return await question(CommandClient(nc, timeout=wait))
        finally:
            await nc.close()

    return asyncio.run(ask())


def send(home: Path | None, command: Command, reply: type[M]) -> M:
    """Send one command and return its result."""
    return talk(home, lambda client: client.send(command, reply))


def day(given: datetime | None) -> date | None:
    """Return the day an option gave."""
    return None if given is None else given.date()


def today() -> date:
    """Return the day it is at the office."""
    from zoneinfo import ZoneInfo

    from shared.clock import SystemClock
    from shared.settings import Settings

    return SystemClock().now().astimezone(ZoneInfo(Settings.load().timezone)).date()


def login(given: str) -> str:
    """Return the name given, else the login name."""
    import getpass

    if given:
        return given
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "tailwarden"


def text_of(given: str) -> str:
    """Return a text as given, or what the file in ``@FILE`` (``@-``: standard input) holds.

    Raises
    ------
    BadInput
        ``cases.unreadable``.
    """
    from shared.problems import BadInput

    if not given.startswith("@"):
        return given
    if given == "@-":
        return sys.stdin.read()
    try:
        return Path(given[1:]).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise BadInput("cases.unreadable", path=given[1:], reason=reason) from error
