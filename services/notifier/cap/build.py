"""CAP 1.2 documents of a warning.

The first is an Alert; every change of the warning (a step up or down, a verification) is an Update.

The regular end is an Update too, with the response type AllClear: the warning was right, what it warned of is over,
and readers should be told so. CAP's Cancel takes a message back; it is used where the message should not have been
sent, that is when late data show that the warning never had a ground, and at the end of every exercise: nothing of
one may be left standing anywhere.

Each Update and Cancel names *every* earlier document of the warning, not the last one only: whichever of them a
reader has missed, none is left standing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from services.notifier.cap.identifiers import identifier_of
from services.notifier.cap.info import add_info
from services.notifier.cap.model import CapDocument, Revision, Sender, Subject
from services.notifier.cap.xml import child, clean, document, moment, opened
from services.notifier.wording.figures import local_zone, plain
from services.notifier.wording.marks import Language
from shared.words import say

__all__ = ["NAMESPACE", "cap_alert", "cap_document", "cap_documents"]

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
_LANGUAGES: tuple[tuple[Language, str], ...] = (("zh", "zh-CN"), ("en", "en"))


def cap_alert(subject: Subject, history: Sequence[Revision], sender: Sender) -> bytes:
    """Return the XML of the document for the last revision of *history*; see ``cap_document``."""
    return cap_document(subject, history, sender).xml


def cap_documents(subject: Subject, history: Sequence[Revision], sender: Sender) -> tuple[CapDocument, ...]:
    """Return the documents of a whole history, oldest first."""
    return tuple(cap_document(subject, history[: end + 1], sender) for end in range(len(history)))


def cap_document(subject: Subject, history: Sequence[Revision], sender: Sender) -> CapDocument:
    """Return the document for the last revision of *history*, referring to those before it.

    The same history gives the same bytes.

    Raises
    ------
    ValueError
        If there is nothing to tell: no history, or the all-clear of something never published.
    """
    if not history:
        raise ValueError("a warning without history has no document")
    revision, earlier = history[-1], _standing(subject, history[:-1])
    if revision.level is None and not earlier:
        raise ValueError("nothing was published that could be cleared")
    kind = _kind(subject, revision, bool(earlier))
    identifier = identifier_of(subject, revision, sender)
    sent = _moment(revision.sent, subject)
    status: Literal["Actual", "Exercise"] = "Exercise" if subject.exercise else "Actual"
    root = opened("alert", NAMESPACE)
    for name, text in (("identifier", identifier), ("sender", sender.sender), ("sent", sent), ("status", status)):
        child(root, name, text)
    child(root, "msgType", kind)
    child(root, "scope", sender.scope)
    if sender.scope == "Restricted":
        child(root, "restriction", sender.restriction.strip() or _both("capdoc.restriction"))
    if sender.scope == "Private":
        child(root, "addresses", " ".join(f'"{each}"' if " " in each else each for each in sender.addresses))
    if note := _note(subject, revision):
        child(root, "note", note)
    if earlier:
        child(root, "references", " ".join(_reference(subject, each, sender) for each in earlier))
    child(root, "incidents", _quoted(subject.alarm_id))
    headlines: dict[str, str] = {}
    for language, code in _LANGUAGES:
        headlines[code] = add_info(root, subject, revision, sender, language, code)
    return CapDocument(
        identifier=identifier, sender=sender.sender, sent=sent, msg_type=kind, status=status, level=revision.level,
        headlines=headlines, xml=document(root),
    )  # fmt: skip


def _standing(subject: Subject, history: Sequence[Revision]) -> list[Revision]:
    """Return the earlier revisions a document refers to: those since the last that took everything back."""
    last = max((place for place, each in enumerate(history) if _takes_back(subject, each)), default=-1)
    return list(history[last + 1 :])


def _kind(subject: Subject, revision: Revision, follows: bool) -> Literal["Alert", "Update", "Cancel"]:
    if not follows:
        return "Alert"
    return "Cancel" if _takes_back(subject, revision) else "Update"


def _takes_back(subject: Subject, revision: Revision) -> bool:
    return revision.withdrawn or (subject.exercise and revision.level is None)


def _reference(subject: Subject, revision: Revision, sender: Sender) -> str:
    sent = _moment(revision.sent, subject)
    return f"{sender.sender},{identifier_of(subject, revision, sender)},{sent}"


def _moment(at: datetime, subject: Subject) -> str:
    return moment(at, local_zone(subject.timezone))


def _both(key: str, **params: str) -> str:
    return " / ".join(say(key, language, **params) for language, _ in _LANGUAGES)


def _quoted(text: str) -> str:
    return f'"{clean(text)}"' if " " in text else clean(text)


def _note(subject: Subject, revision: Revision) -> str:
    notes = []
    if subject.exercise:
        exercise = plain(subject.exercise_id)
        key = "capdoc.note_exercise_of" if exercise else "capdoc.note_exercise"
        notes.append(_both(key, exercise=exercise))
    if revision.withdrawn:
        notes.append(_both("capdoc.note_withdrawn"))
    return "; ".join(notes)
