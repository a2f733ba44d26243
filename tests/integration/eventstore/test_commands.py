"""`tailwarden audit verify` and `tailwarden projections verify|rebuild` against a registered pond."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from typer.testing import CliRunner

from services.registry.wiring import store
from shared.contracts.registry import PondDescription, PondRegistered
from shared.eventstore import NewEvent, project
from shared.postgres import Pool
from shared.problems import NotFound
from shared.settings import CONNECTION_FILE, Connection
from tailwarden.cli.app import app


@pytest.fixture
async def home(tmp_path: Path, connection: Connection, pool: Pool) -> Path:
    """The home of a system in which one pond is registered."""
    connection.write(tmp_path / CONNECTION_FILE)
    registry = store()
    event = PondRegistered(pond=PondDescription(id="xiakou", name="下口"), at=datetime(2020, 7, 1, tzinfo=UTC))
    async with pool.connection() as conn, conn.transaction():
        stored = await registry.store.append(conn, "pond-xiakou", 0, [NewEvent(event, "xiakou", uuid4())], event.at)
        await project(conn, registry.projections, stored)
    return tmp_path


def run(*arguments: str) -> tuple[int, Any]:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, json.loads(result.stdout)


# The commands have a loop of their own, so these tests are plain functions.
def test_an_intact_system_passes(home: Path) -> None:
    code, report = run("audit", "verify", "--home", str(home))
    assert (code, report["ok"], report["published_compared"]) == (0, True, True)
    assert report["services"]["registry"]["events"] == 1
    code, report = run("projections", "verify", "--home", str(home), "--service", "registry")
    assert (code, report) == (0, {"ok": True, "services": {"registry": []}})


def test_a_tampered_row_ends_in_exit_code_one(home: Path, superuser_url: str) -> None:
    with psycopg.connect(superuser_url) as conn:
        conn.execute("ALTER TABLE event DISABLE TRIGGER event_append_only")
        conn.execute("UPDATE event SET data = replace(data::text, '下口', '上口')::json")
    code, report = run("audit", "verify", "--home", str(home))
    assert code == 1
    assert report["services"]["registry"]["finding"] == {"position": 1, "reason": "changed"}
    result = CliRunner().invoke(app, ["audit", "verify", "--home", str(home)])
    assert "event 1 was changed" in result.stdout


def test_a_doctored_read_model_is_found_and_rebuilt(home: Path, superuser_url: str) -> None:
    table = store().projections[0].tables[0]
    with psycopg.connect(superuser_url) as conn:
        conn.execute(psycopg.sql.SQL("DELETE FROM {}").format(psycopg.sql.Identifier(table)))
    code, report = run("projections", "verify", "--home", str(home))
    assert code == 1
    assert {(row["table"], row["side"]) for row in report["services"]["registry"]} == {(table, "rebuilt")}
    result = CliRunner().invoke(app, ["projections", "rebuild", "--home", str(home), "--service", "registry"])
    assert (result.exit_code, "rebuilt from the events" in result.stdout) == (0, True)
    assert run("projections", "verify", "--home", str(home))[0] == 0


def test_a_service_that_is_not_there_is_refused_with_those_that_are(home: Path) -> None:
    result = CliRunner().invoke(app, ["audit", "verify", "--home", str(home), "--service", "tides"])
    assert isinstance(result.exception, NotFound)
    assert "registry" in str(result.exception)
