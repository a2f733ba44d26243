"""A message's facts in words: marked first, then what, where, how high, how fast, time left, what to do, who knows."""

from __future__ import annotations

from services.notifier.domain.message import Message
from services.notifier.domain.policy import worse
from services.notifier.wording.bulletin import render_bulletin
from services.notifier.wording.figures import local_time, plain
from services.notifier.wording.fit import Piece, fitted
from services.notifier.wording.marks import Language, Length, Rendered, marks
from services.notifier.wording.situation import (
    aim_of,
    how_high,
    in_full,
    level_word,
    named,
    short_facts,
    time_left,
    worst_first,
)
from services.notifier.wording.steps import own_steps, role_word
from services.notifier.wording.watchdog import render_watchdog
from shared.contracts.levels import Level
from shared.contracts.notifier import CardStep, MessageKind
from shared.words import joined, say

__all__ = ["headline", "over_line", "render", "situation_lines", "step_lines"]

_CAUSES = 6
"""Causes told in full; more are counted."""
_STEPS = 5
_NAMES = 10
_ALARMS = (MessageKind.ALARM, MessageKind.REPEAT)


def render(message: Message, language: Language, length: Length) -> Rendered:
    """Say *message* to a person.

    ``short`` is at most two SMS segments (134 UCS-2 units, or 306 septets of the GSM alphabet), link included, as far
    as marks, level, pond and link, which are never cut, leave that possible.

    Raises
    ------
    ValueError
        For a bulletin without its facts.
    """
    if message.kind is MessageKind.BULLETIN:
        if message.bulletin is None:
            raise ValueError("a bulletin needs its facts: render_bulletin says them")
        facts = message.bulletin.model_copy(
            update={"maybe_again": message.maybe_again, "exercise": message.exercise, "link": message.link}
        )
        return render_bulletin(facts, language, length)
    if message.watchdog:
        return render_watchdog(message, language, length)
    subject = headline(message, language)
    body = _short(message, language) if length == "short" else "\n".join([subject, *_lines(message, language)])
    return Rendered(subject=subject, body=body)


def headline(message: Message, language: Language) -> str:
    """Return the marks and one line: what and where."""
    place = plain(message.pond_name) or message.pond_id
    if county := plain(message.county):
        place = say("message.place", language, pond=place, county=county)
    return _marks(message, language) + _head(message, language, place, brief=False)


def situation_lines(message: Message, language: Language) -> list[str]:
    """Return one line a cause: value, limit with its document, speed, time left."""
    causes = in_full(message.causes)
    lines = [named(cause, language) for cause in causes[:_CAUSES]]
    if len(causes) > _CAUSES:
        lines.append(say("message.more", language, count=len(causes) - _CAUSES))
    return lines


def step_lines(steps: tuple[CardStep, ...], language: Language, with_roles: bool = False) -> list[str]:
    """Return the steps of a card, numbered, each with its time and (if asked) whose it is."""
    key = "message.step_of" if with_roles else "message.step"
    return [
        say(
            key, language, n=n, text=_step(step, language), minutes=step.within_minutes,
            role=role_word(step.role, language),
        )
        for n, step in enumerate(steps, 1)
    ]  # fmt: skip


def over_line(message: Message, language: Language) -> str:
    """Return why it is over: by the readings, by late data, by a person who closed it, or as an exercise."""
    if _ends_exercise(message):
        return say(f"drills.{message.reason}", language)
    return say(f"message.{_over(message)}", language)


def _over(message: Message) -> str:
    return "withdrawn" if message.corrected else "closed" if message.reason == "closed" else "all_clear"


def _kind(message: Message) -> MessageKind:
    """Return what the message is in truth: no standing level is called over, and no cleared one is called an alarm."""
    if message.kind is MessageKind.CHANNEL_REPORT:
        return message.kind
    if message.level is None:
        return MessageKind.ALL_CLEAR
    return MessageKind.STEP_DOWN if message.kind is MessageKind.ALL_CLEAR else message.kind


def _ends_exercise(message: Message) -> bool:
    """Tell whether this says that an exercise is over: of the water it says nothing."""
    over = message.reason in ("exercise_over", "exercise_overtaken")
    return over and message.exercise and _kind(message) is MessageKind.ALL_CLEAR


def _marks(message: Message, language: Language) -> str:
    return marks(
        language, exercise=message.exercise, verified=message.verified, late=message.late, again=message.maybe_again
    )


def _head(message: Message, language: Language, place: str, brief: bool) -> str:
    level = level_word(message.level, language).upper()
    previous = None if brief or message.previous is None else level_word(message.previous, language)
    about = {"place": place, "level": level, "previous": previous}
    match _kind(message):
        case MessageKind.CHANNEL_REPORT:
            key = "head_channel_up" if message.channel_up else "head_channel_down"
            return say(f"message.{key}", language, channel=plain(message.channel) or "?")
        case MessageKind.ALL_CLEAR if _ends_exercise(message):
            return say(f"drills.head_{message.reason}", language, **about)
        case MessageKind.ALL_CLEAR if message.corrected or message.reason == "closed":
            key = "head_withdrawn" if message.corrected else "head_closed"
        case MessageKind.ALL_CLEAR:
            key = "head_all_clear" if previous is None else "head_cleared"
        case MessageKind.STEP_DOWN:
            lower = previous is not None and worse(message.previous, message.level)
            key = "brief_step_down" if brief else "head_stepped_down" if lower else "head_step_down"
        case MessageKind.REPEAT:
            key = "brief_repeat" if brief else "head_repeat"
        case _:
            key = "head_stepped_up" if previous and worse(message.level, message.previous) else "head_alarm"
    return say(f"message.{key}", language, **about)


