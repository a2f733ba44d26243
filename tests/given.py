"""A PostgreSQL given from outside: the suite makes its roles and databases there instead of starting one of its own."""

from __future__ import annotations

import os
from functools import cache
from hashlib import sha256
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from deploy.local.postgres import DATABASE, ROLES, SUPERUSER

__all__ = ["GivenServer", "given_url"]

VARIABLE = "TAILWARDEN_TEST_DATABASE_URL"
_LOCK = 815_001


def given_url() -> str | None:
    """Return the address of the server to test on, None for one of our own."""
    return os.environ.get(VARIABLE) or None


class GivenServer:
    """Speaks like ``PostgresServer``, as far as tests ask.

    Parameters
    ----------
    url
        A superuser's address, of a server that is for tests only: the roles ``tailwarden_…`` get new passwords.
    """

    def __init__(self, url: str) -> None:
        self._parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
        # Workers of one run, and one run after another, must agree.
        self._password = sha256(f"tests of {url}".encode()).hexdigest()

    def url(self, role: str, database: str = DATABASE) -> str:
        """Return the address of *database* for *role*."""
        parts = self._parts
        name, password = f"tailwarden_{role}", self._password
        if role == SUPERUSER:
            name, password = parts.get("user", SUPERUSER), parts.get("password", "")
        host = f"{parts.get('host', 'localhost')}:{parts.get('port', '5432')}"
        return f"postgresql://{quote(name, safe='')}:{quote(password, safe='')}@{host}/{database}"

    def provision(self) -> None:
        """Make the roles; refuse a server on which tailwarden itself is installed."""
        with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            # Workers begin at one time; the lock goes with the connection.
            connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is not None:
                pytest.exit(f"{VARIABLE} names a server with a database {DATABASE!r}: tests would take its roles", 2)
            for role in ROLES:
                name = sql.Identifier(f"tailwarden_{role}")
                known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [f"tailwarden_{role}"]).fetchone()
                verb = sql.SQL("CREATE" if known is None else "ALTER")
                connection.execute(
                    sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, name, sql.Literal(self._password))
                )

    def timescaledb(self) -> bool:
        """Tell whether databases here can have TimescaleDB: installed and preloaded."""
        return _timescaledb(self.url(SUPERUSER, "postgres"))


@cache
def _timescaledb(url: str) -> bool:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT FROM pg_available_extensions WHERE name = 'timescaledb'"
            " AND current_setting('shared_preload_libraries') LIKE '%timescaledb%'"
        ).fetchone()
    return found is not None
