"""The published schemas as files, and whether a change to them may be published.

The files under ``schemas/`` are what readers build against: one per event and version, per command, per
reply, and for what loggers may send.
Exporting refuses to overwrite one with something that breaks its readers; a new ``schema_version`` of the event
(a new file, with an upcaster for the old one) is the way to change.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from shared.contracts.asyncapi import asyncapi
from shared.contracts.cloudevents import EVENT_TYPES, CloudEvent
from shared.contracts.commands import REPLIES
from shared.contracts.compatibility import Difference, Role, breaking
from shared.contracts.telemetry import GATEWAY_MESSAGE, SENSOR_MESSAGE
from shared.problems import Conflict, Problem

__all__ = ["ASYNCAPI_FILE", "SCHEMA_DIRECTORY", "Findings", "check", "export", "schemas"]

HERE = Path(__file__).parent
SCHEMA_DIRECTORY = HERE / "schemas"
ASYNCAPI_FILE = HERE / "asyncapi.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Findings:
    """How the files differ from the code."""

    stale: tuple[str, ...]
    """Files that do not say what the code says: changed, missing, or left over."""
    broken: tuple[tuple[str, Difference], ...]
    """Changes that break readers of the files as they are."""


def schemas() -> dict[str, Schema]:
    """Return every published schema by file name, as plain JSON values."""
    return {name: schema for name, _, schema in _published()}


@cache
def _published() -> tuple[tuple[str, Role, Schema], ...]:
    """Name, role and schema of everything published; made once, not to be changed: it follows from the code alone."""
    return tuple(_made())


def _made() -> Iterator[tuple[str, Role, Schema]]:
    for event_type, event in EVENT_TYPES.items():
        version = event.schema_version
        yield _named(f"{event_type}.v{version}.json", Role.EVENT, event.model_json_schema())
    for command in REPLIES:
        yield _named(f"commands/{command.command_name}.json", Role.COMMAND, command.model_json_schema())
    replies: list[type[BaseModel]] = [*REPLIES.values(), Problem]
    for reply in dict.fromkeys(replies):
        yield _named(f"replies/{reply.__name__}.json", Role.REPLY, reply.model_json_schema())
    for name, message in (("sensor", SENSOR_MESSAGE), ("gateway", GATEWAY_MESSAGE)):
        yield _named(f"telemetry/{name}.json", Role.COMMAND, message.json_schema())
    yield _named("cloudevent.json", Role.EVENT, CloudEvent.model_json_schema())


def _named(name: str, role: Role, schema: Schema) -> tuple[str, Role, Schema]:
    return name, role, {"$schema": DIALECT, "$id": f"urn:tailwarden:schema:{name.removesuffix('.json')}", **schema}


def check(directory: Path = SCHEMA_DIRECTORY, document: Path = ASYNCAPI_FILE) -> Findings:
    """Compare the files with the code."""
    wanted = {f"schemas/{name}": schema for name, schema in schemas().items()}
    there = {f"schemas/{path.relative_to(directory).as_posix()}": path for path in directory.rglob("*.json")}
    stale = [name for name, schema in wanted.items() if name not in there or _read(there[name]) != schema]
    stale += [name for name in there if name not in wanted and not _is_old_version(name, wanted)]
    if not document.is_file() or _read(document) != asyncapi():
        stale.append(document.name)
    return Findings(tuple(sorted(stale)), tuple(_broken(directory)))


def _broken(directory: Path) -> Iterator[tuple[str, Difference]]:
    for name, role, schema in _published():
        path = directory / name
        if path.is_file():
            for difference in breaking(_read(path), schema, role):
                yield name, difference


def _is_old_version(name: str, wanted: Mapping[str, Schema]) -> bool:
    """Whether *name* is an earlier version of an event that is still published: such a file stays."""
    stem, mark, number = name.removesuffix(".json").rpartition(".v")
    if not mark or not number.isdigit():
        return False
    return any(f"{stem}.v{newer}.json" in wanted for newer in range(int(number) + 1, int(number) + 100))


def export(directory: Path = SCHEMA_DIRECTORY, document: Path = ASYNCAPI_FILE, *, force: bool = False) -> list[str]:
    """Write the files that differ, remove those of nothing, and return their names.

    Raises
    ------
    Conflict
        If a change breaks readers; nothing is written then, unless *force*.
    """
    findings = check(directory, document)
    if findings.broken and not force:
        shown = "; ".join(f"{name}: {difference}" for name, difference in findings.broken[:5])
        raise Conflict("contracts.breaking", count=len(findings.broken), shown=shown)
    wanted = schemas()
    for name in findings.stale:
        if name == document.name:
            _write(document, asyncapi())
            continue
        short = name.removeprefix("schemas/")
        if short in wanted:
            _write(directory / short, wanted[short])
        else:
            (directory / short).unlink()
    return list(findings.stale)


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")
