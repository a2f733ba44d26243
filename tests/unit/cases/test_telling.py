"""The timeline has a sentence for everything that can happen to a case, in both languages."""

from __future__ import annotations

import re

import pytest

from shared.contracts.campaigns import CAMPAIGN_EVENTS
from shared.contracts.cases import FINDING_EVENTS, LETTER_EVENTS, FindingState
from shared.contracts.casework import CASEFILE_EVENTS
from shared.contracts.deadlines import DEADLINE_EVENTS
from shared.words import LANGUAGES, catalogue, say
from tailwarden.cli.telling import tell
from tests.unit.cases.findingworld import LIFE, RELAPSE, RETURN, act, fold

EVENTS = (*LETTER_EVENTS, *FINDING_EVENTS, *DEADLINE_EVENTS, *CASEFILE_EVENTS, *CAMPAIGN_EVENTS)


@pytest.mark.parametrize("name", [event.event_type for event in EVENTS])
def test_every_event_has_its_sentence(name: str) -> None:
    key = f"told.{name.removeprefix('cases.').replace('.', '_')}"
    assert key in catalogue() or {f"{key}_yes", f"{key}_no"} <= set(catalogue())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_whole_life_is_told_in_sentences(language: str) -> None:
    straight = LIFE[FindingState.CLOSED_OUT]
    state, told = None, []
    for command in (*straight[:4], RETURN, straight[3], *straight[4:], RELAPSE):
        events = act(state, command)
        told += [tell(event.event_type, event.model_dump(mode="json"), language) for event in events]
        state = fold(state, events)
    assert [line for line in told if "cases." in line or re.search(r"[{}\[\]]", line)] == []
    assert any(("平山县政府" in line and "张三" in line) for line in told)
    assert len(set(told)) == len(told) - 1  # submitted twice with the same words


def test_what_has_no_sentence_is_shown_as_it_is() -> None:
    assert (
        tell("cases.moon.risen", {"on": "2023-02-07", "by": "x", "full": True}, "en")
        == 'cases.moon.risen: {"full": true}'
    )
    assert tell("cases.finding.reopened", {"time": 1}, "zh").startswith("cases.finding.reopened：")


def test_lists_are_said_item_by_item_in_the_readers_words() -> None:
    parts = ["cases.part_target", "so-called"]
    assert "目标任务、so-called；" in say("cases.missing", "zh", finding="f", missing=parts)
    assert "target, so-called;" in say("cases.missing", "en", finding="f", missing=parts)
