"""Every example in the kernels' and the roll-up's docstrings runs."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

NAMES = ("antecedent", "arrays", "cusum", "flags", "quality", "rain", "rollup", "slope", "trend")
MODULES = [f"services.monitor.kernels.{name}" for name in NAMES]


@pytest.mark.parametrize("name", [*MODULES, "services.monitor.domain.rollup"])
def test_examples(name: str) -> None:
    module = import_module(name)
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
    assert all(hasattr(module, public) for public in module.__all__)
