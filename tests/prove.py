"""How hard the suite tries: a share of every property's examples in `make test`, all of them in `make prove`."""

from __future__ import annotations

import os

PROVING = os.environ.get("TAILWARDEN_PROVE", "") == "1"
"""Set by `make prove`, which takes its time."""


def examples(whole: int) -> int:
    """Return how many examples Hypothesis tries of the `whole` that prove a property."""
    return whole if PROVING else max(5, whole // 4)
