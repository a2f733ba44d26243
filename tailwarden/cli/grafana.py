"""``grafana``: a Grafana brought into step, or compared, or given files; and annotations kept in step with warnings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from deploy.grafana.sync.api import Grafana
    from deploy.grafana.sync.compare import Difference
    from shared.settings import Connection

__all__ = ["register"]

HOME = typer.Option(None, "--home", help="Home of the running system. / 运行系统的目录。")
DAYS = typer.Option(
    30.0, "--days", min=0.1, max=3650.0, help="Annotations of warnings of so many days. / 注释涵盖的预警天数。"
)
FOLLOW = typer.Option(
    False, "--follow", help="Stay, and keep annotations in step with warnings. / 持续跟踪预警并更新注释。"
)
RENEW = typer.Option(False, "--renew-password", help="Write the data source's password anew. / 重新写入数据源密码。")
OUT = typer.Option(None, "--out", help="Where to (default: into the sources). / 输出目录，默认写入源码目录。")


def register(app: typer.Typer) -> None:
    """Add this module's commands to *app*."""
    grafana = typer.Typer(
        help="Dashboards: bring a Grafana into step, compare, export. / 看板：同步、比对、导出。",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    grafana.command("sync")(sync)
    grafana.command("check")(check)
    grafana.command("export")(export)
    app.add_typer(grafana, name="grafana")


def sync(follow: bool = FOLLOW, days: float = DAYS, renew_password: bool = RENEW, home: Path | None = HOME) -> None:
    """Folder, data source, dashboards and annotations into Grafana. / 将文件夹、数据源、看板与注释写入 Grafana。"""
    from shared.settings import connection

    opened, database = _grafana()
    with opened as grafana:
        to = connection(home)
        if follow:
            _follow(grafana, to, database, days, renew_password)
            return
        _tell(_differences(grafana, to, database, days, fix=True, renew=renew_password))


def check(days: float = DAYS, home: Path | None = HOME) -> None:
    """Compare only; exit 1 when something differs, naming it. / 只比对；不一致时逐项列出并以 1 退出。"""
    from shared.settings import connection

    opened, database = _grafana()
    with opened as grafana:
        found = _differences(grafana, connection(home), database, days, fix=False, renew=False)
    if _tell(found):
        raise typer.Exit(1)


def export(out: Path | None = OUT) -> None:
    """Write the dashboards as JSON files for provisioning. / 将看板写成供配置加载的 JSON 文件。"""
    from deploy.grafana.board.emit import FOLDER
    from deploy.grafana.board.emit import export as write
    from shared.words import language, say

    changed = write(FOLDER if out is None else out)
    for path in changed:
        typer.echo(say("grafana.exported", language(), path=path))
    if not changed:
        typer.echo(say("grafana.unchanged", language()))


def _grafana() -> tuple[Grafana, str | None]:
    """Return Grafana, and how it reaches the database where that was said."""
    from deploy.grafana.sync.api import Grafana, GrafanaSettings

    settings = GrafanaSettings.load()
    url = settings.database_url
    return Grafana(settings), None if url is None else url.get_secret_value()


def _differences(
    grafana: Grafana, to: Connection, database: str | None, days: float, *, fix: bool, renew: bool
) -> list[Difference]:
    from datetime import UTC, datetime, timedelta

    from deploy.grafana.sync.marks import keep, marks
    from deploy.grafana.sync.things import things

    now, reader = datetime.now(UTC), to.database("reader")
    found = list(things(grafana, database or reader, fix=fix, renew=renew))
    wanted = marks(reader, now - timedelta(days=days))
    return [*found, *keep(grafana, wanted, now, fix=fix)]


def _tell(found: list[Difference]) -> int:
    """Say what differs or differed, and return how much is still to be done."""
    from shared.words import language, say

    words = language()
    for difference in found:
        typer.echo(difference.words(words))
    typer.echo(say("grafana.counted", words, count=len(found)) if found else say("grafana.in_step", words))
    return len(found)


def _follow(grafana: Grafana, to: Connection, database: str | None, days: float, renew: bool) -> None:
    import asyncio

    try:
        asyncio.run(_followed(grafana, to, database, days, renew))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


async def _followed(grafana: Grafana, to: Connection, database: str | None, days: float, renew: bool) -> None:
    """Bring everything into step as soon as Grafana is there, then follow."""
    from contextlib import suppress

    from deploy.grafana.sync.follow import Follower
    from shared.bus.connection import connect
    from shared.bus.reader import last_sequence, read_stream
    from shared.clock import SystemClock
    from shared.words import language, say

    words, reader = language(), to.database("reader")

    def waiting(reason: str) -> None:
        typer.echo(say("grafana.waiting", words, reason=reason), err=True)

    nc = await connect(to, name="tailwarden-grafana")
    try:
        js = nc.jetstream()
        # From here on, before anything is compared: what happens meanwhile is not missed.
        start = await last_sequence(js, "EVENTS") + 1
        follower = Follower(
            grafana, reader, SystemClock(), days=days, things_url=database or reader, renew=renew,
            told=lambda difference: typer.echo(difference.words(words)), trouble=waiting,
        )  # fmt: skip
        typer.echo(say("grafana.following", words))
        await follower.run(read_stream(js, "EVENTS", "tw.events.monitor.warning.>", start, follow=True))
    finally:
        with suppress(OSError):
            await nc.close()
