"""Counting, as cheap as it gets: plain numbers in this process, which whoever is asked for them puts into words.

Prometheus's own client is imported only when somebody asks (``exposition``): commands that never serve do not pay for
it, and a batch of thousands of readings costs a few additions. Everything here belongs to the event loop's thread.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

__all__ = ["Counter", "Gauge", "Histogram", "Meter", "quantile"]

Labels = tuple[str, ...]

_RECENT = 8_192
"""So many of the newest observations are kept for figures; a figure's ten seconds rarely hold more."""


class Meter:
    """Something that is measured, under one name.

    Parameters
    ----------
    name
        ``tailwarden_…`` with its unit, as Prometheus writes it.
    text
        What it says, for ``HELP``.
    labels
        Names of its labels; their values must be few (never ponds, sensors or people).
    services
        Whose it is; none: everybody's.
    """

    def __init__(self, name: str, text: str, *, labels: Sequence[str] = (), services: Sequence[str] = ()) -> None:
        self.name, self.text, self.labels, self.services = name, text, tuple(labels), tuple(services)

    def belongs_to(self, service: str) -> bool:
        """Tell whether *service* has it."""
        return not self.services or service in self.services


class _Numbers(Meter):
    def __init__(self, name: str, text: str, *, labels: Sequence[str] = (), services: Sequence[str] = ()) -> None:
        super().__init__(name, text, labels=labels, services=services)
        self._values: dict[Labels, float] = {}

    @property
    def values(self) -> dict[Labels, float]:
        """The numbers, by the values of the labels."""
        return dict(self._values)

    def value(self, *labels: str) -> float:
        """Return one number; 0 when there was nothing yet."""
        return self._values.get(labels, 0.0)

    @property
    def total(self) -> float:
        """All of them together."""
        return sum(self._values.values())


class Counter(_Numbers):
    """What only grows.

    >>> sent = Counter("tailwarden_sent_total", "Sent.", labels=["kind"])
    >>> sent.add(2, "mail"); sent.add(1, "sms"); sent.total
    3.0
    """

    def add(self, amount: float = 1.0, *labels: str) -> None:
        """Count *amount* more."""
        self._values[labels] = self._values.get(labels, 0.0) + amount

    def reach(self, total: float, *labels: str) -> None:
        """Take over a total that is counted elsewhere (in the database); it never goes back."""
        self._values[labels] = max(total, self._values.get(labels, 0.0))


class Gauge(_Numbers):
    """What goes up and down."""

    def set(self, value: float, *labels: str) -> None:
        """Say how it stands."""
        self._values[labels] = value

    def replace(self, values: Mapping[Labels, float]) -> None:
        """Say how everything stands, at once; what is not among *values* is not known: an old value must not pass."""
        self._values = dict(values)


class Histogram(Meter):
    """How large something is, in buckets; with the newest observations for figures.

    Parameters
    ----------
    buckets
        Upper bounds, rising, without infinity; in the meter's own unit.
    recent
        Keep the newest observations for ``take_recent``.
    """

    def __init__(
        self,
        name: str,
        text: str,
        *,
        buckets: Sequence[float],
        labels: Sequence[str] = (),
        services: Sequence[str] = (),
        recent: bool = False,
    ) -> None:
        super().__init__(name, text, labels=labels, services=services)
        self.buckets = tuple(buckets)
        self._counts: dict[Labels, list[float]] = {}
        self._sums: dict[Labels, float] = {}
        self._keep, self._recent = recent, list[tuple[float, float]]()

    def observe(self, value: float, *labels: str, weight: float = 1.0) -> None:
        """Take in an observation; *weight*: it stands for so many."""
        counts = self._counts.get(labels)
        if counts is None:
            counts = self._counts[labels] = [0.0] * (len(self.buckets) + 1)
            self._sums[labels] = 0.0
        counts[bisect_left(self.buckets, value)] += weight
        self._sums[labels] += value * weight
        if self._keep:
            if len(self._recent) >= _RECENT:
                del self._recent[: _RECENT // 2]
            self._recent.append((value, weight))

    @property
    def states(self) -> dict[Labels, tuple[list[float], float]]:
        """By labels: how many in each bucket and above the last one (not cumulative), and their sum."""
        return {labels: (list(counts), self._sums[labels]) for labels, counts in self._counts.items()}

    @property
    def count(self) -> float:
        """How many observations there were."""
        return sum(sum(counts) for counts in self._counts.values())

    def take_recent(self) -> list[tuple[float, float]]:
        """Return (value, weight) of what came since this was asked last, and forget it."""
        taken, self._recent = self._recent, []
        return taken


def quantile(observed: Sequence[tuple[float, float]], q: float) -> float | None:
    """Return the value below which the share *q* of the weight lies; None when nothing was observed.

    >>> quantile([(1.0, 1.0), (2.0, 1.0), (9.0, 2.0)], 0.5)
    2.0
    >>> quantile([(1.0, 1.0), (2.0, 1.0), (9.0, 2.0)], 0.99)
    9.0
    >>> quantile([], 0.5) is None
    True
    """
    if not observed:
        return None
    wanted = q * sum(weight for _, weight in observed)
    reached = 0.0
    ordered = sorted(observed)
    for value, weight in ordered:
        reached += weight
        if reached >= wanted:
            return value
    return ordered[-1][0]
