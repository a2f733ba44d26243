"""Junk under an event subject (a server's answer, sent there by a forged reply subject) stops nothing."""

from __future__ import annotations

import asyncio
import json

from nats.js import JetStreamContext

from shared.bus.connection import connect
from shared.eventstore.published import last_published
from shared.settings import Connection


async def _event(js: JetStreamContext, service: str, position: int) -> None:
    event = {"specversion": "1.0", "source": f"/tailwarden/{service}", "position": position, "hash": "ab" * 32}
    await js.publish(f"tw.events.{service}.pond.a.amended", json.dumps(event).encode())


async def test_junk_after_the_last_event_is_stepped_over(connection: Connection) -> None:
    nc = await connect(connection, name="tests")
    try:
        js = nc.jetstream()
        assert (await last_published(js, "registry")).position == 0
        await _event(js, "registry", 7)
        await _event(js, "monitor", 3)
        subject = "tw.events.registry.pond.a.registered"
        # Guests have an account of their own and cannot do this any more; whoever has our password still can.
        await nc.publish("tw.telemetry.a.b", b"{}", reply=subject)
        async with asyncio.timeout(5):
            while (await js.get_last_msg("EVENTS", "tw.events.registry.>")).subject != subject:
                await asyncio.sleep(0.02)
        last = await last_published(js, "registry")
        assert (last.position, last.hash) == (7, bytes.fromhex("ab" * 32))
        # What the next publish has to expect is the real last message, junk or not.
        assert last.sequence == (await js.get_last_msg("EVENTS", "tw.events.registry.>")).seq
    finally:
        await nc.close()
