"""Where each key of a TOML text stands, so that a refusal can name the line.

The standard parser keeps no positions. This scan runs only over texts that parser has accepted, so it need
not judge anything: it walks the statements, follows table headers and steps over values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["Path", "key_lines", "line_of"]

Path = tuple[str | int, ...]
"""A key's way from the root; an integer is the index in an array of tables."""

_KEY = re.compile(r'[ \t]*(?:"((?:[^"\\\n]|\\.)*)"|\'([^\'\n]*)\'|([A-Za-z0-9_-]+))[ \t]*')
_STEP = re.compile(r'"""(?:[^\\]|\\.)*?"""+|\'\'\'.*?\'\'\'+|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|.', re.DOTALL)
_NOTHING = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")


def key_lines(text: str) -> dict[Path, int]:
    r"""Return the 1-based line of every table header and key of *text*, a valid TOML document.

    >>> key_lines('[pond]\nid = "a"\n[[sensor]]\n[sensor.series]\nfile = "c"')[("sensor", 0, "series", "file")]
    5
    """
    lines: dict[Path, int] = {}
    arrays: dict[Path, int] = {}
    table: Path = ()
    place, line = 0, 1
    while True:
        blank = _NOTHING.match(text, place)
        start = place if blank is None else blank.end()
        line += text.count("\n", place, start)
        if start >= len(text):
            return lines
        place = start
        if text.startswith("[", place):
            doubled = text.startswith("[[", place)
            names, place = _keys(text, place + (2 if doubled else 1))
            table = _resolve(names, arrays, doubled)
            lines.setdefault(table, line)
        else:
            names, place = _keys(text, place)
            for depth in range(1, len(names) + 1):
                lines.setdefault((*table, *names[:depth]), line)
        end = _statement_end(text, place)
        line += text.count("\n", start, end)
        place = max(end, start + 1)


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """Return the line of *path*, or of its nearest known ancestor (an inline table's keys), or 1."""
    for length in range(len(path), 0, -1):
        found = lines.get(path[:length])
        if found is not None:
            return found
    return 1


def _keys(text: str, place: int) -> tuple[list[str], int]:
    names: list[str] = []
    while (found := _KEY.match(text, place)) is not None:
        names.append(next(group for group in found.groups() if group is not None))
        place = found.end()
        if not text.startswith(".", place):
            break
        place += 1
    return names, place


def _resolve(names: list[str], arrays: dict[Path, int], doubled: bool) -> Path:
    path: Path = ()
    for depth, name in enumerate(names, start=1):
        path = (*path, name)
        if doubled and depth == len(names):
            arrays[path] = arrays.get(path, -1) + 1
        if path in arrays:
            path = (*path, arrays[path])
    return path


def _statement_end(text: str, place: int) -> int:
    depth = 0
    for step in _STEP.finditer(text, place):
        match step.group():
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
            case "\n" if depth <= 0:
                return step.start()
            case _:
                pass
    return len(text)
