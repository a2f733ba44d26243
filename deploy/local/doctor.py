"""What is reachable and what is not: one finding per part, with what to do about it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from deploy.local.machine import SERVICES
from deploy.local.ports import HOST, answers
from shared.problems import TailwardenError
from shared.words import say

if TYPE_CHECKING:
    from nats.aio.client import Client
    from psycopg import AsyncConnection

    from shared.settings import Connection, Settings

__all__ = ["Finding", "examine", "relay_lag"]

LIMIT = 3.0
"""Seconds each question may take."""
RELAY_LAG_S = 30.0
"""An event stored so long ago [s] and not published is stuck: a relay at work needs well under one."""

_LAG = """
SELECT coalesce((SELECT max(position) FROM {schema}.event), 0), done.position,
       (SELECT extract(epoch FROM now() - recorded_at)::float FROM {schema}.event WHERE position = done.position + 1)
FROM (SELECT coalesce(max(position), 0) AS position FROM {schema}.relay_cursor) AS done
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: reachable or not, what it said, what to do when not."""

    name: str
    ok: bool
    detail: str
    do: str = ""
    """Key of the word catalogue's ``doctor`` section."""
    params: dict[str, str] = field(default_factory=dict)
    said: str = ""
    """Key of the word catalogue that says ``detail``, with ``figures``; empty where it is in nobody's words."""
    figures: dict[str, Any] = field(default_factory=dict)

    def told(self, language: str) -> str:
        """Say the detail."""
        return say(self.said, language, **self.figures) if self.said else self.detail

    def remedy(self, language: str) -> str:
        """Say what to do; nothing when all is well."""
        return say(f"doctor.{self.do}", language, **self.params) if self.do and not self.ok else ""

    def as_json(self, language: str) -> dict[str, Any]:
        """Return it for machines."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail, "do": self.remedy(language)}


def _finding(name: str, ok: bool, key: str, do: str = "", **figures: Any) -> Finding:
    """Return a finding whose detail is said by *key*; ``detail`` itself, for machines, is English."""
    key = f"doctor.{key}_one" if figures.get("count") == 1 else f"doctor.{key}"
    return Finding(name, ok, say(key, "en", **figures), do, {}, key, figures)


def _refused(name: str, error: TailwardenError, do: str) -> Finding:
    return Finding(name, False, str(error), do, {}, error.code, error.params)


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything the settings lead to."""
    try:
        connection = settings.connection()
    except TailwardenError as error:
        return [_refused("settings", error, "settings_do")]
    parts = await asyncio.gather(
        _bus(connection), _mqtt(connection), _database(connection, settings.language), _ops(connection)
    )
    return [finding for part in parts for finding in part]


async def _bus(connection: Connection) -> list[Finding]:
    from shared.bus.connection import connect

    try:
        client = await connect(connection, name="tailwarden-doctor", limit=LIMIT)
    except TailwardenError as error:
        return [
            _refused("nats", error, "nats_do"),
            *[Finding(f"service {name}", False, "–", "service_do", {"name": name}) for name in SERVICES],
        ]
    try:
        version = client.connected_server_version
        detail = f"{connection.nats_url}, {version.major}.{version.minor}.{version.patch}"
        findings = [Finding("nats", True, detail)]
        findings += await _jetstream(client)
        findings += await asyncio.gather(*[_service(client, name) for name in SERVICES])
        return findings
    finally:
        await client.close()


async def _jetstream(client: Client) -> list[Finding]:
    from nats.errors import Error
    from nats.js.errors import NotFoundError

    from shared.bus.streams import STREAMS

    js = client.jetstream(timeout=LIMIT)
    try:
        account = await js.account_info()
    except (Error, TimeoutError) as error:
        return [Finding("jetstream", False, str(error) or type(error).__name__, "jetstream_do")]
    findings = [_finding("jetstream", True, "streams", count=account.streams, size=account.storage)]
    for stream in STREAMS:
        name = f"stream {stream.name}"
        try:
            info = await js.stream_info(str(stream.name))
        except NotFoundError:
            findings.append(_finding(name, False, "missing", "streams_do"))
        except (Error, TimeoutError) as error:
            findings.append(Finding(name, False, str(error) or type(error).__name__, "jetstream_do"))
        else:
            findings.append(_finding(name, True, "messages", count=info.state.messages, size=info.state.bytes))
    return findings


