"""Alarms and shelvings as tables: the proof per person, the action card, what was held back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.text import Text

from shared.words import catalogue, joined, language, say
from tailwarden.cli.tables import labelled, show, terminal
from tailwarden.cli.warnings import STYLES
from tailwarden.cli.wording import bracketed, local, office, offset, semicolons

if TYPE_CHECKING:
    from rich.console import Console

    from shared.contracts.notifier import AlarmView, CardAct, Delivery, HeldBack, PersonProof, Shelving

__all__ = ["shelvings", "table", "tell"]

_SHORT_HASH = 12


def table(found: Sequence[AlarmView]) -> None:
    """Print alarms, one a line."""
    words, console = language(), terminal()
    if not found:
        console.print(say("alarms.none", words))
        return
    rows = [
        (
            view.alarm_id, view.pond_id, _level(view, words), local(view.changed),
            f"{sum(person.sent is not None for person in view.people)}/{len(view.people)}", _state(view, words),
        )
        for view in found
    ]  # fmt: skip
    show(_headings(words, "id", "pond", "level", "since", "told", "state"), rows, console=console)


def tell(view: AlarmView) -> None:
    """Print one alarm with everything that can be proved of it."""
    words, console = language(), terminal()
    console.print(Text.assemble((view.alarm_id, "bold"), f"  {view.pond_id}  ", _level(view, words)))
    facts = [
        f"{say('alarms.opened', words)} {local(view.opened)}",
        f"{say('alarms.since', words)} {local(view.changed)}",
        _state(view, words),
    ]
    console.print(Text("  " + semicolons(facts, words)))
    _people(view, console, words)
    clock = _Clock(view)
    if view.card or view.cards or view.acts:
        _card(view, console, words)
    messages = [(person, each) for person in view.people for each in person.deliveries]
    if messages:
        console.print(Text(say("alarms.deliveries", words), style="bold"))
        for person, each in messages:
            console.print(Text(f"  {labelled(person.name, words)}{_message(each, clock, words)}"))
    if view.held_back:
        console.print(Text(say("alarms.held", words), style="bold"))
        for held in view.held_back:
            console.print(Text(f"  {clock(held.at)}  {_because(held, words)}"))


def shelvings(found: Iterable[Shelving]) -> None:
    """Print shelvings, one a line."""
    words, console = language(), terminal()
    rows = [
        (
            each.shelving_id, each.pond_id, Text(say(f"level.{each.highest}", words), style=STYLES[each.highest]),
            local(each.expires), each.reason, each.by, each.second_approver,
        )
        for each in found
    ]  # fmt: skip
    if rows:
        show(_headings(words, "id", "pond", "level", "expires", "reason", "by", "second"), rows, console=console)
    else:
        console.print(say("alarms.no_shelvings", words))


def _headings(words: str, *names: str) -> list[str]:
    return [say(f"alarms.{name}", words) for name in names]


def _level(view: AlarmView, words: str) -> Text:
    holds = {"exercise": view.exercise, "unverified": not view.verified, "late": view.late}
    marks = [say(f"alarms.mark_{name}", words) for name, held in holds.items() if held]
    name = say("alarms.over" if view.level is None else f"level.{view.level}", words)
    if view.level is None or view.level is not view.highest:
        name += bracketed(say("alarms.highest", words, level=say(f"level.{view.highest}", words)), words)
    style = "dim" if view.level is None else STYLES[view.level]
    return Text.assemble((f"[{joined(marks, words)}] " if marks else "", "bold"), (name, style))


def _state(view: AlarmView, words: str) -> str:
    if view.ended is not None:
        return say("alarms.ended", words, time=local(view.ended))
    if view.nobody_responsible:
        return say("alarms.nobody_responsible", words)
    parts = [say("alarms.answered" if view.answered else "alarms.unanswered", words)]
    if view.people:
        parts.append(say("alarms.reached", words, rank=view.rank + 1))
    return semicolons(parts, words)


def _people(view: AlarmView, console: Console, words: str) -> None:
    from services.notifier.wording.steps import role_word

    if not view.people:
        console.print(say("alarms.nobody", words), style="yellow")
        return
    clock = _Clock(view)
    console.print(Text(say("alarms.people", words, zone=f"UTC{offset(clock.opened)}"), style="bold"))
    names = ("rank", "person", "role", "decided", "sent", "delivered", "read", "answer", "acted", "by_channel")
    rows = [
        (
            person.rank + 1, f"{person.name} ({person.person_id})", role_word(person.role, words),
            *(clock(when) for when in (person.decided, person.sent, person.delivered, person.read)),
            _answer(person, clock, words), clock(person.acted), _channels(person, words),
        )
        for person in view.people
    ]  # fmt: skip
    show(_headings(words, *names), rows, console=console)


def _answer(person: PersonProof, clock: _Clock, words: str) -> Text:
    if person.answer is None or person.answered is None:
        return Text("–", style="dim")
    note = f" “{person.note}”" if person.note else ""
    return Text(f"{clock(person.answered)} {say(f'alarms.{person.answer}', words)}{note}")


def _channels(person: PersonProof, words: str) -> Text:
    """Return by which channels the person was reached, with the attempts it took."""
    attempts: dict[str, int] = {}
    for each in person.deliveries:
        attempts[each.channel] = attempts.get(each.channel, 0) + each.attempts
    text = joined((f"{channel} ×{count}" for channel, count in attempts.items()), words)
    if any(each.maybe_again for each in person.deliveries):
        text += bracketed(say("alarms.maybe_again", words), words)
    return Text(text)


def _message(each: Delivery, clock: _Clock, words: str) -> str:
    kind = say(f"alarms.kind_{each.kind}", words)
    if each.sent is not None:
        what = say("alarms.was_sent", words, kind=kind, time=clock(each.sent))
    else:
        what = say("alarms.was_failed", words, kind=kind, time=clock(each.failed), why=each.why)
    line = say("alarms.attempts", words, channel=each.channel, what=what, count=each.attempts)
    if each.delivered is not None:
        line = semicolons((line, f"{say('alarms.delivered', words)} {clock(each.delivered)}"), words)
    return line + bracketed(say("alarms.maybe_again", words), words) if each.maybe_again else line


def _card(view: AlarmView, console: Console, words: str) -> None:
    """Print the cards of the levels there were, the highest first, and what was done of them."""
    from services.notifier.wording.steps import role_word
    from shared.contracts.notifier import LevelCard

    clock, acts = _Clock(view), {act.step_id: act for act in view.acts}
    rows: list[tuple[object, ...]] = []
    now = () if view.level is None else (LevelCard(level=view.level, steps=view.card),)
    for card in view.cards or now:
        level = Text(say(f"level.{card.level}", words), style=STYLES[card.level])
        for step in card.steps:
            within = say("alarms.minutes", words, minutes=step.within_minutes)
            text = step.zh if words == "zh" else step.en
            done = _done(view, acts.pop(step.id, None), clock, words)
            rows.append((step.id, level, text, role_word(step.role, words), within, done))
    for act in acts.values():
        text = act.zh if words == "zh" else act.en
        rows.append((act.step_id, "", Text(text, style="dim"), "", "", _done(view, act, clock, words)))
    headings = _headings(words, "id", "level", "step", "role", "within", "done")
    show(headings, rows, title=say("alarms.card", words), console=console)


def _done(view: AlarmView, act: CardAct | None, clock: _Clock, words: str) -> Text:
    if act is None:
        return Text(say("alarms.not_done", words), style="dim")
    name = next((each.name for each in view.people if each.person_id == act.person_id), act.person_id)
    text = f"✓ {clock(act.at)} {name}"
    if act.note:
        text += f" “{act.note}”"
    if act.photo_sha256 is not None:
        text += bracketed(say("alarms.photo", words, sha256=act.photo_sha256[:_SHORT_HASH]), words)
    return Text(text, style="green")


def _because(held: HeldBack, words: str) -> str:
    reason, _, detail = held.reason.partition(":")
    key = f"heldback.{reason}"
    text = say(key, words, detail=detail) if key in catalogue() else f"{held.stage}: {held.reason}"
    return text if held.until is None else text + say("alarms.held_until", words, time=local(held.until))


class _Clock:
    """Says moments of an alarm's life: local, to the second, with the day where it is not the day it was opened."""

    def __init__(self, view: AlarmView) -> None:
        self._zone = office()
        self.opened = view.opened.astimezone(self._zone)

    def __call__(self, moment: datetime | None) -> str:
        if moment is None:
            return "–"
        there = moment.astimezone(self._zone)
        return f"{there:%H:%M:%S}" if there.date() == self.opened.date() else f"{there:%m-%d %H:%M:%S}"
