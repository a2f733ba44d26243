"""Events of cases in the reader's words: one sentence each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shared.words import catalogue, say

__all__ = ["tell"]

_OUTCOMES = {"cases.finding.reinspected": "passed", "cases.finding.look_back_held": "holds"}
"""Events that are said in two ways, by a field of theirs."""


def tell(event_type: str, data: Mapping[str, Any], language: str) -> str:
    """Return what an event says, in *language* (``zh`` or ``en``); an event without words is shown as its fields."""
    key = f"told.{event_type.removeprefix('cases.').replace('.', '_')}"
    if event_type in _OUTCOMES:
        key += "_yes" if data.get(_OUTCOMES[event_type]) else "_no"
    if key in catalogue():
        try:
            return " ".join(say(key, language, **_params(data, language)).split())
        except (KeyError, IndexError):  # an older event without a field that the sentence needs
            pass
    own = {name: value for name, value in data.items() if name not in ("on", "at", "by")}
    return say("told.other", language, type=event_type, data=json.dumps(own, ensure_ascii=False))


def _params(data: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Return the fields of an event as its sentence takes them."""
    params: dict[str, Any] = dict(data)
    for whole in ("assignment", "listed", "plan"):
        if isinstance(data.get(whole), Mapping):
            params |= data[whole]
    if "name" in params:
        params["title"] = params["name"]
    if "subjects" in data:
        params["subjects"] = [each["name"] for each in data["subjects"]]
    if "checks" in data:
        params["checks"] = [each["subject"]["name"] for each in data["checks"]]
    for coded in ("source", "level"):
        if data.get(coded):
            params[coded] = [f"told.{coded}_{data[coded]}"]
    titles = [each["title"] for each in data.get("evidence", ())]
    params["evidence"] = say("told.evidence", language, titles=titles) if titles else ""
    heading = data.get("heading")
    params["heading"] = say("told.heading", language, heading=heading) if heading else ""
    return params
