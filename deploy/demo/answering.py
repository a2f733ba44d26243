"""The demonstration's people at work: each opens the signed link in their own mail and answers on the page behind."""

from __future__ import annotations

import asyncio
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from deploy.demo.people import People, Reaction
from deploy.demo.told import Told
from shared.contracts.levels import Level, LevelName
from shared.contracts.notifier import DeliverySent, MessageKind

__all__ = ["Respondents", "link_in", "newest_mail"]

TIMEOUT = 5.0
_LINK = re.compile(r"https?://\S+/a/[\w.~-]+")
_ANSWER = re.compile(r'class="answers".*?name="act" value="([^"]+)"', re.DOTALL)
_STEP = re.compile(r'name="act" value="([^"]+)"><button name="step" value="([^"]+)"')


@dataclass(slots=True)
class Respondents:
    """Reacts to what is sent, as the script says; never in the way of what is played."""

    whole: People
    mailbox: Path
    page: str | None = None
    """A page that somebody opened, of the highest level there was: to be looked at afterwards."""
    highest: Level = Level.NONE
    done: set[tuple[str, str, LevelName]] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def hear(self, event: object, told: Told) -> None:
        """Have a person react to a message that was sent to them."""
        if not isinstance(event, DeliverySent) or event.kind not in (MessageKind.ALARM, MessageKind.REPEAT):
            return
        alarm = told.alarms.get(event.alarm_id)
        level = None if alarm is None else alarm.level
        reaction = self.whole.reaction(event.person_id, level)
        if level is None or reaction is None or (event.alarm_id, event.person_id, level) in self.done:
            return
        self.done.add((event.alarm_id, event.person_id, level))
        task = asyncio.create_task(self._react(reaction, Level.of(level)))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def settled(self) -> None:
        """Wait until everybody has done what they had begun."""
        while self.tasks:
            await asyncio.gather(*self.tasks)

    async def _react(self, reaction: Reaction, level: Level) -> None:
        await asyncio.sleep(reaction.after_s)
        page = await asyncio.to_thread(_answer, self.mailbox / reaction.person, reaction)
        if page is not None and level >= self.highest:
            self.page, self.highest = page, level


def newest_mail(folder: Path) -> str:
    """Return the text of the newest mail in a person's folder; empty when there is none."""
    mails = sorted(folder.glob("*.eml"))
    if not mails:
        return ""
    body = message_from_bytes(mails[-1].read_bytes(), policy=default).get_body(("plain",))
    return "" if body is None else str(body.get_content())


def link_in(text: str) -> str | None:
    """Return the first signed link in a text.

    >>> link_in("see http://127.0.0.1:8023/a/WyJ3Il0.ab-c now")
    'http://127.0.0.1:8023/a/WyJ3Il0.ab-c'
    """
    found = _LINK.search(text)
    return None if found is None else found[0]


def _answer(folder: Path, reaction: Reaction) -> str | None:
    """Open the page as a browser would, press its buttons, and return its address; None when it cannot be had."""
    link = link_in(newest_mail(folder))
    if link is None:
        return None
    try:
        page = _open(link)
        if reaction.answer is not None and (act := _ANSWER.search(page)):
            page = _open(link, {"act": act[1], "answer": reaction.answer.value, "note": reaction.note})
        if reaction.step and (form := _STEP.search(page)):
            _open(link, {"act": form[1], "step": form[2]})
    except (urllib.error.URLError, TimeoutError):
        # Nobody hears why a telephone failed; the alarm climbs on instead, which is what is shown.
        return None
    return link


def _open(link: str, form: dict[str, str] | None = None) -> str:
    data = None if form is None else urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(link, data, {"Accept-Language": "zh"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        return str(answer.read().decode())
