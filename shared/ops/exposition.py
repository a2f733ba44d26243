"""The metrics as Prometheus reads them, from a registry of this process's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from shared.ops.meters import Counter, Gauge, Histogram, Meter

__all__ = ["Exposition"]


class _Ours(Collector):
    def __init__(self, meters: Sequence[Meter]) -> None:
        self._meters = meters

    def collect(self) -> Iterable[Metric]:
        return [_family(meter) for meter in self._meters]


class Exposition:
    """Answers scrapes for *service*: its meters, and what the system knows of the process."""

    def __init__(self, service: str, meters: Sequence[Meter]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Ours([meter for meter in meters if meter.belongs_to(service)]))
        ProcessCollector(registry=self._registry)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the metrics and their content type, in the format that *accept* asks for."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


def _family(meter: Meter) -> Metric:
    match meter:
        case Counter():
            counter = CounterMetricFamily(meter.name.removesuffix("_total"), meter.text, labels=meter.labels)
            for labels, value in _values(meter):
                counter.add_metric(labels, value)
            return counter
        case Gauge():
            gauge = GaugeMetricFamily(meter.name, meter.text, labels=meter.labels)
            for labels, value in meter.values.items():
                gauge.add_metric(labels, value)
            return gauge
        case Histogram():
            histogram = HistogramMetricFamily(meter.name, meter.text, labels=meter.labels)
            for labels, (counts, total) in meter.states.items():
                histogram.add_metric(labels, list(_cumulative(meter.buckets, counts)), total)
            return histogram
        case _:
            raise TypeError(meter)


def _values(meter: Counter) -> Iterable[tuple[tuple[str, ...], float]]:
    """A counter without labels begins with 0: whoever watches it sees its first step."""
    return meter.values.items() or ([] if meter.labels else [((), 0.0)])


def _cumulative(buckets: Sequence[float], counts: Sequence[float]) -> Iterator[tuple[str, float]]:
    reached = 0.0
    for bound, count in zip((*map(str, buckets), "+Inf"), counts, strict=True):
        reached += count
        yield bound, reached
