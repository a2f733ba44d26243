"""The TARP cards in force, from a TOML file: the product's own unless a site gives another."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from services.notifier.wording.steps import ROLES
from shared.contracts.levels import LevelName
from shared.contracts.notifier import CardStep
from shared.problems import BadInput

__all__ = ["Cards", "load_cards"]

Cards = dict[LevelName, tuple[CardStep, ...]]
"""The card of each level."""


def load_cards(path: Path | None = None) -> Cards:
    """Return the cards of *path*, or the product's own.

    Raises
    ------
    BadInput
        ``cards.unreadable``, ``cards.wrong``, ``cards.twice``, ``cards.no_role`` or ``cards.no_level``.
    """
    source: Traversable = files("services.notifier") / "cards.toml" if path is None else path.absolute()
    try:
        given = tomllib.loads(source.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = str(getattr(error, "strerror", None) or error)
        raise BadInput("cards.unreadable", file=str(source), why=why) from error
    tables = given.get("card", {})
    if not isinstance(tables, dict):
        raise BadInput("cards.wrong", file=str(source), where="card", why="not a table")
    cards = {_level(level, str(source)): _steps(level, steps, str(source)) for level, steps in tables.items()}
    if missing := [level.value for level in LevelName if not cards.get(level)]:
        raise BadInput("cards.no_level", file=str(source), levels=[f"level.{level}" for level in missing])
    _check(cards, str(source))
    return cards


def _level(name: str, file: str) -> LevelName:
    try:
        return LevelName(name)
    except ValueError as error:
        raise BadInput("cards.wrong", file=file, where=f"card.{name}", why=str(error)) from error


def _steps(level: str, steps: Any, file: str) -> tuple[CardStep, ...]:
    where = f"card.{level}"
    if not isinstance(steps, list):
        raise BadInput("cards.wrong", file=file, where=where, why="not a list of tables")
    found = []
    for number, step in enumerate(steps, 1):
        try:
            found.append(CardStep.model_validate(step))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join((where, str(number), *(str(part) for part in first["loc"])))
            raise BadInput("cards.wrong", file=file, where=place, why=first["msg"]) from error
    return tuple(found)


def _check(cards: Cards, file: str) -> None:
    seen: set[str] = set()
    for step in (step for steps in cards.values() for step in steps):
        if step.id in seen:
            raise BadInput("cards.twice", file=file, step=step.id)
        seen.add(step.id)
        if step.role not in ROLES:
            raise BadInput("cards.no_role", file=file, step=step.id, role=step.role, known=list(ROLES))
        if not step.zh.strip() or not step.en.strip():
            raise BadInput("cards.wrong", file=file, where=step.id, why="zh, en")
