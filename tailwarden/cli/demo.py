"""``demo``: a few ponds, a storm, and the warnings as they come."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from deploy.demo.player import Player, Report
    from deploy.local.running import RunningSystem

__all__ = ["register"]

ONCE = typer.Option(False, "--once", help="End when the storm is over, instead of at Ctrl-C. / 演示结束即退出。")
JSON = typer.Option(
    False, "--json", help="No view; print one JSON object at the end. / 不显示画面，最后输出一个 JSON。"
)
SPEED = typer.Option(
    None,
    min=1.0,
    max=100_000.0,
    help="Seconds of the storm per second. / 时间加速倍数。",
    show_default="1800; 18000 with --json",
)
WRITE = typer.Option(
    None,
    help="Only write the ponds' site files and series there, for `import` and `replay`. / 只写出站点文件与序列。",
    show_default=False,
)

SHOW_SPEED = 1_800.0
"""60 hours in two minutes."""
BATCH_SPEED = 18_000.0
FRAMES = 8.0
"""Pictures a second at most."""


def register(app: typer.Typer) -> None:
    """Add this module's commands to *app*: ``demo`` itself, and below it the demonstrations that have a name."""
    from tailwarden.cli.demoletter import letter

    group = typer.Typer(invoke_without_command=True)
    group.callback()(demo)
    group.command("letter")(letter)
    app.add_typer(group, name="demo", short_help=str(demo.__doc__).strip().splitlines()[0])


def demo(
    ctx: typer.Context,
    once: bool = ONCE,
    as_json: bool = JSON,
    speed: float | None = SPEED,
    write: Path | None = WRITE,
) -> None:
    """Show a storm over a few ponds in a system of its own. / 在独立系统中演示一场暴雨。

    Starts everything in a temporary home, registers five ponds, plays 60 hours and judges what was warned: exit 0
    only if every expected warning and no other came. readings_published counts every reading sent, repeats included,
    so that readings_published - duplicates_sent = readings_stored.
    在临时目录中启动系统，登记五座尾矿库，播放 60 小时，并核对预警：预期的都来、没有多余的，才以 0 退出。
    """
    if ctx.invoked_subcommand is not None:
        return
    import signal

    from deploy.demo.people import set_up
    from deploy.local.places import temporary_home
    from deploy.local.running import running_system
    from shared.words import language, say
    from tailwarden.cli.tables import terminal

    words = language()
    if write is not None:
        from deploy.demo.export import write_sites

        count = write_sites(write)
        typer.echo(say("demo.wrote", words, count=count, directory=write))
        return
    # A terminated demonstration cleans up like an interrupted one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = terminal(stderr=as_json)
    pace = speed if speed is not None else (BATCH_SPEED if as_json else SHOW_SPEED)
    try:
        with temporary_home() as home:
            set_up(home)
            if not as_json:
                console.print(say("demo.starting", words), style="dim")
            with running_system(home) as system:
                report = _play(system, pace, words, None if as_json else console)
                _tell(report, console, as_json, words)
                if not once:
                    _stay(system, report, console, words)
    except KeyboardInterrupt:
        console.print(say("demo.stopped", words), style="dim")
        raise typer.Exit(130) from None
    raise typer.Exit(1 if report.wrong else 0)


def _play(system: RunningSystem, speed: float, words: str, console: Console | None) -> Report:
    """Play the whole scenario; with a console, show it."""
    import asyncio
    import time

    from deploy.demo.player import Player
    from deploy.demo.scenario import scenario
    from tailwarden.cli.sites import register_site

    player = Player(system.connection, scenario(), speed, register_site, words, system.home / "mailbox")
    if console is None:
        return asyncio.run(player.run())

    from rich.live import Live

    from deploy.demo.view import screen

    if not console.is_terminal:
        return _play_lines(player, console)
    drawn = 0.0
    with Live(console=console, auto_refresh=False) as live:

        def show() -> None:
            nonlocal drawn
            now = time.monotonic()
            if now - drawn >= 1.0 / FRAMES:
                drawn = now
                live.update(screen(player.scene, words, console), refresh=True)

        player.shown = show
        report = asyncio.run(player.run())
        live.update(screen(player.scene, words, console), refresh=True)
    return report


