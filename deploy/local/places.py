"""Where files must lie so that the user PostgreSQL runs as can reach them.

PostgreSQL refuses to run as root. Started by root it runs as ``nobody``, who often cannot get into the checkout, the
virtual environment or a temporary home. What it cannot reach is placed below ``/var/tmp`` instead, in directories of
root's that nobody else may write.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.problems import BadInput, Refusal

__all__ = ["fallback", "reachable", "temporary_home", "unprivileged_user", "usable_home"]

# Made and checked by `fallback`; it outlives a reboot, unlike /tmp.
FALLBACK_ROOT = Path("/var/tmp")


def unprivileged_user() -> tuple[int, int] | None:
    """Return the (uid, gid) PostgreSQL is to run as, or None when we are not root and it can run as us."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return 65534, 65534
    return entry.pw_uid, entry.pw_gid


def reachable(path: Path, user: tuple[int, int]) -> bool:
    """Tell whether *user* may get to *path*: every directory on the way, and itself, can be passed through."""
    uid, gid = user
    for place in (path.resolve(), *path.resolve().parents):
        try:
            status = place.stat()
        except FileNotFoundError:
            continue  # not made yet; whoever makes it, makes it passable
        if status.st_uid == uid:
            needed = stat.S_IXUSR
        elif status.st_gid == gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if stat.S_ISDIR(status.st_mode) and not status.st_mode & needed:
            return False
    return True


def fallback(kind: str, key: str) -> Path:
    """Return a directory of ours below ``/var/tmp``, one for each *kind* and *key*, made when it is missing.

    Raises
    ------
    Refusal
        When somebody else has put one there, or could write it.
    """
    path = FALLBACK_ROOT / f"tailwarden-{kind}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    path.mkdir(mode=0o711, exist_ok=True)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise Refusal("local.unsafe_directory", path=str(path))
    path.chmod(0o711)
    return path


def usable_home(home: Path) -> Path:
    """Return *home* as an absolute path to a directory that exists and can be written.

    Raises
    ------
    BadInput
        When it cannot be.
    """
    home = home.expanduser().absolute()
    try:
        home.mkdir(parents=True, exist_ok=True)
        (home / "run").mkdir(mode=0o700, exist_ok=True)
        (home / "log").mkdir(exist_ok=True)
    except OSError as error:
        raise BadInput("local.home_unusable", field="home", home=str(home), reason=error.strerror) from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise BadInput("local.home_unusable", field="home", home=str(home), reason="not writable")
    return home


@contextmanager
def temporary_home(under: Path | None = None) -> Iterator[Path]:
    """Give a home for one run, passable for the database's user, and remove it with all that is in it.

    Parameters
    ----------
    under
        Where; None: where temporary files belong.
    """
    home = Path(tempfile.mkdtemp(prefix="tailwarden-", dir=under))
    try:
        home.chmod(0o711)
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)
