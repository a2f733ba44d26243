"""Identifiers of documents: the same for the same document, different for different ones."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

from services.notifier.cap.model import Revision, Sender, Subject

__all__ = ["china_identifier", "identifier_of"]

_BEIJING = timezone(timedelta(hours=8))


def identifier_of(subject: Subject, revision: Revision, sender: Sender) -> str:
    """Return a document's identifier: the one it was published under, else the sender's pattern filled in.

    Raises
    ------
    ValueError
        If the pattern wants a unit's code and the sender has none.
    """
    if revision.identifier is not None:
        return revision.identifier
    if "{unit" in sender.pattern and not sender.unit:
        raise ValueError("the pattern of identifiers names the issuing unit, which has no code")
    return sender.pattern.format(
        sender=sender.sender, alarm=quote(subject.alarm_id, safe=""), revision=revision.number, unit=sender.unit,
        time=_entered(revision.sent), serial=revision.serial,
    )  # fmt: skip


def china_identifier(unit: str, entered: datetime, taken: Container[str]) -> str:
    """Return the first free identifier of China's pattern for *unit* at *entered*, to be kept with the document.

    The pattern has ten numbers a second; when they are *taken*, the next second's are used: a storm that sets off
    hundreds of ponds at once must not give two warnings one name.
    """
    while True:
        for serial in range(10):
            candidate = f"{unit}_{_entered(entered)}_{serial}"
            if candidate not in taken:
                return candidate
        entered += timedelta(seconds=1)


def _entered(at: datetime) -> str:
    there = at.astimezone(_BEIJING)
    return f"{there.date().isoformat().replace('-', '')}{there:%H%M%S}"
