"""The flood-season bulletin: how all ponds stand, what is open, what is not seen, the rain, and who is on duty."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from services.notifier.domain.policy import ORDER
from services.notifier.wording.figures import local_time, number, plain
from services.notifier.wording.fit import Piece, fitted
from services.notifier.wording.marks import Language, Length, Rendered, marks
from services.notifier.wording.situation import level_word
from shared.contracts.bulletins import Bulletin, DutyLine, OpenWarning, PondLine
from shared.contracts.levels import LevelName
from shared.words import say

__all__ = ["Bulletin", "DutyLine", "OpenWarning", "PondLine", "render_bulletin"]

_MOST = 30
"""Lines of one list; more are counted."""

T = TypeVar("T")


def render_bulletin(bulletin: Bulletin, language: Language, length: Length) -> Rendered:
    """Say a bulletin; ``short`` is two SMS segments at most, link included."""
    prefix = marks(language, exercise=bulletin.exercise, late=bulletin.late, again=bulletin.maybe_again)
    subject = prefix + _subject(bulletin, language)
    if length == "short":
        return Rendered(subject=subject, body=_short(bulletin, language, prefix))
    lines = [subject, _counts("bulletin.counts", bulletin, language)]
    lines += [*_levels(bulletin, language), *_warnings(bulletin, language), *_blind(bulletin, language)]
    lines += [*_rain(bulletin, language), *_duty(bulletin, language)]
    if bulletin.link:
        lines.append(say("bulletin.link", language, link=bulletin.link))
    return Rendered(subject=subject, body="\n".join(lines))


def _worst_first(bulletin: Bulletin) -> list[PondLine]:
    return sorted((pond for pond in bulletin.ponds if pond.level is not None), key=lambda pond: -ORDER[pond.level])


def _subject(bulletin: Bulletin, language: Language) -> str:
    warned = _worst_first(bulletin)
    level = "" if not warned else level_word(warned[0].level, language)
    worst = say("bulletin.worst" if warned else "bulletin.worst_none", language, level=level)
    about = {"time": local_time(bulletin.time, bulletin.timezone), "worst": worst}
    if area := plain(bulletin.area):
        return say("bulletin.subject_of", language, area=area, **about)
    return say("bulletin.subject", language, **about)


def _counts(key: str, bulletin: Bulletin, language: Language) -> str:
    quiet = bulletin.quiet_dry + bulletin.quiet_unmeasured
    if not bulletin.ponds and not quiet:
        return say("bulletin.no_ponds", language)
    counts = {level.value: sum(pond.level is level for pond in bulletin.ponds) for level in LevelName}
    normal = sum(pond.level is None for pond in bulletin.ponds) + quiet
    return say(key, language, ponds=len(bulletin.ponds) + quiet, normal=normal, **counts)


def _listed(items: Iterable[T], line: Callable[[T], str], language: Language) -> list[str]:
    every = list(items)
    lines = [line(item) for item in every[:_MOST]]
    if len(every) > _MOST:
        lines.append(say("bulletin.more", language, count=len(every) - _MOST))
    return lines


def _levels(bulletin: Bulletin, language: Language) -> list[str]:
    def line(pond: PondLine) -> str:
        key = "bulletin.line" if pond.verified else "bulletin.line_unverified"
        return say(key, language, pond=_name(pond), level=level_word(pond.level, language))

    warned = _worst_first(bulletin)
    return [say("bulletin.levels", language), *_listed(warned, line, language)] if warned else []


def _warnings(bulletin: Bulletin, language: Language) -> list[str]:
    def line(warning: OpenWarning) -> str:
        since = local_time(warning.since, bulletin.timezone)
        if warning.level is None and warning.cleared is not None:
            return say(
                "bulletin.warning_over", language, pond=plain(warning.pond_name) or "?", since=since,
                highest=level_word(warning.highest, language), cleared=local_time(warning.cleared, bulletin.timezone),
            )  # fmt: skip
        state = f"bulletin.{'cleared' if warning.level is None else 'answered' if warning.answered else 'unanswered'}"
        by = plain(warning.answered_by)
        if state == "bulletin.answered" and not by:
            state = "bulletin.answered_somebody"
        return say(
            "bulletin.warning", language, pond=plain(warning.pond_name) or "?", since=since,
            level=level_word(warning.level, language), state=say(state, language, by=by),
        )  # fmt: skip

    if not bulletin.warnings:
        return [say("bulletin.warnings_none", language)]
    first = sorted(bulletin.warnings, key=lambda each: (-ORDER[each.level], each.answered, each.since))
    return [say("bulletin.warnings", language, count=len(first)), *_listed(first, line, language)]


def _blind(bulletin: Bulletin, language: Language) -> list[str]:
    def line(pond: PondLine) -> str:
        sensors = [plain(sensor) for sensor in pond.blind[:_MOST]]
        return say("bulletin.blind_line", language, pond=_name(pond), sensors=sensors)

    blind = [pond for pond in bulletin.ponds if pond.blind]
    if not blind:
        some = bulletin.ponds or bulletin.quiet_dry or bulletin.quiet_unmeasured
        return [say("bulletin.blind_none", language)] if some else []
    return [say("bulletin.blind", language, count=len(blind)), *_listed(blind, line, language)]


def _wettest_first(bulletin: Bulletin) -> list[tuple[float, PondLine]]:
    known = [(pond.rain_24h_mm, pond) for pond in bulletin.ponds if pond.rain_24h_mm is not None]
    return sorted(known, key=lambda each: -each[0])


def _rain(bulletin: Bulletin, language: Language) -> list[str]:
    def line(each: tuple[float, PondLine]) -> str:
        return say("bulletin.rain_line", language, pond=_name(each[1]), mm=number(each[0]))

    known = _wettest_first(bulletin)
    wet = [each for each in known if each[0] > 0]
    lines = [say("bulletin.rain", language), *_listed(wet, line, language)] if wet else []
    if (gauged := len(known) + bulletin.quiet_dry) and not wet:
        lines = [say("bulletin.rain_dry", language, count=gauged)]
    if unknown := len(bulletin.ponds) - len(known) + bulletin.quiet_unmeasured:
        lines.append(say("bulletin.rain_unknown", language, count=unknown))
    return lines


def _duty(bulletin: Bulletin, language: Language) -> list[str]:
    def line(each: DutyLine) -> str:
        return say(
            "bulletin.duty_line", language, place=plain(each.place), role=plain(each.role), name=plain(each.name)
        )

    if not bulletin.on_duty:
        return [say("bulletin.duty_none", language)]
    return [say("bulletin.duty", language), *_listed(bulletin.on_duty, line, language)]


def _name(pond: PondLine) -> str:
    return plain(pond.name) or pond.pond_id


def _short(bulletin: Bulletin, language: Language, prefix: str) -> str:
    time = local_time(bulletin.time, bulletin.timezone, short=True)
    head = prefix + say("bulletin.short_head", language, time=time)
    pieces = [Piece(1, _counts("bulletin.short_counts", bulletin, language).rstrip("。."))]
    if warned := _worst_first(bulletin):
        level = level_word(warned[0].level, language)
        pieces.append(Piece(2, say("bulletin.short_worst", language, pond=_name(warned[0]), level=level)))
    blind = sum(bool(pond.blind) for pond in bulletin.ponds)
    pieces.append(Piece(3, say("bulletin.short_blind", language, count=blind)))
    pieces.append(Piece(4, say("bulletin.short_open", language, count=len(bulletin.warnings))))
    known = _wettest_first(bulletin)
    gauged = bool(known) or bulletin.quiet_dry > 0
    mm = number(known[0][0]) if known else "0"
    pieces.append(Piece(5, say("bulletin.short_rain" if gauged else "bulletin.short_rain_none", language, mm=mm)))
    name = plain(bulletin.on_duty[0].name) if bulletin.on_duty else ""
    pieces.append(Piece(6, say("bulletin.short_duty" if name else "bulletin.short_duty_none", language, name=name)))
    return fitted(head, pieces, bulletin.link, language)
