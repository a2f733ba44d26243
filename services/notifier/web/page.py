"""What the page behind a signed link shows: what, where, how high, how fast, time left, what to do, who else knows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from services.notifier.wording.situation import level_word, named, worst_first
from services.notifier.wording.steps import own_steps, role_word
from shared.contracts.levels import LevelName
from shared.contracts.monitor import Cause
from shared.contracts.notifier import AlarmView, PersonProof
from shared.contracts.registry import PondDescription
from shared.words import say

__all__ = ["alarm_page"]

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
    zone = ZoneInfo("Asia/Shanghai" if pond is None else pond.timezone)
    name = view.pond_id if pond is None else pond.name
    over = view.level is None
    words = {"pond": name, "level": level_word(view.level, language)}
    colour, ink = _COLOURS[view.level]
    marks = [("exercise", view.exercise), ("unverified", not view.verified and not over), ("late", view.late)]
    open_ = view.ended is None
    return _template().render(
        language=language,
        word=lambda key: say(f"links.{key}", language),
        title=say("links.over" if over else "links.title", language, **words),
        colour=colour,
        ink=ink,
        marks=[say(f"links.{key}", language) for key, holds in marks if holds],
        refused=refused,
        where=" · ".join(part for part in ("" if pond is None else pond.county, name) if part),
        when=_at(time, zone),
        causes=[named(cause, language) for cause in worst_first(causes)][:8],
        steps=[
            {
                "id": step.id,
                "text": step.zh if language == "zh" else step.en,
                "within": say("links.within", language, minutes=step.within_minutes),
                "done": _at(view.steps_done[step.id], zone) if step.id in view.steps_done else "",
                "act": act(),
            }
            for step in own_steps(view.card, person.role)
            # What is over needs nothing done; what was done stays to be seen.
            if not over or step.id in view.steps_done
        ],
        open=open_,
        over=over,
        act=act(),
        yours=_yours(person, zone, language),
        others=[_other(each, language) for each in view.people if each.person_id != person.person_id],
    )


def _yours(person: PersonProof, zone: ZoneInfo, language: str) -> str:
    if person.answer is None or person.answered is None:
        return ""
    answer = say(f"links.{person.answer.value}", language)
    return say("links.you", language, answer=answer, time=_at(person.answered, zone))


def _other(person: PersonProof, language: str) -> str:
    if person.answer is not None:
        state = say("links.answered", language, answer=say(f"links.{person.answer.value}", language))
    else:
        state = say("links.read" if person.read is not None else "links.told", language)
    return f"{person.name} ({role_word(person.role, language)}): {state}"


def _at(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %z}"


@cache
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    return environment.get_template("alarm.html")
