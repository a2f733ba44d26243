"""Why a provider did not take a message, in a word.

Apprise says yes or no, and tells the reason to its log only, addresses and all. Its log lines therefore never reach
ours: a witness hears them in the thread that sends, keeps the exception being handled and the HTTP status, and
nothing of the text.
"""

from __future__ import annotations

import logging
import re
import smtplib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import requests
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError

from services.notifier.domain.delivery import Handed

__all__ = ["Notes", "hushed", "verdict", "witnessed"]

_STATUS = re.compile(r"\berror=(\d{3})\b")
_CHATTY = ("urllib3", "oauthlib", "requests_oauthlib", "requests", "charset_normalizer", "MARKDOWN")
_PASSING = {408, 425, 429}
"""Refusals (4xx) that are no longer so after a while."""


@dataclass(slots=True)
class Notes:
    """What was heard of one attempt."""

    error: BaseException | None = None
    within: str = ""
    """The function in which the error was told."""
    status: int | None = None


_notes: ContextVar[Notes | None] = ContextVar("tailwarden_notes", default=None)


class _Witness(logging.Filter):
    """Lets nothing pass. A filter, for handlers may be added by anybody later."""

    def filter(self, record: logging.LogRecord) -> bool:
        notes = _notes.get()
        if notes is not None:
            error = sys.exc_info()[1]
            if error is not None:
                notes.error, notes.within = error, record.funcName or ""
            elif record.levelno >= logging.WARNING and (found := _STATUS.search(record.getMessage())):
                notes.status = int(found[1])
        return False


def hushed() -> None:
    """Turn the log lines of apprise, and of what it sends with, away from ours. May be called again."""
    apprise = logging.getLogger("apprise")
    if not any(isinstance(each, _Witness) for each in apprise.filters):
        apprise.addFilter(_Witness())
    apprise.setLevel(logging.DEBUG)  # mail errors are told at this level only
    for name in _CHATTY:
        # They name hosts, paths and tokens: what is worth knowing of them, the verdict says.
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


@contextmanager
def witnessed() -> Iterator[Notes]:
    """Take notes of what apprise says in this thread."""
    notes = Notes()
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def verdict(notes: Notes) -> Handed:
    """Return what an attempt that failed came to.

    Only where the provider certainly did not take the message is it said so: a broken connection or a timeout
    after it may have had it leaves that open (``maybe``).
    """
    match notes.error:
        case smtplib.SMTPRecipientsRefused(recipients=recipients):
            code = next((answer[0] for answer in recipients.values()), 550)
            return Handed(sent=False, lasting=code >= 500, personal=True, why=f"smtp_{code}")
        case smtplib.SMTPResponseException(smtp_code=code):
            return Handed(sent=False, lasting=code >= 500, why=f"smtp_{code}")
        case smtplib.SMTPException() | OSError() as error if not isinstance(error, requests.RequestException):
            reached = notes.within == "sendmail"
            timeout = isinstance(error, TimeoutError)
            return Handed(sent=False, maybe=reached, why="timeout" if timeout else "broken" if reached else _far(error))
        case requests.exceptions.SSLError():
            return Handed(sent=False, why="tls")
        case requests.exceptions.ConnectTimeout():
            return Handed(sent=False, why="unreachable")
        case requests.exceptions.Timeout():
            return Handed(sent=False, maybe=True, why="timeout")
        case requests.RequestException() as error:
            if _not_connected(error):
                return Handed(sent=False, why="unreachable")
            return Handed(sent=False, maybe=True, why="broken")
        case None if notes.status is not None:
            return _answered(notes.status)
        case None:
            return Handed(sent=False, why="refused")
        case _:
            return Handed(sent=False, maybe=True, why="error")


def _answered(status: int) -> Handed:
    return Handed(
        sent=False,
        maybe=status in (502, 504),  # a gateway that does not know what became of it
        lasting=400 <= status < 500 and status not in _PASSING,
        why=f"http_{status}",
    )


def _far(error: BaseException) -> str:
    return "tls" if type(error).__name__.startswith("SSL") else "unreachable"


def _not_connected(error: requests.RequestException) -> bool:
    inner = error.args[0] if error.args else None
    if isinstance(inner, MaxRetryError):
        inner = inner.reason
    return isinstance(inner, NewConnectionError | ConnectTimeoutError)
