"""The configured situations that require closure by law, or call for phasing out: their codes, and nothing more."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.problems import BadInput

__all__ = ["CodeLists", "code_lists"]

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


@dataclass(frozen=True, slots=True)
class CodeLists:
    """Codes by list: *law* for closure by law 依法关闭, *exit* for phasing out 淘汰退出."""

    law: tuple[str, ...]
    exit: tuple[str, ...]


def code_lists(data: Mapping[str, Any], source: str) -> CodeLists:
    """Return the lists that a code file holds.

    Raises
    ------
    BadInput
        ``mines.codes_bad``: a list is missing or empty, or one of its codes is none or stands in it twice.
    """

    def codes(name: str) -> tuple[str, ...]:
        given = data.get(name)
        listed: list[Any] = given if isinstance(given, list) else []
        fit = bool(listed) and all(isinstance(code, str) and _CODE.fullmatch(code) for code in listed)
        if not fit or len(set(listed)) < len(listed):
            raise BadInput("mines.codes_bad", field="codes_file", file=source, list=name)
        return tuple(listed)

    return CodeLists(law=codes("law"), exit=codes("exit"))
