"""Every example in the kernels' and the roll-up's docstrings runs."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

MODULES = [
    f"services.monitor.kernels.{name}"
    for name in ("antecedent", "arrays", "cusum", "quality", "rain", "rollup", "trend")
]


@pytest.mark.parametrize("name", [*MODULES, "services.monitor.domain.rollup"])
def test_examples(name: str) -> None:
    module = import_module(name)
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
    assert all(hasattr(module, public) for public in module.__all__)
