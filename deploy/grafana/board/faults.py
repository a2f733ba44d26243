"""What is wrong with an emitted dashboard, as far as that can be said without a Grafana."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from grafana_foundation_sdk.cog import plugins, runtime
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import units

from deploy.grafana.board.marks import COLOURS
from deploy.grafana.board.query import DATASOURCE_UID
from deploy.grafana.board.spec import UNITS, unit_of

__all__ = ["faults", "texts"]

_WIDTH = 24
_KNOWN_UNITS = {each for each in vars(units).values() if isinstance(each, str)} | {
    *UNITS.values(), "dateTimeAsLocal", "string", "none",
}  # fmt: skip
_KEY = re.compile(r"^[a-z_]+\.[a-z0-9_]+$")
_CHINESE = re.compile("[\u4e00-\u9fff]")
_STATES = frozenset({"normal", "none", "seen", "reporting"})
_AGES = frozenset({"age_s", "unchanged_days"})


def faults(dashboard: Mapping[str, Any], language: str) -> list[str]:
    """Return everything that is wrong, each in a line that names the place; none is as it should be."""
    found = [f"{dashboard.get('uid')}: {fault}" for fault in _whole(dashboard)]
    for panel in dashboard.get("panels", []):
        found += [f"{dashboard.get('uid')}/{panel.get('id')}: {fault}" for fault in _panel(panel)]
    for place, said in texts(dashboard):
        if not said.strip() or _KEY.match(said):
            found.append(f"{place}: no words: {said!r}")  # an unknown key is said as itself
        elif language == "en" and _CHINESE.search(said):
            found.append(f"{place}: not in {language}: {said!r}")
    return found


def _whole(dashboard: Mapping[str, Any]) -> Iterable[str]:
    plugins.register_default_plugins()
    again = json.loads(json.dumps(model.Dashboard.from_json(dict(dashboard)), cls=JSONEncoder))
    for key in ("uid", "title", "time", "refresh", "templating", "links", "tags"):
        if again.get(key) != dashboard.get(key):
            yield f"{key} is not what the SDK's own model reads"
    for ours, theirs in zip(dashboard.get("panels", []), again.get("panels", []), strict=True):
        for key in ("type", "gridPos", "options", "fieldConfig", "targets"):
            if ours.get(key) != theirs.get(key):
                yield f"panel {ours.get('id')}: {key} is not what the SDK's own model reads"
    taken: set[tuple[int, int]] = set()
    ids = [panel.get("id") for panel in dashboard.get("panels", [])]
    if len(set(ids)) < len(ids):
        yield "two panels of one id"
    for panel in dashboard.get("panels", []):
        where = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(where["x"], where["x"] + where["w"])
            for y in range(where["y"], where["y"] + where["h"])
        }
        if cells & taken or where["x"] + where["w"] > _WIDTH:
            yield f"panel {panel['id']} lies over another, or outside"
        taken |= cells


def _panel(panel: Mapping[str, Any]) -> Iterable[str]:
    if runtime.panelcfg_config(str(panel.get("type"))) is None:
        yield f"there is no panel type {panel.get('type')!r}"
    config = panel.get("fieldConfig", {})
    defaults = config.get("defaults", {})
    if not defaults.get("noValue"):
        yield "says nothing where there is no data"
    if not any(each.get("type") == "special" for each in defaults.get("mappings", [])):
        yield "a missing value has no word of its own"
    if "unit" in defaults and defaults["unit"] not in _KNOWN_UNITS:
        yield f"there is no unit {defaults['unit']!r}"
    columns: dict[str, Mapping[str, Any]] = {}
    for override in config.get("overrides", []):
        if override["matcher"]["id"] == "byName":
            name = override["matcher"]["options"]
            columns[name] = {each["id"]: each.get("value") for each in override["properties"]}
            yield from _column(name, columns[name])
    states = [name for name, shown in columns.items() if _shows_a_state(shown)]
    if states and not _AGES & set(columns):
        yield f"shows {', '.join(states)} and not how old that is"
    for target in panel.get("targets", []):
        if target.get("datasource", {}).get("uid") != DATASOURCE_UID:
            yield f"query {target.get('refId')} asks another data source"


def _column(name: str, shown: Mapping[str, Any]) -> Iterable[str]:
    unit, wanted = shown.get("unit"), unit_of(name)
    if unit is not None and unit not in _KNOWN_UNITS:
        yield f"{name}: there is no unit {unit!r}"
    if wanted is not None and unit != wanted:
        yield f"{name} is in {wanted!r}, and shown in {unit!r}"
    if not shown.get("displayName"):
        yield f"{name} has no name"
    for each in shown.get("mappings", []):
        result = each.get("options", {}).get("result", {})
        if each.get("type") == "special" and result.get("color") in {COLOURS[state] for state in _STATES}:
            yield f"{name}: no data looks like normal"
    if "mappings" in shown and not any(each.get("type") == "special" for each in shown["mappings"]):
        yield f"{name}: a missing value has no word of its own"


def _shows_a_state(shown: Mapping[str, Any]) -> bool:
    values = {value for each in shown.get("mappings", []) if each.get("type") == "value" for value in each["options"]}
    return bool(values & (_STATES | {"red", "blind"}))


_SAID = frozenset({"title", "description", "displayName", "label", "noValue"})


def texts(value: Any, place: str = "") -> Iterable[tuple[str, str]]:
    """Yield every text that a person reads, with its place; queries and code lists are none."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _SAID and isinstance(inner, str):
                yield f"{place}.{key}", inner
            elif key == "options" and isinstance(inner, Mapping) and value.get("type") in ("value", "special"):
                yield from ((f"{place}.{key}", said) for said in _mapped(inner))
            elif key == "value" and value.get("id") == "displayName":
                yield f"{place}.displayName", str(inner)
            else:
                yield from texts(inner, f"{place}.{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from texts(inner, f"{place}[{number}]")


def _mapped(options: Mapping[str, Any]) -> Iterable[str]:
    results = [options["result"]] if "result" in options else list(options.values())
    for result in results:
        if isinstance(result, Mapping) and result.get("text") is not None:
            yield str(result["text"])
