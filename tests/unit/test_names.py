"""Names as people write them: who is the same person, and what no name holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.names import has_controls, is_blank, letters_of, same_name, visible
from shared.problems import NotFound, problem_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("张三", "张 三"),
        ("张三", "张\u200b三"),
        ("张三", "张\u3164三"),
        ("张三", "张·三。"),
        ("张三", "张三（县长）"),
        ("张三（县长）", "张三（副县长）"),
        ("张三(县长", "张三"),
        ("Li Lei", "ＬＩ　ＬＥＩ"),
        ("Zoë", "zoe\u0308"),
        ("（张三）", "张三"),
        ("…", "…"),
    ],
)
def test_one_person_however_written(one: str, other: str) -> None:
    assert same_name(one, other)
    assert same_name(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("张三", "张三丰"), ("张三", "李四"), ("张三（县长）", "李四（县长）"), ("县长", "张三（县长）"), ("…", "---")],
)
def test_two_people(one: str, other: str) -> None:
    assert not same_name(one, other)
    assert not same_name(other, one)


@given(
    st.text(max_size=12),
    st.sampled_from(["\u200b", "\u2060", " ", "\u3164", "·", "\ufe0f", "\u0301"]),
    st.integers(0, 12),
)
def test_what_nobody_sees_makes_no_second_person(name: str, sign: str, at: int) -> None:
    """A sign put anywhere between the letters of a name never makes it somebody else's."""
    if not is_blank(name):
        assert same_name(name, name[:at] + sign + name[at:])
    assert letters_of(name + sign) == letters_of(name)


@pytest.mark.parametrize("text", ["", "  ", "--", "\u200b", "\u3164", "\u0301\ufe0f", "（）"])
def test_what_says_nothing(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("name", ["张\n三", "张三\x1b[31m", "\u202e三张", "a\u2028b", "\ud800", "x\u2066y"])
def test_no_name_holds_signs_that_change_what_is_read(name: str) -> None:
    assert has_controls(name)


@pytest.mark.parametrize("name", ["张三（县长）", "O\u2019Neill-Ní", "ﾅﾏｴ", "王\u200d工"])
def test_names_people_have_are_taken(name: str) -> None:
    assert not has_controls(name)


@given(st.text())
def test_a_refusal_repeats_nothing_that_a_terminal_obeys(given_id: str) -> None:
    error = NotFound("notifier.no_alarm", alarm=given_id)
    for said in (str(error), error.words("zh"), problem_of(error).words("en"), problem_of(error).detail):
        assert not has_controls(said.replace("\n", "").replace("\t", ""))
    assert has_controls(given_id) or visible(given_id) == given_id
