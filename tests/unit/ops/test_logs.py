"""A line of the log names the trace it belongs to and the pond it is about, whoever wrote it."""

from __future__ import annotations

import json
import subprocess
import sys

SCRIPT = """
import logging
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from shared.logging import bound, configure, logger
from shared.ops import otel, tracing
configure("info", "json", service="monitor")
logger("ours").info("before")
tracing._tracing = otel.Tracing("tests", InMemorySpanExporter())
with bound(pond="yi", alarm=None), tracing.span("step") as step:
    logger("ours").info("within")
    logging.getLogger("theirs").warning("within too")
logger("ours").info("after")
print(step.traceparent)
tracing.end_tracing()
"""


def test_lines_carry_trace_and_pond_only_where_they_hold() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    before, ours, theirs, after = (json.loads(line) for line in done.stderr.splitlines())
    _, trace_id, span_id, _ = done.stdout.strip().split("-")
    for line in (ours, theirs):
        assert (line["trace_id"], line["span_id"], line["pond"]) == (trace_id, span_id, "yi")
        assert "alarm" not in line
    for line in (before, after):
        assert not {"trace_id", "span_id", "pond"} & set(line)
