"""kill -9 between "the provider has it" and "it is on record": one duplicate, marked, and nothing lost."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from shared.clock import SystemClock
from shared.postgres import Pool
from tests.integration.notifier.office import Office, parcel, until
from tests.integration.notifier.providers import mail_server
from tests.integration.notifier.test_delivery import PEOPLE, mail_channel

ROOT = Path(__file__).parents[3]


async def test_killed_between_sending_and_recording(pool: Pool, delivery_urls: dict[str, str], tmp_path: Path) -> None:
    async with mail_server() as server:
        office = Office(pool, tmp_path, mail_channel(server), PEOPLE, clock=SystemClock())
        await office.put(parcel("d1"))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.integration.notifier.victim",
            delivery_urls["notifier"], str(tmp_path), "an@example.org",
            cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdout is not None
        async with asyncio.timeout(60):
            while (line := await process.stdout.readline()) != b"sent\n":
                assert line, "the process ended by itself"
        assert len(server.mails) == 1
        # While it lives, what it has in hand is its own.
        await office.sender.step()
        assert (await office.row("d1"))["state"] == "sending"
        process.send_signal(signal.SIGKILL)
        await process.wait()

        async def recovered() -> bool:
            return await office.outbox.recover(office.clock.now(), ()) == 1

        await until(recovered)  # as soon as the server has noticed that the connection is gone
        await office.sender.step()
        await office.sender.settled()
        await office.sender.step()
        await office.sender.settled()
    assert [mail.subject for mail in server.mails] == ["red pond-w-d1", "AGAIN? red pond-w-d1"]
    (event,) = office.desk.events
    assert event.event_type == "notifier.alarm.sent"
    assert office.desk.sent[0].maybe_again
    row = await office.row("d1")
    assert (row["state"], row["attempt"], row["maybe_again"]) == ("sent", 2, True)


async def test_killed_before_anything_was_sent_is_sent(pool: Pool, tmp_path: Path) -> None:
    async with mail_server() as server:
        first = Office(pool, tmp_path, mail_channel(server), PEOPLE, clock=SystemClock())
        await first.put(parcel("d1"))
        await first.outbox.recover(first.clock.now(), ())
        claimed = await first.outbox.claim(["d1"], "mail", first.channels.route(["mail"])[0].rate, first.clock.now())
        assert isinstance(claimed, list)
        assert len(claimed) == 1
        await first.outbox.close()  # its lock goes, as with its process
        second = Office(pool, tmp_path, mail_channel(server), PEOPLE, clock=SystemClock())
        await second.sender.step()
        await second.sender.settled()
    assert [mail.subject for mail in server.mails] == ["AGAIN? red pond-w-d1"]
    # Whoever was thought dead, and sends after all, is heard no more.
    assert await _late(first, second) == set()


async def _late(first: Office, second: Office) -> set[str]:
    async with first.pool.connection() as conn, conn.transaction():
        return await first.outbox.settle(conn, second.desk.outcomes)


async def test_a_claim_whose_answer_was_lost_is_sent_unmarked(pool: Pool, tmp_path: Path) -> None:
    async with mail_server() as server:
        office = Office(pool, tmp_path, mail_channel(server), PEOPLE, clock=SystemClock())
        await office.put(parcel("d1"))
        await office.outbox.recover(office.clock.now(), ())
        await office.outbox.claim(["d1"], "mail", office.channels.route(["mail"])[0].rate, office.clock.now())
        await office.sender.step()
        await office.sender.settled()
    assert [mail.subject for mail in server.mails] == ["red pond-w-d1"]
