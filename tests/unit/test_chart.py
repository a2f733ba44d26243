"""The chart draws what the timeline says, in both formats and both languages."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from services.monitor.chart import ChartData, chart_of, draw, font, scene_of
from services.monitor.chart.scene import bridged, envelope, micros, rain_bars
from shared.contracts.levels import LevelName, SensorKind
from shared.contracts.monitor import Cause, TimelineChange
from shared.contracts.registry import LimitBand, LimitDocument, PondDescription, SensorDescription
from shared.problems import BadInput, Unavailable
from shared.site import SeriesData, Site, SiteSensor

START = datetime(2026, 7, 21, tzinfo=UTC)
CAUSE = Cause(sensor="level-1", rule="threshold", value=309.95, limit=309.8, level=LevelName.YELLOW, unit="m")


def change(hours: float, event: str, level: str | None = None, *, verified: bool = True) -> TimelineChange:
    return TimelineChange.model_validate(
        {
            "time": START + timedelta(hours=hours),
            "event": event,
            "level": level,
            "verified": verified,
            "causes": () if event in ("cleared", "restored") else (CAUSE,),
        }
    )


STORM = (
    change(6, "raised", "blue", verified=False),
    change(8, "escalated", "orange"),
    change(12, "eased", "blue"),
    change(14, "cleared"),
    change(16, "notice"),
    change(18, "blind"),
    change(20, "restored"),
)


def chart(slots: int = 288, changes: tuple[TimelineChange, ...] = STORM, name: str = "演示尾矿库") -> ChartData:
    times = micros(START) + np.arange(1, slots + 1, dtype=np.int64) * 300_000_000
    hours = np.arange(slots) / 12
    rain = np.where((hours > 4) & (hours < 7), 2.0, 0.0)
    limits = {"blue": 308.8, "yellow": np.where(hours < 12, 309.2, 309.4), "orange": 309.6, "red": 310.0}
    return ChartData("demo", name, times, 308 + 1.8 * np.exp(-(((hours - 10) / 3) ** 2)), rain, limits, changes)


def test_bands_follow_the_timeline() -> None:
    scene = scene_of(chart())
    assert [(band.level, band.verified) for band in scene.bands] == [
        (LevelName.BLUE, False),
        (LevelName.ORANGE, True),
        (LevelName.BLUE, True),
    ]
    assert [band.until_us for band in scene.bands] == [micros(START + timedelta(hours=h)) for h in (8, 12, 14)]
    assert [(band.level, band.until_us - band.since_us) for band in scene.blind] == [(None, 7_200_000_000)]
    assert [mark.time_us for mark in scene.marks] == [micros(START + timedelta(hours=16))]


def test_what_still_holds_is_drawn_to_the_end_and_what_began_before_is_cut() -> None:
    data = chart(changes=(change(-5, "raised", "yellow"), change(3, "blind")))
    scene = scene_of(data)
    assert (scene.bands[0].since_us, scene.bands[0].until_us) == (scene.since_us, scene.until_us)
    assert scene.blind[0].until_us == scene.until_us


def test_a_seasonal_limit_is_drawn_as_steps() -> None:
    limits = {name: values.tolist() for name, _, values in scene_of(chart()).limits}
    assert limits[LevelName.YELLOW] == [309.2, 309.4, 309.4]
    assert limits[LevelName.BLUE] == [308.8, 308.8]


def test_a_year_is_thinned_but_keeps_its_extremes() -> None:
    values = np.random.default_rng(3).normal(size=105_120)
    values[77_777], values[5_000:9_000] = 99.0, np.nan
    times, thin = envelope(np.arange(105_120), values)
    assert thin.size <= 6_000
    assert times[np.nanargmax(thin)] == 77_777
    assert np.nanmin(thin) == np.nanmin(values)
    assert np.isnan(thin[(times > 5_100) & (times < 8_900)]).all()


def test_rain_keeps_its_total_whatever_the_bars() -> None:
    rain = np.random.default_rng(4).gamma(0.3, 1.0, 105_120)
    times = np.arange(1, 105_121, dtype=np.int64) * 300_000_000
    edges, bars, width = rain_bars(times, rain, offset_us=8 * 3_600_000_000)
    assert bars.sum() == pytest.approx(rain.sum())
    assert bars.size <= 400
    assert width == 86_400_000_000
    assert set((edges + 8 * 3_600_000_000) % width) == {0}


def test_a_slow_sensor_is_one_line_and_a_silence_a_gap() -> None:
    values = np.full(288, np.nan)
    values[::3] = 1.0
    values[120:180] = np.nan
    times, line = bridged(np.arange(288), values)
    assert np.isnan(line).sum() == 1
    assert 118 <= times[np.isnan(line)][0] <= 120


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("slots", [1, 288])
def test_png(tmp_path: Path, language: str, slots: int) -> None:
    draw(chart(slots), tmp_path / "a.png", language)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.filterwarnings("error:Glyph")
def test_png_has_a_glyph_for_every_letter(tmp_path: Path) -> None:
    draw(chart(), tmp_path / "a.png", "zh")


@pytest.mark.filterwarnings("error:Glyph")
def test_png_without_a_chinese_font_speaks_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.monitor.chart.png.chinese_font", lambda: None)
    draw(chart(), tmp_path / "a.png", "zh")


@pytest.mark.parametrize(
    ("language", "words"), [("zh", ("库水位", "橙色预警", "失去监测")), ("en", ("Water level", "Orange"))]
)
def test_html_is_one_page_that_asks_nothing_of_the_network(
    tmp_path: Path, language: str, words: tuple[str, ...]
) -> None:
    draw(chart(name="</script><b>库"), tmp_path / "a.html", language)
    page = (tmp_path / "a.html").read_text("utf-8")
    ours = page[: page.index("<script>")] + page[page.rindex("<div id") :]
    assert all(word in ours for word in words)
    assert "level-1" in ours
    assert "@font-face" in ours
    assert not re.search(r"""(src|href)=["']http""", ours)
    assert ours.count("</script>") == 1, "a pond's name cannot end the script"


