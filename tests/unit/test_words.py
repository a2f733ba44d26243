"""Every text a person sees exists in Chinese and English, and takes the same parameters."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from shared.words import LANGUAGES, catalogue, joined, language, say


@pytest.mark.parametrize("key", sorted(catalogue()))
def test_both_languages_say_the_same_things(key: str) -> None:
    texts = catalogue()[key]
    assert set(texts) == set(LANGUAGES)
    fields = {
        lang: {name for _, name, _, _ in Formatter().parse(text) if name is not None} for lang, text in texts.items()
    }
    assert fields["zh"] == fields["en"]
    assert all(text.strip() for text in texts.values())


def test_no_english_text_holds_chinese() -> None:
    mixed = [key for key, texts in catalogue().items() if re.search("[\u4e00-\u9fff]", texts["en"])]
    assert mixed == []


def test_an_unknown_key_is_said_as_it_is() -> None:
    assert say("no.such", "zh", a=1) == "no.such {'a': 1}"


def test_a_list_is_said_item_by_item_and_a_text_that_waits_for_parameters_is_none() -> None:
    """A name that looks like a key must never stop a message: the keys themselves are all tried."""
    for lang in LANGUAGES:
        for key in catalogue():
            assert say("cases.missing", lang, finding="f", missing=[key])
        assert joined(["units.unknown", "a"], lang) == ("units.unknown、a" if lang == "zh" else "units.unknown, a")


@pytest.mark.parametrize(("setting", "expected"), [("zh", "zh"), ("zh_CN.UTF-8", "zh"), ("en", "en"), ("de_DE", "en")])
def test_the_reader_is_spoken_to_in_their_language(setting: str, expected: str) -> None:
    assert language(setting) == expected
