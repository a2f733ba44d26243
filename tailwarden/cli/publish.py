"""``publish``: send the recorded series of a site file to a running system, as its loggers would have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

if TYPE_CHECKING:
    from shared.settings import Connection
    from shared.site import Site
    from tailwarden.telemetry import Merged, Tally

__all__ = ["register"]

SITE = typer.Argument(metavar="SITE.toml", help="The site file. / 站点文件。", show_default=False)
SPEED = typer.Option(
    "max",
    metavar="N|max",
    help="N times as fast as recorded, one reading a message; max: columns, at once. "
    "/ 以记录速度的 N 倍逐条发送；max 为成批尽快发送。",
)
VIA = typer.Option("nats", help="nats or mqtt. / 经 nats 或 mqtt。")
SINCE = typer.Option(None, "--from", metavar="T", help="First time sent. / 起始时间。")
UNTIL = typer.Option(None, "--to", metavar="T", help="Last time sent. / 结束时间。")
BATCH = typer.Option(500, min=1, max=10_000, help="Readings in a message of columns. / 每批读数个数。")
JSON = typer.Option(False, "--json", help="Print one JSON object. / 输出一个 JSON 对象。")
HOME = typer.Option(None, "--home", help="Where the system keeps its data. / 数据目录。", show_default=".tailwarden")


def register(app: typer.Typer) -> None:
    """Add this module's command to *app*."""
    app.command("publish")(publish)


def publish(
    file: Path = SITE,
    speed: str = SPEED,
    via: Literal["nats", "mqtt"] = VIA,
    since: str | None = SINCE,
    until: str | None = UNTIL,
    batch: int = BATCH,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Send a site's recorded series to the running system. / 把站点的历史序列发送到运行中的系统。"""
    import asyncio

    from shared.ops.tracing import begin_tracing, end_tracing
    from shared.settings import Settings
    from shared.site import load_site
    from tailwarden.telemetry import Tally

    pace = _pace(speed)
    site = load_site(file)
    merged = _read(site, since, until)
    settings = Settings.load(home=home)
    tally = Tally(len(merged.times_us))
    begin_tracing("publish")
    try:
        asyncio.run(_send(site.pond.id, merged, pace, batch, via, settings.connection(), tally))
    except KeyboardInterrupt:
        _tell(site, tally, as_json, settings.language)
        raise typer.Exit(130) from None
    finally:
        end_tracing()
    _tell(site, tally, as_json, settings.language)


def _pace(speed: str) -> float | None:
    """Return how many times faster than recorded; None is as fast as possible."""
    import math

    from shared.problems import BadInput

    if speed == "max":
        return None
    try:
        pace = float(speed)
    except ValueError:
        pace = math.nan
    if not 0 < pace < math.inf:
        raise BadInput("publish.speed", field="--speed", got=speed)
    return pace


def _read(site: Site, since: str | None, until: str | None) -> Merged:
    """Return all series of a site, merged in time order and cut to the span asked for."""
    from shared.problems import BadInput
    from shared.site import read_series
    from tailwarden.telemetry import merge

    series = {
        each.sensor.id: (each.sensor.unit, read_series(site.directory, each, site.timezone))
        for each in site.sensors
        if each.series is not None
    }
    if not series:
        raise BadInput("publish.no_series", field="sensor.series", path=str(site.path))
    merged = merge(
        {name: (unit, data.times_us, data.values) for name, (unit, data) in series.items()},
        _moment(since, "--from", site),
        _moment(until, "--to", site),
    )
    if not len(merged.times_us):
        raise BadInput("publish.nothing", field="--from", path=str(site.path))
    return merged


def _moment(text: str | None, option: str, site: Site) -> int | None:
    """Return a time in µs; one without an offset is in the site's zone, a date is its midnight."""
    from shared.problems import BadInput
    from shared.site.times import UnreadableTimeError, read_times

    if text is None:
        return None
    for form in (text, f"{text} 00:00"):
        try:
            return int(read_times([form], None, site.timezone)[0])
        except UnreadableTimeError:
            continue
    raise BadInput("publish.moment", field=option, got=text)


async def _send(
    pond: str, merged: Merged, pace: float | None, batch: int, via: str, to: Connection, tally: Tally
) -> None:
    from tailwarden.telemetry import columns, mqtt_sender, nats_sender, paced, singles

    opened = nats_sender(to, tally) if via == "nats" else mqtt_sender(to, tally)
    async with opened as send:
        if pace is None:
            for message in columns(pond, merged, batch):
                await send(message)
        else:
            async for message in paced(singles(pond, merged), pace):
                await send(message)


def _tell(site: Site, tally: Tally, as_json: bool, setting: str | None) -> None:
    from shared.words import counted, language

    if as_json:
        import orjson

        typer.echo(orjson.dumps({"pond": site.pond.id, **tally.summary()}))
    else:
        figures = tally.summary()
        count = int(figures.pop("messages"))
        typer.echo(counted("publish.done", count, language(setting), pond=site.pond.id, **figures))
