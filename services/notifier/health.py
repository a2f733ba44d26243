"""Whether a channel fails for everybody: said once, and once when it works again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from services.notifier.domain.delivery import Handed
from services.notifier.ports import Recorder
from shared.contracts.notifier import ChannelDown, ChannelUp
from shared.logging import logger

__all__ = ["Health"]

FAILURES, PEOPLE = 3, 2
"""So many failures in a row, for so many people …"""
ALONE = 6
"""… or so many for whomever: then it is the channel."""


@dataclass(slots=True)
class _Row:
    failures: int = 0
    people: set[str] = field(default_factory=set)


class Health:
    """Counts each channel's failures in a row. What stands in the database decides whether something is news."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._rows: dict[str, _Row] = {}

    async def hear(self, channel: str, person_id: str, handed: Handed, at: datetime, down: bool) -> None:
        """Take the outcome of an attempt in; *down*: the channel was known to be down when it began."""
        row = self._rows.setdefault(channel, _Row())
        if handed.sent:
            suspect = down or row.failures >= FAILURES
            self._rows[channel] = _Row()
            if suspect:
                await self._report(ChannelUp(channel=channel, at=at))
            return
        if handed.personal:
            return
        row.failures += 1
        row.people.add(person_id)
        everybody = (row.failures >= FAILURES and len(row.people) >= PEOPLE) or row.failures >= ALONE
        if everybody and not down:
            await self._report(ChannelDown(channel=channel, why=handed.why, at=at))

    async def _report(self, event: ChannelDown | ChannelUp) -> None:
        log = logger(__name__).bind(channel=event.channel)
        try:
            news = await self._recorder.report(event)
        except Exception as error:
            log.warning("report of a channel not kept; the next attempt makes it again", error=type(error).__name__)
            return
        if news and isinstance(event, ChannelDown):
            log.error("channel down", why=event.why)
        elif news:
            log.warning("channel works again")
