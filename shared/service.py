"""The frame every service runs in: uvloop, logging, and a stop that SIGTERM and Ctrl-C ask for."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

import uvloop

from shared.logging import configure, logger
from shared.ops.tracing import begin_tracing, end_tracing
from shared.problems import BadInput
from shared.settings import Settings
from shared.words import language

__all__ = ["asyncio_run"]


def asyncio_run(serve: Callable[[asyncio.Event], Awaitable[None]], *, service: str) -> None:
    """Run ``serve(stop)`` to its end.

    Parameters
    ----------
    serve
        The service; it returns soon after *stop* is set, having let go of what it holds.
    service
        Its name, bound to every log line.

    Raises
    ------
    SystemExit
        With 2, after one line on stderr, when a setting or a file of settings cannot be used.
    """
    settings = Settings.load()
    configure(settings.log_level, settings.log_format, service=service)

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await serve(stop)

    begin_tracing(service)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run())
    except BadInput as error:
        # What the service was told cannot be used: that is one sentence to whoever told it; where, only on demand.
        logger(__name__).debug("cannot serve", exc_info=True)
        sys.stderr.write(f"tailwarden {service}: {' '.join(error.words(language(settings.language)).split())}\n")
        sys.exit(2)
    finally:
        end_tracing()
