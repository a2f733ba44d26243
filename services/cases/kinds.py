"""The kinds of records that the cases keep."""

from __future__ import annotations

from typing import Any

from shared.eventstore.kinds import Kind

__all__ = ["KINDS"]

KINDS: tuple[Kind[Any], ...] = ()
"""Every kind; each has its table, made by the migrations."""
