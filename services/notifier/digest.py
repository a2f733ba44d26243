"""Several messages for one person in one: each pond with its level, the worst first."""

from __future__ import annotations

from collections.abc import Sequence

from services.notifier.domain.message import Message
from services.notifier.domain.policy import ORDER
from services.notifier.ports import Language, Length, Render, Rendered, Text
from services.notifier.wording.marks import marks
from shared.contracts.notifier import MessageKind
from shared.logging import logger
from shared.words import say

__all__ = ["compose", "current"]

FULL = 10
"""So many ponds are told in full in a whole text; the others in short."""
RULE = "─" * 16
SHORT = 3
"""So many ponds are named in a short text; the others are counted."""


def compose(render: Render, messages: Sequence[Message], language: Language, length: Length) -> Text:
    """Return the text of what is told together.

    Parameters
    ----------
    messages
        In the order in which they were decided. Of one alarm only the newest is told: it says what holds now.
    """
    told = current(messages)
    if told[0].kind is MessageKind.BULLETIN:
        # Of several that could not be sent before, the newest says how things stand.
        return _said(render, max(told, key=lambda message: message.time), language, length)
    if len(told) == 1:
        return _said(render, told[0], language, length)
    if told[0].kind is MessageKind.CHANNEL_REPORT:
        return _reports(render, told, language, length)
    ponds = len({message.pond_id for message in told})
    mark = _marks(told, language)
    worst = told[0].level
    if worst is None:
        subject = say("delivery.digest_quiet", language, mark=mark, n=ponds)
    else:
        subject = say("delivery.digest_subject", language, mark=mark, n=ponds, level=say(f"level.{worst}", language))
    if length == "full":
        bodies = [_said(render, message, language, "full").body for message in told[:FULL]]
        bodies += [_said(render, message, language, "short").body for message in told[FULL:]]
        return Rendered(subject, f"\n\n{RULE}\n".join([subject, *bodies]))
    lines = [_said(render, message, language, "short").body for message in told[:SHORT]]
    if len(told) > SHORT:
        lines.append(say("delivery.digest_more", language, n=len(told) - SHORT))
    return Rendered(subject, "\n".join([subject, *lines]))


def current(messages: Sequence[Message]) -> list[Message]:
    """Return the newest message of each alarm, the most urgent first; one that may be a repetition stays marked."""
    newest: dict[str, Message] = {}
    for message in messages:
        before = newest.get(message.alarm_id)
        again = message.maybe_again or (before is not None and before.maybe_again)
        newest[message.alarm_id] = message.model_copy(update={"maybe_again": again})
    return sorted(newest.values(), key=lambda message: -ORDER[message.level])


def _reports(render: Render, told: Sequence[Message], language: Language, length: Length) -> Text:
    """Return several reports about ourselves in one text, in their order: each says what it is about."""
    said = [_said(render, message, language, length) for message in sorted(told, key=lambda message: message.time)]
    between = "\n" if length == "short" else "\n\n"
    return Rendered(said[-1].subject, between.join(text.body for text in said))


def _marks(told: Sequence[Message], language: Language) -> str:
    """Return what holds of all that is told together, and what of a part: fresh red must not pass for a late one."""
    doubtful = [not message.verified for message in told]
    late = [message.late for message in told]
    return marks(
        language,
        exercise=told[0].exercise,
        verified=not all(doubtful),
        late=all(late),
        again=any(message.maybe_again for message in told),
        some_unverified=any(doubtful),
        some_late=any(late),
    )


def _said(render: Render, message: Message, language: Language, length: Length) -> Text:
    """Put a message into words; whatever is wrong with them must not hold an alarm back."""
    try:
        return render(message, language, length)
    except Exception as error:
        logger(__name__).error("message could not be put into words", kind=message.kind, error=type(error).__name__)
        level = say("level.none" if message.level is None else f"level.{message.level}", language)
        mark = _marks([message], language)
        plain = f"{mark}{message.pond_name} ({message.pond_id}): {level}, {message.time:%Y-%m-%d %H:%M}Z"
        return Rendered(plain, plain if message.link is None else f"{plain}\n{message.link}")
