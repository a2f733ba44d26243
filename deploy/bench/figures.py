"""What a measurement found: figures, each with the baseline taken in the same run and what is promised."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Figure", "Report"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. ``least`` and ``most`` are promises about the value, ``least_ratio`` about the ratio."""

    key: str
    value: float
    unit: str
    baseline: float | None = None
    """Measured in the same run, in the same unit."""
    least: float | None = None
    most: float | None = None
    least_ratio: float | None = None

    @property
    def ratio(self) -> float | None:
        """Value over baseline."""
        return None if self.baseline is None else self.value / self.baseline

    @property
    def met(self) -> bool | None:
        """Whether what is promised holds; None where nothing is."""
        held: list[bool] = []
        if self.least is not None:
            held.append(self.value >= self.least)
        if self.most is not None:
            held.append(self.value <= self.most)
        if self.least_ratio is not None and self.ratio is not None:
            held.append(self.ratio >= self.least_ratio)
        return all(held) if held else None

    def as_json(self) -> dict[str, Any]:
        """Return the figure as JSON holds it; what does not apply is null."""
        ratio = self.ratio
        return {
            "value": _short(self.value),
            "unit": self.unit,
            "baseline": None if self.baseline is None else _short(self.baseline),
            "ratio": None if ratio is None else _short(ratio),
            "least": self.least,
            "most": self.most,
            "least_ratio": self.least_ratio,
            "met": self.met,
        }


@dataclass(slots=True)
class Report:
    """All figures of one run, with the machine and its load, without which they mean little."""

    bench: str
    setting: dict[str, Any]
    figures: list[Figure] = field(default_factory=list)
    load_before: tuple[float, ...] = field(default_factory=os.getloadavg)

    def as_json(self) -> dict[str, Any]:
        """Return the report as one JSON object."""
        return {
            "bench": self.bench,
            "setting": self.setting,
            "machine": {
                "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
                "python": platform.python_version(),
                "load_before": round(self.load_before[0], 2),
                "load_after": round(os.getloadavg()[0], 2),
            },
            "figures": {figure.key: figure.as_json() for figure in self.figures},
            "met": all(figure.met is not False for figure in self.figures),
        }


def _short(value: float) -> float:
    """Four significant digits: more would only claim what no measurement of this kind can."""
    return float(f"{value:.4g}")
