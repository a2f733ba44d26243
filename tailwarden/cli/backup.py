"""``backup`` and ``restore``: one archive with everything, and a system made anew from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from deploy.backup.archive import ArchiveReader
    from deploy.backup.manifest import Manifest
    from shared.settings import Connection, Settings

__all__ = ["register"]

HOME = typer.Option(None, "--home", help="Where the system keeps its data. / 数据目录。", show_default=".tailwarden")
JSON = typer.Option(False, "--json", help="Print one JSON object. / 输出一个 JSON 对象。")
TARGET = typer.Argument(help="A directory, or the archive's name. / 目录，或备份文件名。")
ARCHIVE = typer.Argument(help="The archive. / 备份文件。")
SECRETS = typer.Option(
    False, "--with-secrets", help="Passwords and keys of the home, too. / 连同数据目录中的密码和密钥。"
)
CHECK = typer.Option(False, "--check", help="Only check the archive. / 仅校验备份文件，不恢复。")
RENEW = typer.Option(
    False,
    "--renew-events",
    help="NATS outlived the database: save EVENTS to a file and make it anew. / NATS 未丢失时：另存并重建 EVENTS。",
)
_NOT_WHOLE = 1


def register(app: typer.Typer) -> None:
    """Add this module's commands to *app*."""
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(target: Path = TARGET, home: Path | None = HOME, with_secrets: bool = SECRETS, as_json: bool = JSON) -> None:
    """Back a running system up, as of one moment, into one archive. / 将运行中的系统备份为一个文件（同一时刻）。

    Exit 1: the archive is there, but evidence that is on record was missing or damaged on the disk.
    退出码 1：备份已完成，但有登记在案的证据文件缺失或损坏。
    """
    import asyncio

    from deploy.backup.take import archive_path, take
    from shared.clock import SystemClock
    from shared.settings import Settings
    from shared.words import language, say

    settings = Settings.load(home=home)
    words = language(settings.language)
    path = archive_path(target, SystemClock().now())
    taken = asyncio.run(take(settings.connection(), settings.home, path, secrets=with_secrets))
    manifest = taken.manifest
    if as_json:
        _print_json(manifest, path=str(path), size=taken.size)
    else:
        _print_manifest(manifest, words)
        typer.echo(say("backup.taken", words, path=path, mb=f"{taken.size / 1e6:,.1f}"))
        if not with_secrets:
            typer.echo(say("backup.no_secrets", words))
    for digest, code in manifest.evidence.lost.items():
        typer.echo(f"tailwarden: {say(code, words, sha256=digest, actual='-')}", err=True)
    raise typer.Exit(_NOT_WHOLE if manifest.evidence.lost else 0)


def restore(
    archive: Path = ARCHIVE,
    home: Path | None = HOME,
    check: bool = CHECK,
    renew_events: bool = RENEW,
    as_json: bool = JSON,
) -> None:
    """Restore a backup into an empty system and prove it equal. / 将备份恢复到空系统并核对一致。

    Where no servers run in the home, it starts them for as long as it takes; where they do, their services must be
    stopped (`tailwarden up --servers-only`).
    若目录中没有运行服务器，则临时启动；若有，须先停止其服务。
    """
    import asyncio

    from deploy.backup.archive import ArchiveReader
    from deploy.backup.restore import require_known_schema, require_room
    from deploy.backup.restore import restore as put_back
    from shared.settings import Settings
    from shared.words import language, say

    settings = Settings.load(home=home)
    words = language(settings.language)
    with ArchiveReader(archive) as reader:
        reader.verify()
        manifest = reader.manifest
        require_known_schema(manifest)
        if not check:

            def said(name: str) -> None:
                typer.echo(say("backup.kept", words, name=name), err=True)

            with _servers(settings, reader) as system:
                require_room(manifest, settings.home, servers=settings.nats_url is None)
                asyncio.run(put_back(system, settings.home, reader, said, renew_events=renew_events))
        if as_json:
            _print_json(manifest, path=str(archive), restored=not check)
            return
        _print_manifest(manifest, words)
        if check:
            typer.echo(say("backup.intact", words, parts=len(manifest.parts)))
            return
        typer.echo(say("backup.restored", words, tables=len(manifest.tables), rows=f"{manifest.rows:,}"))
        typer.echo(say("backup.next", words, home=settings.home))


@contextmanager
def _servers(settings: Settings, archive: ArchiveReader) -> Iterator[Connection]:
    """Give the servers that were named or run in the home; else run some there, with the backup's secrets."""
    import asyncio

    from deploy.backup.files import put_home_back
    from deploy.local.places import usable_home
    from deploy.local.running import running_system
    from shared.bus.connection import connect
    from shared.problems import Unavailable

    async def answers(system: Connection) -> None:
        await (await connect(system, name="tailwarden-restore", limit=2.0)).close()

    try:
        system = settings.connection()
        if settings.nats_url is None:
            asyncio.run(answers(system))  # a system that was killed leaves its address behind
    except Unavailable:
        if settings.nats_url is not None:
            raise
    else:
        usable_home(settings.home)
        yield system
        return
    home = usable_home(settings.home)
    put_home_back(archive, home)  # the servers take the passwords that are there when they start
    with running_system(home, options=["--servers-only"]) as running:
        yield running.connection


def _print_json(manifest: Manifest, **more: object) -> None:
    import orjson

    body = manifest.model_dump(mode="json", exclude={"parts", "tables", "sequences"})
    tables = {table.label: {"rows": table.lines, "sha256": table.sha256} for table in manifest.tables}
    typer.echo(orjson.dumps({**more, **body, "tables": tables}).decode())


def _print_manifest(manifest: Manifest, words: str) -> None:
    from shared.words import joined, say
    from tailwarden.cli.tables import show, terminal

    rows: list[tuple[str, str, str]] = []
    for service in manifest.services:
        count = sum(table.lines for table in manifest.tables if table.table_schema == service.name)
        rows.append((service.name, f"{service.events:,}", say("backup.rows", words, rows=f"{count:,}")))
    readings = sum(table.lines for table in manifest.tables if table.label == "monitor.reading")
    rows.append((say("backup.readings", words), f"{readings:,}", ""))
    rows += [
        (stream.stream, f"{stream.lines:,}", say(f"backup.{stream.stream.lower()}", words))
        for stream in manifest.streams
    ]
    evidence = manifest.evidence
    rows.append((say("backup.evidence", words), f"{evidence.files:,}", f"{evidence.size / 1e6:,.1f} MB"))
    names = joined((file.name for file in manifest.files if not file.secret), words) or "–"
    secrets = sum(file.secret for file in manifest.files)
    rows.append((say("backup.files", words), str(len(manifest.files) - secrets), names))
    rows.append((say("backup.secrets", words), str(secrets), ""))
    console = terminal()
    console.print(say("backup.of", words, taken=f"{manifest.taken:%Y-%m-%d %H:%M:%S} UTC", version=manifest.tailwarden))
    headings = [say(f"backup.{heading}", words) for heading in ("what", "count", "note")]
    show(headings, rows, right=(1,), console=console)
