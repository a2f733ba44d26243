"""``audit verify``, ``projections verify``, ``projections rebuild``: is the record still what was written?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.eventstore import Anchor, Difference, Report, ServiceStore
    from shared.postgres import Pool
    from shared.settings import Connection

__all__ = ["register"]

HOME = typer.Option(None, "--home", help="Where the system keeps its data. / 数据目录。", show_default=".tailwarden")
SERVICES = typer.Option(None, "--service", help="Only this service; may be repeated. / 只检查该服务，可重复。")
JSON = typer.Option(False, "--json", help="Print one JSON object. / 输出一个 JSON 对象。")
_DAMAGED = 1
T = TypeVar("T")


def register(app: typer.Typer) -> None:
    """Add this module's commands to *app*."""
    audit = typer.Typer(help="Check the event stores' hash chains. / 校验事件库的哈希链。", no_args_is_help=True)
    audit.command("verify")(verify_chain)
    audit.callback()(_group)  # keeps `verify` a subcommand though it is the only one
    app.add_typer(audit, name="audit")
    projections = typer.Typer(
        help="Check or rebuild read models from the events. / 由事件校验或重建读模型。", no_args_is_help=True
    )
    projections.command("verify")(verify_projections)
    projections.command("rebuild")(rebuild_projections)
    app.add_typer(projections, name="projections")


def _group() -> None:
    """Check the event stores' hash chains. / 校验事件库的哈希链。"""


def verify_chain(home: Path | None = HOME, service: list[str] | None = SERVICES, as_json: bool = JSON) -> None:
    """Recompute every service's hash chain; exit 1 at a change. / 重新计算哈希链；如有改动，退出码为 1。

    The end of each chain is compared with what was published to the EVENTS stream, when NATS is reachable.
    每条链的末端还会与 NATS 中已发布的事件核对。
    """
    import asyncio
    import json

    from shared.settings import connection
    from shared.words import language, say

    words = language()
    reports, unanchored = asyncio.run(_audit_all(connection(home), _chosen(service)))
    damaged = any(report.finding is not None for report in reports.values())
    if as_json:
        body = {name: _report_json(report) for name, report in reports.items()}
        typer.echo(json.dumps({"ok": not damaged, "published_compared": unanchored is None, "services": body}))
    else:
        _print_reports(reports, words)
        if unanchored is not None:
            typer.echo(say("audit.no_stream", words, reason=unanchored), err=True)
    raise typer.Exit(_DAMAGED if damaged else 0)


def verify_projections(home: Path | None = HOME, service: list[str] | None = SERVICES, as_json: bool = JSON) -> None:
    """Rebuild read models in a shadow and compare; exit 1 if they differ. / 重建读模型并比对；不一致时退出码为 1。"""
    import asyncio
    import json
    from dataclasses import asdict

    from shared.settings import connection
    from shared.words import joined, language, say

    words = language()
    stores = [_store_of(name) for name in _chosen(service)]
    found = asyncio.run(_each(connection(home), stores, _differences))
    if as_json:
        body = {name: [asdict(difference) for difference in rows] for name, rows in found.items()}
        typer.echo(json.dumps({"ok": not any(found.values()), "services": body}, ensure_ascii=False))
    else:
        for store in stores:
            rows = found[store.schema]
            names = joined((projection.name for projection in store.projections), words)
            key = "differ" if rows else "equal" if names else "none"
            typer.echo(say(f"projections.{key}", words, service=store.schema, names=names, count=len(rows)))
            for row in rows:
                typer.echo(f"  {row.table}  {say(f'projections.{row.side}', words)}  {row.row}")
    raise typer.Exit(_DAMAGED if any(found.values()) else 0)


def rebuild_projections(home: Path | None = HOME, service: list[str] | None = SERVICES) -> None:
    """Replace the read models' rows by what the events give. / 用事件重建的结果替换读模型。"""
    import asyncio

    from shared.settings import connection
    from shared.words import language, say

    stores = [_store_of(name) for name in _chosen(service)]
    for name, rows in asyncio.run(_each(connection(home), stores, _rebuilt)).items():
        typer.echo(say("projections.written", language(), service=name, rows=rows))


