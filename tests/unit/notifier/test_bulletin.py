"""The bulletin says how all ponds stand, and what is not known, in both languages and lengths."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta

import pytest

from services.notifier.domain.bulletin import BulletinPlan, facts
from services.notifier.domain.directory import Directory
from services.notifier.domain.routing import city_of
from services.notifier.settings import load_rules
from services.notifier.wording import (
    Bulletin,
    DutyLine,
    Language,
    Length,
    OpenWarning,
    PondLine,
    fits,
    render_bulletin,
)
from shared.contracts.levels import LevelName
from shared.contracts.people import Place, PlaceKind, RosterCreated
from shared.contracts.registry import PondDescription, PondRegistered

TIME = datetime(2025, 7, 22, 0, 0, tzinfo=UTC)
LINK = "https://desk.example.cn/b/0722-08"
FULL = Bulletin(
    time=TIME,
    area="石家庄市",
    ponds=(
        PondLine(pond_id="heshan", name="河山尾矿库", rain_24h_mm=0.0),
        PondLine(pond_id="xiakou", name="下口尾矿库", level=LevelName.ORANGE, verified=False, rain_24h_mm=61.5),
        PondLine(pond_id="qingshi", name="青石尾矿库", level=LevelName.RED, rain_24h_mm=120.25),
        PondLine(pond_id="baiyang", name="白羊尾矿库", blind=("level-1", "rain-1")),
    ),
    warnings=(
        OpenWarning(pond_name="下口尾矿库", level=LevelName.ORANGE, since=TIME - timedelta(hours=3), answered=True),
        OpenWarning(pond_name="青石尾矿库", level=LevelName.RED, since=TIME - timedelta(hours=1)),
        OpenWarning(
            pond_name="河山尾矿库",
            level=None,
            since=TIME - timedelta(days=1),
            answered=True,
            answered_by="赵",
            highest=LevelName.ORANGE,
            cleared=TIME - timedelta(hours=2),
        ),
    ),
    on_duty=(DutyLine(place="市值班室", role="带班", name="王五"),),
    link=LINK,
)
EMPTY = Bulletin(time=TIME)
LANGUAGES: list[Language] = ["zh", "en"]
LENGTHS: list[Length] = ["full", "short"]


@pytest.mark.parametrize("bulletin", [FULL, EMPTY, FULL.model_copy(update={"exercise": True, "late": True})])
def test_every_bulletin_is_whole(bulletin: Bulletin) -> None:
    for language, length in itertools.product(LANGUAGES, LENGTHS):
        rendered = render_bulletin(bulletin, language, length)
        for text in (rendered.subject, rendered.body):
            assert text == text.strip() != ""
            assert not re.search(r"[{}]|None|bulletin\.|level\.", text)
            if bulletin.exercise:
                assert text.startswith("【演练】【迟到】" if language == "zh" else "(EXERCISE, LATE) ")
        if length == "short":
            assert fits(rendered.body)
            assert bulletin.link is None or rendered.body.endswith(LINK)


def test_in_full_it_names_levels_open_warnings_blind_ponds_rain_and_duty() -> None:
    body = render_bulletin(FULL, "zh", "full").body
    assert "石家庄市汛期简报 2025-07-22 08:00 +08:00：最高红色预警" in body
    assert "红 1，橙 1，黄 0，蓝 0，无预警 2" in body
    assert body.index("青石尾矿库：红色") < body.index("下口尾矿库：橙色（未核实）")
    assert "青石尾矿库：红色，2025-07-22 07:00 +08:00 起，无人应答" in body
    assert "河山尾矿库：最高橙色，2025-07-21 08:00 +08:00 发布，2025-07-22 06:00 +08:00 险情解除，尚未销警" in body
    assert "下口尾矿库：橙色，2025-07-22 05:00 +08:00 起，已应答" in body
    assert "白羊尾矿库：level-1、rain-1" in body
    assert body.index("120.25 mm") < body.index("61.5 mm")
    assert "1 座尾矿库没有雨量数据" in body
    assert "市值班室 带班：王五" in body


def test_the_title_names_the_registers_own_city_and_no_other() -> None:
    directory, routing = Directory(), load_rules().routing
    assert city_of(directory, routing) == ""

    def titled() -> str:
        return facts(BulletinPlan(), routing, directory, (), (), {}, TIME, TIME).area

    for pond in ("a", "b"):
        described = PondDescription(id=pond, name=pond.upper(), county=f"县{pond}")
        directory.apply(pond, PondRegistered(pond=described, at=TIME))
    assert titled() == "县a、县b"
    about = {"roles": ("值班",), "on": TIME.date(), "at": TIME, "by": "x"}
    place = Place(kind=PlaceKind.CITY, id="唐山市")
    directory.apply("r", RosterCreated.model_validate({"roster_id": "r", "name": "r", "place": place, **about}))
    assert titled() == city_of(directory, routing) == "唐山市"


def test_what_is_missing_is_said() -> None:
    body = render_bulletin(EMPTY, "en", "full").body
    assert "No pond is registered." in body
    assert "Nobody is on the duty roster" in body
    assert "Every pond is being seen" not in body
    dry = Bulletin(time=TIME, ponds=(PondLine(pond_id="a", name="A", rain_24h_mm=0.0),))
    assert "No rain in 24 h" in render_bulletin(dry, "en", "full").body
    blind = Bulletin(time=TIME, ponds=(PondLine(pond_id="a", name="A"),))
    assert "No rain in 24 h" not in render_bulletin(blind, "en", "full").body


def test_a_thousand_ponds_stay_readable() -> None:
    ponds = tuple(PondLine(pond_id=f"p{n}", name=f"P{n}", level=LevelName.RED, rain_24h_mm=n) for n in range(1000))
    body = render_bulletin(Bulletin(time=TIME, ponds=ponds), "en", "full").body
    assert "1000 red" in body
    assert "and 970 more" in body
    assert len(body.splitlines()) < 100
