"""What the page behind a signed link shows: what, where, how high, how fast, time left, what to do, who else knows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from services.notifier.wording.figures import local_time
from services.notifier.wording.situation import how_high, in_full, level_word, named, time_left
from services.notifier.wording.steps import own_steps, role_word
from shared.contracts.levels import LevelName
from shared.contracts.monitor import Cause
from shared.contracts.notifier import AlarmView, CardStep, PersonProof
from shared.contracts.registry import PondDescription
from shared.problems import TailwardenError
from shared.words import LANGUAGES, say

__all__ = ["alarm_page", "problem_page"]

_TAGS = {"zh": "zh-CN", "en": "en"}

_COLOURS: dict[LevelName | None, tuple[str, str]] = {
    None: ("#2e7d32", "#ffffff"),
    LevelName.BLUE: ("#1565c0", "#ffffff"),
    LevelName.YELLOW: ("#fbc02d", "#000000"),
    LevelName.ORANGE: ("#ef6c00", "#000000"),
    LevelName.RED: ("#c62828", "#ffffff"),
}


def alarm_page(
    view: AlarmView,
    causes: tuple[Cause, ...],
    time: datetime,
    pond: PondDescription | None,
    person: PersonProof,
    act: Callable[[], str],
    language: str,
    refused: str = "",
) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    causes, time
        Of the alarm as it stands, and the event time it was judged for.
    act
        Makes a single-use token for each form.
    refused
        Why what was just sent was refused, in the reader's language.
    """
    zone = "Asia/Shanghai" if pond is None else pond.timezone
    name = view.pond_id if pond is None else pond.name
    over = view.level is None
    words = {"pond": name, "level": level_word(view.level, language)}
    colour, ink = _COLOURS[view.level]
    marks = [("exercise", view.exercise), ("unverified", not view.verified and not over), ("late", view.late)]
    remarks = [("exercise", view.exercise and not over), *marks[1:]]
    open_ = view.ended is None
    # What is over or lower is told with what it was at its worst.
    was_worse = view.level is not view.highest and view.highest_time is not None
    now = () if over and was_worse else causes
    return _template().render(
        language=language,
        word=lambda key, **given: say(f"links.{key}", language, **given),
        title=say("links.title" if not over else _over(view), language, **words),
        colour=colour,
        ink=ink,
        marks=[say(f"links.{key}", language) for key, holds in marks if holds],
        refused=refused,
        where="" if pond is None else pond.county,
        when=say("message.time", language, time=local_time(time, zone)),
        key=[] if over else [line for line in (how_high(causes, language), time_left(causes, language)) if line],
        remarks=[say(f"message.{key}", language) for key, holds in remarks if holds],
        causes=_said(now, language),
        was=_was(view, zone, language) if was_worse else "",
        was_causes=_said(view.highest_causes, language) if was_worse else [],
        steps=[
            {
                "id": step.id,
                "text": step.zh if language == "zh" else step.en,
                "within": say("links.within", language, minutes=step.within_minutes),
                "done": local_time(view.steps_done[step.id], zone) if step.id in view.steps_done else "",
                "act": act(),
            }
            for step in own_steps(_steps(view), person.role)
        ],
        open=open_,
        over=over,
        act=act(),
        no_answer=say("links.no_need" if open_ else _ended(view), language),
        chosen="" if person.answer is None or not person.answer_stands else person.answer.value,
        note=person.note,
        yours=_yours(person, zone, language, asked=open_ and not over),
        others=[_other(each, language) for each in view.people if each.person_id != person.person_id],
    )


def problem_page(error: TailwardenError, language: str) -> str:
    """Return the page of a link that cannot be opened: why, and what to do, in both languages, the reader's first."""
    languages = [language, *(each for each in LANGUAGES if each != language)]
    texts = [
        {
            "tag": _TAGS[each], "title": say("links.not_opened", each), "why": error.words(each),
            "what": say("links.what_to_do", each),
        }
        for each in languages
    ]  # fmt: skip
    return _template("problem.html").render(texts=texts)


def _over(view: AlarmView) -> str:
    return "links.exercise_over" if view.exercise and view.ended is not None else "links.over"


def _ended(view: AlarmView) -> str:
    return "links.exercise_ended" if view.exercise else "links.ended"


def _said(causes: tuple[Cause, ...], language: str) -> list[str]:
    return [named(cause, language) for cause in in_full(causes)][:8]


def _was(view: AlarmView, zone: str, language: str) -> str:
    assert view.highest_time is not None  # asked only then
    about = {"level": level_word(view.highest, language), "time": local_time(view.highest_time, zone)}
    return say("links.was", language, **about)


def _steps(view: AlarmView) -> tuple[CardStep, ...]:
    """Return the steps of the card there is, unless it is over; and of every card, what was done of it."""
    mine = () if view.level is None else view.card
    known = {step.id for step in mine}
    cards = (view.card, *(card.steps for card in view.cards))
    done = {step.id: step for card in cards for step in card if step.id in view.steps_done and step.id not in known}
    return (*mine, *done.values())


def _yours(person: PersonProof, zone: str, language: str, asked: bool) -> str:
    if person.answer is None or person.answered is None:
        return ""
    answer = say(f"links.{person.answer.value}", language)
    key = "links.you" if person.answer_stands or not asked else "links.you_before"
    return say(key, language, answer=answer, time=local_time(person.answered, zone))


def _other(person: PersonProof, language: str) -> str:
    if person.answer is not None:
        state = say("links.answered", language, answer=say(f"links.{person.answer.value}", language))
    else:
        state = say("links.read" if person.read is not None else "links.told", language)
    return f"{person.name} ({role_word(person.role, language)}): {state}"


@cache
def _template(name: str = "alarm.html") -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    return environment.get_template(name)