async def _service(client: Client, name: str) -> Finding:
    """Ask for a command no service has: whoever is there refuses it, and that is an answer."""
    from nats.errors import Error

    try:
        await client.request(f"tw.commands.{name}.ping", b"{}", timeout=LIMIT)
    except (Error, TimeoutError) as error:
        reason = str(error) or type(error).__name__
        return Finding(f"service {name}", False, reason, "service_do", {"name": name})
    return _finding(f"service {name}", True, "answers")


async def _ops(connection: Connection) -> list[Finding]:
    """Ask each service whether it can do its work, and if not, what is missing."""
    return list(await asyncio.gather(*[_ready(name, url) for name, url in connection.ops_urls.items()]))


async def _ready(name: str, url: str) -> Finding:
    try:
        body = await asyncio.to_thread(_ask, f"{url}/readyz")
        missing = {str(what): str(why) for what, why in body["missing"].items()}
    except (OSError, ValueError, KeyError, AttributeError) as error:
        return Finding(f"ready {name}", False, f"{url}: {str(error) or type(error).__name__}", "ops_do", {"name": name})
    detail = "; ".join(f"{what}: {why}" for what, why in missing.items()) or url
    return Finding(f"ready {name}", not missing, detail, "ops_do", {"name": name})


def _ask(url: str) -> Any:
    from http.client import HTTPConnection

    where = urlsplit(url)
    http = HTTPConnection(where.hostname or HOST, where.port or 80, timeout=LIMIT)
    try:
        http.request("GET", where.path)
        return json.loads(http.getresponse().read())
    finally:
        http.close()


async def _mqtt(connection: Connection) -> list[Finding]:
    there = await asyncio.to_thread(answers, connection.mqtt_port, connection.mqtt_host, LIMIT)
    return [Finding("mqtt", there, f"{connection.mqtt_host}:{connection.mqtt_port}", "mqtt_do")]


async def _database(connection: Connection, language: str | None) -> list[Finding]:
    import psycopg

    from deploy.local.series import series_mode

    known = [role for role in ("owner", *SERVICES) if role in connection.database_urls]
    if not known:
        return [_finding("postgresql", False, "no_address", "settings_do")]
    try:
        database = await psycopg.AsyncConnection.connect(
            connection.database(known[0]), connect_timeout=round(LIMIT), autocommit=True
        )
    except psycopg.Error as error:
        return [Finding("postgresql", False, str(error).strip().splitlines()[0], "database_do")]
    async with database:
        row = await (
            await database.execute(
                "SELECT current_setting('server_version'),"
                " (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb')"
            )
        ).fetchone()
        version, timescale = row or ("?", None)
        kind = f"TimescaleDB {timescale}" if timescale else "plain, no TimescaleDB"
        findings = [Finding("postgresql", True, f"{version}, {kind}")]
        if not timescale:
            findings = [replace(findings[0], said="doctor.plain_version", figures={"version": version})]
        findings += await series_mode(database, timescale, language)
        for name in SERVICES:
            table = await (await database.execute("SELECT to_regclass(%s)", [f"{name}.event"])).fetchone()
            there = table is not None and table[0] is not None
            findings.append(_finding(f"schema {name}", there, "migrated" if there else "missing", "migrate_do"))
            if there:
                findings += await relay_lag(database, name)
    return findings


async def relay_lag(database: AsyncConnection, name: str) -> list[Finding]:
    """Compare what a service stored with what its relay says it published; nothing where this role may not look."""
    from psycopg import errors, sql

    try:
        row = await (await database.execute(sql.SQL(_LAG).format(schema=sql.Identifier(name)))).fetchone()
    except errors.InsufficientPrivilege:
        return []
    assert row is not None  # an aggregate gives one row
    stored, published, waiting_s = row
    stuck = waiting_s is not None and waiting_s > RELAY_LAG_S
    figures = {"stored": stored, "published": published, "next": published + 1, "waits": round(waiting_s or 0)}
    found = _finding(f"relay {name}", not stuck, "stuck" if stuck else "relayed", "relay_do", **figures)
    return [replace(found, params={"name": name})]
