"""Rule settings: the defaults of every rule, and how a pond's own settings replace them.

Every number here is configuration with a source, never a constant in a rule (domain reference §2, §3).
A pond overrides them in its site file under ``[rules.<rule>]``; an unknown rule or setting is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from shared.problems import BadInput

__all__ = ["RuleSettings", "rule_settings"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """Four limits up (or down); ``hysteresis_*`` is how far a value must come back before a level may ease."""

    enabled: bool = True
    hysteresis_m: float = 0.05
    hysteresis_beach_m: float = 1.0
    hysteresis_mm: float = 1.0
    dwell: int = 1
    """Consecutive readings that must stand over a limit; 1 is at once."""


@dataclass(frozen=True, slots=True)
class Rainfall:
    """Rainstorm signals [mm in h] (domain reference §3); a level eases below ``release`` x its limit."""

    enabled: bool = True
    h12_blue: float = 50.0
    h6_yellow: float = 50.0
    h3_orange: float = 50.0
    h3_red: float = 100.0
    release: float = 0.8


@dataclass(frozen=True, slots=True)
class Trend:
    """Time to the next limit [h] at the lower bound of the rise's 95 % interval.

    A pond with a gauge that saw no rain (24 h below ``dry_mm`` and antecedent index below ``dry_index``) rises by
    pumping, not by flood: its trend stays at ``dry_most`` at the most.
    """

    enabled: bool = True
    orange_blue_h: float = 12.0
    orange_yellow_h: float = 6.0
    red_orange_h: float = 3.0
    red_red_h: float = 1.0
    release_factor: float = 2.0
    least_rise_m: float = 0.03
    """Fitted rise over the window below which noise is not called a trend."""
    fall_m: float = 0.02
    """A rise is over once the level fell this far below its 6 h maximum, or stayed within it for 6 h."""
    dry_mm: float = 10.0
    dry_index: float = 35.0
    dry_most: int = 1


@dataclass(frozen=True, slots=True)
class Compound:
    """Rain and rise together lift the pond by one level."""

    enabled: bool = True


@dataclass(frozen=True, slots=True)
class SlowClimb:
    """CUSUM on hourly means; tells a notice."""

    enabled: bool = True
    h: float = 5.0
    """Decision interval [standard deviations]."""


@dataclass(frozen=True, slots=True)
class Blind:
    """No data for this many expected intervals."""

    enabled: bool = True
    intervals: float = 3.0


@dataclass(frozen=True, slots=True)
class Quality:
    """Steps per reading [m] beyond which a level is suspect, or impossible unless confirmed; and their like."""

    step_suspect_m: float = 0.15
    step_impossible_m: float = 0.5
    step_suspect_mm: float = 10.0
    step_impossible_mm: float = 50.0
    rain_most_mm: float = 40.0
    """More than this in one 5-minute slot is impossible (about twice the strongest cloudbursts)."""
    flat_eps_m: float = 0.002
    flat_rain_mm: float = 20.0
    """Rain in 6 h that must move a pond: without it a flat level is a calm one."""
    neighbour_m: float = 0.3
    confirm_rain_mm: float = 10.0


@dataclass(frozen=True, slots=True)
class Hold:
    """Minutes a lower level must last before the warning eases to it."""

    minutes: float = 60.0


@dataclass(frozen=True, slots=True)
class Season:
    """The flood season, MM-DD to MM-DD (Hebei: 1 June to 30 September)."""

    begins: str = "06-01"
    ends: str = "09-30"


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """The settings of every rule of one pond."""

    threshold: Threshold = field(default_factory=Threshold)
    rainfall: Rainfall = field(default_factory=Rainfall)
    trend: Trend = field(default_factory=Trend)
    compound: Compound = field(default_factory=Compound)
    slow_climb: SlowClimb = field(default_factory=SlowClimb)
    blind: Blind = field(default_factory=Blind)
    quality: Quality = field(default_factory=Quality)
    hold: Hold = field(default_factory=Hold)
    season: Season = field(default_factory=Season)


def rule_settings(overrides: Mapping[str, Mapping[str, Any]]) -> RuleSettings:
    """Return the defaults with a pond's *overrides* put in.

    Raises
    ------
    BadInput
        For a rule or a setting that does not exist, or a value of the wrong type; the field is named.
    """
    settings = RuleSettings()
    rules = {item.name: getattr(settings, item.name) for item in fields(settings)}
    for rule, changes in overrides.items():
        if rule not in rules:
            raise BadInput("policy.no_rule", field=f"rules.{rule}", rule=rule, known=", ".join(rules))
        known = asdict(rules[rule])
        for name, value in changes.items():
            if name not in known:
                raise BadInput(
                    "policy.no_setting", field=f"rules.{rule}.{name}", rule=rule, name=name, known=", ".join(known)
                )
            default = known[name]
            right = isinstance(value, bool) == isinstance(default, bool) and (
                isinstance(value, str) == isinstance(default, str)
            )
            if not right or not isinstance(value, bool | int | float | str):
                raise BadInput("policy.wrong_type", field=f"rules.{rule}.{name}", name=name, value=value)
        settings = replace(settings, **{rule: replace(rules[rule], **changes)})
    return settings
