"""What the control room is told when warnings may no longer find their way, and when they do again."""

from __future__ import annotations

from services.notifier.domain.message import Message
from services.notifier.wording.figures import local_time, plain
from services.notifier.wording.fit import Piece, fitted
from services.notifier.wording.marks import Language, Length, Rendered, marks
from shared.words import catalogue, say

__all__ = ["render_watchdog"]


def render_watchdog(message: Message, language: Language, length: Length) -> Rendered:
    """Say that the watchdog is silent since ``message.time``, or (``channel_up``) that it is back."""
    state = "restored" if message.channel_up else "silent"
    prefix = marks(language, exercise=message.exercise, late=message.late, again=message.maybe_again)
    subject = prefix + say(f"watchdog.{state}_subject", language)
    since = local_time(message.time, message.timezone, short=length == "short")
    why = plain(message.why)
    key = f"watchdog.why_{why}"
    reason = "" if not why else say(key, language) if key in catalogue() else why
    if length == "short":
        pieces = [Piece(2, since), Piece(3, reason), Piece(1, say(f"watchdog.{state}_short", language))]
        return Rendered(subject=subject, body=fitted(subject, pieces, message.link, language))
    lines = [subject, say(f"watchdog.{state}_since", language, time=since)]
    if reason:
        lines.append(say("watchdog.reason", language, why=reason))
    lines.append(say(f"watchdog.{state}_to_do", language))
    return Rendered(subject=subject, body="\n".join(lines))
