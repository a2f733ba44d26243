"""Tasks end although something on their way swallows a cancellation; a part that ends takes the service with it."""

from __future__ import annotations

import asyncio

import pytest

from shared.tasks import end, end_if_cancelled, until_stopped


async def deaf(times: int, heard: list[int]) -> None:
    """Swallow *times* cancellations, as a library's wait may."""
    for _ in range(times):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.append(1)
    await asyncio.Event().wait()


async def test_a_task_that_swallows_cancellations_ends_all_the_same() -> None:
    heard: list[int] = []
    task = asyncio.create_task(deaf(3, heard))
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end(task, again=0.01)
    assert task.cancelled()
    assert len(heard) == 3


async def test_a_loop_that_looks_ends_at_its_next_turn() -> None:
    turns: list[int] = []

    async def loop() -> None:
        while True:
            end_if_cancelled()
            turns.append(1)
            await deaf_once()

    async def deaf_once() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    task = asyncio.create_task(loop())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end(task, again=5)
    assert turns == [1]


async def test_what_a_task_raises_is_told_and_the_others_are_cancelled() -> None:
    async def fails() -> None:
        raise ValueError("broken")

    other = asyncio.create_task(asyncio.Event().wait())
    with pytest.raises(ValueError, match="broken"):
        await end(asyncio.create_task(asyncio.sleep(60)), first := asyncio.create_task(fails()), other)
    assert first.done()
    await asyncio.wait({other}, timeout=5)
    assert other.cancelled()


async def test_a_service_ends_when_asked_or_when_a_part_of_it_ends() -> None:
    stop, began = asyncio.Event(), []
    part = asyncio.create_task(asyncio.Event().wait())
    stop.set()
    await until_stopped(stop, part, begun=lambda: began.append(1))  # type: ignore[arg-type]  # its value is no matter
    assert part.cancelled()
    assert began == [1]

    async def breaks() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await until_stopped(asyncio.Event(), asyncio.create_task(breaks()), begun=lambda: None)
