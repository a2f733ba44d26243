"""docker-compose.yml as Docker reads it: anchors merged, variables filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
_VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\})")


def compose(variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the file with *variables*, else its defaults; a variable that has neither is an error, as it should be."""
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    filled = _filled(document, variables or {})
    return {name: part for name, part in filled.items() if not name.startswith("x-")}


def environment_of(name: str) -> dict[str, str]:
    """Return what deploy/NAME.env sets."""
    lines = (ROOT / "deploy" / f"{name}.env").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _filled(part: Any, variables: Mapping[str, str]) -> Any:
    match part:
        case dict():
            return {name: _filled(inner, variables) for name, inner in part.items()}
        case list():
            return [_filled(inner, variables) for inner in part]
        case str():
            return _VARIABLE.sub(lambda found: _value(found, variables), part)
        case _:
            return part


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found["escaped"]:
        return "$"
    value = variables.get(found["name"]) or found["default"]
    assert value is not None, f"{found['name']} has no default"
    return value
