"""Real providers on loopback: a mail server and a receiver of webhooks, which may also fail or hang."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Mail:
    """A mail as it arrived."""

    to: str
    subject: str
    body: str
    content_type: str


@dataclass
class MailServer:
    """Keeps what it takes. ``refuse``: an answer to DATA other than yes; ``hang``: no answer before it is set."""

    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    refuse: str | None = None
    refuse_to: dict[str, str] = field(default_factory=dict)
    hang: asyncio.Event | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse_to:
            return self.refuse_to[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.refuse is not None:
            return self.refuse
        content = envelope.content
        assert isinstance(content, bytes)
        mail = email.message_from_bytes(content, policy=email.policy.default)
        self.mails.append(
            Mail(
                to=envelope.rcpt_tos[0],
                subject=str(mail["Subject"]),
                body=mail.get_content(),
                content_type=mail.get_content_type(),
            )
        )
        self.arrived.set()
        if self.hang is not None:
            await self.hang.wait()
        return "250 taken"


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    handler = MailServer()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(handler, loop=loop, enable_SMTPUTF8=True), "127.0.0.1", 0)
    handler.port = server.sockets[0].getsockname()[1]
    try:
        yield handler
    finally:
        if handler.hang is not None:
            handler.hang.set()
        server.close()


@dataclass
class WebHooks:
    """Keeps what is posted. ``status``: its answer, by path; one in ``hang`` gets none, in ``drip`` never all."""

    port: int = 0
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    status: dict[str, int] = field(default_factory=dict)
    hang: set[str] = field(default_factory=set)
    drip: set[str] = field(default_factory=set)
    begun: set[str] = field(default_factory=set)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    def at(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            path = head[0].split(" ")[1]
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            status = self.status.get(path, 200)
            if status == 200:
                self.posts.append((path, json.loads(body)))
            if path in self.hang:
                await self.let_go.wait()
            while path in self.drip and not self.let_go.is_set():
                writer.write(b"HTTP/1.1 200 so\r\nX: " if path not in self.begun else b".")
                self.begun.add(path)
                await writer.drain()
                await asyncio.sleep(0.05)
            writer.write(f"HTTP/1.1 {status} so\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def web_hooks() -> AsyncIterator[WebHooks]:
    hooks = WebHooks()
    server = await asyncio.start_server(hooks.answer, "127.0.0.1", 0)
    hooks.port = server.sockets[0].getsockname()[1]
    try:
        yield hooks
    finally:
        hooks.let_go.set()
        server.close()
