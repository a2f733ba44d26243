"""``import``: register what a site file describes, or a ledger as Excel workbook, with a running system."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from shared.bus.rpc import CommandClient
    from shared.contracts.registry import PondView
    from shared.settings import Connection
    from shared.site import Site

__all__ = ["import_site", "register", "register_site"]

SITE = typer.Argument(
    metavar="FILE", help="A site file (.toml) or a ledger (.xlsx). / 站点文件或 Excel 台账。", show_default=False
)
BY = typer.Option("", "--by", help="Who does this. / 操作人。", show_default="the login name / 登录名")
WAIT = typer.Option(True, help="Wait until the monitor has seen it. / 等监测服务读到为止。")
JSON = typer.Option(False, "--json", help="Print one JSON object. / 输出一个 JSON 对象。")
HOME = typer.Option(None, "--home", help="Where the system keeps its data. / 数据目录。", show_default=".tailwarden")

ON = typer.Option(
    None,
    "--on",
    formats=["%Y-%m-%d"],
    help="The day of the ledger's acts. / 台账所述发生日期。",
    show_default="today / 今天",
)
CHECK = typer.Option(False, "--check", help="Judge a ledger, change nothing. / 只检查台账，不写入。")

PATIENCE = 15.0
"""Seconds the monitor has to read the registry's events."""
_PAUSE = 0.1


def register(app: typer.Typer) -> None:
    """Add this module's commands to *app*."""
    app.command("import")(import_site)


def import_site(
    file: Path = SITE,
    by: str = BY,
    wait: bool = WAIT,
    on: datetime | None = ON,
    check: bool = CHECK,
    as_json: bool = JSON,
    home: Path | None = HOME,
) -> None:
    """Register a pond from a site file, or a whole ledger from Excel. / 导入站点文件，或整份 Excel 台账。"""
    import asyncio
    import getpass

    from shared.settings import Settings
    from shared.site import load_site

    if file.suffix.lower() in (".xlsx", ".xlsm", ".xls"):
        from tailwarden.cli.asking import day, login
        from tailwarden.cli.ledger import import_ledger

        import_ledger(file, login(by), day(on), check, as_json, home)
        return
    site = load_site(file)  # before any connection: a bad file is refused whether or not the system runs
    if not by:
        try:
            by = getpass.getuser()
        except (OSError, KeyError):  # a container's user without a name
            by = "tailwarden import"
    settings = Settings.load(home=home)
    view = asyncio.run(_import(site, by, wait, settings.connection()))
    if as_json:
        typer.echo(view.model_dump_json())
    else:
        _tell(view, wait, settings.language)


async def _import(site: Site, by: str, wait: bool, to: Connection) -> PondView:
    from shared.bus.connection import connect
    from shared.bus.rpc import CommandClient

    nc = await connect(to, name="tailwarden-import")
    try:
        client = CommandClient(nc)
        view = await register_site(client, site, by)
        if wait:
            await _until_seen(client, view)
        return view
    finally:
        await nc.close()


async def register_site(client: CommandClient, site: Site, by: str) -> PondView:
    """Send a site's pond, sensors and limits to the registry and return the pond as it then stands.

    ``changed`` tells whether any of it was new. Sensors that the file does not name stay as they are.

    Raises
    ------
    TailwardenError
        What the registry refuses, or that it cannot be reached.
    """
    from shared.contracts.registry import AdoptLimits, PondView, RegisterPond, RegisterSensor

    pond = site.pond.id
    view = await client.send(RegisterPond(pond=site.pond, by=by), PondView)
    changed = view.changed
    for sensor in site.sensors:
        view = await client.send(RegisterSensor(pond_id=pond, sensor=sensor.sensor, by=by), PondView)
        changed |= view.changed
    if site.limits is not None:
        view = await client.send(AdoptLimits(pond_id=pond, limits=site.limits, by=by), PondView)
        changed |= view.changed
    return view.model_copy(update={"changed": changed})


async def _until_seen(client: CommandClient, view: PondView) -> None:
    """Wait until the monitor reports the registry version of *view*.

    Raises
    ------
    Unavailable
        ``sites.not_seen`` after ``PATIENCE`` seconds; the registration itself stands.
    """
    import asyncio

    from shared.contracts.monitor import PondStandings, ShowPondStanding
    from shared.problems import Fault, NotFound, Unavailable

    ask = ShowPondStanding(pond_id=view.pond.id)
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE
    while loop.time() < end:
        try:
            standings = await client.send(ask, PondStandings)
            if any(each.pond_id == view.pond.id and each.registry_version >= view.version for each in standings.ponds):
                return
        except (NotFound, Fault):
            pass  # not there yet: the pond, or the monitor itself
        await asyncio.sleep(_PAUSE)
    raise Unavailable("sites.not_seen", pond=view.pond.id, version=view.version, seconds=round(PATIENCE))


def _tell(view: PondView, waited: bool, setting: str | None) -> None:
    from rich.markup import escape

    from shared.words import language, say
    from tailwarden.cli.tables import show, terminal

    words = language(setting)
    done = say("sites.registered" if view.changed else "sites.unchanged", words, name=view.pond.name, pond=view.pond.id)
    headings = ("sensor", "kind", "unit", "interval", "state", "limits")
    rows = [
        (
            each.sensor.id, say(f"sites.kind_{each.sensor.kind.value}", words), each.sensor.unit,
            _interval(each.sensor.expected_interval_s), say(f"sites.state_{each.state.value}", words),
            _limits(view, each.sensor.id, each.sensor.kind.value),
        )
        for each in view.sensors
    ]  # fmt: skip
    console = terminal()
    console.print(escape(done))
    show([say(f"sites.{heading}", words) for heading in headings], rows, console=console)
    if waited:
        console.print(say("sites.seen", words))


def _interval(seconds: int) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _limits(view: PondView, sensor: str, kind: str) -> str:
    """Return the limits of the newest document that hold for a sensor, seasons apart."""
    from shared.contracts.limits import SENSOR_PREFIX, limits_of

    if not view.limits:
        return ""
    quantity = "level" if kind in ("water_level", "water_distance") else kind
    bands = view.limits[-1].bands
    return "; ".join(
        " / ".join(f"{value:g}" for _, value in limits_of(band))
        + ("" if band.season_from is None else f" ({band.season_from}…{band.season_to})")
        for band in bands.get(SENSOR_PREFIX + sensor, bands.get(quantity, ()))
    )
