"""Every secret of the full stack: random, made once, one file each; what follows from them is written anew each time.

``<directory>``            password files and database addresses, mounted one by one into the containers that need them
``<directory>/nats``       what the NATS servers include: passwords, loggers, certificates; mounted whole
``<directory>/config``     the site's own files (channels, routing, cards, codes), put there by hand; /etc/tailwarden
``<directory>/loggers``    each logger's password, for whoever sets the logger up; mounted nowhere
``<directory>/authority``  the development authority's key; mounted nowhere
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from deploy.stack import files
from deploy.stack.certificates import make_certificates
from deploy.stack.loggers import write_loggers

__all__ = ["DATABASE_HOST", "NATS_USERS", "POSTGRES_ROLES", "make_secrets"]

POSTGRES_ROLES = ("owner", "registry", "cases", "monitor", "notifier", "reader")
"""Roles ``tailwarden_<role>`` of the database, as deploy/timescaledb/roles.sh makes them."""
NATS_USERS = ("admin", "operator", "registry", "cases", "monitor", "notifier", "subscriber")
"""Users of deploy/nats/accounts.conf; loggers are added one by one."""
OTHERS = ("postgres_superuser", "grafana_admin", "notifier_links")
DATABASE_HOST = "timescaledb:5432"


def make_secrets(directory: Path, hosts: Sequence[str] = ()) -> list[str]:
    """Make what is missing in *directory* and return the names of the files made now.

    Parameters
    ----------
    directory
        Closed to everybody but its owner; see the module's text for what lies in it.
    hosts
        Names and addresses by which loggers and subscribers reach the NATS server; new ones make a new certificate.

    Raises
    ------
    BadInput
        ``stack.unusable``, ``stack.bad_host``.
    """
    files.folder(directory)
    before = _all(directory)
    passwords = {name: files.keep(directory / f"nats_{name}", _random()) for name in NATS_USERS}
    for name in OTHERS:
        files.keep(directory / name, _random())
    for role in POSTGRES_ROLES:
        password = files.keep(directory / f"postgres_{role}", _random())
        url = f"postgresql://tailwarden_{role}:{quote(password, safe='')}@{DATABASE_HOST}/tailwarden"
        files.put(directory / f"database_url_{role}", url + "\n")
    # Mounted as a directory, so that a change is seen in it; on the host it is closed by the one above it.
    served = files.folder(directory / "nats", 0o755)
    files.folder(directory / "config", 0o755)
    make_certificates(served, files.folder(directory / "authority"), hosts)
    files.put(directory / "nats_ca.crt", (served / "ca.crt").read_bytes())
    lines = [f'PASSWORD_{name.upper()}: "{password}"\n' for name, password in passwords.items()]
    files.put(served / "passwords.conf", "".join(lines))
    write_loggers(served, files.folder(directory / "loggers"))
    return sorted(_all(directory) - before)


def _random() -> str:
    # Letters and digits only: it must mean the same to a shell, an address and NATS's configuration.
    return secrets.token_hex(24)


def _all(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
