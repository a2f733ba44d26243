"""Which steps of a TARP card are a person's own.

A step's role is a duty of the grid or ``duty`` (whoever is on duty), with or without a place: ``enterprise``,
``department@county``, ``duty@pond``; ``all`` is everybody. A person's role is written as the routing writes it:
``enterprise@pond``, ``duty:night watch@pond``.
"""

from __future__ import annotations

from shared.contracts.notifier import CardStep
from shared.words import catalogue, say

__all__ = ["ROLES", "own_steps", "role_word"]

_PLACES = ("pond", "county", "city")
_KINDS = ("duty", "enterprise", "department", "guarantor", "leadership", "fallback")
ROLES: tuple[str, ...] = ("all", *_KINDS, *(f"{kind}@{place}" for kind in _KINDS for place in _PLACES))
"""What a card's step may name."""


def own_steps(card: tuple[CardStep, ...], role: str) -> tuple[CardStep, ...]:
    """Return the steps that are for somebody called as *role*, the most urgent first."""
    kind, place = _parts(role)
    mine = {"all", role, kind, f"{kind}@{place}"}
    return tuple(sorted((step for step in card if step.role in mine), key=lambda step: step.within_minutes))


def role_word(role: str, language: str) -> str:
    """Return a role in the reader's words; a role of one's own making is said as it is."""
    kind, place = _parts(role)
    for key in (f"role.{kind}_{place}", f"role.{kind}"):
        if key in catalogue():
            return say(key, language)
    return role


def _parts(role: str) -> tuple[str, str]:
    kind, _, place = role.partition("@")
    return kind.partition(":")[0], place
