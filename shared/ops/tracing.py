"""Traces: from a reading to the message on somebody's phone, over every service, as one.

Off unless the environment names a collector (``OTEL_EXPORTER_OTLP_ENDPOINT`` or its like): then OpenTelemetry is not
even imported, and everything here is a comparison with None. What goes from process to process is W3C's
``traceparent``: a header of telemetry and of commands, an attribute of events, a field of queued messages.

References
----------
W3C Trace Context, https://www.w3.org/TR/trace-context/
CloudEvents distributed tracing extension 1.0.2
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from shared.ops.otel import Tracing

__all__ = [
    "HEADER", "Kind", "Span", "Value", "begin_tracing", "end_tracing", "ids", "span", "traced", "traceparent",
    "tracing_on", "wanted",
]  # fmt: skip

HEADER = "traceparent"

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Value = str | int | float | bool

_tracing: Tracing | None = None


class Span:
    """One step of a trace; this one is of no trace and does nothing."""

    @property
    def traceparent(self) -> str | None:
        """What the next step continues; None when there is no trace."""
        return None

    def set(self, **attributes: Value) -> None:
        """Add what became known."""

    def fail(self, reason: str) -> None:
        """Say that it went wrong."""

    def link(self, parent: str | None) -> None:
        """Say that another trace's step belongs to it."""


_NONE = Span()


def wanted(environment: Mapping[str, str]) -> bool:
    """Tell whether an environment asks for traces.

    >>> wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}), wanted({})
    (True, False)
    """
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "otlp")
    named = any(environment.get(name) for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
    return named and "otlp" in exporter.split(",")


def begin_tracing(service: str) -> bool:
    """Begin to send traces as *service*, if the environment asks for it; return whether it does.

    Sampling, headers, certificates, time-outs are told by OpenTelemetry's own variables.
    """
    global _tracing
    if _tracing is None and wanted(os.environ):
        from shared.ops.otel import Tracing

        _tracing = Tracing(service)
    return _tracing is not None


def end_tracing() -> None:
    """Send what is left, for a moment at most, and trace no more."""
    global _tracing
    if _tracing is not None:
        ending, _tracing = _tracing, None
        ending.end()


def tracing_on() -> bool:
    """Tell whether traces are sent."""
    return _tracing is not None


def traceparent() -> str | None:
    """Return the step that is under way here, for whoever continues it; None outside of traces."""
    return None if _tracing is None else _tracing.traceparent()


def traced(headers: Mapping[str, str] | None = None) -> dict[str, str] | None:
    """Return *headers* with the step that is under way here; None when there is nothing to send along."""
    here = traceparent()
    if here is None:
        return None if headers is None else dict(headers)
    return {**(headers or {}), HEADER: here}


def ids() -> tuple[str, str] | None:
    """Return (trace id, span id) of the step that is under way here, in hexadecimal."""
    here = traceparent()
    if here is None:
        return None
    _, trace_id, span_id, _ = here.split("-")
    return trace_id, span_id


@contextmanager
def span(
    name: str,
    *,
    parent: str | None = None,
    within: bool = False,
    kind: Kind = "internal",
    links: Sequence[str] = (),
    begun_ns: int | None = None,
    **attributes: Value,
) -> Iterator[Span]:
    """Trace a step for as long as the block runs.

    Parameters
    ----------
    name
        What it does; few different ones.
    parent
        The ``traceparent`` it continues; None or unreadable: the step that is under way here, else a new trace.
    within
        Never begin a new trace: without anything to continue there is no step.
    kind
        Which side of a call it is.
    links
        ``traceparent`` of steps of other traces that belong to it.
    begun_ns
        When it began, if that was before now [ns since 1970].
    attributes
        Facts; an underscore is written as a dot. Never addresses, names or texts of people.
    """
    if _tracing is None or (within and parent is None and _tracing.traceparent() is None):
        yield _NONE
        return
    with _tracing.span(name, parent, kind, links, begun_ns, attributes) as begun:
        yield begun
