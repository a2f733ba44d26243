"""Whatever happens in whatever order: an unanswered orange or red ends at the top, and nobody misses the all-clear."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.domain.alarm import Alarm, AlarmEvent, evolve
from services.notifier.domain.pipeline import advance, end
from services.notifier.domain.policy import ORDER, LevelPolicy, Settings, worse
from services.notifier.domain.world import Member, Neighbour, World
from shared.contracts.levels import LevelName
from shared.contracts.notifier import (
    AlarmAnswered,
    AlarmChanged,
    AlarmHeld,
    AlarmOpened,
    Answer,
    MessageKind,
    PersonDecided,
    Shelving,
)
from tests.prove import examples

START = datetime(2025, 7, 22, 8, tzinfo=UTC)
LEVELS = tuple(LevelName)
POLICY = Settings(
    levels={
        LevelName.BLUE: LevelPolicy(settle_s=60, climbs=False, quiet_at_night=True),
        LevelName.YELLOW: LevelPolicy(settle_s=30),
        LevelName.ORANGE: LevelPolicy(escalate_s=300, repeat_s=600),
        LevelName.RED: LevelPolicy(escalate_s=120, repeat_s=300),
    }
)


def member(name: str) -> Member:
    return Member(person_id=name, name=name.title(), role="duty", channels=("sms", "mail"))


Moves = list[tuple[str, object]]

CHAIN: tuple[tuple[Member, ...], ...] = ((member("an"), member("bo")), (member("chen"),), (member("dai"), member("an")))

moves = st.lists(
    st.one_of(
        st.tuples(st.just("level"), st.sampled_from(LEVELS)),
        st.tuples(st.just("wait"), st.integers(1, 900)),
        st.tuples(st.just("shelve"), st.tuples(st.sampled_from(LEVELS), st.booleans(), st.integers(10, 2000))),
        st.tuples(st.just("answer"), st.tuples(st.sampled_from(["an", "bo", "chen"]), st.sampled_from(list(Answer)))),
        st.tuples(st.just("neighbour"), st.sampled_from([None, *LEVELS])),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("chain"), st.integers(0, 3)),
    ),
    max_size=14,
)


class Story:
    """An alarm played through, with everything that was said of it."""

    def __init__(self, level: LevelName) -> None:
        self.now = START
        self.shelvings: list[Shelving] = []
        self.neighbour: LevelName | None = None
        self.chain = CHAIN
        opened = AlarmOpened(
            alarm_id="w1", pond_id="p", at=START, level=level, verified=True, late=False, time=START, causes=()
        )
        self.events: list[AlarmEvent] = [opened]
        self.alarm: Alarm = evolve(None, opened)
        self.go()

    def world(self) -> World:
        neighbours: tuple[Neighbour, ...] = ()
        if self.neighbour is not None:
            older = START - timedelta(hours=1)
            neighbours = (Neighbour(alarm_id="w0", level=self.neighbour, opened=older),)
        return World(
            now=self.now, settings=POLICY, chain=self.chain, shelvings=tuple(self.shelvings), neighbours=neighbours
        )

    def add(self, event: AlarmEvent) -> None:
        self.events.append(event)
        self.alarm = evolve(self.alarm, event)

    def go(self) -> None:
        for event in advance(self.alarm, self.world()):
            self.add(event)
        assert advance(self.alarm, self.world()) == []

    def about(self) -> dict[str, object]:
        return {"alarm_id": "w1", "pond_id": "p", "at": self.now}

    def change(self, level: LevelName | None) -> None:
        previous = self.alarm.level
        if level != previous:
            self.add(AlarmChanged(level=level, previous=previous, verified=True, time=self.now, **self.about()))

    def play(self, what: str, value: object) -> None:
        match what, value:
            case "level", level:
                self.change(level)  # type: ignore[arg-type]  # drawn from LEVELS
            case "wait", int(seconds):
                self.now += timedelta(seconds=seconds)
            case "shelve", (highest, second, int(seconds)):
                self.shelvings.append(
                    Shelving(
                        shelving_id=f"s{len(self.shelvings)}", pond_id="p", highest=highest, reason="works", by="x",
                        second_approver="y" if second else None, begins=self.now,
                        expires=self.now + timedelta(seconds=seconds),
                    )
                )  # fmt: skip
            case "answer", (person, answer):
                if person in self.alarm.people:
                    self.add(AlarmAnswered(person_id=person, answer=answer, via="link", **self.about()))
            case "neighbour", level:
                self.neighbour = level  # type: ignore[assignment]  # drawn from LEVELS
            case "restart", _:
                again: Alarm | None = None
                for event in self.events:
                    again = evolve(again, event)
                assert again == self.alarm
            case "chain", int(length):
                self.chain = CHAIN[:length]
        self.go()

    def decided(self, kind: MessageKind) -> list[PersonDecided]:
        return [event for event in self.events if isinstance(event, PersonDecided) and event.kind is kind]


@given(st.sampled_from(LEVELS), moves)
@settings(max_examples=examples(400), deadline=None)
def test_an_unanswered_orange_or_red_ends_at_the_top_of_its_chain(
    level: LevelName, moves: list[tuple[str, object]]
) -> None:
    story = Story(level)
    for what, value in moves:
        story.play(what, value)
    story.chain, story.neighbour = CHAIN, None
    for _ in range(60):
        story.play("wait", 60)
    if story.alarm.level in (LevelName.ORANGE, LevelName.RED) and not story.alarm.answered:
        assert story.alarm.rank == len(CHAIN) - 1
        told = {name for name, each in story.alarm.people.items() if each.revision >= story.alarm.alarmed_revision}
        assert told >= {"an", "bo", "chen", "dai"}
        before = len(story.decided(MessageKind.REPEAT))
        story.play("wait", 1000)
        assert len(story.decided(MessageKind.REPEAT)) > before


@given(st.sampled_from(LEVELS), moves)
@settings(max_examples=examples(400), deadline=None)
def test_nobody_who_got_an_alarm_misses_its_end(level: LevelName, moves: Moves) -> None:
    story = Story(level)
    for what, value in moves:
        story.play(what, value)
    alarmed = {event.person_id for kind in (MessageKind.ALARM, MessageKind.REPEAT) for event in story.decided(kind)}
    story.change(None)
    story.go()
    last = {}
    for event in story.events:
        if isinstance(event, PersonDecided):
            last[event.person_id] = event.kind
    assert set(last) == alarmed | set(last)
    assert all(kind is MessageKind.ALL_CLEAR for kind in last.values())
    assert alarmed <= set(last)
    for event in end(story.alarm, story.world()):
        story.add(event)
    assert story.alarm.ended is not None
    assert advance(story.alarm, story.world()) == []


@given(st.sampled_from(LEVELS), moves)
@settings(max_examples=examples(200), deadline=None)
def test_each_thing_is_told_once_and_each_hold_has_its_reason(
    level: LevelName, moves: list[tuple[str, object]]
) -> None:
    story = Story(level)
    for what, value in moves:
        story.play(what, value)
    revision = 1
    told: set[tuple[str, MessageKind, int]] = set()
    held: set[tuple[str, str]] = set()
    for event in story.events:
        if isinstance(event, AlarmChanged):
            revision += 1
            held.clear()
        if isinstance(event, PersonDecided) and event.kind is not MessageKind.REPEAT:
            assert (event.person_id, event.kind, revision) not in told
            told.add((event.person_id, event.kind, revision))
        if isinstance(event, AlarmHeld):
            assert (event.stage, event.reason) not in held
            held.add((event.stage, event.reason))


def test_red_is_never_covered_and_never_shelved_by_one_person() -> None:
    story = Story(LevelName.YELLOW)
    story.play("shelve", ("red", False, 5000))
    story.neighbour = LevelName.RED
    story.play("level", "red")
    assert {event.person_id for event in story.decided(MessageKind.ALARM)} == {"an", "bo"}
    assert all(worse(LevelName.RED, level) or level is LevelName.RED for level in ORDER)


@pytest.mark.parametrize("second", ["…", "-", "\u200b", " X "])
def test_a_shelving_of_old_that_nobody_else_stood_for_keeps_no_red_quiet(second: str) -> None:
    story = Story(LevelName.YELLOW)
    story.play("shelve", ("red", True, 5000))
    story.shelvings = [each.model_copy(update={"second_approver": second}) for each in story.shelvings]
    story.play("level", "red")
    assert {event.person_id for event in story.decided(MessageKind.ALARM)} == {"an", "bo"}


def test_a_falling_limb_is_told_as_one_step_and_the_all_clear_at_once() -> None:
    story = Story(LevelName.RED)
    for level in (LevelName.ORANGE, LevelName.YELLOW, LevelName.BLUE):
        story.play("level", level)
    assert story.decided(MessageKind.STEP_DOWN) == []
    assert [each.reason for each in story.events if isinstance(each, AlarmHeld)] == ["easing"] * 3
    story.play("wait", 29)
    assert story.decided(MessageKind.STEP_DOWN) == []
    story.play("wait", 1)
    assert [each.person_id for each in story.decided(MessageKind.STEP_DOWN)] == ["an", "bo"]
    story.play("level", LevelName.RED)
    story.play("level", LevelName.ORANGE)
    story.change(None)
    story.go()
    assert len(story.decided(MessageKind.STEP_DOWN)) == 2, "what is over is not told as lower first"
    assert [each.person_id for each in story.decided(MessageKind.ALL_CLEAR)] == ["an", "bo"]


def test_what_waits_for_a_step_down_holds_nothing_else_up() -> None:
    story = Story(LevelName.RED)
    story.play("wait", 115)
    story.play("level", LevelName.ORANGE)
    story.play("wait", 10)
    story.play("level", LevelName.RED)
    assert [each.person_id for each in story.decided(MessageKind.ALARM)] == ["an", "bo", "an", "bo"]


def test_a_step_up_held_back_is_still_told_after_a_step_down_was() -> None:
    story = Story(LevelName.RED)
    story.play("level", LevelName.BLUE)
    story.play("shelve", (LevelName.ORANGE, False, 100))
    story.play("level", LevelName.ORANGE)
    story.play("wait", 60)
    assert [each.person_id for each in story.decided(MessageKind.STEP_DOWN)] == ["an", "bo"]
    story.play("wait", 60)
    assert [each.person_id for each in story.decided(MessageKind.ALARM)] == ["an", "bo", "an", "bo"]


def test_whoever_cannot_go_hands_on_at_once() -> None:
    story = Story(LevelName.RED)
    story.play("answer", ("an", Answer.CANNOT_GO))
    assert story.alarm.rank == 0
    story.play("answer", ("bo", Answer.CANNOT_GO))
    assert story.alarm.rank == 1
    assert "chen" in story.alarm.people
    story.play("answer", ("chen", Answer.ON_SITE))
    story.play("wait", 5000)
    assert story.alarm.rank == 1
