"""A mail server on loopback that notes when each mail came, and what it was about."""

from __future__ import annotations

import asyncio
import email
import email.policy
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Inbox", "Received", "inbox"]


@dataclass(frozen=True, slots=True)
class Received:
    """A mail: when it was whole here (``time.perf_counter``), to whom, and its text with the subject first."""

    at: float
    to: str
    text: str


@dataclass(slots=True)
class Inbox:
    """What was received, in order."""

    port: int = 0
    mails: list[Received] = field(default_factory=list)
    held: asyncio.Event | None = None
    """While this is set up and not set, mails are taken and the sender is left waiting for the answer."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a mail."""
        at = time.perf_counter()
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append(Received(at, envelope.rcpt_tos[0], f"{mail['Subject']}\n{mail.get_content()}"))
        if self.held is not None:
            await self.held.wait()
        return "250 taken"


@asynccontextmanager
async def inbox() -> AsyncIterator[Inbox]:
    """Serve on a free port of the loopback interface."""
    from aiosmtpd.smtp import SMTP

    handler = Inbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, loop=loop, enable_SMTPUTF8=True), "127.0.0.1", 0)
    handler.port = server.sockets[0].getsockname()[1]
    try:
        yield handler
    finally:
        if handler.held is not None:
            handler.held.set()
        server.close()
