"""Operations of the real system, as processes: one trace from reading to message, health, metrics, figures, logs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.demo.waiting import HEARD, ask
from deploy.local.machine import SERVICES
from deploy.local.places import temporary_home
from deploy.local.running import RunningSystem, running_system
from shared.bus.connection import connect
from shared.bus.rpc import CommandClient
from shared.contracts.cloudevents import read_cloud_event
from shared.contracts.people import AdminLevel, Channel, DutyKind, PersonDescription, Place, PlaceKind
from shared.contracts.peopleacts import AssignDuty, RegisterPerson, SetContact
from shared.contracts.peopleviews import GridView, PersonView
from tests.acceptance.ponds import Watched, register, stamp
from tests.integration.ops.collector import Collector, Seen, collector

pytestmark = pytest.mark.timeout(120)

SITE = """\
[pond]
id = "yi"
name = "一号库"
timezone = "Asia/Shanghai"
[[sensor]]
id = "level-1"
kind = "water_level"
unit = "m"
expected_interval = "5min"
[sensor.series]
file = "level.csv"
time = "time"
value = "level"
"""
BY = "测试"
CONSUMERS = (
    "monitor", "monitor-registry", "cases-registry", "cases-monitor",
    "notifier-registry", "notifier-monitor", "notifier-answers", "notifier-sight",
)  # fmt: skip


@dataclass(frozen=True)
class Traced:
    """A running system and who collects its traces; a warning has gone its way to a person."""

    system: RunningSystem
    collected: Collector

    def log(self, service: str) -> list[dict[str, Any]]:
        text = (self.system.home / "log" / f"{service}.log").read_text("utf-8")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def until(found: Callable[[], object], what: str, limit: float = 40.0) -> None:
    end = time.monotonic() + limit
    while not found():
        assert time.monotonic() < end, what
        time.sleep(0.02)


async def prepare(system: RunningSystem) -> None:
    """Register a pond and who answers for it; return when monitor and notifier know."""
    nc = await connect(system.connection, name="tests")
    try:
        client = CommandClient(nc, timeout=20.0)
        who = PersonDescription(id="wang", name="王五", level=AdminLevel.COUNTY)
        await client.send(RegisterPerson(person=who, by=BY), PersonView)
        await client.send(SetContact(person_id="wang", channel=Channel.MAIL, address="w@x.example", by=BY), PersonView)
        place = Place(kind=PlaceKind.POND, id="yi")
        duty = AssignDuty(place=place, duty=DutyKind.ENTERPRISE, person_id="wang", by=BY)
        await register(client, [Watched("yi"), Watched("er")])
        await client.send(duty, GridView)
        last = await ask(system.connection, "registry", "SELECT max(position) FROM registry.event")
        async with asyncio.timeout(30):
            while await ask(system.connection, "notifier", HEARD) < last:
                await asyncio.sleep(0.05)
    finally:
        await nc.close()


def publish(home: Path) -> None:
    """Send readings that go above red, by the real command and in one message."""
    (home / "yi.toml").write_text(SITE, "utf-8")
    rows = "\n".join(f"{stamp(slot)},{13.9 if slot > 3 else 11.2}" for slot in range(8))
    (home / "level.csv").write_text(f"time,level\n{rows}\n", "utf-8")
    command = [sys.executable, "-P", "-m", "tailwarden", "publish", str(home / "yi.toml"), "--home", str(home)]
    subprocess.run(command, check=True, timeout=60, capture_output=True)


@pytest.fixture(scope="module")
def traced() -> Iterator[Traced]:
    with collector() as collected, temporary_home() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collected.url)
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        patch.setenv("TAILWARDEN_LOG_FORMAT", "json")
        with running_system(home) as system:
            asyncio.run(prepare(system))
            publish(home)
            until(lambda: collected.named("send everybody"), f"a message to a person: {system.log('notifier')}")
            until(lambda: collected.named("relay monitor.warning.raised"), "the relay's step")
            until(lambda: collected.named("hear monitor.warning.raised"), "the notifier's step")
            yield Traced(system, collected)


def test_one_trace_leads_from_the_reading_to_the_message(traced: Traced) -> None:
    (published,) = traced.collected.named("publish telemetry")
    mine = [each for each in traced.collected.spans if each.trace_id == published.trace_id]
    by_name: dict[str, Seen] = {each.name: each for each in mine}
    said, sent = by_name["say"], by_name["send everybody"]
    relayed = by_name["relay monitor.warning.raised"]
    heard = next(
        each for each in mine if each.name == "hear monitor.warning.raised" and each.service == "tailwarden-notifier"
    )
    assert [each.service for each in (published, said, relayed, heard, sent)] == [
        "tailwarden-publish", "tailwarden-monitor", "tailwarden-monitor", "tailwarden-notifier", "tailwarden-notifier",
    ]  # fmt: skip
    assert "monitor.warning.raised" in said.attributes["tailwarden.events"]
    assert (published.parent_id, said.parent_id) == ("", published.span_id)
    assert (relayed.parent_id, heard.parent_id, sent.parent_id) == (said.span_id, said.span_id, heard.span_id)
    # The batch is a trace of its own, linked to its messages; it is one, however many readings there are.
    (batch,) = [each for each in traced.collected.named("store telemetry") if published.trace_id in each.links]
    assert batch.trace_id != published.trace_id
    # Nothing that was traced says who was told, or where.
    assert not {"wang", "王五", "w@x.example"} & {str(each) for span in mine for each in span.attributes.values()}


async def _without_trace(system: RunningSystem, level: float, slots: range) -> None:
    """Send readings one by one, as a logger does that knows nothing of traces, and wait until they are stored."""
    nc = await connect(system.connection, name="tests")
    try:
        for slot in slots:
            body = orjson.dumps({"time": stamp(slot), "value": level})
            await nc.jetstream().publish("tw.telemetry.er.level-1", body)
        asked = "SELECT count(*) FROM monitor.reading JOIN monitor.sensor ON key = sensor WHERE pond_id = 'er'"
        async with asyncio.timeout(30):
            while await ask(system.connection, "monitor", asked) < slots.stop:
                await asyncio.sleep(0.05)
    finally:
        await nc.close()


def test_readings_without_a_trace_begin_one_only_where_something_is_said(traced: Traced) -> None:
    seen = traced.collected
    batches = len(seen.named("store telemetry"))
    asyncio.run(_without_trace(traced.system, 11.0, range(60)))
    asyncio.run(_without_trace(traced.system, 13.9, range(60, 63)))
    raised = [each for each in CONSUMERS if each.endswith("-monitor")]

    def heard() -> list[Seen]:
        mine = {each.trace_id for each in seen.named("say") if each.attributes["tailwarden.pond"] == "er"}
        return [each for each in seen.named("hear monitor.warning.raised") if each.trace_id in mine]

    until(lambda: len(heard()) >= len(raised), "both consumers hear of it within its trace")
    said = [each for each in seen.named("say") if each.attributes["tailwarden.pond"] == "er"]
    assert {each.parent_id for each in said} == {""}
    assert len(said) <= 3  # 63 readings; what is said of them is few
    assert len(seen.named("store telemetry")) == batches


async def _event(system: RunningSystem, subject: str) -> bytes:
    nc = await connect(system.connection, name="tests")
    try:
        found = await nc.jetstream().get_last_msg("EVENTS", subject)
        assert found.data is not None
        return found.data
    finally:
        await nc.close()


def test_the_event_carries_its_trace_and_the_chain_holds(traced: Traced) -> None:
    (published,) = traced.collected.named("publish telemetry")
    with psycopg.connect(traced.system.connection.database("owner")) as conn:
        asked = (
            "SELECT aggregate_id, metadata ->> 'traceparent' FROM monitor.event WHERE stream = 'pond-yi' AND type = %s"
        )
        ((warning, kept),) = conn.execute(asked, ("monitor.warning.raised",)).fetchall()
        asked = "SELECT count(*) FROM registry.event WHERE metadata::text LIKE '%traceparent%'"
        assert conn.execute(asked).fetchone() == (0,)  # nobody traced what was registered
    event = read_cloud_event(asyncio.run(_event(traced.system, f"tw.events.monitor.warning.{warning}.raised")))
    assert event.traceparent == kept
    assert kept.split("-")[1] == published.trace_id
    command = [sys.executable, "-P", "-m", "tailwarden", "audit", "verify", "--home", str(traced.system.home)]
    subprocess.run(command, check=True, timeout=60, capture_output=True)


def test_lines_of_the_log_name_the_trace_and_the_pond(traced: Traced) -> None:
    (published,) = traced.collected.named("publish telemetry")
    told = [line for line in traced.log("notifier") if line["event"] == "told"]
    assert [(line["trace_id"], line["pond"]) for line in told] == [(published.trace_id, "yi")]
    assert all(len(line["span_id"]) == 16 for line in told)


def metrics(traced: Traced, service: str) -> dict[tuple[str, ...], float]:
    text = httpx.get(f"{traced.system.connection.ops_urls[service]}/metrics").text
    return {
        (sample.name, *(value for name, value in sorted(sample.labels.items()) if name != "le")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.labels.get("le") in (None, "+Inf")
    }


def test_every_service_says_that_it_lives_is_ready_and_what_it_did(traced: Traced) -> None:
    for service in SERVICES:
        url = traced.system.connection.ops_urls[service]
        assert httpx.get(f"{url}/healthz").json() == {"service": service, "alive": True, "ended": []}
        until(lambda url=url: httpx.get(f"{url}/readyz").status_code == 200, service)
        assert httpx.post(f"{url}/readyz").status_code == 405
    monitor, notifier, registry = (metrics(traced, name) for name in ("monitor", "notifier", "registry"))
    stored = monitor["tailwarden_readings_total", "stored"]
    assert stored == monitor["tailwarden_readings_taken_total",] >= 8
    assert 1 <= monitor["tailwarden_publish_to_store_seconds_bucket",] <= stored
    assert monitor["tailwarden_publish_to_warning_seconds_count",] >= 1
    assert monitor["tailwarden_relay_seconds_count",] >= 1
    assert monitor["tailwarden_ready", "tenure"] == 1
    assert monitor["process_resident_memory_bytes",] > 0
    assert notifier["tailwarden_deliveries_total", "everybody", "succeeded"] >= 1
    assert notifier["tailwarden_events_consumed_total", "notifier-monitor", "handled"] >= 1
    # Every consumer of a service is looked after, under the name that it has.
    lags = {name for service in SERVICES for name in metrics(traced, service) if name[0].endswith("lag_messages")}
    assert lags == {("tailwarden_consumer_lag_messages", each) for each in CONSUMERS}
    assert registry["tailwarden_commands_total", "registry.register_pond", "done"] == 2
    assert not any(name[0] == "tailwarden_readings_total" for name in registry)


def test_figures_of_every_service_stand_in_one_view(traced: Traced) -> None:
    with psycopg.connect(traced.system.connection.database("reader"), autocommit=True) as conn:
        asked = "SELECT DISTINCT service, name FROM dashboard.figure WHERE time > now() - interval '5 minutes'"

        def found() -> set[tuple[str, str]]:
            return {(service, name) for service, name in conn.execute(asked).fetchall()}

        wanted = {(service, name) for service in SERVICES for name in ("relay_lag_events", "dead_letters_total")}
        wanted |= {("monitor", "ingest_readings_per_s"), ("monitor", "consumer_lag_messages")}
        wanted |= {("notifier", "deliveries_succeeded_total"), ("notifier", "deliveries_failed_total")}
        wanted |= {
            ("monitor", f"publish_to_{what}_ms_{share}") for what in ("store", "warning") for share in ("p50", "p99")
        }
        until(lambda: found() >= wanted, f"missing: {wanted - found()}", limit=20)
    # What is looked up with the figures has been looked up by now.
    monitor = metrics(traced, "monitor")
    assert [monitor["tailwarden_warnings_open", level] for level in ("blue", "yellow", "orange")] == [0, 0, 0]
    assert monitor["tailwarden_warnings_open", "red"] >= 1
    assert monitor["tailwarden_ponds_monitored",] == 2
