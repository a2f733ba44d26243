"""Migrations: forward only, whole or not at all, by as many processes at once as like."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

import shared.postgres
from shared.postgres import migrate
from shared.problems import Fault, NotFound, Unavailable


def test_concurrent_starts_apply_each_migration_once(empty_database: dict[str, str]) -> None:
    with ThreadPoolExecutor(4) as threads:
        applied = [
            name
            for names in threads.map(lambda _: migrate(empty_database["owner"], "registry"), range(4))
            for name in names
        ]
    assert "eventstore-0001-event" in applied
    assert len(applied) == len(set(applied))
    assert migrate(empty_database["owner"], "registry") == []


def test_a_broken_migration_leaves_nothing_of_itself(
    empty_database: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path(shared.postgres.__file__).parent / "eventstore" / "migrations" / "eventstore-0001-event.sql"
    broken, repaired = "CREATE TABLE half (a int); SELECT nonsense;", "CREATE TABLE half (a int);"
    late = tmp_path / "late-0001.sql"
    monkeypatch.setattr(shared.postgres, "_files", lambda package, service=None: [late] if service else [own])
    late.write_text(broken, "utf-8")
    with pytest.raises(Fault, match=r"late-0001.*nonsense"):
        migrate(empty_database["owner"], "registry")
    with psycopg.connect(empty_database["owner"], autocommit=True) as conn:
        assert conn.execute("SELECT to_regclass('registry.half'), to_regclass('registry.event')").fetchone() == (
            None,
            "registry.event",
        )
    late.write_text(repaired, "utf-8")
    assert migrate(empty_database["owner"], "registry") == ["late-0001"]
    late.write_text(repaired + "-- an afterthought", "utf-8")
    with pytest.raises(Fault) as caught:
        migrate(empty_database["owner"], "registry")
    assert caught.value.code == "database.migration_changed"


def test_roles_get_what_they_need_and_no_more(database: dict[str, str]) -> None:
    with psycopg.connect(database["registry"], autocommit=True) as conn:
        rights = "SELECT has_table_privilege('registry.event', %s)"
        granted = {
            right: conn.execute(rights, (right,)).fetchone()
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER")
        }
        assert [right for right, row in granted.items() if row == (True,)] == ["SELECT", "INSERT"]
        for forbidden in (
            "CREATE TABLE registry.mine (a int)",
            "DELETE FROM registry.migration",
            "SELECT FROM monitor.event",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(forbidden)
    with (
        psycopg.connect(database["reader"], autocommit=True) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        conn.execute("SELECT * FROM registry.event")


def test_an_unknown_service_and_an_absent_database_are_refused_by_name(database: dict[str, str]) -> None:
    with pytest.raises(NotFound, match="nobody"):
        migrate(database["owner"], "nobody")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9/x"):
        migrate("postgresql://me:hush@127.0.0.1:9/x", "registry")
