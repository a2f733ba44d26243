"""What frames the findings: title, opening, suggestions, next steps, the closing words."""

from __future__ import annotations

from collections.abc import Iterator

from services.cases.report.facts import Facts
from services.cases.report.findings import label_of
from services.cases.report.pen import Pen
from shared.contracts.cases import (
    FindingState,
    LetterAmended,
    LetterReceived,
    LetterTakenUp,
    NextStepPlanned,
    SuggestionAnswered,
    SuggestionRecorded,
)
from shared.contracts.report import Block, Sentence
from shared.contracts.stories import StoryEntry

__all__ = ["letter_entry", "next_steps", "opening", "suggestions", "tally", "title"]


def _stream(facts: Facts) -> str:
    return f"letter-{facts.letter.letter.id}"


def letter_entry(facts: Facts) -> StoryEntry:
    """Return the event that tells the letter's particulars as they hold on the day."""
    stream = _stream(facts)
    entries = [entry for entry, _ in facts.told(stream, LetterReceived)]
    entries += [entry for entry, _ in facts.told(stream, LetterAmended)]
    return max(entries, key=lambda entry: entry.position)


def _bare(name: str) -> str:
    return name.strip().strip("《》")


def title(pen: Pen, facts: Facts) -> Sentence:
    """Write the report's title."""
    letter = facts.letter.letter
    text = pen.words("title", addressee=letter.addressee, issuer=letter.issuer, title=_bare(letter.title))
    return Sentence(text=text, sources=pen.cite([letter_entry(facts)]))


def opening(pen: Pen, facts: Facts) -> Iterator[Sentence]:
    """Write which letter is answered and how it was taken up."""
    letter, entry = facts.letter.letter, letter_entry(facts)
    key = "received" if letter.number else "received_plain"
    yield from pen.say(key, entry, received=letter.received_on, title=_bare(letter.title), number=letter.number)
    taken = facts.told(_stream(facts), LetterTakenUp)
    for each, told in taken:
        yield from pen.write(told.text, each)
    if not taken:
        yield from pen.say("not_taken_up", entry)
    yield from pen.say("follows", entry)


def tally(pen: Pen, facts: Facts, counted: list[StoryEntry]) -> Block:
    """Write how many findings there are and how many of them are where; *counted* are the events that say so."""
    if not facts.findings:
        return pen.paragraph("", pen.say("no_findings", letter_entry(facts)), missing=True)
    written = pen.say(
        "tally",
        *counted,
        findings=len(facts.findings),
        assigned=sum(view.finding.assignment is not None for view in facts.findings),
        overdue=sum(view.overdue for view in facts.findings),
        closed=sum(view.finding.state is FindingState.CLOSED_OUT for view in facts.findings),
    )
    return pen.paragraph("", written)


def suggestions(pen: Pen, facts: Facts) -> Iterator[Block]:
    """Write each suggestion with what was done about it, or that nothing is on record."""
    recorded = {told.number: (entry, told) for entry, told in facts.told(_stream(facts), SuggestionRecorded)}
    answers = facts.told(_stream(facts), SuggestionAnswered)
    if not recorded:
        yield pen.paragraph("", pen.say("no_suggestions", letter_entry(facts)), missing=True)
        return
    answered = {told.number for _, told in answers} & set(recorded)
    counted = [entry for entry, _ in recorded.values()]
    counted += [entry for entry, told in answers if told.number in recorded]
    yield pen.paragraph("", pen.say("suggestions_tally", *counted, suggestions=len(recorded), answered=len(answered)))
    for place, number in enumerate(sorted(recorded), 1):
        entry, told = recorded[number]
        text = pen.say("suggestion_text", entry, text=told.text)
        of_this = [(each, answer) for each, answer in answers if answer.number == number]
        label = pen.words("label_suggestion", ordinal=pen.ordinal(number))
        if not of_this:
            missing = pen.say("suggestion_unanswered", entry)
            yield pen.paragraph(label, (*text, *missing), missing=True)
            continue
        yield pen.paragraph(label, text)
        heading = next((answer.heading for _, answer in of_this if answer.heading), "")
        written = [sentence for each, answer in of_this for sentence in pen.write(answer.text, each)]
        yield pen.paragraph(label_of(pen, place, heading, len(recorded)), written)


def next_steps(pen: Pen, facts: Facts) -> Iterator[Block]:
    """Write what the addressee intends to do next, or that nothing is on record."""
    steps = facts.told(_stream(facts), NextStepPlanned)
    if not steps:
        yield pen.paragraph("", pen.say("no_next", letter_entry(facts)), missing=True)
    for place, (entry, told) in enumerate(steps, 1):
        yield pen.paragraph(label_of(pen, place, told.heading, len(steps)), pen.write(told.text, entry))