def _lines(message: Message, language: Language) -> list[str]:
    kind = _kind(message)
    lines = [say("message.time", language, time=local_time(message.time, message.timezone))]
    lines += [say(f"message.{key}", language) for key in _remarks(message, kind)]
    if kind is MessageKind.ALL_CLEAR:
        lines.append(over_line(message, language))
    if kind is MessageKind.CHANNEL_REPORT:
        lines += _channel(message, language)
    if kind in (*_ALARMS, MessageKind.STEP_DOWN):
        lines += [line for line in (how_high(message.causes, language),) if line]
        lines += [time_left(message.causes, language)] if message.causes else []
        lines.append(say("message.situation", language))
        known = situation_lines(message, language) or [say("message.no_cause", language)]
        lines += [say("message.item", language, text=line) for line in known]
        lines += _to_do(message, language)
    if kind is not MessageKind.CHANNEL_REPORT:
        lines.append(_also(message, language))
    if message.link:
        lines.append(say("message.link", language, link=message.link))
    return lines


def _remarks(message: Message, kind: MessageKind) -> list[str]:
    """Return what is said about the message itself, as keys of the catalogue."""
    standing = kind in (*_ALARMS, MessageKind.STEP_DOWN)
    remarks = {
        "exercise": message.exercise and not _ends_exercise(message),
        "repeat_rank": kind is MessageKind.REPEAT and message.rank > 0,
        "repeat": kind is MessageKind.REPEAT and message.rank == 0,
        "step_down": kind is MessageKind.STEP_DOWN,
        "unverified": standing and not message.verified,
        "late": message.late,
        "again": message.maybe_again,
    }
    return [name for name, holds in remarks.items() if holds]


def _channel(message: Message, language: Language) -> list[str]:
    lines = [say("message.channel_up" if message.channel_up else "message.channel_down", language)]
    if why := plain(message.why):
        lines.insert(0, say("message.channel_why", language, why=why))
    if pond := plain(message.pond_name):
        lines.append(pond)
        if message.level is not None:
            lines[-1] += f" - {say('message.standing', language, level=level_word(message.level, language))}"
    return lines


def _to_do(message: Message, language: Language) -> list[str]:
    own = own_steps(message.card, message.role)
    if own:
        return [say("message.to_do", language), *step_lines(own[:_STEPS], language)]
    if message.card:
        first = tuple(sorted(message.card, key=lambda step: step.within_minutes))[:_STEPS]
        return [say("message.others_do", language), *step_lines(first, language, with_roles=True)]
    assert message.level is not None  # only a standing level comes here
    return [say("message.to_do", language), say(f"message.no_card_{message.level.value}", language)]


def _also(message: Message, language: Language) -> str:
    names = [plain(name) for name in message.also if plain(name)]
    if not names:
        return say("message.nobody_else", language)
    if len(names) > _NAMES:
        return say("message.also_more", language, names=joined(names[:_NAMES], language), count=len(names))
    return say("message.also", language, names=joined(names, language))


def _step(step: CardStep, language: Language) -> str:
    return plain(step.zh if language == "zh" else step.en).rstrip("。.")


def _short(message: Message, language: Language) -> str:
    kind = _kind(message)
    place = plain(message.pond_name) or message.pond_id
    head = _marks(message, language) + _head(message, language, place, brief=True)
    time = Piece(3 if message.late else 4, local_time(message.time, message.timezone, short=True))
    pieces: list[Piece] = []
    match kind:
        case MessageKind.CHANNEL_REPORT:
            if plain(message.pond_name):
                level = "" if message.level is None else level_word(message.level, language)
                head += f" - {place}" + (f" {level}" if level else "")
            pieces = [time, Piece(5, plain(message.why))]
        case MessageKind.ALL_CLEAR:
            said = f"drills.short_{message.reason}" if _ends_exercise(message) else f"message.short_{_over(message)}"
            pieces = [Piece(1, say(said, language)), time]
        case _:
            pieces = _facts(message, language, time)
            if kind is MessageKind.STEP_DOWN:
                pieces.insert(0, Piece(5, say("message.short_step_down", language)))
            if kind in _ALARMS:
                pieces.append(Piece(10, say("message.short_answer", language)))
    return fitted(head, pieces, message.link, language)


def _facts(message: Message, language: Language, time: Piece) -> list[Piece]:
    causes = worst_first(message.causes)
    facts = short_facts(causes[0], language) if causes else {}
    for cause in causes[1:]:
        # The worst is over its limit already; another may foresee a still higher one.
        if Level.of(aim_of(cause)) > Level.of(causes[0].level) and (left := short_facts(cause, language).get("left")):
            facts.setdefault("left", left)
    steps = own_steps(message.card, message.role)
    do = "" if message.level is None else say(f"message.short_do_{message.level.value}", language)
    also = say("message.short_also", language, count=len(message.also)) if message.also else ""
    return [
        Piece(2, facts.get("value", "")),
        Piece(7, facts.get("limit", "")),
        Piece(8, facts.get("rate", "")),
        Piece(5, facts.get("left", "")),
        time,
        Piece(1, do, _step(steps[0], language) if steps else "", better_weight=6),
        Piece(9, also),
    ]
