"""``up``, ``serve``, ``doctor``, ``migrate``: the whole of tailwarden on one machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from deploy.local.machine import Machine
    from deploy.local.supervisor import Supervisor
    from shared.settings import Settings

__all__ = ["register"]

HOME = typer.Option(None, "--home", help="Where the system keeps its data. / 数据目录。", show_default=".tailwarden")
DATABASE = typer.Option(None, "--database", help="Database address of the service's role. / 服务角色的数据库地址。")
NATS = typer.Option(None, "--nats", help="NATS address. / NATS 地址。")
NATS_PORT = typer.Option(None, min=0, max=65535, help="NATS; 0: any free one. / NATS 端口；0 为任意空闲端口。")
PG_PORT = typer.Option(None, min=0, max=65535, help="PostgreSQL; 0: any free one. / 数据库端口；0 为任意空闲端口。")
MQTT_PORT = typer.Option(None, min=0, max=65535, help="MQTT; 0: any free one. / MQTT 端口；0 为任意空闲端口。")
WEB_PORT = typer.Option(None, min=0, max=65535, help="Pages; 0: any free one. / 网页端口；0 为任意空闲端口。")
OWNER = typer.Option(None, "--database", help="Database address of the schemas' owner. / 数据库所有者的地址。")
JSON = typer.Option(False, "--json", help="Print one JSON object. / 输出一个 JSON 对象。")
MONITORS = typer.Option(1, min=1, max=16, help="Monitors that share the ponds. / 分担尾矿库的监测进程数。")
PARTITIONS = typer.Option(
    None, "--partitions", help="The monitor's ponds, by partition: 0-7/16. / 监测进程负责的分区，如 0-7/16。"
)
SERVERS_ONLY = typer.Option(False, "--servers-only", help="Leave the services to `serve`. / 只启动服务器，不启动服务。")
SERVICE = typer.Argument(help="registry, cases, monitor or notifier. / 服务名：registry、cases、monitor 或 notifier。")


def register(app: typer.Typer) -> None:
    """Add this module's commands to *app*."""
    app.command("up")(up)
    app.command("serve")(serve)
    app.command("doctor")(doctor)
    app.command("migrate")(migrate)


def up(
    home: Path | None = HOME,
    nats_port: int | None = NATS_PORT,
    pg_port: int | None = PG_PORT,
    mqtt_port: int | None = MQTT_PORT,
    web_port: int | None = WEB_PORT,
    servers_only: bool = SERVERS_ONLY,
    monitors: int = MONITORS,
) -> None:
    """Run everything on this machine until Ctrl-C. / 在本机运行整个系统，按 Ctrl-C 停止。"""
    from deploy.local.machine import SERVICES, Machine, Ports
    from shared.logging import configure
    from shared.ready import mark_ready
    from shared.settings import Settings
    from shared.words import language, say

    settings = Settings.load(home=home)
    configure(settings.log_level, settings.log_format)
    words = language(settings.language)
    ports = Ports(nats=nats_port, postgres=pg_port, mqtt=mqtt_port, web=web_port)
    machine = Machine(settings.home, ports, () if servers_only else SERVICES, monitors)

    def ready(supervisor: Supervisor) -> None:
        _tell(machine, supervisor, words)
        mark_ready()
        print("READY", flush=True)

    machine.run(ready)
    typer.echo(say("up.stopped", words))


def _tell(machine: Machine, supervisor: Supervisor, words: str) -> None:
    """Print what runs where, and what to do next."""
    from shared.words import say
    from tailwarden.cli.tables import show, terminal

    console = terminal()
    for what, wanted, port in machine.moved:
        console.print(say("up.moved", words, what=what, wanted=wanted, port=port), style="yellow")
    rows = [
        ("NATS", machine.nats.url, say("up.nats_note", words)),
        ("MQTT", f"mqtt://127.0.0.1:{machine.nats.mqtt_port}", say("up.mqtt_note", words)),
        ("PostgreSQL", f"127.0.0.1:{machine.postgres.port}", say("up.postgres_note", words)),
    ]
    if "notifier" in machine.services:
        rows.append(("HTTP", f"http://127.0.0.1:{machine.web}", say("up.web_note", words)))
    for name, _, _ in machine.units():
        process = supervisor.units[name].process
        note = say("up.service_note", words, pid="–" if process is None else process.pid)
        rows.append((name, f"http://127.0.0.1:{machine.ops[name]}/readyz", note))
    rows.append(("home", str(machine.home), say("up.home_note", words)))
    headings = [say(f"up.{heading}", words) for heading in ("what", "where", "note")]
    show(headings, rows, title=say("up.title", words), console=console)
    console.print(say("up.next", words))
    option = f" --home {machine.home}" if machine.home != Path(".tailwarden").absolute() else ""
    for command, key in (
        (f"tailwarden doctor{option}", "doctor"),
        (f"tailwarden import SITE.toml{option}", "import"),
        (f"tailwarden publish SITE.toml{option}", "publish"),
        (f"tailwarden events{option}", "events"),
    ):
        console.print(f"  {command}", style="cyan", highlight=False, soft_wrap=True, end="")
        console.print(f"  # {say(f'up.next_{key}', words)}", style="dim", highlight=False)
    console.print(say("up.stop", words))


