"""Traces by OpenTelemetry: imported only when somebody collects them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.ops.tracing import HEADER, Kind, Span, Value

__all__ = ["Tracing"]

_KINDS: Mapping[Kind, SpanKind] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
_END_S = 3.0
"""Seconds a process waits for its last steps to be sent: a collector that is away must not hold up its end."""
_W3C = TraceContextTextMapPropagator()


class _Step(Span):
    def __init__(self, inner: trace.Span) -> None:
        self._inner = inner

    @property
    def traceparent(self) -> str | None:
        return _written(self._inner.get_span_context())

    def set(self, **attributes: Value) -> None:
        self._inner.set_attributes(_dotted(attributes))

    def fail(self, reason: str) -> None:
        self._inner.set_status(Status(StatusCode.ERROR, reason))

    def link(self, parent: str | None) -> None:
        other = _context(parent)
        if other is not None:
            self._inner.add_link(trace.get_current_span(other).get_span_context())


class Tracing:
    """Sends the steps of one process; *exporter*: where to, None: as the environment says."""

    def __init__(self, service: str, exporter: SpanExporter | None = None) -> None:
        name = os.environ.get("OTEL_SERVICE_NAME") or f"tailwarden-{service}"
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter() if exporter is None else exporter))
        self._tracer = self._provider.get_tracer("tailwarden")

    def traceparent(self) -> str | None:
        """Return the step that is under way here."""
        return _written(trace.get_current_span().get_span_context())

    @contextmanager
    def span(
        self,
        name: str,
        parent: str | None,
        kind: Kind,
        links: Sequence[str],
        begun_ns: int | None,
        attributes: Mapping[str, Value],
    ) -> Iterator[Span]:
        """See ``tracing.span``."""
        others = [context for each in links if (context := _context(each)) is not None]
        with self._tracer.start_as_current_span(
            name,
            context=_context(parent),
            kind=_KINDS[kind],
            attributes=_dotted(attributes),
            links=[Link(trace.get_current_span(other).get_span_context()) for other in others],
            start_time=begun_ns,
            record_exception=False,  # an exception's text may hold addresses or values
            set_status_on_exception=False,
        ) as inner:
            try:
                yield _Step(inner)
            except BaseException as error:
                inner.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    def end(self) -> None:
        """Send what is left."""
        ending = threading.Thread(target=self._provider.shutdown, name="otel-end", daemon=True)
        ending.start()
        ending.join(_END_S)


def _context(traceparent: str | None) -> Context | None:
    """Return what a ``traceparent`` names; None when it names nothing, as the specification asks for bad ones."""
    if traceparent is None:
        return None
    context = _W3C.extract({HEADER: traceparent}, Context())
    return context if trace.get_current_span(context).get_span_context().is_valid else None


def _written(context: trace.SpanContext) -> str | None:
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _dotted(attributes: Mapping[str, Value]) -> dict[str, Value]:
    """Write names as OpenTelemetry does: ``messaging_destination_name`` is ``messaging.destination.name``."""
    return {name.replace("_", "."): value for name, value in attributes.items()}
