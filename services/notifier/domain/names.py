"""Whether two names are one person's: the same rule for everybody who asks for a second person."""

from __future__ import annotations

from shared.names import same_name

__all__ = ["same_name"]
