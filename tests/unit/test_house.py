"""The house itself: every module says what it offers, and nothing names this or that machine."""

from __future__ import annotations

import pkgutil
import re
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "shared",
    "deploy.grafana",
    "deploy.local",
    "tailwarden",
    "services.registry",
    "services.cases",
    "services.notifier",
    "services.monitor",
)


def modules() -> list[str]:
    found: list[str] = []
    for name in PACKAGES:
        package = import_module(name)
        found.append(name)
        found += [info.name for info in pkgutil.walk_packages(package.__path__, f"{name}.")]
    # Scripts that run beside us without our packages, and entry points, offer nothing to import.
    return sorted(name for name in found if not name.endswith(("__main__", ".shim", ".janitor")))


@pytest.mark.parametrize("name", modules())
def test_what_a_module_offers_is_there(name: str) -> None:
    module = import_module(name)
    assert module.__doc__
    offered = getattr(module, "__all__", [])
    assert [word for word in offered if not hasattr(module, word)] == []
    assert len(set(offered)) == len(offered)


def sources() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    kept = (".py", ".toml", ".md", ".lock", ".sql", ".yaml", ".json", "Makefile", "run")
    return [path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file() and line.endswith(kept)]


def test_nothing_is_left_undone_and_no_machine_is_named() -> None:
    # Put together here, so that this file does not hold what it looks for.
    words = ["TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error", "/ro" + "ot/", "/wo" + "rk/", "index" + "-url"]
    pattern = re.compile("|".join(rf"(?<![\w.]){re.escape(word)}" for word in words))
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in sources()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_the_lock_has_a_hash_for_everything_and_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    assert "://" not in text
    for entry in re.split(r"\n(?=\S)", text.strip()):
        assert re.match(r"[a-z0-9._-]+==\S+", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]


def test_the_lock_holds_every_dependency() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    locked = {
        line.split("==")[0] for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines() if "==" in line
    }
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = {re.split(r"[\[<>=!~;\s]", entry)[0].lower().replace("_", "-") for entry in wanted}
    assert names - locked == set()
