"""Reads the code file."""

from __future__ import annotations

import tomllib
from pathlib import Path

from services.registry.domain.codes import CodeLists, code_lists
from shared.problems import BadInput

__all__ = ["OWN_CODES", "read_codes"]

OWN_CODES = Path(__file__).parents[1] / "codes.toml"


def read_codes(path: Path | None = None) -> CodeLists:
    """Return the code lists of *path*, or of the file that comes with the registry.

    Raises
    ------
    BadInput
        ``mines.codes_unreadable``, ``mines.codes_bad``.
    """
    file = OWN_CODES if path is None else path
    try:
        data = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput("mines.codes_unreadable", field="codes_file", file=str(file), reason=reason) from error
    return code_lists(data, str(file))
