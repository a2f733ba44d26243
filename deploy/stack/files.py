"""Files of secrets: made once, whole or not at all, below a directory that only its owner may enter."""

from __future__ import annotations

import os
from pathlib import Path

from shared.problems import BadInput

__all__ = ["MODE", "folder", "keep", "put", "read"]

MODE = 0o444
"""Containers see a file and not the directory it lies in, and run as users of their own: the directory is what closes
these files to everybody else on the host."""


def folder(path: Path, mode: int = 0o700) -> Path:
    """Return the directory *path*, made when it is missing; unless *mode* says otherwise, its owner's only.

    Raises
    ------
    BadInput
        ``stack.unusable`` when it cannot be.
    """
    try:
        if not path.is_dir():
            path.mkdir(parents=True)
            _hand_over(path)
        path.chmod(mode)
    except OSError as error:
        raise BadInput("stack.unusable", field="directory", path=str(path), reason=error.strerror) from error
    return path


def put(path: Path, text: str | bytes, mode: int = MODE) -> None:
    """Write *path*, whole or not at all."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text.encode() if isinstance(text, str) else text)
    fresh.chmod(mode)
    _hand_over(fresh)
    fresh.replace(path)


def read(path: Path) -> str | None:
    """Return what *path* holds, without the end of its line; None when there is no such file."""
    try:
        return path.read_text("utf-8").strip()
    except FileNotFoundError:
        return None


def keep(path: Path, text: str, mode: int = MODE) -> str:
    """Return what *path* holds, or write *text* there and return that."""
    there = read(path)
    if there:
        return there
    put(path, text + "\n", mode)
    return text


def _hand_over(path: Path) -> None:
    """Let what root made (in a container, by sudo) belong to whom the directory around it belongs."""
    if os.geteuid() == 0:
        status = path.parent.stat()
        os.chown(path, status.st_uid, status.st_gid)
