"""``tailwarden dead``: what could not be processed: see it, read it, give it back."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from shared.words import language, say

if TYPE_CHECKING:
    from nats.js import JetStreamContext

    from shared.bus.dead import DeadLetter

__all__ = ["register"]

T = TypeVar("T")

_LABELS = {"time": "when", "subject": "subjects"}
_SAID = frozenset(
    f"Tw-{name}" for name in ("Code", "Reason", "Problem", "Problem-Count", "Subject", "Stream", "Stream-Seq")
)
"""Headers that the lines above them say already, in the reader's words."""

SHOWN_BYTES = 2000
HOME = typer.Option(None, "--home", help="Home of the running system. / 运行系统的目录。")
CONSUMER = typer.Option(None, "--consumer", help="Only those of this consumer. / 只看该消费者的死信。")
JSON = typer.Option(False, "--json", help="As JSON. / 以 JSON 输出。")


def register(app: typer.Typer) -> None:
    """Add ``dead`` to *app*."""
    dead = typer.Typer(no_args_is_help=True)
    dead.command(name="list", short_help="List dead letters, oldest first. / 列出死信，旧的在前。")(list_)
    dead.command(name="show", short_help="Show one: why, from where, its body. / 显示一条死信。")(show)
    dead.command(name="retry", short_help="Give them back to where they came from. / 把死信送回来处。")(retry)
    words = "Dead letters: what could not be processed. / 死信：无法处理的消息。"
    app.add_typer(dead, name="dead", help=words, short_help=words)


def list_(
    consumer: str | None = CONSUMER,
    limit: int = typer.Option(50, "--limit", min=0, help="The newest so many; 0: all. / 最新的若干条；0 为全部。"),
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """List dead letters, oldest first. / 列出死信，旧的在前。"""
    from shared.bus.dead import letters

    async def read(js: JetStreamContext) -> tuple[int, list[DeadLetter]]:
        kept: deque[DeadLetter] = deque(maxlen=limit or None)
        total = 0
        async for letter in letters(js, consumer):
            kept.append(letter)
            total += 1
        return total, list(kept)

    total, found = _with_stream(home, read)
    reader = language()
    if as_json:
        import orjson

        for letter in found:
            typer.echo(orjson.dumps(_facts(letter, reader)))
        return
    if not found:
        typer.echo(say("dead.none", reader))
        return
    _table(found, reader)
    if total > len(found):
        typer.echo(say("dead.earlier", reader, count=total - len(found)))


def show(
    seq: int = typer.Argument(help="Its number in the list. / 列表中的序号。"),
    raw: bool = typer.Option(False, "--raw", help="Write the original bytes and nothing else. / 只输出原文字节。"),
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Show one dead letter: why, where it came from, and its body. / 显示一条死信的原因、来源与原文。"""
    from shared.bus.dead import letter as read
    from tailwarden.cli.tables import labelled
    from tailwarden.cli.wording import local

    letter = _with_stream(home, lambda js: read(js, seq))
    body = letter.body or b""
    if raw:
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
        return
    reader = language()
    facts = _facts(letter, reader)
    shown = body[:SHOWN_BYTES]
    # A cut may split a character; what cannot be shown is replaced, and --raw has the bytes.
    text = shown.decode("utf-8", "replace")
    if as_json:
        import orjson

        typer.echo(
            orjson.dumps({**facts, "headers": dict(letter.headers), "body": text, "cut": len(body) > len(shown)})
        )
        return
    facts["time"] = local(letter.time, seconds=True)
    facts["advisory"] = say("dead.given_up", reader) if letter.advisory else None
    for name, value in facts.items():
        if value is not None:
            typer.echo(labelled(say(f"dead.{_LABELS.get(name, name)}", reader), reader) + _printable(str(value)))
    for name, value in letter.headers.items():
        if name not in _SAID:
            typer.echo(labelled(name, reader) + _printable(value))
    typer.echo(say("dead.body", reader, size=len(body)))
    typer.echo(_printable(text, keep="\n\t"))
    if len(body) > len(shown):
        typer.echo(say("dead.cut", reader, shown=len(shown)))


def retry(
    seqs: list[int] | None = typer.Argument(None, help="Numbers in the list. / 列表中的序号。"),
    everything: bool = typer.Option(False, "--all", help="All of them. / 全部。"),
    consumer: str | None = CONSUMER,
    home: Path | None = HOME,
) -> None:
    """Give dead letters back to where they came from. / 把死信送回来处重新处理。"""
    from shared.bus import dead
    from shared.problems import BadInput, TailwardenError

    if bool(seqs) == everything:
        raise BadInput("dead.nothing_chosen", field="seq")
    reader = language()

    async def give_back(js: JetStreamContext) -> int:
        chosen = list(seqs or [])
        if everything:
            # The list is taken first: what is refused again comes back as a new letter and is not tried twice.
            chosen = [letter.seq async for letter in dead.letters(js, consumer)]
        failed = 0
        for seq in chosen:
            try:
                subject = await dead.retry(js, seq)
            except TailwardenError as error:
                failed += 1
                typer.echo(say("dead.not_retried", reader, seq=seq, why=error.words(reader)), err=True)
            else:
                typer.echo(say("dead.retried", reader, seq=seq, subject=subject))
        return failed

    if _with_stream(home, give_back):
        raise typer.Exit(1)


def _with_stream(home: Path | None, work: Callable[[JetStreamContext], Awaitable[T]]) -> T:
    import asyncio

    from shared.bus.connection import connect
    from shared.settings import connection

    async def run() -> T:
        nc = await connect(connection(home), name="tailwarden-dead")
        try:
            return await work(nc.jetstream())
        finally:
            await nc.close()

    return asyncio.run(run())


def _facts(letter: DeadLetter, reader: str) -> dict[str, Any]:
    return {
        "seq": letter.seq,
        "time": letter.time.isoformat(timespec="milliseconds"),
        "consumer": letter.consumer,
        "subject": letter.subject or None,
        "stream": letter.stream or None,
        "stream_seq": letter.stream_seq,
        "code": letter.code,
        "reason": _reason(letter, reader),
        "problems": letter.problem_count,
        "size": letter.size,
        "advisory": letter.advisory,
    }


def _reason(letter: DeadLetter, reader: str) -> str:
    words = letter.words(reader)
    hidden = letter.problem_count - len(letter.problems)
    return words if hidden <= 0 or not letter.problems else words + say("dead.more_problems", reader, count=hidden)


def _table(letters: list[DeadLetter], reader: str) -> None:
    from tailwarden.cli.tables import show as show_table
    from tailwarden.cli.wording import local

    rows = []
    for letter in letters:
        origin = letter.subject or f"{letter.stream} {letter.stream_seq} {say('dead.gave_up', reader)}"
        reason = _printable(_reason(letter, reader))
        rows.append(
            (
                letter.seq, local(letter.time, seconds=True), letter.consumer, _printable(origin), letter.code,
                letter.size, reason if len(reason) <= 300 else f"{reason[:300]}…",
            )
        )  # fmt: skip
    names = ("seq", "when", "consumer", "subjects", "code", "size", "reason")
    show_table([say(f"dead.{name}", reader) for name in names], rows, right=(0, 5))


def _printable(text: str, keep: str = "") -> str:
    """Return *text* without control characters: a logger's bytes must not steer the reader's terminal."""
    return "".join(c if c.isprintable() or c in keep else "\N{REPLACEMENT CHARACTER}" for c in text)
