"""What the commands about evidence, cases, campaigns and deadlines share: options, asking, tables, references."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer
from pydantic import BaseModel

if TYPE_CHECKING:
    from shared.contracts.base import Command
    from shared.contracts.cases import EvidenceRef

__all__ = [
    "AS_OF", "BY", "COUNTY", "EVIDENCE", "HOME", "JSON", "LIMIT", "OFFSET", "ON",
    "ask", "day_of", "facts", "login", "references", "table",
]  # fmt: skip

T = TypeVar("T", bound=BaseModel)

DAY = ["%Y-%m-%d"]
AS_OF = typer.Option(
    None, "--as-of", formats=DAY, help="As things stood on this day. / 截至该日。", show_default="today / 今天"
)
ON = typer.Option(None, "--on", formats=DAY, help="The day it happened. / 发生日期。", show_default="today / 今天")
BY = typer.Option("", "--by", help="Who does this (a name). / 操作人姓名。", show_default="the login name / 登录名")
JSON = typer.Option(False, "--json", help="Print JSON. / 输出 JSON。")
HOME = typer.Option(None, "--home", help="Where the system keeps its data. / 数据目录。", show_default=".tailwarden")
COUNTY = typer.Option(None, "--county", help="Of one county only. / 只看一个县（区）。", show_default=False)
LIMIT = typer.Option(100, "--limit", min=1, max=500, help="At most so many. / 最多条数。")
OFFSET = typer.Option(0, "--offset", min=0, help="Leave out so many first. / 跳过条数。")
EVIDENCE = typer.Option(
    None, "--evidence", help="SHA-256 of evidence in the store; may be repeated. / 已入库证据的 SHA-256，可重复。",
    show_default=False,
)  # fmt: skip


def login() -> str:
    """Return the login name."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "tailwarden"


def day_of(given: datetime | None) -> date | None:
    """Return the day of an option."""
    return None if given is None else given.date()


def ask(home: Path | None, question: Command, reply: type[T], wait: float = 10.0) -> T:
    """Send *question* and return its answer.

    Raises
    ------
    TailwardenError
        What the service refuses, or that it cannot be reached.
    """
    import asyncio

    from shared.bus.connection import connect
    from shared.bus.rpc import CommandClient
    from shared.settings import Settings

    async def send() -> T:
        nc = await connect(Settings.load(home=home).connection(), name="tailwarden-cases-cli")
        try:
            return await CommandClient(nc, timeout=wait).send(question, reply)
        finally:
            await nc.close()

    return asyncio.run(send())


def references(home: Path | None, hashes: Iterable[str] | None) -> tuple[EvidenceRef, ...]:
    """Return references to evidence in the store, with the titles it has there.

    Raises
    ------
    NotFound
        ``evidence.unknown``.
    """
    from pydantic import ValidationError

    from shared.contracts.cases import EvidenceRef
    from shared.contracts.evidence import EvidenceView, ShowEvidence
    from shared.problems import NotFound

    found = []
    for digest in hashes or ():
        try:
            question = ShowEvidence(sha256=digest)
        except ValidationError as error:
            raise NotFound("evidence.unknown", field="evidence", sha256=digest) from error
        known = ask(home, question, EvidenceView).evidence
        found.append(EvidenceRef(sha256=known.id, title=known.title, effective=known.effective))
    return tuple(found)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], none: str) -> None:
    """Print a table with translated *headings* (keys of the catalogue), or the text *none*."""
    from shared.words import language, say
    from tailwarden.cli.tables import show, terminal

    words, lines = language(), [*rows]
    if lines:
        show([say(heading, words) for heading in headings], lines)
    else:
        terminal().print(say(none, words))


def facts(lines: Iterable[tuple[str, object]]) -> None:
    """Print one fact a line: a heading (key of the catalogue) and what it says; nothing of what is empty."""
    from rich.text import Text

    from shared.words import language, say
    from tailwarden.cli.tables import labelled, terminal

    words, console = language(), terminal()
    for heading, what in lines:
        if what is not None and what != "":
            console.print(Text.assemble((labelled(say(heading, words), words), "bold"), str(what)))
