"""The watchdog against a monitor that takes its readings, loses them, or is started anew: what is told, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.domain.watchdog import Beat, Watch, beat, heard, look, next_at, slot_of, standing
from shared.contracts.levels import Level, LevelName
from tests.prove import examples

START = datetime(2025, 7, 22, 8, tzinfo=UTC)
PATIENCE = 180.0


class Monitor:
    """What the monitor makes of the readings: the highest of a slot counts, and there is no hold."""

    def __init__(self) -> None:
        self.slot = 0
        self.level = Level.NONE

    def take(self, reading: Beat) -> tuple[datetime, LevelName | None] | None:
        """Return (end of the slot, level) of the event that a reading makes, if it makes one."""
        new = Level.of(reading.level)
        if reading.slot == self.slot:
            new = max(new, self.level)
        before, self.slot, self.level = self.level, max(self.slot, reading.slot), new
        return None if new == before else (datetime.fromtimestamp(reading.slot * 300, UTC), new.label)


minute = st.sampled_from(["comes", "comes", "comes", "lost", "late", "restart"])


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(0, 299), st.lists(minute, min_size=1, max_size=60))
def test_silent_is_said_once_and_only_when_nothing_came_back(offset: int, minutes: list[str]) -> None:
    monitor, watch = Monitor(), Watch(patience_s=PATIENCE)
    now = START + timedelta(seconds=offset)
    silent, proved, said = False, now, 0
    for what in minutes:
        if what == "restart":  # knows what the monitor says, and what the store says
            head = datetime.fromtimestamp(monitor.slot * 300, UTC) if monitor.slot else None
            kept = Watch(patience_s=PATIENCE, silent_since=watch.silent_since)
            watch = standing(kept, head, monitor.level.label)
        watch, made = beat(watch, now)
        if made is not None and what != "lost":
            event = monitor.take(made)
            took = timedelta(seconds=PATIENCE + 1 if what == "late" else 1)
            if event is not None:
                watch, back, restored = heard(watch, *event, now + took)
                assert back == (what != "late")
                assert (restored is not None) == (back and silent)
                if back:
                    silent, proved = False, now
        watch, event = look(watch, now + timedelta(seconds=2))
        if event is not None:
            assert not silent, "it was told before"
            silent, said = True, said + 1
            assert (now - proved).total_seconds() > PATIENCE - 62
        assert (watch.silent_since is not None) == silent
        now = max(next_at(watch, now), now + timedelta(seconds=1))
    assert set(minutes) - {"comes", "restart"} or said == 0


@settings(max_examples=examples(100), deadline=None)
@given(st.integers(0, 86_399))
def test_every_minute_brings_one_event_and_every_slot_one_warning(offset: int) -> None:
    monitor, watch = Monitor(), Watch(patience_s=PATIENCE)
    now = START + timedelta(seconds=offset)
    first, events, clears, beats = slot_of(now), 0, 0, 0
    for _ in range(30):
        watch, made = beat(watch, now)
        beats += 1
        if made is None:
            assert slot_of(now) == first, "it rests in the slot it began in, if at all"
            beats -= 1
        else:
            event = monitor.take(made)
            assert event is not None, "a reading that says nothing"
            watch, back, _ = heard(watch, *event, now + timedelta(seconds=1))
            assert back
            events, clears = events + 1, clears + (event[1] is None)
        assert slot_of(next_at(watch, now)) in (slot_of(now), slot_of(now) + 1)
        assert timedelta() < next_at(watch, now) - now <= timedelta(minutes=1, seconds=1)
        now = next_at(watch, now)
    assert events == beats >= 29
    assert clears in (5, 6)


def test_what_comes_back_without_having_been_sent_proves_nothing() -> None:
    watch, made = beat(Watch(patience_s=PATIENCE), START + timedelta(seconds=30))
    assert made is not None
    end = datetime.fromtimestamp(made.slot * 300, UTC)
    for time, level in ((end, LevelName.RED), (end - timedelta(minutes=5), made.level), (end, None)):
        assert heard(watch, time, level, made.at)[1] is False
    assert heard(watch, end, made.level, made.at + timedelta(seconds=PATIENCE + 1))[1] is False
    after, back, _ = heard(watch, end, made.level, made.at + timedelta(seconds=2))
    assert (back, after.round_trip_s, after.waiting_since) == (True, 2.0, None)
    assert heard(after, end, made.level, made.at + timedelta(seconds=3))[1] is False  # told twice


@settings(max_examples=examples(50), deadline=None)
@given(st.integers(0, 299), st.integers(0, 6))
def test_silence_is_told_within_patience_and_a_minute(offset: int, well: int) -> None:
    monitor, watch = Monitor(), Watch(patience_s=PATIENCE)
    now = proved = START + timedelta(seconds=offset)
    for minute in range(well + 8):
        watch, made = beat(watch, now)
        if minute < well and made is not None and (event := monitor.take(made)) is not None:
            watch, proved = heard(watch, *event, now)[0], now
        watch, said = look(watch, now)
        if said is not None:
            assert said.why == "publish"
            # One reading may rest at the end of the first slot; then patience; then the look a minute later.
            assert now - proved <= timedelta(seconds=PATIENCE + 3 * 61)
            return
        now = next_at(watch, now)
    raise AssertionError("never told")
