"""Folder, data source and dashboards: what is wanted, how it differs, and how it is put right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from deploy.grafana.board.emit import dashboards
from deploy.grafana.board.query import DATASOURCE_TYPE, DATASOURCE_UID
from deploy.grafana.sync.api import Grafana
from deploy.grafana.sync.compare import Difference, differing
from shared.words import LANGUAGES

__all__ = ["FOLDER_TITLE", "FOLDER_UID", "datasource", "things"]

FOLDER_UID = "tailwarden"
FOLDER_TITLE = "尾矿库守望 tailwarden"
_SSL_MODES = frozenset({"disable", "require", "verify-ca", "verify-full"})
_PASSING = frozenset({"id", "version", "schemaVersion"})
"""What Grafana keeps for itself."""


def datasource(url: str) -> dict[str, Any]:
    """Return the data source for the database at *url*, with its password."""
    parts = conninfo_to_dict(url)
    host, mode = str(parts.get("host", "127.0.0.1")), str(parts.get("sslmode", ""))
    return {
        "uid": DATASOURCE_UID,
        "name": "tailwarden",
        "type": DATASOURCE_TYPE,
        "access": "proxy",
        "url": f"{host}:{parts.get('port', 5432)}",
        "user": parts.get("user"),
        "database": parts.get("dbname"),
        "jsonData": {
            "database": parts.get("dbname"),
            "sslmode": mode if mode in _SSL_MODES else "disable",
            "postgresVersion": 1500,
            # Off on TimescaleDB too: queries count on $__timeGroup being seconds.
            "timescaledb": False,
            "maxOpenConns": 10,
        },
        "secureJsonData": {"password": parts.get("password") or ""},
    }


def things(grafana: Grafana, database_url: str, *, fix: bool, renew: bool = False) -> Iterator[Difference]:
    """Yield what differs in folder, data source and dashboards, put right where *fix* says so.

    ``renew`` writes the data source even if nothing seems to differ: Grafana never tells the password it has.
    """
    yield from _folder(grafana, fix)
    yield from _datasource(grafana, datasource(database_url), fix, renew)
    for language in LANGUAGES:
        for uid, wanted in dashboards(language).items():
            yield from _dashboard(grafana, uid, wanted, fix)


def _folder(grafana: Grafana, fix: bool) -> Iterator[Difference]:
    found = grafana.find(lambda api: api.folder.get_folder(FOLDER_UID))
    if found is None:
        missing = Difference("folder", FOLDER_UID, "missing")
        if fix:
            grafana.call(lambda api: api.folder.create_folder(FOLDER_TITLE, uid=FOLDER_UID))
            missing = replace(missing, state="fixed")
        yield missing
    elif found.get("title") != FOLDER_TITLE:
        different = Difference("folder", FOLDER_UID, "different", "title")
        if fix:
            grafana.call(lambda api: api.folder.update_folder(FOLDER_UID, title=FOLDER_TITLE, overwrite=True))
            different = replace(different, state="fixed")
        yield different


def _datasource(grafana: Grafana, wanted: dict[str, Any], fix: bool, renew: bool) -> Iterator[Difference]:
    found = grafana.find(lambda api: api.datasource.get_datasource_by_uid(DATASOURCE_UID))
    if found is None:
        missing = Difference("datasource", DATASOURCE_UID, "missing")
        if fix:
            grafana.call(lambda api: api.datasource.create_datasource(wanted))
            missing = replace(missing, state="fixed")
        yield missing
        return
    open_part = {key: value for key, value in wanted.items() if key != "secureJsonData"}
    where = differing(open_part, found)
    if where is None and not (found.get("secureJsonFields") or {}).get("password"):
        where = "secureJsonData.password"
    if where is None and renew:
        where = "secureJsonData.password"
    if where is None:
        return
    different = Difference("datasource", DATASOURCE_UID, "different", where)
    if found.get("readOnly"):
        different = replace(different, state="kept")
    elif fix:
        grafana.call(lambda api: api.datasource.update_datasource_by_uid(DATASOURCE_UID, wanted))
        different = replace(different, state="fixed")
    yield different


def _dashboard(grafana: Grafana, uid: str, wanted: Mapping[str, Any], fix: bool) -> Iterator[Difference]:
    found = grafana.find(lambda api: api.dashboard.get_dashboard(uid))
    if found is None:
        difference = Difference("dashboard", uid, "missing")
    else:
        ours = {key: value for key, value in wanted.items() if key not in _PASSING}
        where = differing(ours, found.get("dashboard", {}))
        meta = found.get("meta", {})
        if where is None and not meta.get("provisioned") and meta.get("folderUid") != FOLDER_UID:
            where = "folder"
        if where is None:
            return
        difference = Difference("dashboard", uid, "different", where)
        if meta.get("provisioned"):
            # Grafana would refuse: what it reads from files is changed in the files.
            yield replace(difference, state="kept")
            return
    if fix:
        body = {
            "dashboard": {**wanted, "id": None},
            "folderUid": FOLDER_UID,
            "overwrite": True,
            "message": "tailwarden grafana sync",
        }
        grafana.call(lambda api: api.dashboard.update_dashboard(body))
        difference = replace(difference, state="fixed")
    yield difference
