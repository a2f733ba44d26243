"""What a cause says: what, how high against which limit of which document, how fast, how much time is left."""

from __future__ import annotations

from services.notifier.wording.figures import number, plain, span, span_between
from shared.contracts.levels import Level, LevelName
from shared.contracts.monitor import Cause
from shared.words import catalogue, say

__all__ = [
    "aim_of", "hours_left", "how_high", "in_full", "level_word", "named", "short_facts", "time_left", "to_limit",
    "worst_first",
]  # fmt: skip

_JOINED = {"zh": "，", "en": ", "}


def level_word(level: LevelName | str | None, language: str) -> str:
    """Return a level in the reader's words."""
    return say(f"level.{'none' if level is None else LevelName(level).value}", language)


def worst_first(causes: tuple[Cause, ...]) -> list[Cause]:
    """Return causes with a reading before those without (a roll-up names none), each worst first."""
    return sorted(causes, key=lambda cause: (cause.value is None, -Level.of(cause.level)))


def in_full(causes: tuple[Cause, ...]) -> list[Cause]:
    """Return causes as they are told in full: first what makes a level of several, for no reading alone explains it."""
    return sorted(worst_first(causes), key=lambda cause: f"because.{cause.rule}" not in catalogue())


def hours_left(cause: Cause) -> tuple[float, float] | None:
    """Return the earliest and latest time to the limit [h] that a trend foresees, or None."""
    expected = _figure(cause, "hours_to_limit")
    earliest = _figure(cause, "hours_to_limit_earliest")
    latest = _figure(cause, "hours_to_limit_latest")
    known = [each for each in (earliest, expected, latest) if each is not None and each >= 0]
    return (min(known), max(known)) if known else None


def how_high(causes: tuple[Cause, ...], language: str) -> str:
    """Return one line: what the worst cause measured against which limit; empty when nothing was measured."""
    measured = [cause for cause in worst_first(causes) if cause.value is not None]
    for cause in sorted(measured, key=lambda cause: cause.rule == "rainfall")[:1]:
        what = _JOINED[language].join([_subject(cause, language), *_limit(cause, language)[:1]])
        return say("message.how_high", language, what=what)
    return ""


def time_left(causes: tuple[Cause, ...], language: str) -> str:
    """Return one line: which limit has been passed, and how long it is to the next; or that nothing is foreseen."""
    passed = max((Level.of(cause.level) for cause in causes if cause.rule == "threshold"), default=Level.of(None))
    ahead = [
        (left[0], to_limit(cause, language))
        for cause in causes
        if (left := hours_left(cause)) is not None and Level.of(aim_of(cause)) > passed
    ]
    parts = [] if passed == Level.of(None) else [
        say("message.limit_passed", language, level=level_word(passed.label, language))
    ]  # fmt: skip
    parts += [min(ahead)[1]] if ahead else []
    return say(
        "message.time_left", language, what=_JOINED[language].join(parts) or say("message.left_unknown", language)
    )


def to_limit(cause: Cause, language: str) -> str:
    """Return how long it is to the limit that a trend foresees, with its level; empty when it foresees none."""
    left, aim = hours_left(cause), _aim(cause, language)
    return say("message.left", language, left=span_between(*left, language), level=aim) if left and aim else ""


def named(cause: Cause, language: str) -> str:
    """Say a cause in full: everything it holds, with units."""
    parts = [_subject(cause, language)]
    parts += _limit(cause, language)
    if (coverage := _figure(cause, "coverage")) is not None and coverage < 0.95:
        parts.append(say("message.coverage", language, percent=round(coverage * 100)))
    if (rate := _rate(cause)) is not None:
        key = "rising" if rate > 0 else "falling"
        parts.append(say(f"message.{key}", language, rate=number(abs(rate)), unit=plain(cause.unit)))
    if left := to_limit(cause, language):
        parts.append(left)
    if not cause.verified:
        parts.append(say("message.this_unverified", language))
    return _JOINED[language].join(part.strip() for part in parts)