def test_the_packaged_font_is_found() -> None:
    file = font.chinese_font()
    assert file is not None
    assert file.is_file()


def test_empty_and_unseen_series(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        draw(chart(0), tmp_path / "a.png", "en")
    data = chart(12, ())
    draw(ChartData("demo", "demo", data.times_us, np.full(12, np.nan)), tmp_path / "a.png", "en")
    draw(ChartData("demo", "demo", data.times_us, np.full(12, np.nan)), tmp_path / "a.html", "en")


@pytest.mark.parametrize("name", ["a.pdf", "a", "a.svg"])
def test_another_ending_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput) as refusal:
        draw(chart(), tmp_path / name, "en")
    assert refusal.value.field == "chart"
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    for name in ("a.png", "a.html"):
        with pytest.raises(Unavailable, match=name):
            draw(chart(), tmp_path / "nowhere" / name, "en")


def test_a_replay_is_charted_with_its_worst_point_and_its_limits() -> None:
    limits = LimitDocument(
        document="d",
        effective_from=date(2026, 1, 1),
        bands={
            "level": (
                LimitBand(blue=1.0, red=3.0),
                LimitBand(blue=0.5, red=2.5, season_from="07-22", season_to="09-30"),
            )
        },
    )
    sensors = (
        SiteSensor(SensorDescription(id="a", kind=SensorKind.WATER_LEVEL, unit="m", expected_interval_s=300)),
        SiteSensor(
            SensorDescription(
                id="b", kind=SensorKind.WATER_DISTANCE, unit="cm", expected_interval_s=300, zero_level=5.0
            )
        ),
        SiteSensor(SensorDescription(id="r", kind=SensorKind.RAIN, unit="mm", expected_interval_s=60)),
    )
    site = Site(Path("x.toml"), PondDescription(id="p", name="p", timezone="UTC"), sensors, limits)
    start = micros(datetime(2026, 7, 21, 23, 50, tzinfo=UTC))
    times = start + np.array([1, 300, 301, 900]) * 1_000_000
    series = {
        "a": SeriesData(times, np.array([1.0, 1.2, 1.1, 1.3]), 0),
        "b": SeriesData(times[:3], np.array([400.0, 390.0, 300.0]), 0),
        "r": SeriesData(times, np.array([0.2, 0.2, 0.2, 0.2]), 0),
    }
    shown = chart_of(site, series, ())
    assert ((shown.times_us - start) // 1_000_000).tolist() == [300, 600, 900]
    assert shown.level.tolist() == pytest.approx([1.2, 2.0, 1.3])
    assert shown.rain is not None
    assert shown.rain.tolist() == pytest.approx([0.4, 0.2, 0.2])
    assert {name: np.asarray(values).tolist() for name, values in shown.limits.items()} == {
        "blue": [1.0, 0.5, 0.5],
        "red": [3.0, 2.5, 2.5],
    }
    later = chart_of(site, series, (), since=datetime(2026, 7, 22, tzinfo=UTC))
    assert later.times_us.size == 1
    assert chart_of(site, {}, ()).times_us.size == 0
