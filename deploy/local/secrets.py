"""Passwords of the one-machine run: random, made once, one file each, readable by their owner only."""

from __future__ import annotations

import secrets
from pathlib import Path

__all__ = ["Secrets"]


class Secrets:
    """The passwords in one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def password(self, name: str) -> str:
        """Return the password *name*, made when it is asked for first."""
        path = self._directory / name
        try:
            return path.read_text("ascii").strip()
        except FileNotFoundError:
            pass
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        value = secrets.token_urlsafe(24)
        fresh = path.with_name(f".{name}.new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(value + "\n", "ascii")
        fresh.replace(path)
        return value
