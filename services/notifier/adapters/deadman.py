"""An external dead-man service: it raises the alarm when its URL is no longer called (healthchecks and their like)."""

from __future__ import annotations

import threading
import urllib.request
from datetime import datetime

from shared.clock import Clock
from shared.logging import logger

__all__ = ["DeadMan"]


class DeadMan:
    """Calls a URL now and then, beside everything else: nothing waits for it, and at most one call is under way.

    The URL is a secret (whoever knows it can silence the alarm): neither it nor a server's words are logged.
    """

    def __init__(self, url: str, clock: Clock, timeout_s: float = 10.0) -> None:
        self._url, self._clock, self._timeout_s = url, clock, timeout_s
        self._thread: threading.Thread | None = None
        self._failing = False
        self.last: datetime | None = None
        """When a call last succeeded."""

    def ping(self) -> bool:
        """Begin a call; False while the last one is under way."""
        if self._thread is not None and self._thread.is_alive():
            return False
        # A daemon thread: a name server that hangs longer than the time-out must not hold up the end of the service.
        self._thread = threading.Thread(target=self._call, name="dead-man", daemon=True)
        self._thread.start()
        return True

    def _call(self) -> None:
        log = logger(__name__)
        try:
            request = urllib.request.Request(self._url, headers={"User-Agent": "tailwarden"})
            with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:
                answer.read(64)
        except Exception as error:
            if not self._failing:
                log.warning("the external dead-man service took no ping", error=type(error).__name__)
            self._failing = True
            return
        if self._failing:
            log.info("the external dead-man service takes pings again")
        self._failing, self.last = False, self._clock.now()
