"""How many threads a channel has under way, and for whom.

Where the address is the provider (a person's own webhook), one that hangs is its owner's matter: it never has more than
half of the channel, a thread that is not waited for any more does not count, and the address gets no other before
that one has ended. Addresses whose last attempt failed share half of the channel.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Attempt", "Lanes"]


@dataclass(slots=True, eq=False)
class Attempt:
    """One message on its way."""

    address: str = field(repr=False)
    suspect: bool
    late: bool = False


class Lanes:
    """Counts a channel's threads; they end in threads of their own.

    Parameters
    ----------
    concurrency : int
        Threads at once.
    apart : bool
        Whether each address is a provider of its own.
    """

    def __init__(self, concurrency: int, apart: bool) -> None:
        self._size, self._half, self._apart = concurrency, max(1, concurrency // 2), apart
        self._under_way: set[Attempt] = set()
        self._hung: Counter[str] = Counter()
        self._suspects: set[str] = set()
        self._lock = threading.Lock()

    def free(self, address: str | None) -> bool:
        """Tell whether a message to *address* can go now, or be answered at once because an earlier one hangs."""
        with self._lock:
            if self._apart and self._hung[address or ""]:
                return True
            if self._apart and sum(each.address == address for each in self._under_way) >= self._half:
                return False
            if address in self._suspects and sum(each.suspect for each in self._under_way) >= self._half:
                return False
            return len(self._under_way) < self._size

    def begin(self, address: str | None) -> Attempt | None:
        """Count a message; None: the last one to this address hangs yet."""
        with self._lock:
            known = address or ""
            if self._apart and self._hung[known]:
                return None
            attempt = Attempt(known, known in self._suspects)
            self._under_way.add(attempt)
            return attempt

    def late(self, attempt: Attempt) -> None:
        """It is not waited for any more. A hung provider's threads count until they end; a person's do not."""
        with self._lock:
            if self._apart and attempt in self._under_way:
                self._under_way.discard(attempt)
                self._hung[attempt.address] += 1
                self._suspects.add(attempt.address)
                attempt.late = True

    def end(self, attempt: Attempt, sent: bool) -> None:
        """Its thread has ended."""
        with self._lock:
            self._under_way.discard(attempt)
            if attempt.late:
                self._hung -= Counter((attempt.address,))
            if sent:
                self._suspects.discard(attempt.address)
            elif self._apart:
                self._suspects.add(attempt.address)
