"""What is measured comes out as Prometheus reads it, under names that say their unit, with few labels."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.machine import SERVICES
from shared.ops.catalogue import METERS
from shared.ops.exposition import Exposition
from shared.ops.meters import Counter, Gauge, Histogram, Meter, quantile

PAGE = Path(__file__).parents[3] / "deploy" / "OPERATIONS.md"


def samples(*meters: Meter, service: str = "monitor") -> dict[tuple[str, ...], float]:
    text, content_type = Exposition(service, meters).render()
    assert content_type.startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if sample.name.startswith("tailwarden_")
    }


def test_counters_begin_with_zero_and_only_grow():
    plain, by_kind = Counter("tailwarden_a_total", "A."), Counter("tailwarden_b_total", "B.", labels=["kind"])
    assert samples(plain, by_kind) == {("tailwarden_a_total",): 0.0}
    plain.add()
    plain.reach(5)
    plain.reach(3)
    by_kind.add(2, "mail")
    assert samples(plain, by_kind) == {("tailwarden_a_total",): 5.0, ("tailwarden_b_total", "mail"): 2.0}


def test_a_gauge_that_is_not_known_says_nothing():
    gauge = Gauge("tailwarden_c", "C.", labels=["level"])
    gauge.set(0.0, "red")
    assert samples(gauge) == {("tailwarden_c", "red"): 0.0}
    gauge.replace({("blue",): 2.0})
    assert samples(gauge) == {("tailwarden_c", "blue"): 2.0}
    gauge.replace({})
    assert samples(gauge) == {}


def test_a_histogram_is_cumulative_and_counts_what_an_observation_stands_for():
    seconds = Histogram("tailwarden_d_seconds", "D.", buckets=[0.1, 1.0])
    for value, weight in ((0.1, 1.0), (0.5, 3.0), (7.0, 1.0)):
        seconds.observe(value, weight=weight)
    found = samples(seconds)
    assert [found["tailwarden_d_seconds_bucket", bound] for bound in ("0.1", "1.0", "+Inf")] == [1, 4, 5]
    assert (found["tailwarden_d_seconds_count",], found["tailwarden_d_seconds_sum",]) == (5, pytest.approx(8.6))
    assert seconds.take_recent() == []  # nobody asked for it to be kept


def test_recent_observations_are_given_once_and_never_pile_up():
    seconds = Histogram("tailwarden_e_seconds", "E.", buckets=[1.0], recent=True)
    for number in range(20_000):
        seconds.observe(float(number))
    recent = seconds.take_recent()
    assert len(recent) <= 8_192
    assert recent[-1] == (19_999.0, 1.0)
    assert seconds.take_recent() == []


@pytest.mark.parametrize(
    ("observed", "q", "value"),
    [
        ([], 0.5, None),
        ([(3.0, 1.0)], 0.99, 3.0),
        ([(2.0, 1.0), (1.0, 1.0)], 0.5, 1.0),
        ([(1.0, 98.0), (9.0, 2.0)], 0.98, 1.0),
        ([(1.0, 98.0), (9.0, 2.0)], 0.99, 9.0),
    ],
)
def test_quantiles_count_weights(observed, q, value):
    assert quantile(observed, q) == value


def test_a_service_shows_its_own():
    own, common = Counter("tailwarden_f_total", "F.", services=["notifier"]), Counter("tailwarden_g_total", "G.")
    assert samples(own, common, service="monitor") == {("tailwarden_g_total",): 0.0}
    assert len(samples(own, common, service="notifier")) == 2


@pytest.mark.parametrize("meter", METERS, ids=lambda meter: meter.name)
def test_names_say_what_and_in_which_unit_and_labels_are_few(meter: Meter):
    assert re.fullmatch(r"tailwarden_[a-z_]+", meter.name)
    assert meter.text.endswith(".")
    assert set(meter.services) <= set(SERVICES)
    assert set(meter.labels) <= {"outcome", "consumer", "command", "level", "kind", "check"}
    assert meter.name.endswith("_total") == isinstance(meter, Counter)
    if isinstance(meter, Histogram):
        assert meter.name.endswith("_seconds")
        assert list(meter.buckets) == sorted(meter.buckets)


def test_the_page_says_what_there_is():
    rows = re.findall(r"^\| `(tailwarden_\w+)`(?: \(([\w, ]+)\))? \|([^|]*)\|", PAGE.read_text("utf-8"), re.MULTILINE)
    told = {name: (labels, whose.strip()) for name, labels, whose in rows}
    assert told == {meter.name: (", ".join(meter.labels), ", ".join(meter.services) or "all") for meter in METERS}
    assert len(rows) == len(told)
