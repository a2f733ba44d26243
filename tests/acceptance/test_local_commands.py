"""`tailwarden up`, `serve`, `doctor`, `migrate` as a person runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil
import psycopg
import pytest

from deploy.local.machine import Machine, Ports
from deploy.local.nats import server_info
from deploy.local.places import temporary_home
from deploy.local.ports import choose
from deploy.local.running import RunningSystem, running_system
from shared.settings import CONNECTION_FILE, Connection

TAILWARDEN = Path(sys.executable).with_name("tailwarden")
T = TypeVar("T")


def tailwarden(*words: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TAILWARDEN), *words],
        capture_output=True, text=True, timeout=60, check=False, cwd=cwd, env={**os.environ, **environment},
    )  # fmt: skip


def until(condition: Callable[[], T], limit: float = 30.0) -> T:
    end = time.monotonic() + limit
    while not (value := condition()):
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.02)
    return value


def answers_on(port: int) -> bool:
    return server_info(port) is not None


def all_reachable(home: Path) -> bool:
    return tailwarden("doctor", "--home", str(home)).returncode == 0


def test_help_comes_at_once_and_in_both_languages() -> None:
    begun = time.monotonic()
    done = tailwarden("--help")
    assert time.monotonic() - begun < 5  # far above what it takes, for busy machines
    assert done.returncode == 0
    for word in ("up", "serve", "doctor", "migrate", "预警"):
        assert word in done.stdout
    look = "import sys, tailwarden.cli.app; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout.split()
    assert {"numpy", "matplotlib", "faststream", "nats", "psycopg", "plotly"} & set(loaded) == set()


def test_up_serves_and_doctor_finds_everything(shared_system: RunningSystem) -> None:
    done = tailwarden("doctor", "--json", "--home", str(shared_system.home))
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"]) == (0, True), report
    names = {check["name"] for check in report["checks"]}
    assert names >= {"nats", "jetstream", "stream EVENTS", "mqtt", "postgresql", "schema monitor", "service monitor"}
    assert names >= {"series", "relay registry", "relay cases", "relay monitor", "relay notifier"}
    assert "Everything is reachable" in tailwarden("doctor", "--home", str(shared_system.home)).stdout
    chinese = tailwarden("doctor", "--home", str(shared_system.home), TAILWARDEN_LANGUAGE="zh").stdout
    assert all(word in chinese for word in ("有应答", "数据库结构已是最新", "条消息", "已发布"))
    english = ("answers", "migrated", "stored", "published", "messages", "bytes", "plain")
    assert not [word for word in english if word in chinese], chinese
    said = (shared_system.home / "log" / "up.log").read_text("utf-8")
    assert "READY" in said.splitlines()
    assert shared_system.connection.nats_url in said


def test_a_second_system_in_one_home_is_refused_in_one_line(shared_system: RunningSystem) -> None:
    done = tailwarden("up", "--home", str(shared_system.home), "--nats-port", "0")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert f"process {shared_system.supervisor.pid}" in done.stderr
    chinese = tailwarden("up", "--home", str(shared_system.home), TAILWARDEN_LANGUAGE="zh")
    assert "已有一个系统在运行" in chinese.stderr


def test_a_taken_port_is_refused_in_one_line(shared_system: RunningSystem, tmp_path: Path) -> None:
    taken = shared_system.connection.nats_url.rsplit(":", 1)[1]
    done = tailwarden("up", "--home", str(tmp_path), "--nats-port", taken)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"port {taken} (nats) is taken" in done.stderr


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("routing", None, ("routing file", "No such file")),
        ("channels", "[channels.a]\nkind = 'mail'", ("channels file", "channels.a")),
        ("cards", "card = [", ("action cards file", "Invalid")),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line_with_its_kind_and_whole_path(
    name: str, text: str | None, said: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / f"my-{name}.toml"
    if text is not None:
        file.write_text(text, "utf-8")
    done = tailwarden(
        "up", "--home", "home", cwd=tmp_path, **{f"TAILWARDEN_{name.upper()}_FILE": file.name}
    )  # fmt: skip
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert all(word in done.stderr for word in (*said, str(file))), done.stderr


def test_a_relative_file_is_meant_from_where_up_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAILWARDEN_ROUTING_FILE", "mine.toml")
    machine = Machine(tmp_path / "home", Ports(), ("notifier",))
    machine._prepare()
    environment = machine._service("notifier", "notifier", {}, {}).environment
    assert environment is not None
    assert environment["TAILWARDEN_ROUTING_FILE"] == str(tmp_path / "mine.toml")


def test_a_service_says_in_one_line_what_it_cannot_use(shared_system: RunningSystem, tmp_path: Path) -> None:
    done = tailwarden(
        "serve", "notifier", "--home", str(shared_system.home), TAILWARDEN_CARDS_FILE=str(tmp_path / "no.toml")
    )
    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if "tailwarden notifier: the action cards file" in line]
    assert "Traceback" not in done.stderr


def test_migrate_again_changes_nothing(shared_system: RunningSystem) -> None:
    done = tailwarden("migrate", "--home", str(shared_system.home))
    assert done.returncode == 0, done.stderr
    assert "monitor: the schema is up to date" in done.stdout


@pytest.mark.timeout(180)
def test_what_dies_comes_back_on_its_ports_and_nothing_is_left_behind() -> None:
    with temporary_home() as home:
        with running_system(home) as system:
            connection = system.connection
            for name in ("registry", "monitor", "nats", "postgres"):
                before = system.kill(name)
                until(lambda name=name, before=before: system.pid(name) not in (None, before))
            until(lambda: all_reachable(home))
            assert Connection.read(home / CONNECTION_FILE) == connection
            assert answers_on(int(connection.nats_url.rsplit(":", 1)[1]))
            with psycopg.connect(connection.database("owner"), connect_timeout=5) as database:
                assert database.execute("SELECT count(*) FROM registry.migration").fetchone() != (0,)
            everything = psutil.Process(system.supervisor.pid).children(recursive=True)
            assert len(everything) > 4
        assert psutil.wait_procs(everything, timeout=10)[1] == []
        assert not (home / CONNECTION_FILE).exists()
        assert not list((home / "run").glob("*.pid"))


@pytest.mark.timeout(180)
def test_kill_9_of_up_leaves_nothing_and_the_next_up_finds_its_data() -> None:
    with temporary_home() as home, running_system(home) as system:
        with psycopg.connect(system.connection.database("owner"), autocommit=True) as database:
            database.execute("CREATE TABLE registry.kept AS SELECT 1 AS n")
        everything = psutil.Process(system.supervisor.pid).children(recursive=True)
        os.kill(system.supervisor.pid, signal.SIGKILL)
        # At once, while the servers are still ending: the next one waits for them.
        with running_system(home) as again:
            assert psutil.wait_procs(everything, timeout=1)[1] == []
            with psycopg.connect(again.connection.database("owner")) as database:
                assert database.execute("SELECT n FROM registry.kept").fetchone() == (1,)


def test_ctrl_c_ends_up_with_exit_code_0(tmp_path: Path) -> None:
    with temporary_home() as home:
        ports = ("--nats-port", "0", "--pg-port", "0", "--mqtt-port", "0")
        process = subprocess.Popen(
            [str(TAILWARDEN), "up", "--servers-only", "--home", str(home), *ports], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert any(line.strip() == "READY" for line in process.stdout)
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(30) == 0
        process.stdout.close()
        assert "stopped" in rest
        assert psutil.wait_procs(children, timeout=5)[1] == []


def test_serve_runs_one_service_against_given_addresses(shared_system: RunningSystem, tmp_path: Path) -> None:
    to = shared_system.connection
    mark = tmp_path / "ready"
    process = subprocess.Popen(
        [str(TAILWARDEN), "serve", "registry", "--nats", to.nats_url, "--database", to.database("registry")],
        env={
            **os.environ,
            "TAILWARDEN_HOME": str(tmp_path),
            "TAILWARDEN_NATS_USER": str(to.nats_user),
            "TAILWARDEN_NATS_PASSWORD": str(to.nats_password),
            "TAILWARDEN_READY_FILE": str(mark),
        },
        stderr=subprocess.PIPE,
    )
    try:
        until(lambda: mark.exists() or process.poll() is not None)
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert mark.read_text().strip() == str(process.pid)
    finally:
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("serve", "weather"), "there is no service weather"),
        (("serve", "monitor"), "tailwarden up"),
        (("serve", "monitor", "--nats", "nats://127.0.0.1:1"), "no database address for role monitor"),
        (("migrate",), "tailwarden up"),
        (("migrate", "--database", "postgresql://x:hush@127.0.0.1:1/x"), "127.0.0.1:1"),
        (("up", "--home", "/proc/none"), "cannot be used"),
    ],
)
def test_a_refusal_is_one_line_and_exit_code_2(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = tailwarden(*words, TAILWARDEN_HOME=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert said in done.stderr
    assert "hush" not in done.stderr


def test_doctor_says_what_to_do_when_nothing_runs(tmp_path: Path) -> None:
    done = tailwarden("doctor", "--home", str(tmp_path))
    assert done.returncode == 1
    assert "tailwarden up" in done.stdout


def test_doctor_looks_at_every_part_although_none_answers(tmp_path: Path) -> None:
    done = tailwarden(
        "doctor", "--json", "--home", str(tmp_path),
        TAILWARDEN_NATS_URL=f"nats://127.0.0.1:{choose(0, what='test')}",
        TAILWARDEN_MQTT_PORT=str(choose(0, what="test")),
        TAILWARDEN_DATABASE_URL=f"postgresql://u:hush@127.0.0.1:{choose(0, what='test')}/d",
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"]) == (1, False)
    checks = {check["name"]: check for check in report["checks"]}
    assert {"nats", "mqtt", "postgresql", "service registry", "service monitor"} <= set(checks)
    assert all(check["do"] for check in checks.values())
    assert "hush" not in done.stdout
