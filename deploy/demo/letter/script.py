"""The letter's script: every command of the story in the order of its days, read from TOML."""

from __future__ import annotations

import base64
import hashlib
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from shared.contracts.base import Command
from shared.contracts.commands import REPLIES
from shared.contracts.evidence import AddEvidence
from shared.contracts.mines import MineDescription, RegisterMine

__all__ = ["HERE", "Expected", "Script", "Step", "script"]

HERE = Path(__file__).parent
STEMS = "甲乙丙丁戊己庚辛壬癸"


@dataclass(frozen=True, slots=True)
class Step:
    """One command and the day it tells of (None: it tells of none)."""

    on: date | None
    command: Command


@dataclass(frozen=True, slots=True)
class Expected:
    """The letter's own figures, which the register must give back."""

    mines_before: int
    mines_planned: int
    closures_planned: int
    merged_from: int
    merged_into: int
    findings: int
    suggestions: int


@dataclass(frozen=True, slots=True)
class Script:
    """The whole story.

    Parameters
    ----------
    letter_id, city, ponds
        What the report is asked about.
    steps
        The commands, oldest day first.
    files
        Evidence the demonstration makes itself: file name → text.
    """

    letter_id: str
    city: str
    ponds: tuple[str, ...]
    steps: tuple[Step, ...]
    files: dict[str, str]
    expected: Expected


@cache
def script() -> Script:
    """Return the story as the files beside this module tell it.

    Raises
    ------
    ValidationError
        When an act does not fit its command.
    """
    letter, register, mines = (_read(name) for name in ("letter.toml", "register.toml", "mines.toml"))
    evidence = {each["key"]: each for each in letter.get("evidence", ())}
    steps = [*_mines(mines), *_evidence(evidence, letter["story"]["by"])]
    steps += _acts(register, evidence, {})
    steps += _acts(letter, evidence, {"cases.": {"letter_id": letter["story"]["letter_id"]}})
    # Sorting is stable: acts of one day stay in the order of the files, the register's before the letter's.
    steps.sort(key=lambda step: step.on or date.min)
    ponds = tuple(act["pond"]["id"] for act in register["act"] if act["command"] == "registry.register_pond")
    files = {f"{key}.txt": each["text"] for key, each in evidence.items()}
    story = letter["story"]
    return Script(story["letter_id"], story["city"], ponds, tuple(steps), files, Expected(**letter["expected"]))


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((HERE / name).read_text("utf-8"))


def _mines(data: dict[str, Any]) -> list[Step]:
    """Return the registration of every mine: anonymous, numbered within its county."""
    steps = []
    on, by = data["register"]["on"], data["register"]["by"]
    for county in data["county"]:
        for number in range(1, county["mines"] + 1):
            name = f"{county['name']}{_stem(number)}矿（匿名）"
            mine = MineDescription(id=f"{county['prefix']}-{number:02d}", name=name, county=county["name"])
            steps.append(Step(on, RegisterMine(mine=mine, by=by, on=on)))
    return steps


def _stem(number: int) -> str:
    """Return 甲, 乙, … 癸, then 甲甲, 甲乙, …

    >>> [_stem(number) for number in (1, 10, 11, 15)]
    ['甲', '癸', '甲甲', '甲戊']
    """
    tens, ones = divmod(number - 1, len(STEMS))
    return (STEMS[tens - 1] if tens else "") + STEMS[ones]


def _evidence(files: dict[str, dict[str, Any]], by: str) -> list[Step]:
    return [
        Step(
            each["on"],
            AddEvidence(
                title=each["title"],
                filename=f"{key}.txt",
                content=base64.b64encode(each["text"].encode()).decode(),
                effective=each["on"],
                by=by,
                on=each["on"],
            ),
        )
        for key, each in files.items()
    ]


def _acts(data: dict[str, Any], evidence: dict[str, dict[str, Any]], given: dict[str, dict[str, Any]]) -> list[Step]:
    """Return the acts of a file; what its ``[story]`` says of all of them is filled in."""
    kinds = {command.command_name: command for command in REPLIES}
    steps = []
    for act in data["act"]:
        kind = kinds[act["command"]]
        fields = {name: value for name, value in act.items() if name != "command"}
        fields.setdefault("by", data["story"]["by"])
        for prefix, filled in given.items():
            if act["command"].startswith(prefix):
                fields = {name: value for name, value in filled.items() if name in kind.model_fields} | fields
        if act["command"].startswith("cases.") and "evidence" in fields:
            fields["evidence"] = [_reference(key, evidence) for key in fields["evidence"]]
        steps.append(Step(act.get("on"), kind.model_validate(fields)))
    return steps


def _reference(key: str, evidence: dict[str, dict[str, Any]]) -> dict[str, Any]:
    each = evidence[key]
    digest = hashlib.sha256(each["text"].encode()).hexdigest()
    return {"sha256": digest, "title": each["title"], "effective": each["on"]}
