"""``replay``: a site's recorded series through the monitor's own code; what it would have said, and a picture."""

from __future__ import annotations

import json
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from services.monitor.replay import Replay
    from shared.contracts.monitor import TimelineChange

__all__ = ["register", "replay"]

SITE = typer.Argument(metavar="SITE.toml", help="The site file, with series. / 带序列的站点文件。", show_default=False)
FROM = typer.Option("", "--from", metavar="T", help="Tell changes from here on. / 从此时起输出。", show_default=False)
TO = typer.Option("", "--to", metavar="T", help="Stop the clock here. / 到此时为止。", show_default=False)
JSON = typer.Option(False, "--json", help="One JSON line per change. / 每次变化一行 JSON。")
CHART = typer.Option(
    None, "--chart", metavar="FILE", help="Draw it: FILE.png or FILE.html. / 绘图。", show_default=False
)  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add this module's command to *app*."""
    app.command("replay")(replay)


def replay(
    file: Path = SITE, since: str = FROM, until: str = TO, as_json: bool = JSON, chart: Path | None = CHART
) -> None:
    """Replay a site's series and tell each change of the pond's state. / 回放站点序列，逐条输出状态变化。"""
    from services.monitor.replay import Replay
    from shared.problems import BadInput
    from shared.site import load_site

    site = load_site(file)
    begin, end = _time("--from", since, site.timezone), _time("--to", until, site.timezone)
    if begin is not None and end is not None and begin >= end:
        raise BadInput("replay.order", field="--from", since=since, until=until)
    if chart is not None and chart.suffix.lower() not in (".png", ".html"):
        raise BadInput("chart.kind", field="chart", path=str(chart))
    run = Replay(site, begin, end)
    run.load()
    changes: list[TimelineChange] = []
    for change in run.changes():
        changes.append(change)
        typer.echo(_line(site.pond.id, change) if as_json else _row(change, site.timezone))
    if chart is not None:
        from services.monitor.chart import chart_of, draw

        draw(chart_of(site, run.series, changes, begin, end), chart)
    if not as_json:
        _summary(run, changes, chart)


def _time(option: str, text: str, zone: tzinfo) -> datetime | None:
    """Read a time; one without an offset is local to the pond."""
    from shared.problems import BadInput

    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput("replay.bad_time", field=option, option=option, value=text) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _line(pond: str, change: TimelineChange) -> str:
    plain = change.model_dump(mode="json")
    return json.dumps(
        {
            "time": change.time.isoformat(),
            "pond": pond,
            "event": change.event,
            "level": plain["level"],
            "verified": change.verified,
            "causes": plain["causes"],
        },
        ensure_ascii=False,
    )


def _row(change: TimelineChange, zone: tzinfo) -> str:
    from shared.words import language, say
    from tailwarden.cli.wording import because, local, semicolons

    words = language()
    level = say(f"level.{change.level}", words) if change.level is not None else ""
    doubt = "" if change.verified else f" [{say('replay.unverified', words)}]"
    why = semicolons((because(cause, words) for cause in change.causes[:3]), words)
    return f"{local(change.time, zone)}  {say(f'event.{change.event}', words)} {level}{doubt}  {why}".rstrip()


def _summary(run: Replay, changes: list[TimelineChange], chart: Path | None) -> None:
    from shared.words import language, say

    words = language()
    readings = sum(len(each.times_us) for each in run.series.values())
    raised = sum(change.event == "raised" for change in changes)
    key = "replay.summary" if changes else "replay.quiet"
    name = run.site.pond.name
    _hints(run, words)
    typer.echo(say(key, words, name=name, readings=readings, changes=len(changes), warnings=raised), err=True)
    if chart is not None:
        typer.echo(say("replay.chart", words, path=chart), err=True)


def _hints(run: Replay, words: str) -> None:
    """Say what a reader of a quiet replay would wonder about."""
    from shared.words import say

    limits = run.site.limits
    last = max((int(each.times_us[-1]) for each in run.series.values() if len(each.times_us)), default=0)
    end = datetime.fromtimestamp(last / 1_000_000, run.site.timezone).date()
    if limits is not None and limits.effective_from > end:
        hint = say("replay.not_yet", words, document=limits.document, begins=limits.effective_from, ends=end)
        typer.echo(hint, err=True)
