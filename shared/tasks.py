"""The tasks a service consists of: run until it is asked to stop, and ended for certain.

A cancellation can get lost on its way: psycopg 3.3 and nats-py 2.16 each wait, at places, in a manner that takes a
cancellation for the end of that wait (and ``asyncio.wait_for`` does, before Python 3.12, when it meets the result).
Whoever cancels a task here therefore does so again until the task has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

__all__ = ["end", "end_if_cancelled", "until_stopped"]

_AGAIN = 0.25
"""Seconds a task has to end before it is cancelled once more: letting go of a connection takes milliseconds."""


def end_if_cancelled() -> None:
    """Cancel once more, for a loop whose body may have swallowed its cancellation."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def end(*tasks: asyncio.Task[Any], again: float = _AGAIN) -> None:
    """Cancel *tasks*, one after the other, and return when each has ended.

    Raises
    ------
    Exception
        What a task raised of its own before it could be cancelled, or while it let go.
    """
    try:
        for task in tasks:
            while not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=again)
            with suppress(asyncio.CancelledError):
                task.result()
    finally:
        for task in tasks:
            task.cancel()


async def until_stopped(stop: asyncio.Event, *tasks: asyncio.Task[None], begun: Callable[[], None]) -> None:
    """Wait for *stop*; a task that ends by itself ends the service, so that its supervisor starts it anew.

    Parameters
    ----------
    stop
        Set when the service is asked to end.
    tasks
        What it consists of; they are ended here in any case.
    begun
        Called once everything runs and before the first wait.
    """
    stopped = asyncio.create_task(stop.wait(), name="stop")
    try:
        begun()
        done, _ = await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopped}:
            task.result()
    finally:
        await end(stopped, *tasks)
