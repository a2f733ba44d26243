"""The benchmarks run, small: they find everything stored and everything warned, and print what they promise.

Whether a figure meets its promise is not asked here: that depends on what else the machine does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import psycopg
import pytest

from deploy.bench.figures import Figure, Report
from deploy.bench.storage import measure
from tests.given import given_url
from tests.prove import PROVING

thorough = pytest.mark.skipif(not PROVING, reason="starts a whole system to measure it: part of `make prove`")

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(180)]


def bench(*arguments: str, limit: float = 150.0) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tailwarden", "bench", *arguments, "--json"],
        capture_output=True,
        timeout=limit,
        env=os.environ,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_figure_is_held_against_its_promises() -> None:
    assert Figure("a", 80.0, "1/s", 100.0, least_ratio=0.7).met is True
    assert Figure("a", 60.0, "1/s", 100.0, least_ratio=0.7).met is False
    assert Figure("a", 6.0, "ms", most=5.0).met is False
    assert Figure("a", 6.0, "ms").met is None
    report = Report("x", {}, [Figure("a", 6.0, "ms", most=5.0), Figure("b", 1.0, "s")])
    assert report.as_json()["met"] is False
    assert report.as_json()["figures"]["b"]["ratio"] is None


@thorough
def test_ingest_stores_everything_it_sends() -> None:
    found = bench("ingest", "--readings", "25000", "--singles", "1000", "--ponds", "4")
    assert found["figures"]["ingest_columns"]["baseline"] > 0
    assert found["figures"]["ingest_singles"]["ratio"] > 0


@thorough
def test_two_monitors_store_everything_together() -> None:
    found = bench("scale", "--readings", "200000")
    assert found["figures"]["scale_one"]["value"] > 0
    assert found["figures"]["scale_workers"]["ratio"] > 0


@thorough
def test_every_provoked_warning_is_heard() -> None:
    found = bench("latency", "--seconds", "1", "--rate", "500", "--warnings", "5", "--no-ready")
    assert found["figures"]["latency_warnings"]["value"] == 5
    assert found["figures"]["latency_p50"]["value"] > 0


@thorough
def test_every_query_of_every_board_is_timed() -> None:
    found = bench("boards", "--ponds", "8", "--days", "1", "--findings", "60")
    assert found["setting"]["readings"] > 10_000
    for board in ("wall", "pond", "supervision", "operations"):
        assert found["figures"][f"boards_{board}_all"]["value"] >= found["figures"][f"boards_{board}_slowest"]["value"]


def test_evaluate_tells_time_and_memory() -> None:
    found = bench("evaluate", "--ponds", "100", "--slots", "10")
    assert found["figures"]["evaluate_changed"]["value"] > 0
    assert found["figures"]["evaluate_memory"]["value"] > 0
    assert found["figures"]["replay_year"]["value"] > 0


async def test_storage_says_what_a_reading_costs_on_the_engine_it_finds(database: dict[str, str]) -> None:
    report = await measure(database["owner"], ponds=1, days=8)
    figures = {figure.key: figure for figure in report.figures}
    assert report.setting["readings"] == 8 * 288 * 10
    assert 60 < figures["storage_plain"].value < 200  # 38 bytes of columns, 27 of a row's head, and the index
    if report.setting["engine"].startswith("plain PostgreSQL"):
        assert figures.keys() == {"storage_plain", "storage_rate"}
    else:
        assert figures["storage_compressed"].value < 0.4 * figures["storage_written"].value
        assert figures["storage_written"].value < 2 * figures["storage_plain"].value


@pytest.mark.timescaledb
def test_storage_makes_its_own_database_on_a_given_server_and_drops_it() -> None:
    url = str(given_url())
    listed = "SELECT count(*) FROM pg_database WHERE datname LIKE 'tailwarden\\_bench%'"
    with psycopg.connect(url) as server:
        before = server.execute(listed).fetchone()
        found = bench("storage", "--ponds", "1", "--days", "8", "--database", url)
        assert found["setting"]["engine"].startswith("TimescaleDB 2.")
        assert found["figures"]["storage_compressed"]["ratio"] < 0.4
        assert server.execute(listed).fetchone() == before
