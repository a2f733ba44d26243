"""A stand-in for Grafana, which cannot be had here: a real HTTP server on loopback that keeps to its documented API.

Only the endpoints that are used, from Grafana's HTTP API reference (folder, data source, dashboard, annotations) and,
for the health, what grafana-client asks. It keeps state, hands out ids and versions as Grafana does, refuses a wrong
token (401), a missing thing (404), changes of what it reads from files (provisioned dashboards and data sources).
It can be ``down``: then connections are cut off without an answer.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
from psycopg.types.json import Jsonb

NOW = datetime.now(UTC).replace(microsecond=0)
TOKEN = "glsa_test"
PASSWORD = "first-start"


@dataclass
class GrafanaState:
    """What it holds; ``writes`` are the requests that changed something, in order."""

    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    datasources: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    annotations: dict[int, dict[str, Any]] = field(default_factory=dict)
    provisioned: set[str] = field(default_factory=set)
    """Uids of dashboards and data sources that come from files."""
    down: bool = False
    broken: bool = False
    """Answers 503 to everything, as behind a proxy."""
    asked: int = 0
    writes: list[str] = field(default_factory=list)
    next_id: int = 1
    lock: threading.Lock = field(default_factory=threading.Lock)

    def number(self) -> int:
        self.next_id += 1
        return self.next_id


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def _folder(state: GrafanaState, method: str, uid: str | None, body: Any, query: Any) -> Any:
    if method == "GET":
        return _there(state.folders, uid, "folder not found")
    if method == "POST":
        if body["uid"] in state.folders:
            raise Refused(409, "a folder with that uid already exists")
        state.folders[body["uid"]] = {"id": state.number(), "uid": body["uid"], "title": body["title"], "version": 1}
        return state.folders[body["uid"]]
    folder = _there(state.folders, uid, "folder not found")
    folder.update(title=body["title"], version=folder["version"] + 1)
    return folder


def _datasource(state: GrafanaState, method: str, uid: str | None, body: Any, query: Any) -> Any:
    def shown(one: dict[str, Any]) -> dict[str, Any]:
        secret = {name: True for name, value in state.secrets[one["uid"]].items() if value}
        return {**one, "secureJsonFields": secret, "readOnly": one["uid"] in state.provisioned}

    if method == "GET":
        return shown(_there(state.datasources, uid, "Data source not found"))
    kept = {key: value for key, value in body.items() if key != "secureJsonData"}
    if method == "POST":
        if any(each["name"] == body["name"] for each in state.datasources.values()):
            raise Refused(409, "data source with the same name already exists")
        uid = body["uid"]
        state.datasources[uid] = {"id": state.number(), "orgId": 1, "version": 1, "basicAuth": False, **kept}
    else:
        before = _there(state.datasources, uid, "Data source not found")
        if uid in state.provisioned:
            raise Refused(403, "Cannot update read-only data source")
        state.datasources[before["uid"]] = {**before, **kept, "version": before["version"] + 1}
    state.secrets.setdefault(body["uid"], {}).update(body.get("secureJsonData", {}))
    return {"message": "Datasource saved", "datasource": shown(state.datasources[body["uid"]])}


def _dashboard(state: GrafanaState, method: str, uid: str | None, body: Any, query: Any) -> Any:
    if method == "GET":
        found = _there(state.dashboards, uid, "Dashboard not found")
        meta = {"folderUid": found["folder"], "provisioned": uid in state.provisioned, "version": found["version"]}
        return {"dashboard": {**found["json"], "id": found["id"], "version": found["version"]}, "meta": meta}
    wanted = body["dashboard"]
    if wanted["uid"] in state.provisioned:
        raise Refused(400, "Cannot save provisioned dashboard")
    if body.get("folderUid") and body["folderUid"] not in state.folders:
        raise Refused(400, "folder not found")
    before = state.dashboards.get(wanted["uid"])
    if before is not None and not body.get("overwrite"):
        raise Refused(412, "A dashboard with the same uid already exists")
    number, version = (state.number(), 1) if before is None else (before["id"], before["version"] + 1)
    kept = {key: value for key, value in wanted.items() if key not in ("id", "version")}
    state.dashboards[wanted["uid"]] = {
        "id": number, "version": version, "json": kept, "folder": body.get("folderUid", ""),
    }  # fmt: skip
    return {"id": number, "uid": wanted["uid"], "status": "success", "version": version, "slug": "x", "url": "/d/x"}


def _annotation(state: GrafanaState, method: str, number: str | None, body: Any, query: Any) -> Any:
    if method == "GET":
        tags = query.get("tags", [])
        limit = int(query.get("limit", ["100"])[0])
        begin, end = (int(query[name][0]) if name in query else None for name in ("from", "to"))
        found = [
            each
            for each in state.annotations.values()
            if all(tag in each["tags"] for tag in tags)
            if begin is None or end is None or (each["time"] <= end and each["timeEnd"] >= begin)
        ]
        return sorted(found, key=lambda each: -each["timeEnd"])[:limit]
    if method == "DELETE":
        _there(state.annotations, int(str(number)), "annotation not found")
        del state.annotations[int(str(number))]
        return {"message": "Annotation deleted"}
    if not body.get("text"):
        raise Refused(400, "text field should not be empty")
    kept = {
        "text": body["text"], "tags": body.get("tags") or [], "time": body["time"],
        "timeEnd": body.get("timeEnd") or body["time"],
    }  # fmt: skip
    if method == "POST":
        new = state.number()
        state.annotations[new] = {"id": new, "alertId": 0, "dashboardUID": None, "panelId": 0, "userId": 1, **kept}
        return {"message": "Annotation added", "id": new}
    _there(state.annotations, int(str(number)), "annotation not found").update(kept)
    return {"message": "Annotation updated"}


def _settings(state: GrafanaState, method: str, _: str | None, body: Any, query: Any) -> Any:
    return {"buildInfo": {"version": "12.0.0", "commit": "0", "edition": "Open Source"}}


_ROUTES = (
    (r"/api/folders(?:/(?P<what>[\w-]+))?", ("GET", "POST", "PUT"), _folder),
    (r"/api/datasources", ("POST",), _datasource),
    (r"/api/datasources/uid/(?P<what>[\w-]+)", ("GET", "PUT"), _datasource),
    (r"/api/dashboards/uid/(?P<what>[\w-]+)", ("GET",), _dashboard),
    (r"/api/dashboards/db", ("POST",), _dashboard),
    (r"/api/annotations(?:/(?P<what>\d+))?", ("GET", "POST", "PUT", "DELETE"), _annotation),
    (r"/api/frontend/settings", ("GET",), _settings),
)


def _there(kept: Any, key: Any, message: str) -> Any:
    if key not in kept:
        raise Refused(404, message)
    return kept[key]


class _Handler(BaseHTTPRequestHandler):
    state: GrafanaState
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        with self.state.lock:
            self.state.asked += 1
            if self.state.down:
                self.close_connection = True
                return
            try:
                status, answer = 200, self._answer(body)
            except Refused as refusal:
                status, answer = refusal.status, {"message": refusal.message}
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _answer(self, body: Any) -> Any:
        if self.state.broken:
            raise Refused(503, "no healthy upstream")
        basic = "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") not in (f"Bearer {TOKEN}", basic):
            raise Refused(401, "Invalid API key")
        address = urlsplit(self.path)
        for pattern, methods, answer in _ROUTES:
            match = re.fullmatch(pattern, address.path)
            if match and self.command in methods:
                what = match.groupdict().get("what")
                found = answer(self.state, self.command, what, body, parse_qs(address.query))
                if self.command != "GET":
                    self.state.writes.append(f"{self.command} {address.path}")
                return found
        raise Refused(404, "Not found")

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the base class looks for these names


@contextmanager
def grafana_server() -> Iterator[tuple[str, GrafanaState]]:
    """Give the address and the state of a server of this test's own."""
    state = GrafanaState()
    handler = type("Handler", (_Handler,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def put_warning(owner: str, number: int, *, cleared: bool = False, pond: str = "longwan", level: str = "yellow") -> str:
    """Put a warning into the database, or change it; raised *number* hours ago."""
    warning_id = f"{pond}-{number}"
    causes = Jsonb([{"sensor": "level-1", "rule": "threshold", "value": 1.0, "limit": 0.9}])
    with psycopg.connect(owner, autocommit=True) as conn:
        conn.execute(
            "INSERT INTO monitor.warning (warning_id, pond_id, level, highest, verified, raised, cleared, causes,"
            " version) VALUES (%s, %s, %s, %s, true, %s, %s, %s, 1) ON CONFLICT (warning_id) DO UPDATE SET"
            " level = excluded.level, highest = excluded.highest, cleared = excluded.cleared",
            (
                warning_id, pond, None if cleared else level, level, NOW - timedelta(hours=number),
                NOW if cleared else None, causes,
            ),
        )  # fmt: skip
    return warning_id
