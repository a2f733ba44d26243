"""What differs between what we want and what Grafana has: by place, and by what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shared.words import say

__all__ = ["Difference", "differing"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be. ``fixed``: it was put right; ``kept``: files rule it, not the API."""

    kind: Literal["folder", "datasource", "dashboard", "annotation"]
    name: str
    what: Literal["missing", "different"]
    where: str = ""
    """The first place that differs."""
    state: Literal["found", "fixed", "kept"] = "found"

    def words(self, language: str) -> str:
        """Say it in *language*."""
        return say(
            f"grafana.{self.what}_{self.state}",
            language,
            kind=say(f"grafana.{self.kind}", language),
            name=self.name,
            where=f" ({self.where})" if self.where else "",
        )


def differing(ours: Any, theirs: Any, place: str = "") -> str | None:
    """Return the first place where *theirs* is not what *ours* says, or None.

    What Grafana adds of its own (ids, versions, defaults) is no difference; lists must be as long.

    >>> differing({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3, "id": 9}], "version": 4})
    'a[1].b'
    """
    if isinstance(ours, Mapping):
        if not isinstance(theirs, Mapping):
            return place or "."
        for key, value in ours.items():
            if key not in theirs and value is not None:
                return f"{place}.{key}".lstrip(".")
            found = differing(value, theirs.get(key), f"{place}.{key}".lstrip("."))
            if found is not None:
                return found
        return None
    if isinstance(ours, list):
        if not isinstance(theirs, list) or len(ours) != len(theirs):
            return place or "."
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            found = differing(one, other, f"{place}[{number}]")
            if found is not None:
                return found
        return None
    return None if ours == theirs else place or "."
