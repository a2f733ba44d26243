"""Who may keep a connection: a time limit for asking and for being answered, and room for whoever asks next.

A connection that has not asked yet, or does not take its answer, costs its owner nothing. It is therefore given up as
soon as there are too many: the oldest of the address that has the most of them. Whoever asks is answered meanwhile.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from dataclasses import dataclass

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

__all__ = ["Limits", "guarded"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how many. Times in seconds."""

    ask_s: float = 10.0
    """For a whole request, head and body, from the connection's beginning or the answer before."""
    answer_s: float = 60.0
    """For the answer to be made and taken."""
    idle_per_address: int = 64
    """Connections of one address that do not ask, or do not take their answer. A proxy is one address."""
    most: int = 256
    """Connections in all."""


class _Crowd:
    """Every connection of a server, in the order in which they came."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._here: dict[_Guarded, str] = {}

    def enter(self, new: _Guarded, address: str) -> None:
        """Let a connection in; whoever has to go for it goes, it itself when all others are being answered."""
        limits = self.limits
        idle = [(each, where) for each, where in self._here.items() if each.idle]
        mine = [each for each, where in idle if where == address]
        if len(mine) >= limits.idle_per_address:
            self.leave(mine[0])
            mine[0].give_up()
        elif len(self._here) >= limits.most:
            crowds = Counter(where for _, where in idle)
            victim = max(idle, key=lambda each: crowds[each[1]], default=(new, address))[0]  # the first of the most
            self.leave(victim)
            victim.give_up()
            if victim is new:
                return
        self._here[new] = address

    def leave(self, gone: _Guarded) -> None:
        """Forget a connection."""
        self._here.pop(gone, None)


class _Guarded(H11Protocol):
    """A connection with a time limit for each thing it waits for."""

    crowd: _Crowd
    _limit: asyncio.TimerHandle | None = None
    _asked = False

    @property
    def idle(self) -> bool:
        """Whether it is waited for: its request is not whole, or its answer is not taken."""
        return not self._whole or self.flow.write_paused

    @property
    def _whole(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request, whatever its type says
        return cycle is not None and not (cycle.more_body or cycle.response_complete)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in its base
        super().connection_made(transport)
        self._wait()
        self.crowd.enter(self, _address(transport))

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._whole is not self._asked:
            self._wait()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self.crowd.leave(self)
        super().connection_lost(exc)

    def give_up(self) -> None:
        """Close at once, whatever the other side does."""
        self.transport.abort()

    def _wait(self) -> None:
        """Begin a new time limit: for the request, or for the answer until it is taken."""
        if self._limit is not None:
            self._limit.cancel()
        self._asked = self._whole
        limits, answered = self.crowd.limits, self._asked or self.transport.get_write_buffer_size() > 0
        self._limit = self.loop.call_later(limits.answer_s if answered else limits.ask_s, self.give_up)


def guarded(limits: Limits) -> type[H11Protocol]:
    """Return the protocol of one server's connections, which share its limits."""

    class Guarded(_Guarded):
        crowd = _Crowd(limits)

    return Guarded


def _address(transport: asyncio.Transport) -> str:
    """Return whose connection this is: an IPv4 address, or the network (/64) that one subscriber has of IPv6."""
    peer = transport.get_extra_info("peername")
    if not isinstance(peer, tuple):
        return ""
    try:
        address = ipaddress.ip_address(str(peer[0]).partition("%")[0])
    except ValueError:
        return str(peer[0])
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    mapped = address.ipv4_mapped
    return str(ipaddress.ip_network((address, 64), strict=False)) if mapped is None else str(mapped)
