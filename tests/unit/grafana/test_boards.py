"""The emitted dashboards: what stands in the files, and what would be wrong with them."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from deploy.grafana.board.emit import BOARDS, dashboards, export, stale, uid
from deploy.grafana.board.faults import faults, texts
from deploy.grafana.board.marks import COLOURS, LEVELS, SECTIONS, key
from deploy.grafana.board.spec import sql
from shared.words import LANGUAGES, catalogue


@pytest.fixture(scope="module")
def wall() -> dict[str, Any]:
    return dashboards("en")["tw-wall-en"]


def test_the_files_are_what_the_code_emits(tmp_path: Path) -> None:
    assert stale() == [], "run: tailwarden grafana export"
    written = export(tmp_path)
    assert len(written) == 2 * len(BOARDS)
    assert export(tmp_path) == []
    written[0].write_text("{}", "utf-8")
    assert stale(tmp_path) == [written[0]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_wrong_with_them(language: str) -> None:
    for found in dashboards(language).values():
        assert faults(found, language) == []


def test_both_languages_show_the_same_things_in_their_own_words() -> None:
    for board in BOARDS:
        both = [dashboards(language)[uid(board.name, language)] for language in LANGUAGES]
        places = [[place for place, _ in texts(each)] for each in both]
        assert places[0] == places[1]
        assert [panel["gridPos"] for panel in both[0]["panels"]] == [panel["gridPos"] for panel in both[1]["panels"]]
        titles = [{panel["title"] for panel in each["panels"]} for each in both]
        assert not titles[0] & titles[1], "a title stands in one language in both"


def _broken(wall: dict[str, Any], change: str) -> list[str]:
    found = deepcopy(wall)
    panel = found["panels"][2]
    shown = {each["matcher"]["options"]: each["properties"] for each in panel["fieldConfig"]["overrides"]}
    match change:
        case "type":
            panel["type"] = "wall-clock"
        case "unit":
            next(each for each in shown["age_s"] if each["id"] == "unit")["value"] = "ms"
        case "no such unit":
            panel["fieldConfig"]["defaults"]["unit"] = "furlong"
        case "word":
            next(each for each in shown["pond"] if each["id"] == "displayName")["value"] = "column.pond"
        case "language":
            panel["title"] = "未销预警"
        case "no data":
            del panel["fieldConfig"]["defaults"]["noValue"]
        case "staleness":
            panel["fieldConfig"]["overrides"] = [
                each for each in panel["fieldConfig"]["overrides"] if each["matcher"]["options"] != "age_s"
            ]
        case "normal":
            special = shown["standing"][1]["value"][1]
            special["options"]["result"]["color"] = COLOURS["normal"]
        case "place":
            panel["gridPos"]["x"] = 0
        case "source":
            panel["targets"][0]["datasource"]["uid"] = "another"
    return faults(found, "en")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("type", "there is no panel type 'wall-clock'"),
        ("unit", "age_s is in 's', and shown in 'ms'"),
        ("no such unit", "there is no unit 'furlong'"),
        ("word", "no words: 'column.pond'"),
        ("language", "not in en: '未销预警'"),
        ("no data", "says nothing where there is no data"),
        ("staleness", "and not how old that is"),
        ("normal", "standing: no data looks like normal"),
        ("place", "lies over another"),
        ("source", "asks another data source"),
    ],
)
def test_a_dashboard_that_is_wrong_is_told_so(wall: dict[str, Any], change: str, said: str) -> None:
    assert any(said in fault for fault in _broken(wall, change)), _broken(wall, change)


def test_every_value_with_a_word_has_it_and_levels_have_the_fields_colours() -> None:
    missing = [key(name, value) for name, values in SECTIONS.items() for value in values]
    assert [each for each in missing if each not in catalogue()] == []
    assert len({COLOURS[level] for level in (*LEVELS, "normal", "blind", "no_data", "unmonitored")}) == 8


def test_queries_read_the_dashboards_schema_only_and_say_values_in_the_readers_words() -> None:
    for board in BOARDS:
        for panel in board.panels:
            for query in panel.queries:
                text = sql(query.file, "en")
                for schema in ("monitor.", "registry.", "cases.", "notifier.", "pg_"):
                    assert schema not in text, query.file
    assert "THEN '橙色'" in sql("pond/annotations", "zh")
    assert "THEN 'orange'" in sql("pond/annotations", "en")


def test_ids_last(wall: dict[str, Any]) -> None:
    """Bookmarks, links and the API hold on to these."""
    assert sorted(dashboards("zh")) == ["tw-operations-zh", "tw-pond-zh", "tw-supervision-zh", "tw-wall-zh"]
    assert "id" not in wall
    assert json.dumps(wall) == json.dumps(dashboards("en")["tw-wall-en"])
