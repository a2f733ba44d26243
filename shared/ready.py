"""How a service tells whoever started it that it serves now."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["READY_VARIABLE", "mark_ready"]

READY_VARIABLE = "TAILWARDEN_READY_FILE"


def mark_ready() -> None:
    """Write the file named by ``TAILWARDEN_READY_FILE`` (our process id inside); without one, do nothing."""
    path = os.environ.get(READY_VARIABLE)
    if not path:
        return
    fresh = Path(f"{path}.new")
    fresh.write_text(f"{os.getpid()}\n", "ascii")
    fresh.replace(path)
