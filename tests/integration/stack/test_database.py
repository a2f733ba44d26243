"""The roles that deploy/timescaledb/roles.sh makes, on a PostgreSQL that knew none of them."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from deploy.stack.secrets import POSTGRES_ROLES
from tests.integration.stack.conftest import StackDatabase

SERVICES = ("registry", "cases", "monitor", "notifier")


def test_the_script_may_run_again_and_takes_in_a_changed_password(stack_database: StackDatabase) -> None:
    path = stack_database.secrets / "postgres_reader"
    kept = path.read_text()
    path.unlink()
    path.write_text("another\n")
    try:
        stack_database.make_roles()
        with pytest.raises(psycopg.OperationalError, match="password"):
            stack_database.connect("reader", kept.strip())
        stack_database.connect("reader", "another").close()
    finally:
        path.write_text(kept)
        stack_database.make_roles()
    stack_database.connect("reader").close()


def test_no_role_is_made_without_a_password(stack_database: StackDatabase, tmp_path: Path) -> None:
    done = stack_database.run_script(tmp_path, check=False)
    assert done.returncode == 1
    assert f"there is no password in {tmp_path}/postgres_owner" in done.stderr


@pytest.mark.parametrize("role", SERVICES)
def test_a_service_reaches_its_own_schema_and_no_other(stack_database: StackDatabase, role: str) -> None:
    with stack_database.connect(role) as connection:
        connection.execute(f"SELECT FROM {role}.event")
        connection.execute("CREATE TEMPORARY TABLE staging (n integer)")
        others = [f"SELECT FROM {other}.event" for other in SERVICES if other != role]
        for statement in (
            *others,
            "SELECT FROM dashboard.pond" if role != "owner" else "",
            f"UPDATE {role}.event SET data = data",
            f"DELETE FROM {role}.event",
            f"TRUNCATE {role}.event",
            f"DROP TABLE {role}.event",
            f"ALTER TABLE {role}.event DISABLE TRIGGER ALL",
            f"INSERT INTO {role}.migration (name, sha256) VALUES ('x', 'x')",
            f"CREATE TABLE {role}.mine ()",
            "CREATE TABLE public.mine ()",
            "CREATE SCHEMA mine",
            "CREATE ROLE mine",
            "SET ROLE tailwarden_owner",
            "SELECT pg_read_file('/etc/hostname')",
            "COPY (SELECT 1) TO PROGRAM 'cat'",
        ):
            with pytest.raises(psycopg.Error) as refusal:
                connection.execute(statement)
            assert isinstance(refusal.value, psycopg.errors.InsufficientPrivilege), statement


def test_the_reader_sees_the_dashboard_and_changes_nothing(stack_database: StackDatabase) -> None:
    with stack_database.connect("owner") as owner:
        views = [
            row[0]
            for row in owner.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'dashboard'"
            ).fetchall()
        ]
    assert views
    with stack_database.connect("reader") as connection:
        for view in views:
            connection.execute(f'SELECT * FROM dashboard."{view}" LIMIT 1')
        assert connection.execute("SHOW statement_timeout").fetchone() == ("30s",)
        assert connection.execute("SHOW default_transaction_read_only").fetchone() == ("on",)
        connection.execute("SET default_transaction_read_only = off")  # it may: rights are what holds
        for statement in (
            *[f"SELECT FROM {service}.event" for service in SERVICES],
            f'DELETE FROM dashboard."{views[0]}"',
            "CREATE TABLE dashboard.mine ()",
            "CREATE TEMPORARY TABLE mine ()",
            "CREATE TABLE public.mine ()",
        ):
            with pytest.raises(psycopg.Error) as refusal:
                connection.execute(statement)
            assert isinstance(refusal.value, psycopg.errors.InsufficientPrivilege), statement


@pytest.mark.parametrize("role", POSTGRES_ROLES)
def test_no_role_is_more_than_a_role_or_reaches_another_database(stack_database: StackDatabase, role: str) -> None:
    with stack_database.connect(role) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles"
            " WHERE rolname = current_user"
        ).fetchone()
    assert row == (False,) * 5
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        stack_database.connect(role, database="postgres")
