"""The action cards: the product's own hold together, and a site's own are checked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.notifier.cards import load_cards
from services.notifier.wording.steps import ROLES, own_steps, role_word
from shared.contracts.levels import LevelName
from shared.problems import BadInput

STEP = '[[card.{level}]]\nid = "{id}"\nrole = "{role}"\nwithin_minutes = 5\nzh = "撤"\nen = "go"\n'


def whole(**change: str) -> str:
    given = {"id": "", "role": "all", **change}
    return "".join(
        STEP.format(level=level, id=given["id"] or f"{level}-1", role=given["role"])
        for level in ("blue", "yellow", "orange", "red")
    )


def test_every_level_has_a_card_in_both_languages() -> None:
    cards = load_cards()
    assert set(cards) == set(LevelName)
    for step in (step for steps in cards.values() for step in steps):
        assert re.search("[\u4e00-\u9fff]", step.zh)
        assert not re.search("[\u4e00-\u9fff]", step.en)
    minutes = [min(step.within_minutes for step in cards[level]) for level in LevelName]
    assert minutes == sorted(minutes, reverse=True)


def test_whoever_the_chains_call_has_a_role_with_a_name() -> None:
    for role in ROLES:
        assert role_word(role, "zh") != role
    red = load_cards()[LevelName.RED]
    for role in ("duty:夜班@pond", "enterprise@pond", "department@county", "guarantor@pond", "leadership@city"):
        assert own_steps(red, role)
    assert own_steps(red, "duty:夜班@pond") != own_steps(red, "duty:夜班@county")
    assert own_steps(red, "stranger") == ()


def test_a_site_gives_its_own(tmp_path: Path) -> None:
    path = tmp_path / "cards.toml"
    path.write_text(whole(), "utf-8")
    assert load_cards(path)[LevelName.RED][0].zh == "撤"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("card = [", "cards.unreadable"),
        ("card = 3", "cards.wrong"),
        ("[card]\nred = 3", "cards.wrong"),
        (whole().replace("card.blue", "card.purple"), "cards.wrong"),
        (whole().replace("within_minutes = 5", "within_minutes = 0"), "cards.wrong"),
        (whole().replace('"go"', '" "'), "cards.wrong"),
        (whole(id="same"), "cards.twice"),
        (whole(role="diver"), "cards.no_role"),
        (STEP.format(level="red", id="a", role="all"), "cards.no_level"),
    ],
)
def test_a_card_that_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str, code: str) -> None:
    path = tmp_path / "cards.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(BadInput) as refused:
        load_cards(path)
    assert refused.value.code == code
    assert "cards.toml" in refused.value.words("zh")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refused:
        load_cards(tmp_path / "nothing.toml")
    assert refused.value.code == "cards.unreadable"
