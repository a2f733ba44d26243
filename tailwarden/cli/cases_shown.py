"""Letters and findings on a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING

from rich.text import Text

from shared.words import joined, language, say
from tailwarden.cli.asking import today
from tailwarden.cli.tables import labelled, show, terminal

if TYPE_CHECKING:
    from rich.console import Console

    from shared.contracts.cases import Finding, FindingList, FindingView, LetterList, LetterView, Subject

__all__ = ["finding_table", "letter_table", "tell_finding", "tell_letter"]

STYLES = {"found": "bold red", "closed_out": "green", "passed": "green"}


def letter_table(found: LetterList) -> None:
    """Print letters as a table."""
    words, console = language(), terminal()
    if not found.letters:
        console.print(say("cases.no_letters", words))
        return
    headings = ("id", "number", "title", "issuer", "received", "suggestions")
    rows = [
        (
            letter.id, letter.number, letter.title, letter.issuer, letter.received_on.isoformat(),
            f"{sum(bool(each.answers) for each in letter.suggestions)}/{len(letter.suggestions)}",
        )
        for letter in found.letters
    ]  # fmt: skip
    show([say(f"cases.{heading}", words) for heading in headings], rows, console=console)
    _rest(console, len(found.letters), found.total)


def finding_table(found: FindingList, as_of: date | None) -> None:
    """Print findings as a table."""
    console = terminal()
    if not found.findings:
        console.print(say("cases.no_findings", language()))
        return
    _findings(found.findings, as_of, console)
    _rest(console, len(found.findings), found.total)


def _rest(console: Console, shown: int, total: int) -> None:
    if shown < total:
        console.print(say("cases.rest", language(), shown=shown, total=total), style="dim")


def _findings(found: Iterable[Finding], as_of: date | None, console: Console) -> None:
    words, day = language(), as_of or today()
    headings = ("id", "number", "title", "county", "state", "deadline", "person", "reopened")
    rows: list[tuple[object, ...]] = []
    for each in found:
        late = each.state != "closed_out" and each.deadline is not None and each.deadline < day
        deadline = "" if each.deadline is None else each.deadline.isoformat()
        state = Text(say(f"cases.state_{each.state}", words), style=STYLES.get(each.state, ""))
        rows.append(
            (
                each.id, each.number, each.title, each.county, state,
                Text(deadline, style="bold red" if late else ""),
                None if each.assignment is None else each.assignment.person, each.reopened or None,
            )
        )  # fmt: skip
    show([say(f"cases.{heading}", words) for heading in headings], rows, console=console)


def tell_letter(view: LetterView, as_of: date | None) -> None:
    """Print one letter with its findings, suggestions and next steps."""
    words, console, letter = language(), terminal(), view.letter
    console.print(Text.assemble((letter.id, "bold"), "  ", letter.title, "  ", (letter.number, "dim")))
    for name, value in (
        ("issuer", letter.issuer), ("addressee", letter.addressee), ("received", letter.received_on.isoformat()),
    ):  # fmt: skip
        _line(console, name, value)
    for taken in letter.preamble:
        console.print(Text(f"  {taken.on}  {labelled(taken.by, words)}{taken.text}"))
    if view.findings:
        _findings(view.findings, as_of, console)
    else:
        console.print(Text(f"  {say('cases.no_findings', words)}", style="dim"))
    for each in letter.suggestions:
        console.print(Text(f"  {say('cases.suggestion', words, number=each.number)}  {each.text}"))
        for answer in each.answers:
            heading = labelled(answer.heading, words) if answer.heading else ""
            console.print(Text(f"      {answer.on}  {labelled(answer.by, words)}{heading}{answer.text}", style="dim"))
    for step in letter.next_steps:
        heading = labelled(step.heading, words) if step.heading else ""
        console.print(Text(f"  {say('cases.next_step', words)}  {heading}{step.text}"))


def tell_finding(view: FindingView) -> None:
    """Print one finding as it stands."""
    words, console, finding = language(), terminal(), view.finding
    state = say(f"cases.state_{finding.state}", words)
    late = f"  {say('cases.overdue', words)}" if view.overdue else ""
    style = STYLES.get(finding.state, "bold")
    console.print(Text.assemble((finding.id, "bold"), "  ", finding.title, "  ", (state, style), (late, "bold red")))
    console.print(Text(f"  “{finding.quote}”", style="italic"))
    _line(console, "about", joined((_subject(each) for each in finding.subjects), words))
    _line(console, "county", finding.county)
    _line(console, "found_on", finding.found_on.isoformat())
    if finding.letter_id is not None:
        _line(console, "letter", f"{finding.letter_id} {'' if finding.number is None else finding.number}".strip())
    for earlier in finding.recurrence_of:
        _line(console, "recurrence", earlier)
    assignment = finding.assignment
    if assignment is not None:
        _line(console, "part_target", assignment.target)
        _line(console, "part_responsible_unit", assignment.responsible_unit)
        _line(console, "part_person", assignment.person)
        _line(console, "part_deadline", assignment.deadline.isoformat())
        for measure in assignment.measures:
            _line(console, "part_measures", measure)
    for extension in finding.extensions:
        why = f"{labelled(extension.approver, words)}{extension.reason}"
        _line(console, "extended", f"{extension.on} → {extension.deadline}  {why}")
    if finding.listed is not None:
        _line(console, "listed", f"{finding.listed.leader}, {finding.listed.person}, {finding.listed.deadline}")
    for report in finding.progress:
        _line(console, "progress", f"{report.on}  {labelled(report.by, words)}{report.text}")
    for submission in finding.submissions:
        titles = joined((each.title for each in submission.evidence), words)
        _line(console, "submitted", f"{submission.on}  {labelled(submission.by, words)}{submission.text} [{titles}]")
    for inspection in finding.reinspections:
        outcome = say("cases.passed" if inspection.passed else "cases.returned", words)
        told = f"{labelled(inspection.by, words)}{outcome} {inspection.reason}"
        _line(console, "reinspected", f"{inspection.on}  {told}".rstrip())
    if finding.closed_out_on is not None:
        _line(console, "closed_out", f"{finding.closed_out_on}  {finding.verifier}")
    for back in finding.look_backs:
        if back.held_on is None:
            _line(console, "look_back", say("cases.due", words, due=back.due))
        else:
            outcome = say("cases.holds" if back.holds else "cases.relapsed", words)
            _line(console, "look_back", f"{back.held_on}  {labelled(back.by or '–', words)}{outcome}. {back.note}")
    for check in finding.similar:
        why = say(f"cases.{check.why}", words)
        _line(console, "similar", f"{_subject(check.subject)}, {why}")


def _subject(subject: Subject) -> str:
    return f"{subject.name} ({say(f'cases.kind_{subject.kind}', language())} {subject.id})"


def _line(console: Console, name: str, value: str) -> None:
    words = language()
    console.print(Text(f"  {labelled(say(f'cases.{name}', words), words)}{value}"))