def short_facts(cause: Cause, language: str) -> dict[str, str]:
    """Return what an SMS may say of a cause, by what it is: ``value``, ``limit``, ``rate``, ``left``."""
    facts: dict[str, str] = {}
    if cause.value is not None:
        hours = _figure(cause, "hours")
        if cause.rule == "rainfall" and hours is not None:
            facts["value"] = say("message.short_rain", language, hours=number(hours), value=number(cause.value))
        else:
            what = _quantity(cause, language) or plain(cause.sensor)
            value = {"what": what, "value": number(cause.value), "unit": plain(cause.unit)}
            facts["value"] = say("message.short_value", language, **value).strip()
        if cause.limit is not None and (aim := _aim(cause, language)):
            facts["limit"] = say("message.short_limit", language, level=aim, limit=number(cause.limit))
    if (rate := _rate(cause)) is not None:
        key = "short_rising" if rate > 0 else "short_falling"
        facts["rate"] = say(f"message.{key}", language, rate=number(abs(rate)), unit=plain(cause.unit))
    if (left := hours_left(cause)) is not None and (aim := _aim(cause, language)):
        facts["left"] = say("message.short_left", language, left=span(left[0], language, short=True), level=aim)
    return facts


def _subject(cause: Cause, language: str) -> str:
    sensor = plain(cause.sensor)
    if cause.value is None and cause.level is not None and f"because.{cause.rule}" in catalogue():
        return say(f"because.{cause.rule}", language, level=level_word(cause.level, language))
    if cause.value is None:
        rule = _rule(cause, language)
        return say("message.has_rule", language, what=sensor, rule=rule) if sensor else rule
    hours = _figure(cause, "hours")
    if cause.rule == "rainfall" and hours is not None:
        figures = {"hours": number(hours), "value": number(cause.value)}
        return say("message.rain", language, sensor=sensor or "?", **figures)
    quantity = _quantity(cause, language)
    what = say("message.of_sensor", language, quantity=quantity, sensor=sensor) if quantity and sensor else (
        quantity or sensor or _rule(cause, language)
    )  # fmt: skip
    return say("message.has_value", language, what=what, value=number(cause.value), unit=plain(cause.unit))


def _limit(cause: Cause, language: str) -> list[str]:
    if cause.limit is None:
        return []
    unit = plain(cause.unit)
    aim = _aim(cause, language)
    key = "message.limit_of" if aim else "message.limit"
    parts = [say(key, language, level=aim, limit=number(cause.limit), unit=unit).strip()]
    if document := plain(cause.document):
        if cause.limits_version is None:
            parts.append(say("message.document", language, document=document))
        else:
            about = {"document": document, "version": cause.limits_version}
            parts.append(say("message.document_version", language, **about))
    return parts


def aim_of(cause: Cause) -> LevelName | None:
    """Return the level whose limit is spoken of: a trend's is the one it comes to."""
    to = cause.detail.get("to") if cause.rule == "trend" else cause.level
    return LevelName(to) if isinstance(to, str) and to in tuple(LevelName) else None


def _aim(cause: Cause, language: str) -> str:
    aim = aim_of(cause)
    return "" if aim is None else level_word(aim, language)


def _quantity(cause: Cause, language: str) -> str:
    key = f"quantity.{cause.detail.get('quantity')}"
    return say(key, language) if key in catalogue() else ""


def _rule(cause: Cause, language: str) -> str:
    key = f"rule.{cause.rule}"
    return say(key, language) if key in catalogue() else plain(cause.rule) or "?"


def _rate(cause: Cause) -> float | None:
    """Return how fast [unit/h]: a trend's slope, else what was seen over an hour, else over three."""
    for name in ("slope_per_h", "rise_1h_per_h", "rise_3h_per_h"):
        rate = _figure(cause, name)
        if rate is not None and number(rate) != "0":
            return rate
    return None


def _figure(cause: Cause, name: str) -> float | None:
    value = cause.detail.get(name)
    return None if value is None or isinstance(value, bool | str) else float(value)
