"""Where the running system is: arguments, then environment, then the file `up` wrote."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from shared.problems import BadInput, Unavailable
from shared.settings import CONNECTION_FILE, Connection, Settings, connection

RUNNING = Connection(
    nats_url="nats://127.0.0.1:4999",
    nats_user="tailwarden",
    nats_password="from the file",
    mqtt_port=1999,
    database_urls={"owner": "postgresql://o@h/d", "monitor": "postgresql://m@h/d"},
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    RUNNING.write(tmp_path / CONNECTION_FILE)
    return tmp_path


def test_the_file_of_a_running_system_is_read_whole(home: Path) -> None:
    assert connection(home) == RUNNING


def test_the_file_is_its_owners_only(home: Path) -> None:
    assert stat.S_IMODE((home / CONNECTION_FILE).stat().st_mode) == 0o600


def test_the_home_may_come_from_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILWARDEN_HOME", str(home))
    assert connection() == RUNNING


def test_the_environment_wins_and_never_mixes_with_the_files_password(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAILWARDEN_NATS_URL", "nats://elsewhere:4222")
    found = connection(home)
    assert (found.nats_url, found.nats_user, found.nats_password) == ("nats://elsewhere:4222", None, None)
    assert (found.mqtt_host, found.mqtt_port) == ("elsewhere", 1883)
    assert found.database_urls == RUNNING.database_urls


def test_arguments_win_over_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILWARDEN_NATS_URL", "nats://elsewhere:4222")
    assert Settings.load(home=home, nats_url="nats://here:1").connection().nats_url == "nats://here:1"


def test_one_database_address_serves_whichever_service_reads_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILWARDEN_DATABASE_URL", "postgresql://x@h/d")
    found = connection(home)
    assert found.database("monitor") == "postgresql://x@h/d"
    with pytest.raises(Unavailable, match="role owner"):
        found.database("owner")


def test_a_secret_may_lie_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "word").write_text("hush\n")
    monkeypatch.setenv("TAILWARDEN_NATS_URL", "nats://h:1")
    monkeypatch.setenv("TAILWARDEN_NATS_PASSWORD_FILE", str(tmp_path / "word"))
    assert connection(tmp_path).nats_password == "hush"


def test_a_secret_file_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILWARDEN_NATS_PASSWORD_FILE", str(tmp_path / "absent"))
    with pytest.raises(Unavailable, match="absent"):
        Settings.load()


def test_nothing_running_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="tailwarden up") as caught:
        connection(tmp_path)
    assert "tailwarden up" in caught.value.words("zh")


@pytest.mark.parametrize(("name", "value"), [("MQTT_PORT", "70000"), ("MQTT_PORT", "x"), ("LOG_LEVEL", "loud")])
def test_a_value_that_cannot_be_used_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"TAILWARDEN_{name}", value)
    with pytest.raises(BadInput, match=f"TAILWARDEN_{name}") as caught:
        Settings.load()
    assert caught.value.field == name.lower()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"nats_url": 3}'])
def test_a_damaged_file_is_said_to_be_damaged(text: str, home: Path) -> None:
    (home / CONNECTION_FILE).write_text(text)
    with pytest.raises(Unavailable, match="damaged"):
        connection(home)


def test_passwords_are_never_shown() -> None:
    assert "from the file" not in repr(RUNNING)
    assert "postgresql" not in repr(RUNNING)