def _play_lines(player: Player, console: Console) -> Report:
    """Play without a screen to redraw (a pipe, a log): a line for every event."""
    import asyncio

    from deploy.demo.view import in_words

    told = 0

    def show() -> None:
        nonlocal told
        heard = player.scene.heard
        # The log keeps the newest lines only; count from the end.
        fresh = min(heard - told, len(player.scene.lines))
        for line in list(player.scene.lines)[len(player.scene.lines) - fresh :]:
            console.print(in_words(line, player.scene, player.language), markup=False, highlight=False, soft_wrap=True)
        told = heard

    player.shown = show
    return asyncio.run(player.run())


def _tell(report: Report, console: Console, as_json: bool, words: str) -> None:
    """Print the outcome: one JSON object, or a table and a sentence."""
    import json

    from rich.text import Text

    from deploy.demo.scenario import site
    from deploy.demo.view import STYLES
    from shared.words import say
    from tailwarden.cli.tables import show

    if as_json:
        typer.echo(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        rows = []
        for warning in sorted(report.record.warnings.values(), key=lambda each: (each.raised, each.pond)):
            about = site(warning.pond)
            times = [
                "–" if when is None else f"{when.astimezone(about.timezone):%m-%d %H:%M}"
                for when in (warning.raised, warning.cleared)
            ]
            level = Text(say(f"level.{warning.highest}", words), style=STYLES[warning.highest])
            rows.append((about.pond.name, level, *times))
        headings = [say(f"demo.{heading}", words) for heading in ("pond", "highest", "raised", "cleared")]
        show(headings, rows, title=say("demo.summary", words), console=console)
        counts = report.counts
        console.print(
            say(
                "demo.counts",
                words,
                published=counts.readings_published,
                duplicates=counts.duplicates_sent,
                stored=counts.readings_stored,
                dead=counts.dead_letters,
            )
        )
        if report.latency_ms["p50"] is not None:
            console.print(say("demo.latency", words, **report.latency_ms))
        _tell_people(report, console, words)
        if not report.wrong:
            console.print(say("demo.ok", words), style="green")
    if report.wrong:
        console.print(say("demo.not_ok", words), style="red")
        for sentence in report.wrong:
            console.print(f"  {sentence}", markup=False, highlight=False)


def _tell_people(report: Report, console: Console, words: str) -> None:
    from shared.words import counted, say

    told = report.told
    sums = {"people": len(told.reached), "answered": len(told.answered), "clears": told.all_clears}
    console.print(counted("demo.told_sums", told.messages, words, **sums))
    if report.first_message_ms.get("p50") is not None:
        console.print(say("demo.told_first", words, **report.first_message_ms))


def _look(system: RunningSystem, report: Report, console: Console, words: str) -> None:
    """Say where the messages are, and what people see."""
    from shared.words import say

    console.print(say("demo.look", words), style="bold")
    places = {"mailbox": f"{system.home}/mailbox", "page": report.page}
    if system.connection.web_url is not None:
        places["feed"] = f"{system.connection.web_url}/cap/feed.atom"
    for name, place in places.items():
        if place is not None:
            console.print(f"  {place}", style="cyan", highlight=False, soft_wrap=True, markup=False, end="")
            console.print(f"  # {say(f'demo.look_{name}', words)}", style="dim", highlight=False, soft_wrap=True)


def _stay(system: RunningSystem, report: Report, console: Console, words: str) -> None:
    """Keep the system up for a second terminal until Ctrl-C."""
    import time
    from contextlib import suppress

    from shared.words import say

    _look(system, report, console, words)
    console.print(say("demo.running", words), style="bold")
    console.print(f"  export TAILWARDEN_HOME={system.home}", style="cyan", highlight=False, soft_wrap=True)
    for command, key in (
        ("tailwarden warnings list", "warnings"),
        ("tailwarden alarms list", "alarms"),
        ("tailwarden events --from-start", "events"),
        ("tailwarden dead list", "dead"),
        ("tailwarden audit verify", "audit"),
    ):
        console.print(f"  {command}", style="cyan", highlight=False, end="")
        console.print(f"  # {say(f'demo.try_{key}', words)}", style="dim", highlight=False)
    console.print(say("demo.stop", words))
    # Ctrl-C is how a demonstration ends, not how it fails.
    with suppress(KeyboardInterrupt):
        while True:
            time.sleep(3600)
