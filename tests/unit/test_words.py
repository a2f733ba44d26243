"""Every text a person sees exists in Chinese and English, and takes the same parameters."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from shared.words import LANGUAGES, catalogue, language, say


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


@pytest.mark.parametrize(("setting", "expected"), [("zh", "zh"), ("zh_CN.UTF-8", "zh"), ("en", "en"), ("de_DE", "en")])
def test_the_reader_is_spoken_to_in_their_language(setting: str, expected: str) -> None:
    assert language(setting) == expected
