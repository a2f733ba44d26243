"""How ponds' files look on a terminal."""

from __future__ import annotations

from datetime import date

from shared.contracts.pondfiles import PondFileList, PondFileView, StepRecord
from shared.words import joined, language, say
from tailwarden.cli.answers import facts, table

__all__ = ["file_table", "tell_file"]


def _grade(view: PondFileView, words: str) -> str:
    declared, computed = view.file.declared_grade, view.computed_grade
    if view.grade_differs:
        return say("pondfiles.grade_other", words, declared=declared, computed=computed)
    if declared is None and computed is not None:
        return say("pondfiles.grade_computed", words, computed=computed)
    return "" if declared is None else say("pondfiles.grade_same", words, grade=declared)


def _step(record: StepRecord | None, words: str) -> str:
    if record is None:
        return ""
    told = {
        "step": say(f"pondfiles.step_{record.step}", words),
        "state": say(f"pondfiles.state_{record.state}", words),
        "on": record.on,
    }
    if record.outcome is None:
        return say("pondfiles.step_at", words, **told)
    return say("pondfiles.step_ended", words, outcome=say(f"pondfiles.outcome_{record.outcome}", words), **told)


def file_table(found: PondFileList) -> None:
    """Print one line a pond."""
    words = language()
    rows: list[tuple[object, ...]] = []
    for view in found.ponds:
        file = view.file
        position = None if file.closure is None else file.closure.position
        rows.append(
            (
                file.id, file.name, file.county, say(f"pondfiles.in_use_{file.use}", words), _grade(view, words),
                _iso(file.out_of_use_since), _iso(view.overdue_since), _step(position, words),
            )
        )  # fmt: skip
    headings = ("id", "name", "county", "use", "grade", "out_of_use", "overdue", "position")
    table([f"pondfiles.{each}" for each in headings], rows, "pondfiles.none")


def _iso(given: date | None) -> str:
    return "" if given is None else given.isoformat()


def tell_file(view: PondFileView) -> None:
    """Print all that is known of one pond."""
    words, file = language(), view.file
    size = file.facts
    unknown = "–"
    sized = say(
        "pondfiles.sized", words,
        volume=unknown if size.volume_10k_m3 is None else f"{size.volume_10k_m3:g}",
        height=unknown if size.dam_height_m is None else f"{size.dam_height_m:g}",
    )  # fmt: skip
    due = ""
    if file.closure is not None:
        due = file.closure.due.isoformat()
        if file.closure.extended_to is not None:
            due = say("pondfiles.extended", words, due=file.closure.extended_to, reason=file.closure.extension_reason)
        if view.closure_late:
            due = say("pondfiles.late", words, due=due)
    people = "?" if size.people_downstream is None else str(size.people_downstream)
    known = {
        "id": file.id, "name": file.name, "county": file.county, "enterprise": size.enterprise,
        "use": say(f"pondfiles.in_use_{file.use}", words), "out_of_use": _iso(file.out_of_use_since),
        "overdue": _iso(view.overdue_since), "grade": _grade(view, words), "size": sized,
        "residents": people if size.above_residents else "", "raised": joined(map(_iso, file.raised), words),
        "due": due, "version": view.version,
    }  # fmt: skip
    steps = () if file.closure is None else file.closure.steps
    listed = [(f"pondfiles.{name}", value) for name, value in known.items()]
    facts([*listed, *(("pondfiles.step", _step(each, words)) for each in steps)])
