"""Waits grow and jitter, channels take over from one another, and a bucket gives what it has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.notifier.domain.delivery import Claimed, Handed, Outcome
from services.notifier.domain.message import Message
from services.notifier.domain.retry import Bucket, RetryPolicy, after
from shared.contracts.levels import LevelName
from shared.contracts.notifier import MessageKind

NOW = datetime(2025, 7, 22, 8, tzinfo=UTC)
POLICY = RetryPolicy(attempts=3, base_s=2, cap_s=5, slow_first_s=15, slow_s=100)
BAD = Handed(sent=False, why="http_503")


def claimed(tries: int = 1, rounds: int = 0, kind: MessageKind = MessageKind.ALARM, maybe: bool = False) -> Claimed:
    message = Message(kind=kind, alarm_id="w", pond_id="p", pond_name="P", level=LevelName.RED, time=NOW)
    return Claimed(
        id="d", alarm_id="w", pond_id="p", person_id="an", kind=kind, revision=1, channels=("a", "b"),
        message=message, created_at=NOW, due_at=NOW, channel="a", attempt=tries, tries=tries, rounds=rounds,
        maybe_again=maybe,
    )  # fmt: skip


def outcome(parcel: Claimed, handed: Handed = BAD, place: int = 0, jitter: float = 1.0, **more: bool) -> Outcome:
    return after(parcel, handed, NOW, place, 2, POLICY, jitter, **more)


def wait(found: Outcome) -> float:
    return (found.due_at - NOW).total_seconds()


@pytest.mark.parametrize(("tries", "jitter", "expected"), [(1, 1.0, 2), (2, 1.0, 4), (1, 0.25, 0.5), (2, 0.0, 0)])
def test_waits_grow_and_are_a_random_part(tries: int, jitter: float, expected: float) -> None:
    found = outcome(claimed(tries), jitter=jitter)
    assert (wait(found), found.final, found.channel_index, found.tries) == (expected, False, 0, tries)


def test_a_wait_has_a_cap() -> None:
    long = RetryPolicy(attempts=2000, base_s=2, cap_s=5)
    assert wait(after(claimed(1999), BAD, NOW, 0, 2, long, 1.0)) == 5


def test_the_next_channel_takes_over_at_once() -> None:
    for found in (
        outcome(claimed(3)),
        outcome(claimed(1), Handed(sent=False, lasting=True)),
        outcome(claimed(), probe=True),
    ):
        assert (wait(found), found.final, found.exhausted, found.channel_index, found.tries) == (0, True, False, 1, 0)


@pytest.mark.parametrize(
    ("rounds", "jitter", "expected"), [(0, 1, 15), (0, 0, 7.5), (1, 1, 30), (3, 1, 100), (5000, 1, 100)]
)
def test_when_all_have_failed_it_goes_on_slowly(rounds: int, jitter: float, expected: float) -> None:
    found = outcome(claimed(3, rounds), place=1, jitter=jitter)
    assert (wait(found), found.final, found.exhausted, found.channel_index) == (expected, True, True, 0)
    assert (found.rounds, found.state) == (rounds + 1, "waiting")
    # From the second round on each is tried once.
    assert outcome(claimed(1, max(rounds, 1))).channel_index == 1


def test_what_may_have_got_through_stays_marked() -> None:
    found = outcome(claimed(), Handed(sent=False, maybe=True, why="timeout"))
    assert (found.maybe_again, found.why) == (True, "timeout")
    assert outcome(claimed(maybe=True)).maybe_again
    assert outcome(claimed(maybe=True), Handed(sent=True)).maybe_again
    assert not outcome(claimed(), Handed(sent=True)).maybe_again


def test_only_an_alarm_is_never_given_up() -> None:
    policy = RetryPolicy(attempts=1, give_up_s=60)
    late = NOW + timedelta(seconds=61)
    states = {
        kind: after(claimed(3, 1, kind), BAD, late, 1, 2, policy, 1.0).state
        for kind in (MessageKind.ALARM, MessageKind.REPEAT, MessageKind.ALL_CLEAR, MessageKind.BULLETIN)
    }
    assert list(states.values()) == ["waiting", "waiting", "failed", "failed"]


def test_a_bucket_gives_what_it_has_and_fills_again() -> None:
    bucket = Bucket(2, 0.5, 2, NOW)
    bucket = bucket.take().take()
    assert not bucket.ready
    assert bucket.ready_at == NOW + timedelta(seconds=2)
    assert bucket.filled(bucket.ready_at).ready
    assert not bucket.filled(NOW - timedelta(hours=1)).ready
    assert bucket.filled(NOW + timedelta(hours=1)).tokens == 2
