"""Who is told by which channel: the person's own order, without channels that are down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.notifier.domain.delivery import Handed
from services.notifier.domain.policy import ORDER
from services.notifier.ports import Away, Channel, Channels, Due, Language, Length, RateLimit, Text
from shared.contracts.levels import LevelName

__all__ = ["Way", "ways"]

_RED = ORDER[LevelName.RED]
_PATIENCE = timedelta(seconds=30)
"""So long a channel that may be tried waits for something less than red to be tried with."""


class _Nowhere:
    """Stands in where there is no way to a person, so that this is recorded and tried again like any failure."""

    name, kind, rate = "none", None, RateLimit()
    language: Language = "en"
    length: Length = "short"

    def __init__(self, why: str) -> None:
        self._why = why

    def free(self, address: str | None) -> bool:
        """See ``ports.Channel``."""
        return True

    async def send(self, text: Text, address: str | None, person_id: str) -> Handed:
        """See ``ports.Channel``."""
        return Handed(sent=False, lasting=True, personal=True, why=self._why)


_NO_CHANNEL, _NO_ADDRESS = _Nowhere("no_channel"), _Nowhere("no_address")


@dataclass(slots=True)
class Way:
    """What goes to a person in one message, and how. ``waits``: all their channels are down, and it is not time yet."""

    person_id: str
    channel: Channel
    waits: bool
    address: str | None = field(repr=False)
    probe_at: datetime | None = None
    """The channel is down, and may be tried from then on."""
    due: list[Due] = field(default_factory=list)
    exercise: bool = False
    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Of each parcel: which of how many channels this is in its own order."""

    @property
    def key(self) -> tuple[str, str, bool]:
        """Whose turn it is by which channel; nothing real waits for an exercise's message."""
        return self.person_id, self.channel.name, self.exercise


def ways(
    due: Sequence[Due],
    channels: Channels,
    away: Mapping[str, Away],
    addresses: Mapping[str, Mapping[str, str]],
    now: datetime,
) -> list[Way]:
    """Return who is told by which channel, the most urgent first, parcels that go together put together.

    Parameters
    ----------
    away
        Channels that are down.
    """
    ways: dict[tuple[str, Channel, bool, str], Way] = {}
    probing: dict[str, str] = {}
    # Whoever waits longest finds out whether a channel that is down still is: each in their turn, red last.
    for each in sorted(due, key=lambda each: (each.urgency >= _RED, each.since)):
        known = addresses.get(each.person_id, {})
        routes = [route for route in channels.route(each.channels) if route.kind is None or route.kind in known]
        if not routes:
            routes = [_NO_ADDRESS if channels.route(each.channels) else _NO_CHANNEL]
        place = _place(each, routes, known, away, probing, now)
        channel = routes[each.channel_index % len(routes) if place is None else place]
        way = ways.setdefault(
            (each.person_id, channel, each.exercise, each.sort),
            Way(each.person_id, channel, place is None, known.get(channel.kind or ""), exercise=each.exercise),
        )
        way.due.append(each)
        way.places.update(dict.fromkeys(each.ids, (place or 0, len(routes))))
        if (down := away.get(channel.name)) is not None:
            way.probe_at = down.probe_at
    return sorted(ways.values(), key=lambda way: -max(each.urgency for each in way.due))


def _place(
    each: Due,
    routes: Sequence[Channel],
    known: Mapping[str, str],
    away: Mapping[str, Away],
    probing: dict[str, str],
    now: datetime,
) -> int | None:
    """Return which of a person's channels is next; one that is down only to see whether it still is.

    None: all are down, and it is not time yet.
    """
    start = each.channel_index % len(routes)
    order: list[int] = [*range(start, len(routes)), *range(start)]
    works = any(route.name not in away for route in routes)
    # A red alarm that has another way is not what a channel is tried with, for it might hang; unless there has been
    # nothing else to try it with for a while.
    patience = _PATIENCE if each.urgency >= _RED and works else timedelta()
    for place in order:
        name = routes[place].name
        down = away.get(name)
        if down is None:
            return place
        if works and not routes[place].free(known.get(routes[place].kind or "")):
            continue  # nobody waits for those that hang there
        # One person's message at a time finds out; everybody else's goes by the next channel.
        if now >= down.probe_at + patience and probing.setdefault(name, each.person_id) == each.person_id:
            return place
    return None
