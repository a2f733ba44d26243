"""``tailwarden grafana``: what people see, and the exit codes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.bus.connection import connect
from shared.problems import BadInput
from shared.settings import CONNECTION_FILE, Connection
from tailwarden.cli.app import app
from tailwarden.cli.grafana import _followed, _grafana
from tests.acceptance.ponds import until
from tests.integration.grafana.counterpart import TOKEN, GrafanaState, grafana_server, put_warning


@pytest.fixture
def home(tmp_path: Path, database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    Connection(nats_url="nats://127.0.0.1:1", database_urls=database).write(tmp_path / CONNECTION_FILE)
    monkeypatch.setenv("TAILWARDEN_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def state(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GrafanaState]:
    with grafana_server() as (url, found):
        (home / "token").write_text(TOKEN + "\n", "utf-8")
        monkeypatch.setenv("TAILWARDEN_GRAFANA_URL", url)
        monkeypatch.setenv("TAILWARDEN_GRAFANA_TOKEN_FILE", str(home / "token"))
        yield found


def test_sync_then_check(state: GrafanaState, monkeypatch: pytest.MonkeyPatch) -> None:
    run = CliRunner()
    before = run.invoke(app, ["grafana", "check"])
    assert (before.exit_code, state.writes) == (1, [])
    assert "dashboard tw-wall-zh is missing" in before.output
    done = run.invoke(app, ["grafana", "sync"])
    assert done.exit_code == 0, done.output
    assert "data source tailwarden-postgres made" in done.output
    assert "10 in all" in done.output
    assert "nothing to change" in run.invoke(app, ["grafana", "sync"]).output
    assert run.invoke(app, ["grafana", "check"]).exit_code == 0
    state.dashboards["tw-wall-zh"]["json"]["refresh"] = "1d"
    monkeypatch.setenv("TAILWARDEN_LANGUAGE", "zh")
    after = run.invoke(app, ["grafana", "check"])
    assert (after.exit_code, "看板 tw-wall-zh 不一致 (refresh)" in after.output) == (1, True)


def test_without_an_address_it_says_what_is_missing(home: Path) -> None:
    found = CliRunner().invoke(app, ["grafana", "check"])
    assert isinstance(found.exception, BadInput)
    assert found.exception.code == "grafana.no_url"


def test_export_writes_what_changed(tmp_path: Path) -> None:
    run = CliRunner()
    assert run.invoke(app, ["grafana", "export", "--out", str(tmp_path)]).output.count("wrote") == 8
    assert "as they should be" in run.invoke(app, ["grafana", "export", "--out", str(tmp_path)]).output
    assert sorted(path.name for path in (tmp_path / "zh").iterdir()) == [
        "operations.json", "pond.json", "supervision.json", "wall.json",
    ]  # fmt: skip


async def test_sync_follow_stays_and_writes_what_happens(state: GrafanaState, connection: Connection) -> None:
    opened, database = _grafana()
    nc = await connect(connection, name="tests")
    try:
        with opened as grafana:
            following = asyncio.create_task(_followed(grafana, connection, database, 30.0, False))

            async def there(count: int) -> bool:
                assert not following.done(), following
                return len(state.annotations) == count and len(state.dashboards) == 8

            await until(lambda: there(0), 15, "the dashboards are there")
            warning = put_warning(connection.database("owner"), 1)
            await nc.jetstream().publish(f"tw.events.monitor.warning.{warning}.raised", b"{}")
            await until(lambda: there(1), 15, "its annotation")
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
    finally:
        await nc.close()
