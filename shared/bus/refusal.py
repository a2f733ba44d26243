"""Telling a refused login from a server that is away: the one is retried for ever, the other is not."""

from __future__ import annotations

import nats.errors

__all__ = ["is_refusal"]


def is_refusal(error: Exception) -> bool:
    """Return whether *error* is the server's refusal of our user and password."""
    return isinstance(error, nats.errors.AuthorizationError) or "authorization violation" in str(error).lower()
