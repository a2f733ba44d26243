"""Traces cost nothing until somebody collects them, continue across processes, and stay out of everything else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.contracts.cloudevents import envelope, read_cloud_event
from shared.contracts.monitor import WarningAcknowledged
from shared.eventstore import EventStore, NewEvent
from shared.eventstore.hashing import GENESIS
from shared.ops import otel, tracing
from shared.ops.tracing import ids, span, traced, traceparent, wanted

FOREIGN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
AT = datetime(2026, 7, 22, tzinfo=UTC)


class Seen:
    """What was sent."""

    def __init__(self, tracer: otel.Tracing, exporter: InMemorySpanExporter) -> None:
        self._tracer, self._exporter = tracer, exporter

    def spans(self):
        self._tracer._provider.force_flush()
        return {each.name: each for each in self._exporter.get_finished_spans()}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Seen]:
    exporter = InMemorySpanExporter()
    tracer = otel.Tracing("tests", exporter)
    monkeypatch.setattr(tracing, "_tracing", tracer)
    yield Seen(tracer, exporter)
    tracer.end()


def chain(metadata: dict[str, str] | None = None):
    event = WarningAcknowledged(warning_id="w-1", pond_id="yi", at=AT, by="王")
    new = NewEvent(event, "w-1", UUID(int=7), metadata or {"by": "王"})
    return EventStore.chain("pond-yi", 0, 0, GENESIS, [new], AT)[0][0]


def test_nothing_of_it_is_imported_before_it_is_wanted():
    look = (
        "import sys\n"
        "import services.registry.wiring, services.cases.wiring, services.monitor.wiring, tailwarden.telemetry\n"
        "import shared.service, shared.logging\n"
        "from shared.ops.tracing import begin_tracing\n"
        "assert not begin_tracing('tests')\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert {"opentelemetry", "prometheus_client", "uvicorn", "starlette", "google"} & loaded == set()


@pytest.mark.parametrize(
    ("environment", "on"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_the_standard_variables_decide(environment, on):
    assert wanted(environment) is on


def test_without_a_collector_there_is_no_trace_and_events_are_as_before():
    with span("anything", parent=FOREIGN) as step:
        step.set(a=1)
        step.fail("no")
        assert (step.traceparent, traceparent(), ids()) == (None, None, None)
        assert (traced(), traced({"Tw-Wait": "1"})) == (None, {"Tw-Wait": "1"})
        stored = chain()
    assert stored.metadata == {"by": "王"}
    assert "traceparent" not in json.loads(envelope("monitor", stored))
    assert read_cloud_event(envelope("monitor", stored)).traceparent is None


def test_steps_follow_each_other_over_processes(seen: Seen):
    with span("first", kind="producer") as first:
        headers = traced({"Tw-Wait": "1"})
        assert headers == {"Tw-Wait": "1", "traceparent": first.traceparent}
        assert first.traceparent.split("-")[1:3] == list(ids())
    assert traceparent() is None
    with span("second", parent=headers["traceparent"], links=[FOREIGN, "nonsense"]) as second:
        second.set(tailwarden_pond="yi")
    spans = seen.spans()
    assert spans["second"].parent.span_id == spans["first"].context.span_id
    assert spans["second"].context.trace_id == spans["first"].context.trace_id
    assert [f"{link.context.trace_id:032x}" for link in spans["second"].links] == [FOREIGN.split("-")[1]]
    assert spans["second"].attributes == {"tailwarden.pond": "yi"}
    assert spans["first"].resource.attributes["service.name"] == "tailwarden-tests"


@pytest.mark.parametrize("bad", ["", "nonsense", "00-" + "0" * 32 + "-b7ad6b7169203331-01", "ff" + FOREIGN[2:]])
def test_what_is_no_traceparent_is_ignored(seen: Seen, bad: str):
    with span("alone", parent=bad):
        pass
    assert seen.spans()["alone"].parent is None


def test_within_begins_nothing(seen: Seen):
    with span("inner", within=True) as step:
        assert step.traceparent is None
    with span("outer"), span("inner", within=True):
        pass
    assert set(seen.spans()) == {"inner", "outer"}


def test_an_error_marks_the_step_and_its_text_stays_here(seen: Seen):
    with pytest.raises(ValueError), span("fails"):
        raise ValueError("secret@mail.example")
    failed = seen.spans()["fails"]
    assert failed.status.description == "ValueError"
    assert failed.events == ()


def test_an_event_carries_the_step_that_recorded_it(seen: Seen):
    with span("records") as step:
        stored, given = chain(), chain({"traceparent": FOREIGN})
    assert stored.metadata == {"by": "王", "traceparent": step.traceparent}
    assert given.metadata == {"traceparent": FOREIGN}
    assert read_cloud_event(envelope("monitor", stored)).traceparent == step.traceparent


def test_a_collector_that_is_away_holds_nobody_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(otel, "_END_S", 0.2)
    monkeypatch.setattr(tracing, "_tracing", None)
    assert tracing.begin_tracing("tests")
    with span("lost"):
        pass
    begun = datetime.now(UTC)
    tracing.end_tracing()
    assert (datetime.now(UTC) - begun).total_seconds() < 3
    assert not tracing.tracing_on()
