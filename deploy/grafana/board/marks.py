"""Colours and words of values: what a level, a state, an age look like in every panel.

"No data" has a colour of its own and never normal's; a value that is missing says so.
"""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.models import dashboard as model

from shared.words import say

__all__ = [
    "COLOURS",
    "LEVELS",
    "NO_DATA",
    "SECTIONS",
    "STATES",
    "age_steps",
    "key",
    "mapping",
    "missing",
    "said",
    "words",
]

COLOURS: Mapping[str, str] = {
    "red": "#E02F44",
    "orange": "#FF780A",
    "yellow": "#FADE2A",
    "blue": "#3274D9",
    "normal": "#37872D",
    "none": "#37872D",
    "seen": "#37872D",
    "reporting": "#37872D",
    "blind": "#8F3BB8",
    "silent": "#8F3BB8",
    "no_data": "#6E6E6E",
    "unmonitored": "#9E9E9E",
    "cleared": "#73BFB8",
    "steady": "#9E9E9E",
    "rising": "#FF780A",
}
"""Levels as the field has them 蓝黄橙红; blind is purple, no data grey: neither can be taken for green."""
NO_DATA = COLOURS["no_data"]

LEVELS = ("blue", "yellow", "orange", "red")
STATES = ("red", "orange", "yellow", "blue", "blind", "no_data", "unmonitored", "normal")
"""Worst first."""

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "state": STATES,
    "level": LEVELS,
    "standing": (*LEVELS, "cleared"),
    "timeline": (*LEVELS, "none", "blind", "no_data", "unmonitored"),
    "sight": ("blind", "seen"),
    "outlook": ("rising", "steady", "silent"),
    "seen": ("reporting", "silent", "no_data", "unmonitored"),
    "rule": ("threshold", "rainfall", "trend", "compound", "roll_up", "slow_climb", "blind"),
    "quantity": ("level", "rain", "freeboard", "beach_length", "phreatic_level", "displacement"),
    "service": ("commissioning", "in_service", "maintenance", "retired"),
    "flag": ("1", "2", "3", "4", "9"),
    "finding": ("found", "assigned", "rectifying", "submitted", "passed", "closed_out"),
    "item": ("closure", "merger"),
    "mine": (
        "operating", "suspended", "closing", "phasing_out", "closed", "phased_out", "merged",
    ),
    "use": ("under_construction", "in_use", "out_of_use", "closing", "closed", "deregistered"),
    "step": (
        "status_evaluation", "closure_design", "expert_review", "revision", "approval", "works", "acceptance",
        "deregistration",
    ),
    "step_state": ("commissioning", "under_way", "done"),
    "yes_no": ("true", "false"),
}  # fmt: skip
"""Values that have words, by section."""

_PREFIXES: Mapping[str, str] = {
    "level": "level.",
    "rule": "rule.",
    "quantity": "quantity.",
    "mine": "ledger.mine_status_",
    "use": "ledger.pond_use_",
    "step": "ledger.step_",
    "step_state": "ledger.step_state_",
    "finding": "cases.state_",
    "service": "sites.state_",
}
"""Sections whose words the catalogue has already; the others are ``board_<section>.<value>``."""

_FLAG_COLOURS = {"1": COLOURS["normal"], "2": "#9E9E9E", "3": "#FADE2A", "4": "#E02F44", "9": NO_DATA}
_PALE = frozenset({"rule", "quantity", "service", "finding", "item", "mine", "use", "step", "step_state", "yes_no"})


def words(section: str) -> tuple[str, ...]:
    """Return the values of a section that have words.

    Raises
    ------
    KeyError
        For a section there is none of.
    """
    return SECTIONS[section]


def mapping(section: str, language: str) -> list[model.ValueMapping]:
    """Return the mappings of a section's values to words and colours, missing ones included."""
    options = {
        value: model.ValueMappingResult(text=said(section, value, language), color=_colour(section, value), index=place)
        for place, value in enumerate(SECTIONS[section])
    }
    return [model.ValueMap(options=options), *missing(language)]


def missing(language: str) -> list[model.ValueMapping]:
    """Return the mapping of a value that is not there."""
    result = model.ValueMappingResult(text=say("board.no_data", language), color=NO_DATA)
    match = model.SpecialValueMatch.NULL_AND_NAN
    return [model.SpecialValueMap(options=model.DashboardSpecialValueMapOptions(match=match, result=result))]


def key(section: str, value: str) -> str:
    """Return the key of a value's word in the catalogue."""
    prefix = _PREFIXES.get(section, f"board_{section}.")
    return f"{prefix}v{value}" if value.isdigit() else f"{prefix}{value}"


def said(section: str, value: str, language: str) -> str:
    """Say a value of a section."""
    return say(key(section, value), language)


def _colour(section: str, value: str) -> str | None:
    if section in _PALE:
        return None
    return _FLAG_COLOURS[value] if section == "flag" else COLOURS[value]


def age_steps() -> list[model.Threshold]:
    """Return the colours of an age [s]: grey while fresh, purple, as blindness is, from an hour on."""
    return [
        model.Threshold(value=None, color="#9E9E9E"),
        model.Threshold(value=900.0, color="#B877D9"),
        model.Threshold(value=3600.0, color=COLOURS["blind"]),
    ]
