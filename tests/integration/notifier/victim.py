"""A sender that is killed between sending and recording: run as a process by ``test_kill``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from services.notifier.domain.delivery import Outcome
from shared.clock import SystemClock
from shared.postgres import open_pool
from tests.integration.notifier.office import Office


async def main(url: str, directory: str, address: str) -> None:
    pool = await open_pool(url, schema="notifier")
    channels = (Path(directory) / "channels.toml").read_text("utf-8")
    office = Office(pool, Path(directory), channels, {"an": {"mail": address}}, clock=SystemClock())

    async def never(outcomes: Sequence[Outcome]) -> None:
        print("sent", flush=True)
        await asyncio.sleep(3600)

    office.desk.record = never  # type: ignore[method-assign]  # the moment in which the process is killed
    await office.sender.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
