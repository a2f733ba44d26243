"""The site file as a place that refusals point into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from shared.problems import BadInput
from shared.site import lines

__all__ = ["Source"]


@dataclass(frozen=True, slots=True)
class Source:
    """A site file's path and the lines of its keys."""

    path: Path
    key_lines: Mapping[lines.Path, int]

    def line(self, at: lines.Path) -> int:
        """Return the line of the key *at*, or of the nearest table around it."""
        return lines.line_of(self.key_lines, at)

    def where(self, at: lines.Path) -> str:
        """Return ``FILE:LINE`` of the key *at*."""
        return f"{self.path}:{self.line(at)}"

    def refuse(self, code: str, at: lines.Path, **params: Any) -> NoReturn:
        """Raise ``BadInput`` about the key *at*; the text gets ``file``, ``line``, ``name`` and *params*."""
        name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in at).lstrip(".")
        raise BadInput(code, field=name, file=str(self.path), line=self.line(at), name=name, **params)
