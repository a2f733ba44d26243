"""``tailwarden events``: the published events, as they come, one CloudEvent per line."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from shared.settings import Connection

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add ``events`` to *app*."""
    app.command(name="events", short_help="Follow events as JSON lines. / 以 JSON 行跟踪事件。")(events)


def events(
    subject: str = typer.Option("tw.events.>", "--subject", help="Only events on this subject. / 只看该主题的事件。"),
    from_start: bool = typer.Option(
        False, "--from-start", help="Begin with the first event ever, not with the next. / 从第一条事件开始。"
    ),
    count: int | None = typer.Option(None, "--count", min=1, help="Leave after so many events. / 收到这么多条后退出。"),
    home: Path | None = typer.Option(None, "--home", help="Home of the running system. / 运行系统的目录。"),
) -> None:
    """Follow events as JSON lines until Ctrl-C. / 以 JSON 行跟踪事件，Ctrl-C 结束。"""
    import asyncio

    from shared.problems import BadInput
    from shared.settings import connection

    if not (subject == "tw.events" or subject.startswith("tw.events.")) or any(c.isspace() for c in subject):
        raise BadInput("events.subject", field="subject", got=subject)
    try:
        asyncio.run(_follow(connection(home), subject, from_start, count))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


async def _follow(to: Connection, subject: str, from_start: bool, count: int | None) -> None:
    from shared.bus.connection import connect
    from shared.bus.events import follow

    nc = await connect(to, name="tailwarden-events")
    left = count
    try:
        async for message in follow(nc.jetstream(), subject, from_start=from_start):
            if b'"specversion"' not in message.data:
                continue  # no event: see shared/eventstore/published.py
            sys.stdout.write(message.data.decode("utf-8", "replace").replace("\n", " ") + "\n")
            sys.stdout.flush()
            if left is not None and (left := left - 1) == 0:
                return
    finally:
        with suppress(OSError):  # the system may have stopped first
            await nc.close()
