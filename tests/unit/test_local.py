"""The pure parts of the one-machine run: ports, places, secrets, logs, waiting times."""

from __future__ import annotations

import doctest
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import binaries, places, ports, supervisor
from deploy.local.ports import HOST, answers, choose, is_free
from deploy.local.process import tail, trim_log
from deploy.local.secrets import Secrets
from shared.problems import BadInput, Conflict, Fault, Refusal

NOBODY = (65534, 65534)


@pytest.fixture
def taken() -> socket.socket:
    server = socket.socket()
    server.bind((HOST, choose(0, what="test")))
    server.listen()
    with server:
        yield server


def test_doctests_hold() -> None:
    assert doctest.testmod(supervisor).failed == 0


def test_a_taken_port_is_refused_by_name(taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    assert not is_free(port)
    assert answers(port)
    with pytest.raises(Conflict, match=f"port {port} \\(nats\\)"):
        choose(port, what="nats")


def test_the_customary_port_gives_way_when_it_is_taken(taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    assert choose(None, preferred=port, what="nats") != port
    free = choose(0, what="nats")
    assert choose(None, preferred=free, what="nats") == free
    assert choose(free, what="nats") == free


def test_passwords_are_made_once_and_kept_to_their_owner(tmp_path: Path) -> None:
    first = Secrets(tmp_path / "secrets").password("nats-gateway")
    assert len(first) >= 24
    assert Secrets(tmp_path / "secrets").password("nats-gateway") == first
    assert Secrets(tmp_path / "secrets").password("nats-guest") != first
    assert stat.S_IMODE((tmp_path / "secrets" / "nats-gateway").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_a_closed_directory_on_the_way_is_seen(tmp_path: Path) -> None:
    inner = tmp_path / "closed" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    assert not places.reachable(inner / "file", NOBODY)
    assert places.reachable(Path("/usr/bin/env"), NOBODY)
    assert places.reachable(Path("/usr/not/there"), NOBODY)


def test_the_fallback_is_ours_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "FALLBACK_ROOT", tmp_path)
    place = places.fallback("data", "some/home")
    assert place == places.fallback("data", "some/home")
    assert place != places.fallback("data", "other/home")
    place.chmod(0o777)
    with pytest.raises(Refusal, match="somebody else"):
        places.fallback("data", "some/home")


def test_a_link_put_in_the_fallbacks_place_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "FALLBACK_ROOT", tmp_path)
    place = places.fallback("data", "some/home")
    place.rmdir()
    place.symlink_to(tmp_path)
    with pytest.raises(Refusal):
        places.fallback("data", "some/home")


def test_the_servers_programs_can_be_copied_to_where_they_are_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "FALLBACK_ROOT", tmp_path)
    monkeypatch.setattr(binaries, "reachable", lambda path, user: False)
    directory = binaries.postgres_directory(NOBODY)
    assert tmp_path in directory.parents
    assert os.access(directory / "postgres", os.X_OK)
    assert binaries.postgres_directory(NOBODY) == directory
    assert os.system(f"{directory}/initdb --version >/dev/null") == 0


def test_a_home_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be used"):
        places.usable_home(tmp_path / "file" / "home")


def test_a_temporary_home_is_gone_afterwards() -> None:
    with places.temporary_home() as home:
        (home / "deep" / "er").mkdir(parents=True)
        assert stat.S_IMODE(home.stat().st_mode) == 0o711
    assert not home.exists()


def test_the_end_of_a_log_is_told_and_a_long_one_starts_anew(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    assert tail(log) == "–"
    log.write_text("".join(f"line {n}\n" for n in range(100)))
    assert tail(log, 2) == "line 98 | line 99"
    assert not trim_log(log, limit=10_000)
    assert trim_log(log, limit=100)
    assert log.stat().st_size == 0
    assert (tmp_path / "a.log.1").read_text().endswith("line 99\n")
    assert not trim_log(tmp_path / "absent.log")


def test_a_port_is_given_once_although_nobody_listens_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    first = choose(0, what="test")
    monkeypatch.setattr(ports, "CANDIDATES", [first])
    with pytest.raises(Fault):
        choose(0, what="test")
    elsewhere = "import sys; from deploy.local import ports; print(ports._reserve(int(sys.argv[1])))"
    done = subprocess.run([sys.executable, "-c", elsewhere, str(first)], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
