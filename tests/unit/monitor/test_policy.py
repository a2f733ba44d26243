"""Rule settings: defaults, a pond's own, and clear refusals."""

from __future__ import annotations

from typing import Any

import pytest

from services.monitor.policy import RuleSettings, rule_settings
from shared.problems import BadInput


def test_nothing_of_its_own_is_the_defaults() -> None:
    assert rule_settings({}) == RuleSettings()


def test_a_pond_changes_what_it_names_and_nothing_else() -> None:
    settings = rule_settings({"rainfall": {"h12_blue": 40}, "hold": {"minutes": 30.0}})
    assert settings.rainfall.h12_blue == 40
    assert settings.rainfall.h6_yellow == RuleSettings().rainfall.h6_yellow
    assert settings.hold.minutes == 30
    assert settings.trend == RuleSettings().trend


@pytest.mark.parametrize(
    ("overrides", "field"),
    [
        ({"rain": {}}, "rules.rain"),
        ({"rainfall": {"h12": 40}}, "rules.rainfall.h12"),
        ({"rainfall": {"h12_blue": "40"}}, "rules.rainfall.h12_blue"),
        ({"rainfall": {"h12_blue": True}}, "rules.rainfall.h12_blue"),
        ({"rainfall": {"h12_blue": [40.0]}}, "rules.rainfall.h12_blue"),
        ({"rainfall": {"enabled": 1}}, "rules.rainfall.enabled"),
        ({"season": {"begins": 601}}, "rules.season.begins"),
    ],
)
def test_what_there_is_not_is_refused_by_name(overrides: dict[str, dict[str, Any]], field: str) -> None:
    with pytest.raises(BadInput) as refusal:
        rule_settings(overrides)
    assert refusal.value.field == field
