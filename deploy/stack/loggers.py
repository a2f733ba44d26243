"""Loggers of the field: each pond's own user, who can send that pond's readings and nothing else.

The list NATS includes follows from the password files, one per user: a logger is revoked by removing its file.
"""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path

from deploy.stack import files
from shared.problems import BadInput, NotFound

__all__ = ["GATEWAY", "add_logger", "remove_logger", "user_of", "write_loggers"]

GATEWAY = "gateway"
"""The user who may send for every pond: a telemetry centre that collects for all."""
_ID = re.compile(r"[a-z0-9_-]{1,64}")
_USER = re.compile(rf"{GATEWAY}|logger-[a-z0-9_-]{{1,64}}")


def user_of(pond_id: str) -> str:
    """Return the name of a pond's user.

    >>> user_of("xiakou")
    'logger-xiakou'
    """
    return f"logger-{pond_id}"


def add_logger(directory: Path, pond_id: str | None) -> tuple[str, str]:
    """Make the user of *pond_id* (None: the gateway's) if it is not there; return user and password.

    Parameters
    ----------
    directory
        The directory of ``make_secrets``. NATS takes the change in when it is told to read its files again.

    Raises
    ------
    BadInput
        ``stack.bad_pond``; ``stack.no_secrets`` when ``make_secrets`` was not called before.
    """
    kept = _known(directory)
    if pond_id is not None and not _ID.fullmatch(pond_id):
        raise BadInput("stack.bad_pond", field="pond", pond=pond_id[:80])
    user = GATEWAY if pond_id is None else user_of(pond_id)
    password = files.keep(kept / user, secrets.token_hex(24))
    write_loggers(directory / "nats", kept)
    return user, password


def remove_logger(directory: Path, pond_id: str | None) -> str:
    """Revoke the user of *pond_id* (None: the gateway's) and return its name.

    Raises
    ------
    NotFound
        ``stack.no_logger``.
    BadInput
        ``stack.no_secrets``.
    """
    kept = _known(directory)
    user = GATEWAY if pond_id is None else user_of(pond_id)
    path = kept / user
    if not _USER.fullmatch(user) or not path.is_file():
        raise NotFound("stack.no_logger", field="pond", user=user[:80])
    path.unlink()
    write_loggers(directory / "nats", kept)
    return user


def write_loggers(served: Path, kept: Path) -> None:
    """Write the users that NATS includes from the password files in *kept*."""
    users = [_user(path.name, files.read(path) or "") for path in sorted(kept.iterdir()) if _USER.fullmatch(path.name)]
    # NATS reads JSON; one user a line, so that a difference can be read.
    lines = ",\n".join(f"  {json.dumps(user)}" for user in users)
    files.put(served / "loggers.conf", f"users: [\n{lines}\n]\n")


def _user(name: str, password: str) -> dict[str, object]:
    pond = name.removeprefix("logger-")
    subjects = ["tw.telemetry.>"] if name == GATEWAY else [f"tw.telemetry.{pond}", f"tw.telemetry.{pond}.*"]
    return {
        "user": name,
        "password": password,
        "allowed_connection_types": ["STANDARD", "MQTT"],
        "permissions": {"publish": subjects, "subscribe": [f"_INBOX.{name}.>"]},
    }


def _known(directory: Path) -> Path:
    kept = directory / "loggers"
    if not kept.is_dir():
        raise BadInput("stack.no_secrets", field="directory", path=str(directory))
    return kept