def serve(
    service: str = SERVICE,
    nats: str | None = NATS,
    database: str | None = DATABASE,
    home: Path | None = HOME,
    partitions: str | None = PARTITIONS,
) -> None:
    """Run one service in the foreground. / 在前台运行一个服务。

    Without addresses it finds the system that `tailwarden up` runs in the home; user and password of NATS come from
    TAILWARDEN_NATS_USER and TAILWARDEN_NATS_PASSWORD (or ..._FILE).
    不给地址时，使用 tailwarden up 启动的系统。
    """
    import os

    from deploy.local.machine import require_service, service_command
    from shared.bus.partitions import Share
    from shared.problems import BadInput

    require_service(service)
    if partitions is not None:
        if service != "monitor":
            raise BadInput("partitions.monitor_only", field="partitions", service=service)
        Share.read(partitions)
    settings = _settings(home, nats, database)
    settings.connection().database(service)  # refuses here, in one line, what the service could only die of
    given = {"TAILWARDEN_HOME": str(settings.home.absolute())}
    if nats is not None:
        given["TAILWARDEN_NATS_URL"] = nats
    if database is not None:
        given["TAILWARDEN_DATABASE_URL"] = database
    if partitions is not None:
        given["TAILWARDEN_MONITOR_PARTITIONS"] = partitions
    command = service_command(service)
    # Become the service: its signals, its exit code and its output are then the caller's own.
    os.execve(command[0], command, {**os.environ, **given})


def _settings(home: Path | None, nats: str | None = None, database: str | None = None) -> Settings:
    from pydantic import SecretStr

    from shared.settings import Settings

    return Settings.load(home=home, nats_url=nats, database_url=None if database is None else SecretStr(database))


def doctor(home: Path | None = HOME, as_json: bool = JSON) -> None:
    """Say what is reachable, what is not, and what to do. / 检查各部件是否可用，并说明如何处理。"""
    import asyncio
    import json

    from deploy.local.doctor import examine
    from shared.words import language, say

    settings = _settings(home)
    words = language(settings.language)
    findings = asyncio.run(examine(settings))
    bad = [finding for finding in findings if not finding.ok]
    if as_json:
        typer.echo(json.dumps({"ok": not bad, "checks": [f.as_json(words) for f in findings]}, ensure_ascii=False))
    else:
        from tailwarden.cli.tables import terminal

        console = terminal()
        for finding in findings:
            style, word = ("green", "ok") if finding.ok else ("red", "bad")
            console.print(f"[{style}]{say(f'doctor.{word}', words):<6}[/{style}] {finding.name:<20} ", end="")
            console.print(finding.told(words), markup=False, highlight=False)
            if not finding.ok:
                console.print(f"       → {finding.remedy(words)}", markup=False, highlight=False)
        console.print(say("doctor.not_well", words, count=len(bad)) if bad else say("doctor.all_well", words))
    raise typer.Exit(1 if bad else 0)


def migrate(home: Path | None = HOME, database: str | None = OWNER) -> None:
    """Bring the database to the newest schema. / 将数据库结构升级到最新。"""
    from pydantic import SecretStr

    from deploy.local.machine import SERVICES, migrate_all
    from shared.settings import Settings
    from shared.words import language, say

    if database is None:
        settings = Settings.load(home=home)
        owner = settings.owner_database_url
        database = settings.connection().database("owner") if owner is None else owner.get_secret_value()
    else:
        settings = Settings.load(home=home, owner_database_url=SecretStr(database))
    for service in SERVICES:
        migrate_all(database, [service])
        typer.echo(say("migrate.done", language(settings.language), service=service))
