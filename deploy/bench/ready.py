"""How long `tailwarden up` takes until everything serves."""

from __future__ import annotations

import time
from pathlib import Path

from deploy.bench.figures import Figure
from deploy.local.places import temporary_home
from deploy.local.running import running_system

__all__ = ["ready_figures"]

_MOST_S = 8.0


def ready_figures() -> list[Figure]:
    """Start a system in a new home, stop it, start it again."""
    with temporary_home() as home:
        first, again = _seconds(home), _seconds(home)
    return [Figure("ready_first", first, "s", most=_MOST_S), Figure("ready_again", again, "s", most=_MOST_S)]


def _seconds(home: Path) -> float:
    began = time.monotonic()
    with running_system(home):
        return time.monotonic() - began