def _chosen(wanted: list[str] | None) -> list[str]:
    """Return the event-sourced services asked for, or all of them."""
    from importlib.util import find_spec
    from pkgutil import iter_modules

    import services
    from shared.problems import NotFound

    known = [name for _, name, _ in iter_modules(services.__path__) if find_spec(f"services.{name}.wiring") is not None]
    for name in wanted or ():
        if name not in known:
            raise NotFound("projections.unknown", field="service", service=name, known=", ".join(known))
    return wanted or known


def _store_of(service: str) -> ServiceStore:
    from importlib import import_module

    store: ServiceStore = import_module(f"services.{service}.wiring").store()
    return store


async def _audit_all(to: Connection, services: list[str]) -> tuple[dict[str, Report], str | None]:
    """Return each service's report, and why the EVENTS stream could not be compared (None: it was)."""
    import psycopg

    from shared.eventstore import audit
    from shared.postgres import open_pool
    from shared.problems import Unavailable

    anchors, unanchored = await _anchors(to, services)
    reports: dict[str, Report] = {}
    for name in services:
        pool = await open_pool(to.database("owner"), schema=name, application="tailwarden-audit")
        try:
            async with pool.connection() as conn:
                reports[name] = await audit(conn, anchors.get(name, ()))
        except psycopg.errors.UndefinedTable as error:
            raise Unavailable("audit.no_schema", service=name) from error
        finally:
            await pool.close()
    return reports, unanchored


async def _anchors(to: Connection, services: list[str]) -> tuple[dict[str, list[Anchor]], str | None]:
    from nats.errors import Error

    from shared.bus.connection import connect
    from shared.eventstore import published_anchor
    from shared.problems import Unavailable

    anchors: dict[str, list[Anchor]] = {}
    try:
        client = await connect(to, name="tailwarden-audit")
        try:
            for name in services:
                anchor = await published_anchor(client.jetstream(), name)
                anchors[name] = [] if anchor is None else [anchor]
        finally:
            await client.close()
    except (Unavailable, Error) as error:
        return {}, str(error) or type(error).__name__
    return anchors, None


async def _each(
    to: Connection, stores: list[ServiceStore], act: Callable[[Pool, ServiceStore], Awaitable[T]]
) -> dict[str, T]:
    """Run *act* for each store, with a pool of the owner on its schema."""
    import psycopg

    from shared.postgres import open_pool
    from shared.problems import Unavailable

    results: dict[str, T] = {}
    for store in stores:
        pool = await open_pool(to.database("owner"), schema=store.schema, application="tailwarden-projections")
        try:
            results[store.schema] = await act(pool, store)
        except psycopg.errors.UndefinedTable as error:
            raise Unavailable("audit.no_schema", service=store.schema) from error
        finally:
            await pool.close()
    return results


async def _differences(pool: Pool, store: ServiceStore) -> list[Difference]:
    from shared.eventstore import verify

    return await verify(pool, store.store, store.projections)


async def _rebuilt(pool: Pool, store: ServiceStore) -> int:
    from shared.eventstore import rebuild

    return await rebuild(pool, store.store, store.projections)


def _report_json(report: Report) -> dict[str, object]:
    finding = None if report.finding is None else {"position": report.finding.position, "reason": report.finding.reason}
    return {"events": report.events, "head": report.head.hex(), "finding": finding}


def _print_reports(reports: dict[str, Report], words: str) -> None:
    from rich.text import Text

    from shared.words import say
    from tailwarden.cli.tables import show

    rows = []
    for name, report in reports.items():
        finding = report.finding
        if finding is None:
            verdict = Text(say("audit.intact", words), style="green")
        else:
            verdict = Text(say(f"audit.{finding.reason}", words, position=finding.position), style="red")
        rows.append((name, report.events, report.head.hex()[:16], verdict))
    show([say(f"audit.{heading}", words) for heading in ("service", "events", "head", "verdict")], rows)
