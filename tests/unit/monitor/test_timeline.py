"""The fold: hold, hysteresis, blindness, confirmation, notices; told in slots."""

from __future__ import annotations

from services.monitor.domain.timeline import Change, Policy, Sight, Watched, fold
from shared.contracts.levels import Level

POLICY = Policy(hold=12, rearm=288)
LEVEL = frozenset({"level"})


def up(level: Level, *, release: Level | None = None, verified: bool = True) -> Sight:
    return Sight(up=level, release=level if release is None else release, verified=verified, items=LEVEL)


def told(*runs: tuple[int, int, Sight], policy: Policy = POLICY) -> list[tuple[int, str, str | None]]:
    return [(change.slot, change.kind, change.level.label) for change in changes(*runs, policy=policy)]


def changes(*runs: tuple[int, int, Sight], policy: Policy = POLICY) -> list[Change]:
    state, found = Watched(), []
    for first, last, sight in runs:
        state, more = fold(state, first, last, sight, policy)
        found += more
    return found


def test_raised_at_once_and_cleared_after_the_hold() -> None:
    assert told((1, 3, up(Level.YELLOW)), (4, 40, Sight())) == [(1, "raised", "yellow"), (16, "cleared", None)]


def test_a_hold_that_is_interrupted_begins_again() -> None:
    assert told((1, 1, up(Level.BLUE)), (2, 10, Sight()), (11, 11, up(Level.BLUE)), (12, 40, Sight())) == [
        (1, "raised", "blue"),
        (24, "cleared", None),
    ]


def test_within_the_hysteresis_nothing_eases() -> None:
    between = Sight(up=Level.NONE, release=Level.ORANGE)
    assert told((1, 1, up(Level.ORANGE)), (2, 500, between)) == [(1, "raised", "orange")]


def test_it_eases_to_the_worst_that_the_hold_saw() -> None:
    assert told((1, 1, up(Level.RED)), (2, 4, up(Level.YELLOW)), (5, 60, up(Level.BLUE))) == [
        (1, "raised", "red"),
        (14, "eased", "yellow"),
        (26, "eased", "blue"),
    ]


def test_without_a_hold_it_steps_down_in_the_same_slot() -> None:
    none = Policy(hold=0)
    assert told((1, 1, up(Level.RED)), (2, 9, up(Level.BLUE)), (10, 20, Sight()), policy=none) == [
        (1, "raised", "red"),
        (2, "eased", "blue"),
        (10, "cleared", None),
    ]


def test_blind_never_clears() -> None:
    dark = Sight(unseeing=LEVEL, blind=frozenset({"level-1"}))
    assert told((1, 1, up(Level.RED)), (2, 100_000, dark)) == [(1, "raised", "red"), (2, "blind", "red")]


def test_seeing_again_the_hold_begins_anew() -> None:
    dark = Sight(unseeing=LEVEL, blind=frozenset({"level-1"}))
    assert told((1, 1, up(Level.RED)), (2, 11, Sight()), (12, 500, dark), (501, 600, Sight())) == [
        (1, "raised", "red"),
        (12, "blind", "red"),
        (501, "restored", "red"),
        (513, "cleared", None),
    ]


def test_an_item_that_never_warned_may_be_dark() -> None:
    dark = Sight(unseeing=frozenset({"rain"}))
    assert told((1, 1, up(Level.BLUE)), (2, 60, dark)) == [(1, "raised", "blue"), (14, "cleared", None)]


def test_unverified_and_then_confirmed_is_one_notice() -> None:
    found = changes((1, 5, up(Level.ORANGE, verified=False)), (6, 9, up(Level.ORANGE)), (10, 12, up(Level.ORANGE)))
    assert [(each.slot, each.kind, each.verified) for each in found] == [(1, "raised", False), (6, "notice", True)]
    assert found[1].keys == (("confirmed", ""),)


def test_easing_to_what_is_seen_by_itself_needs_no_confirming() -> None:
    found = changes((1, 1, up(Level.RED, verified=False)), (2, 60, up(Level.BLUE)))
    assert [(each.slot, each.kind, each.verified) for each in found] == [(1, "raised", False), (14, "eased", True)]


def test_a_confirmed_warning_stays_confirmed() -> None:
    assert told((1, 2, up(Level.BLUE)), (3, 9, up(Level.BLUE, verified=False))) == [(1, "raised", "blue")]


def test_a_notice_is_told_once_and_again_after_a_long_quiet() -> None:
    spike = Sight(notices=frozenset({("spike", "level-1")}))
    assert told((1, 50, spike), (51, 338, Sight()), (339, 339, Sight()), (340, 340, spike)) == [
        (1, "notice", None),
        (340, "notice", None),
    ]
    assert told((1, 50, spike), (51, 300, Sight()), (301, 301, spike)) == [(1, "notice", None)]


def test_a_lasting_notice_is_told_once_however_long_it_lasts() -> None:
    climb = Sight(notices=frozenset({("slow_climb", "level-1")}))
    assert told((1, 5000, climb), (5001, 9000, climb)) == [(1, "notice", None)]


def test_a_slow_climb_that_a_warning_says_already_is_not_told_with_it() -> None:
    climb = frozenset({("slow_climb", "level-1")})
    assert told((1, 1, up(Level.BLUE)), (2, 60, Sight(notices=climb))) == [(1, "raised", "blue"), (14, "cleared", None)]


def test_a_notice_is_told_with_the_level_of_its_slot() -> None:
    # The warning clears in the middle of the run whose first slot tells the notice.
    spike = Sight(notices=frozenset({("spike", "level-1")}))
    assert told((1, 1, up(Level.BLUE)), (2, 60, spike)) == [
        (1, "raised", "blue"),
        (2, "notice", "blue"),
        (14, "cleared", None),
    ]


def test_blindness_that_grows_is_told_and_that_shrinks_is_not() -> None:
    one, both = frozenset({"a"}), frozenset({"a", "b"})
    found = changes((1, 2, Sight(blind=one)), (3, 4, Sight(blind=both)), (5, 6, Sight(blind=one)), (7, 8, Sight()))
    assert [(each.slot, each.kind) for each in found] == [(1, "blind"), (3, "blind"), (7, "restored")]
    assert found[1].keys == (("blind", "a"), ("blind", "b"))
