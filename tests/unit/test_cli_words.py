"""What the command line says in words: times, spans of working days, choices, hints, one and many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

import pytest
from pydantic import BaseModel

from shared.contracts.cases import Subject, SubjectKind
from shared.contracts.casework import CaseFile
from shared.contracts.levels import LevelName
from shared.contracts.reading import read_value
from shared.problems import BadInput
from shared.words import LANGUAGES, counted, say
from tailwarden.cli.casefiles import _title
from tailwarden.cli.deadlines import _left
from tailwarden.cli.wording import local, semicolons


@pytest.mark.parametrize(
    ("days", "zh", "en"),
    [
        (-849, "逾期 849 个工作日", "849 working days overdue"),
        (-1, "逾期 1 个工作日", "1 working day overdue"),
        (0, "今日到期", "due that day"),
        (1, "还有 1 个工作日", "1 working day left"),
        (12, "还有 12 个工作日", "12 working days left"),
    ],
)
def test_working_days_are_said_and_not_counted_below_zero(days: int, zh: str, en: str) -> None:
    assert (_left(days, "zh"), _left(days, "en")) == (zh, en)


def test_times_are_the_offices_with_their_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 6, 30, 22, 5, 7, tzinfo=UTC)
    monkeypatch.setenv("TZ", "UTC")
    assert local(moment) == "2026-07-01 06:05 +08:00"
    assert local(moment, seconds=True) == "2026-07-01 06:05:07 +08:00"
    assert local(moment, timezone(timedelta(hours=-3, minutes=-30))) == "2026-06-30 18:35 -03:30"
    monkeypatch.setenv("TAILWARDEN_TIMEZONE", "Asia/Urumqi")
    assert local(moment) == "2026-07-01 04:05 +06:00"
    monkeypatch.setenv("TAILWARDEN_TIMEZONE", "Middle/Earth")
    with pytest.raises(BadInput, match="TAILWARDEN_TIMEZONE"):
        local(moment)


@pytest.mark.parametrize(
    ("title", "en"), [("龙湾 红色预警险情", "龙湾: red warning"), ("龙湾坝体渗水", "龙湾坝体渗水")]
)
def test_an_incidents_stock_title_is_read_in_the_readers_language_and_a_persons_stays(title: str, en: str) -> None:
    case = CaseFile.model_construct(title=title, subjects=(Subject(kind=SubjectKind.POND, id="p", name="龙湾"),))
    assert (_title(case, "zh"), _title(case, "en")) == (title, en)


class Choice(BaseModel):
    level: LevelName = LevelName.RED
    count: Literal[1, 2, 3] = 1


def test_choices_are_listed_in_the_readers_language() -> None:
    with pytest.raises(BadInput) as refused:
        read_value(Choice, {"level": "pink"})
    assert "'blue'、'yellow'、'orange'、'red' 之一" in refused.value.words("zh")
    assert "one of 'blue', 'yellow', 'orange', 'red', not pink" in refused.value.words("en")
    with pytest.raises(BadInput) as refused:
        read_value(Choice, {"count": 4})
    assert "应为 1、2、3 之一" in refused.value.words("zh")


def test_one_is_said_as_one() -> None:
    about = {"pond": "p", "readings": 9, "sent": 9, "acknowledged": 9, "seconds": 1}
    assert "in 1 message," in counted("publish.done", 1, "en", **about)
    assert "in 2 messages," in counted("publish.done", 2, "en", **about)
    assert counted("doctor.messages", 1, "en", size=90) == "1 message, 90 bytes"
    assert semicolons(["a", "b"], "zh") == "a；b"
    assert semicolons(["a", "b"], "en") == "a; b"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_hint_how_to_stop_an_exercise_has_all_that_the_command_asks_for(language: str) -> None:
    for key in ("drills.begun", "drills.running"):
        assert "tailwarden drill stop d-1 --by " in say(key, language, drill="d-1", pond="p")
