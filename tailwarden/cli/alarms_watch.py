"""``alarms bulletin|watchdog|load``: what goes out by the clock, whether warnings get through, and the load."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tailwarden.cli.alarms import alarms
from tailwarden.cli.asking import BY, HOME, JSON

if TYPE_CHECKING:
    from shared.contracts.alarmload import AlarmLoad
    from shared.contracts.watchdog import WatchdogView

__all__ = ["register"]

SEND = typer.Option(False, "--send", help="Send it now to those who get the scheduled ones. / 立即发送给简报接收人。")
DAYS = typer.Option(30, "--days", min=1, max=3660, help="How many days up to now. / 统计天数。")
WITHIN = typer.Option(
    60,
    "--chatter-minutes",
    min=1,
    max=1440,
    help="Raised again so soon after clearing is chatter. / 抖动时限（分钟）。",
)


def register(app: typer.Typer) -> None:
    """Add this module's commands to the ``alarms`` group."""
    del app  # the group is in it already
    alarms.command("bulletin")(bulletin)
    alarms.command("watchdog")(watchdog)
    alarms.command("load")(load)


def bulletin(send: bool = SEND, by: str = BY, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Show the flood-season bulletin as it would be now, or send it. / 查看或发送汛期简报。"""
    from shared.contracts.bulletins import BulletinView, IssueBulletin, ShowBulletin
    from shared.contracts.reading import read_value
    from shared.words import joined, language, say
    from tailwarden.cli.asking import login
    from tailwarden.cli.asking import send as ask

    found = ask(home, read_value(IssueBulletin, {"by": login(by)}) if send else ShowBulletin(), BulletinView)
    if as_json:
        typer.echo(found.model_dump_json())
        return
    words = language()
    typer.echo(found.texts.get(words, ""))
    names = list(found.readers)
    key = "readers_none" if not names else "sent_to" if found.issued else "goes_to"
    typer.echo(say(f"alarmload.{key}", words, names=joined(names, words)))


def watchdog(as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Show whether warnings still find their way: a reading goes round every minute. / 查看预警链路自检。

    Exit 1 while the watchdog is silent.
    """
    from shared.contracts.watchdog import ShowWatchdog, WatchdogView
    from shared.words import language
    from tailwarden.cli.asking import send

    found = send(home, ShowWatchdog(), WatchdogView)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        typer.echo("\n".join(_watchdog(found, language())))
    if found.silent_since is not None:
        raise typer.Exit(1)


def _watchdog(found: WatchdogView, words: str) -> list[str]:
    from shared.words import say
    from tailwarden.cli.wording import local

    def at(moment: datetime | None) -> str:
        return "–" if moment is None else local(moment)

    if not found.enabled:
        return [say("watchdog.off", words)]
    state = "is_silent" if found.silent_since else "is_well" if found.last_return else "is_young"
    lines = [say(f"watchdog.{state}", words, time=at(found.silent_since))]
    lines.append(say("watchdog.last_beat", words, time=at(found.last_beat)))
    if found.last_return is not None:
        trip = f"{found.round_trip_s or 0:.3f}"
        worst = f"{found.worst_round_trip_s or 0:.3f}"
        lines.append(say("watchdog.last_return", words, time=at(found.last_return), seconds=trip, worst=worst))
    counts = {"beats": found.beats, "returned": found.returned, "patience": f"{found.patience_s:g}"}
    lines.append(say("watchdog.counts", words, **counts))
    ping = "ping_none" if not found.pinging else "ping_never" if found.last_ping is None else "ping_last"
    lines.append(say(f"watchdog.{ping}", words, time=at(found.last_ping)))
    return lines


def load(days: int = DAYS, within: int = WITHIN, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Show the alarm load: warnings a day, chatter, standing, time to answer, blind hours. / 告警负荷统计。"""
    from shared.contracts.alarmload import AlarmLoad, AskAlarmLoad
    from tailwarden.cli.asking import send

    found = send(home, AskAlarmLoad(days=days, chatter_minutes=within), AlarmLoad)
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        _load(found)


def _load(found: AlarmLoad) -> None:
    from shared.words import language, say
    from tailwarden.cli.tables import terminal
    from tailwarden.cli.wording import local

    words, console = language(), terminal()
    console.print(
        say(
            "alarmload.head", words, since=local(found.since), until=local(found.until), warnings=found.warnings,
            per_day=f"{found.per_day:g}", most=found.most_in_a_day, chatter=found.chattered,
            standing=len(found.standing), blind=f"{found.blind_hours:g}", exercises=found.exercises,
        ),
        soft_wrap=True,
    )  # fmt: skip
    answers = [
        (say(f"level.{each.level}", words), each.warnings, each.answered, _span(each.median_s), _span(each.p90_s))
        for each in found.answers
    ]
    _table("answers", ("level", "warnings", "answered", "median", "p90"), answers)
    _table("chatter", ("pond", "times"), [(pond.pond_id, pond.times) for pond in found.chatter])
    standing = [
        (stale.alarm_id, say(f"level.{stale.highest}", words), local(stale.opened), f"{stale.hours:.1f}")
        for stale in found.standing
    ]
    _table("standing", ("alarm", "level", "opened", "hours"), standing)
    blind = [
        (dark.pond_id, f"{dark.hours:.1f}", dark.spells, say("alarmload.blind_now", words) if dark.blind else "")
        for dark in found.blind
    ]
    _table("blind", ("pond", "hours", "spells", "now"), blind)


def _table(title: str, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    from shared.words import language, say
    from tailwarden.cli.tables import show

    if rows:
        words = language()
        numbers = [place for place, heading in enumerate(headings) if heading not in _NAMES]
        typer.echo("")
        said = [say(f"alarmload.{heading}", words) for heading in headings]
        show(said, rows, title=say(f"alarmload.{title}", words), right=numbers)


_NAMES = ("level", "pond", "alarm", "opened", "now")


def _span(seconds: float | None) -> str:
    """Return a length of time as a person reads it: ``4:05`` is four minutes and five seconds."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
