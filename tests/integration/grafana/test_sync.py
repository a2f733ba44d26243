"""Folder, data source, dashboards and annotations by Grafana's API, against a stand-in that keeps to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from deploy.grafana.board.emit import dashboards
from deploy.grafana.sync.api import Grafana, GrafanaSettings
from deploy.grafana.sync.follow import Follower
from deploy.grafana.sync.marks import keep, marks
from deploy.grafana.sync.things import datasource, things
from shared.bus.connection import connect
from shared.bus.reader import last_sequence, read_stream
from shared.clock import SystemClock
from shared.problems import BadInput, Forbidden, Unavailable
from shared.settings import Connection
from tests.acceptance.ponds import until
from tests.integration.grafana.counterpart import NOW, PASSWORD, TOKEN, GrafanaState, grafana_server, put_warning

URL = "postgresql://tailwarden_reader:pass-word@127.0.0.1:5432/tailwarden"


@pytest.fixture
def server() -> Iterator[tuple[str, GrafanaState]]:
    with grafana_server() as found:
        yield found


@pytest.fixture
def state(server: tuple[str, GrafanaState]) -> GrafanaState:
    return server[1]


@pytest.fixture
def grafana(server: tuple[str, GrafanaState]) -> Iterator[Grafana]:
    with Grafana(GrafanaSettings(url=server[0], token=SecretStr(TOKEN), timeout_s=5)) as opened:
        yield opened


def test_a_second_run_changes_nothing(grafana: Grafana, state: GrafanaState) -> None:
    first = list(things(grafana, URL, fix=True))
    assert [(each.kind, each.what, each.state) for each in first] == [
        ("folder", "missing", "fixed"),
        ("datasource", "missing", "fixed"),
        *[("dashboard", "missing", "fixed")] * 8,
    ]
    assert {each["folder"] for each in state.dashboards.values()} == {"tailwarden"}
    assert state.dashboards["tw-wall-zh"]["json"]["title"] == "汛情值守墙"
    source = state.datasources["tailwarden-postgres"]
    assert (source["user"], source["jsonData"]["timescaledb"]) == ("tailwarden_reader", False)
    assert state.secrets["tailwarden-postgres"] == {"password": "pass-word"}
    writes = len(state.writes)
    assert list(things(grafana, URL, fix=True)) == []
    assert len(state.writes) == writes
    assert [each.where for each in things(grafana, URL, fix=True, renew=True)] == ["secureJsonData.password"]


def test_what_differs_is_named_and_put_right(grafana: Grafana, state: GrafanaState) -> None:
    list(things(grafana, URL, fix=True))
    state.dashboards["tw-pond-en"]["json"]["panels"][2]["targets"][0]["rawSql"] = "SELECT 1"
    state.dashboards["tw-wall-en"]["folder"] = ""
    state.folders["tailwarden"]["title"] = "Mine"
    state.datasources["tailwarden-postgres"]["jsonData"]["sslmode"] = "require"
    del state.dashboards["tw-operations-zh"]
    # What Grafana adds of its own is no difference.
    state.dashboards["tw-wall-zh"]["json"]["panels"][0]["pluginVersion"] = "12.0.0"
    state.dashboards["tw-wall-zh"]["json"]["schemaVersion"] = 99
    found = [(each.name, each.what, each.where, each.state) for each in things(grafana, URL, fix=False)]
    assert found == [
        ("tailwarden", "different", "title", "found"),
        ("tailwarden-postgres", "different", "jsonData.sslmode", "found"),
        ("tw-operations-zh", "missing", "", "found"),
        ("tw-wall-en", "different", "folder", "found"),
        ("tw-pond-en", "different", "panels[2].targets[0].rawSql", "found"),
    ]
    assert all(each.state == "fixed" for each in things(grafana, URL, fix=True))
    assert list(things(grafana, URL, fix=False)) == []


def test_what_files_rule_is_told_and_left(grafana: Grafana, state: GrafanaState) -> None:
    list(things(grafana, URL, fix=True))
    state.provisioned |= {"tw-pond-zh", "tailwarden-postgres"}
    assert list(things(grafana, URL, fix=True)) == []
    state.dashboards["tw-pond-zh"]["json"]["title"] = "旧"
    state.datasources["tailwarden-postgres"]["url"] = "elsewhere:5432"
    kept = list(things(grafana, URL, fix=True))
    assert [(each.name, each.state) for each in kept] == [("tailwarden-postgres", "kept"), ("tw-pond-zh", "kept")]
    assert "文件" in kept[1].words("zh")
    assert "(title)" in kept[1].words("en")


def test_faults_are_told_apart(server: tuple[str, GrafanaState], grafana: Grafana, state: GrafanaState) -> None:
    state.broken = True
    with pytest.raises(Unavailable, match="HTTP 503"):
        list(things(grafana, URL, fix=False))
    state.broken, state.down = False, True
    with pytest.raises(Unavailable, match="cannot be reached"):
        list(things(grafana, URL, fix=False))
    state.down = False
    with (
        Grafana(GrafanaSettings(url=server[0], token=SecretStr("glsa_other"))) as stranger,
        pytest.raises(Forbidden, match="does not allow") as refusal,
    ):
        list(things(stranger, URL, fix=False))
    assert "glsa_other" not in str(refusal.value)
    with Grafana(GrafanaSettings(url=server[0], user="admin", password=SecretStr(PASSWORD))) as administrator:
        assert list(things(administrator, URL, fix=False))
    with pytest.raises(BadInput, match="TAILWARDEN_GRAFANA_URL"):
        Grafana(GrafanaSettings(url="grafana:3000", token=SecretStr("x")))
    with pytest.raises(BadInput, match="TAILWARDEN_GRAFANA_TOKEN_FILE"):
        Grafana(GrafanaSettings(url="http://grafana:3000"))


def test_a_data_source_says_how_to_connect() -> None:
    found = datasource("postgresql://r:p%40ss@db.example:6432/tw?sslmode=verify-full")
    assert (found["url"], found["user"], found["database"]) == ("db.example:6432", "r", "tw")
    assert found["jsonData"]["sslmode"] == "verify-full"
    assert found["secureJsonData"] == {"password": "p@ss"}


def test_an_annotation_is_a_region_from_raise_to_clear(
    grafana: Grafana, state: GrafanaState, database: dict[str, str]
) -> None:
    owner, reader = database["owner"], database["reader"]
    standing, over = put_warning(owner, 1), put_warning(owner, 2, cleared=True)
    put_warning(owner, 3, pond="drill-longwan")

    def run(fix: bool = True) -> list[tuple[str, str, str]]:
        wanted = marks(reader, NOW - timedelta(days=2))
        return [(each.name, each.what, each.where) for each in keep(grafana, wanted, datetime.now(UTC), fix=fix)]

    assert run(fix=False) == [(over, "missing", ""), (standing, "missing", "")]
    assert state.annotations == {}
    assert run() == [(over, "missing", ""), (standing, "missing", "")]
    assert run() == []
    by_tag: dict[str, Any] = {tag: each for each in state.annotations.values() for tag in each["tags"]}
    ended = by_tag[f"warning:{over}"]
    assert (ended["time"], ended["timeEnd"]) == (
        int((NOW - timedelta(hours=2)).timestamp() * 1000), int(NOW.timestamp() * 1000),
    )  # fmt: skip
    assert "pond:longwan" in ended["tags"]
    assert "黄色 yellow" in ended["text"]
    put_warning(owner, 1, level="red")
    assert run() == [(standing, "different", "text")]
    put_warning(owner, 1, level="red", cleared=True)
    assert run() == [(standing, "different", "timeEnd")]
    assert "cleared" in state.annotations[by_tag[f"warning:{standing}"]["id"]]["tags"]
    # Two of us ran at once: one stays.
    twin = {**ended, "id": 99, "tags": list(ended["tags"])}
    state.annotations[99] = twin
    assert run() == [(over, "different", "")]
    assert len(state.annotations) == 2
    with psycopg.connect(owner, autocommit=True) as conn:
        conn.execute(
            "INSERT INTO monitor.warning (warning_id, pond_id, highest, verified, raised, cleared, causes, version)"
            " SELECT 'many-' || n, 'many', 'blue', true, %s - make_interval(mins => n), %s, '[]', 1"
            " FROM generate_series(1, 60) AS n",
            (NOW, NOW),
        )
    assert len(run()) == 60
    asked = state.asked
    assert run() == []
    assert state.asked - asked == 1, "many are looked for by one question"


@contextlib.asynccontextmanager
async def following(grafana: Grafana, connection: Connection, **options: Any) -> AsyncIterator[tuple[Follower, Any]]:
    nc = await connect(connection, name="tests")
    js = nc.jetstream()
    follower = Follower(
        grafana, connection.database("reader"), SystemClock(), pauses=(0.05, 0.2), things_url=URL, **options
    )
    start = await last_sequence(js, "EVENTS") + 1
    task = asyncio.create_task(
        follower.run(read_stream(js, "EVENTS", "tw.events.monitor.warning.>", start, follow=True))
    )
    try:
        yield follower, js
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await nc.close()


async def test_following_ends_with_its_events_and_with_a_token_that_is_refused(
    server: tuple[str, GrafanaState], grafana: Grafana, state: GrafanaState, database: dict[str, str]
) -> None:
    @dataclass
    class Told:
        subject: str

    async def some() -> AsyncIterator[Told]:
        yield Told(f"tw.events.monitor.warning.{put_warning(database['owner'], 1)}.raised")
        yield Told("tw.events.monitor.warning.unknown-1.raised")

    await Follower(grafana, database["reader"], SystemClock()).run(some())
    assert len(state.annotations) == 1
    assert state.dashboards == {}, "only annotations were asked for"
    with (
        Grafana(GrafanaSettings(url=server[0], token=SecretStr("glsa_other"))) as stranger,
        pytest.raises(Forbidden),
    ):
        await Follower(stranger, database["reader"], SystemClock()).run(some())


async def test_grafana_down_delays_nobody_and_catches_up(
    grafana: Grafana, state: GrafanaState, connection: Connection
) -> None:
    owner = connection.database("owner")
    early = put_warning(owner, 1)

    async def happens(warning_id: str, event: str) -> None:
        await js.publish(f"tw.events.monitor.warning.{warning_id}.{event}", b"{}")

    def shown() -> dict[str, dict[str, Any]]:
        return {
            tag.removeprefix("warning:"): each
            for each in list(state.annotations.values())
            for tag in each["tags"]
            if tag.startswith("warning:")
        }

    async def there(*wanted: str) -> bool:
        return set(wanted) == set(shown())

    troubles: list[str] = []
    async with following(grafana, connection, trouble=troubles.append, grow_s=0.3) as (follower, js):
        await until(lambda: there(early), 10, "what was there before")
        assert set(state.dashboards) == {*dashboards("zh"), *dashboards("en")}
        second = put_warning(owner, 2)
        await happens(second, "raised")
        await until(lambda: there(early, second), 10, "a new one")
        end = shown()[second]["timeEnd"]

        async def grown() -> bool:
            return bool(shown()[second]["timeEnd"] > end)

        await until(grown, 10, "a standing region grows")
        state.down = True
        third = put_warning(owner, 3)
        begun = asyncio.get_running_loop().time()
        for _ in range(200):
            await happens(third, "raised")
        put_warning(owner, 2, cleared=True)
        await happens(second, "cleared")
        assert asyncio.get_running_loop().time() - begun < 5

        async def stuck() -> bool:
            return follower.waiting and bool(troubles)

        await until(stuck, 10, "it notices")
        assert "cannot be reached" in troubles[0]
        # A Grafana that comes back empty gets everything again.
        state.annotations.clear()
        state.dashboards.clear()
        state.down = False
        await until(lambda: there(early, second, third), 10, "everything is there")

        async def ended() -> bool:
            return bool(shown()[second]["timeEnd"] == int(NOW.timestamp() * 1000))

        await until(ended, 5, "the cleared one ended")
        assert len(state.dashboards) == 8

        async def calm() -> bool:
            return not follower.waiting

        await until(calm, 5, "nothing waits")
