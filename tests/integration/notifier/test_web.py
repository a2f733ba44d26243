"""The HTTP edge on real sockets: who does not ask, or asks too slowly, keeps nobody out."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.notifier.adapters.http import listen, server_of
from shared.guard import Limits

LARGE = "x" * 8_000_000


@asynccontextmanager
async def served(limits: Limits | None = None) -> AsyncIterator[int]:
    """Serve an answer to GET, and the length of what is posted; yield the port."""

    async def said(request: Request) -> Response:
        return PlainTextResponse(str(len(await request.body())))

    async def large(request: Request) -> Response:
        return PlainTextResponse(LARGE)

    app = Starlette(routes=[Route("/", said, methods=["GET", "POST"]), Route("/large", large)])
    sock = listen("127.0.0.1", 0)
    server = server_of(app, limits)
    task = asyncio.create_task(server.serve([sock]))
    try:
        yield sock.getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        await task
        sock.close()


def idle(port: int, count: int, address: str = "127.0.0.1") -> list[socket.socket]:
    return [socket.create_connection(("127.0.0.1", port), 5, (address, 0)) for _ in range(count)]


async def asked(port: int) -> int:
    async with httpx.AsyncClient(timeout=5) as client:
        return (await client.get(f"http://127.0.0.1:{port}/")).status_code


@pytest.mark.parametrize(
    "head", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"]
)
async def test_idle_connections_of_one_address_keep_nobody_out(head: bytes) -> None:
    async with served() as port:
        held = await asyncio.to_thread(idle, port, 300)
        try:
            for each in held:
                each.sendall(head)
            assert await asked(port) == 200
        finally:
            for each in held:
                each.close()


async def test_idle_connections_of_many_addresses_keep_nobody_out() -> None:
    async with served(Limits(most=40, idle_per_address=16)) as port:
        held = [each for host in range(2, 8) for each in await asyncio.to_thread(idle, port, 15, f"127.0.0.{host}")]
        try:
            assert await asked(port) == 200
        finally:
            for each in held:
                each.close()


async def test_who_does_not_take_the_answer_keeps_nobody_out() -> None:
    async with served(Limits(most=12, idle_per_address=16)) as port:
        held = await asyncio.to_thread(idle, port, 20)
        try:
            for each in held[-12:]:
                each.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await asked(port) == 200
        finally:
            for each in held:
                each.close()


@pytest.mark.parametrize(
    "slow",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: ",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTT",
    ],
)
async def test_a_request_has_its_time_however_it_trickles(slow: bytes) -> None:
    async with served(Limits(ask_s=0.3)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(slow)

        async def trickle() -> None:
            while True:
                writer.write(b"x" if slow else b"")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(trickle())
        try:
            async with asyncio.timeout(3):  # the server's own patience for silence is longer, and drops renew it
                with suppress(ConnectionError):
                    while await reader.read(1000):
                        pass
        finally:
            dripping.cancel()
            await asyncio.gather(dripping, return_exceptions=True)
            writer.close()


async def test_an_answer_has_its_time() -> None:
    async with served(Limits(answer_s=0.3)) as port:
        (one,) = idle(port, 1)
        with one:
            one.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.sleep(0.6)

            def rest() -> int:
                got = 0
                try:
                    while chunk := one.recv(1_000_000):
                        got += len(chunk)
                except ConnectionError:
                    pass
                return got

            assert await asyncio.to_thread(rest) < len(LARGE)


async def test_one_connection_may_ask_again_and_again() -> None:
    async with served(Limits(ask_s=0.3)) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(4):
            answered = await client.post("/", content=b"x" * 100_000)
            assert answered.text == "100000"
            await asyncio.sleep(0.1)
