"""The chart as a PNG, by matplotlib's object interface: no global figure, safe in any thread."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib import dates, font_manager
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from services.monitor.chart.font import chinese_font, has_chinese
from services.monitor.chart.scene import Band, ChartData, Scene, scene_of, zone
from services.monitor.chart.text import (
    BLIND_COLOUR,
    COLOURS,
    RAIN_COLOUR,
    WATER_COLOUR,
    band_label,
    level_word,
    local,
    width_text,
)
from shared.contracts.levels import LevelName
from shared.words import say

if TYPE_CHECKING:
    from datetime import tzinfo

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["draw_png"]

SIZE_INCHES = (14.0, 7.0)
DPI = 120
# Dates in figures: they read the same in both languages. By year, month, day, hour, minute, second.
DATE_FORMATS = ["%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M", "%S.%f"]
ZERO_FORMATS = ["", "%Y", "%Y-%m", "%m-%d", "%H:%M", "%H:%M"]


def draw_png(data: ChartData, path: Path, language: str) -> None:
    """Draw *data* as a picture of 1680 × 840 pixels."""
    families = ["DejaVu Sans"]
    font = chinese_font()
    if font is not None:
        font_manager.fontManager.addfont(str(font))
        families.append(font_manager.FontProperties(fname=str(font)).get_name())
    elif language == "zh":
        language = "en"
    name = data.name if font is not None or not has_chinese(data.name) else data.pond
    scene = scene_of(data)
    tz = zone(data.timezone)
    with mpl.rc_context({"font.family": families, "axes.unicode_minus": False, "hatch.linewidth": 0.6}):
        figure = Figure(figsize=SIZE_INCHES, dpi=DPI, layout="constrained")
        axes = figure.add_subplot()
        _bands(axes, scene, tz)
        _rain(axes, scene, tz, language)
        _level(axes, scene, tz, language)
        since, until = local(scene.since_us, tz), local(scene.until_us, tz)
        # A single reading has no span; half an hour around it gives the picture a width.
        margin = 0.02 if since == until else 0.0
        axes.set_xlim(_x(scene.since_us, tz) - margin, _x(scene.until_us, tz) + margin)
        _dates(axes)
        axes.set_xlabel(say("chart.time", language, timezone=data.timezone))
        axes.set_ylabel(say("chart.level", language))
        title = say(
            "chart.title", language, name=name, since=f"{since:%Y-%m-%d %H:%M}", until=f"{until:%Y-%m-%d %H:%M}"
        )
        axes.set_title(title, loc="left", pad=14)
        _legend(figure, axes, scene, language)
        figure.savefig(path, format="png")


def _bands(axes: Axes, scene: Scene, tz: tzinfo) -> None:
    for band in scene.bands:
        if band.level is None:
            continue
        colour = COLOURS[band.level]
        since, until = _ends(band, tz)
        axes.axvspan(since, until, facecolor=colour, alpha=0.16, linewidth=0, zorder=0)
        # The strip keeps a warning of minutes visible on a chart of a year; hatched while unverified.
        axes.axvspan(
            since,
            until,
            ymax=0.025,
            facecolor=colour,
            edgecolor="white" if not band.verified else colour,
            hatch=None if band.verified else "////",
            linewidth=1.2 if band.verified else 0,
            zorder=4,
        )
    for band in scene.blind:
        since, until = _ends(band, tz)
        axes.axvspan(since, until, facecolor="#00000012", edgecolor=BLIND_COLOUR, hatch="xx", linewidth=0, zorder=1)
    if scene.marks:
        times = [_x(mark.time_us, tz) for mark in scene.marks]
        axes.plot(
            times,
            [1.0] * len(times),
            linestyle="none",
            marker="v",
            markersize=8,
            color="#5a3d99",
            transform=axes.get_xaxis_transform(),
            clip_on=False,
            zorder=6,
        )


def _rain(axes: Axes, scene: Scene, tz: tzinfo, language: str) -> None:
    if scene.bars.size == 0:
        return
    hanging = axes.twinx()
    lefts = _xs(scene.bars_us, tz)
    width = scene.bar_width_us / 86_400_000_000
    hanging.bar(lefts, scene.bars, width=width, align="edge", color=RAIN_COLOUR, alpha=0.75, linewidth=0)
    # Three times the tallest bar: the rain hangs in the upper third, clear of the level.
    hanging.set_ylim(float(scene.bars.max()) * 3.0, 0.0)
    hanging.set_ylabel(say("chart.rain", language, width=width_text(scene.bar_width_us, language)))
    axes.set_zorder(hanging.get_zorder() + 1)
    axes.patch.set_visible(False)


def _level(axes: Axes, scene: Scene, tz: tzinfo, language: str) -> None:
    for name, times_us, values in scene.limits:
        axes.step(
            _xs(times_us, tz),
            values,
            where="post",
            color=COLOURS[name],
            linewidth=1.4,
            linestyle=(0, (6, 3)),
            label=say("chart.limit", language, level=level_word(name, language)),
            zorder=3,
        )
    times = _xs(scene.level_us, tz)
    label = say("chart.level", language)
    axes.plot(times, scene.level, color=WATER_COLOUR, linewidth=1.3, label=label, zorder=5)
    if scene.level.size == 1:
        axes.plot(times, scene.level, color=WATER_COLOUR, marker="o", zorder=5)
    axes.margins(y=0.12)
    axes.grid(visible=True, color="#00000018", linewidth=0.6)


def _legend(figure: Figure, axes: Axes, scene: Scene, language: str) -> None:
    handles, _ = axes.get_legend_handles_labels()
    if scene.bars.size:
        width = width_text(scene.bar_width_us, language)
        handles.append(Patch(facecolor=RAIN_COLOUR, alpha=0.75, label=say("chart.rain", language, width=width)))
    shown: set[tuple[LevelName | None, bool]] = set()
    for band in sorted(scene.bands, key=lambda band: list(LevelName).index(band.level or LevelName.BLUE)):
        if band.level is not None and (band.level, band.verified) not in shown:
            shown.add((band.level, band.verified))
            colour = COLOURS[band.level]
            hatch = None if band.verified else "////"
            handles.append(Patch(facecolor=colour, alpha=0.55, hatch=hatch, label=band_label(band, language)))
    if scene.blind:
        label = say("chart.blind", language)
        handles.append(Patch(facecolor="#00000012", edgecolor=BLIND_COLOUR, hatch="xx", label=label))
    if scene.marks:
        label = say("chart.notice", language)
        handles.append(Line2D([], [], linestyle="none", marker="v", color="#5a3d99", label=label))
    figure.legend(handles=handles, loc="outside lower center", ncols=6, frameon=False, fontsize=9)


def _dates(axes: Axes) -> None:
    locator = dates.AutoDateLocator(minticks=6, maxticks=14)  # type: ignore[no-untyped-call]  # untyped in matplotlib
    formatter = dates.ConciseDateFormatter(  # type: ignore[no-untyped-call]  # untyped in matplotlib
        locator, formats=DATE_FORMATS, offset_formats=[""] * 6, zero_formats=ZERO_FORMATS
    )
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(formatter)


def _x(time_us: int, tz: tzinfo) -> float:
    """Return a time as matplotlib counts it: days of local wall time since 1970."""
    return (local(time_us, tz) - datetime(1970, 1, 1)).total_seconds() / 86_400  # noqa: DTZ001  # local wall time is naive


def _xs(times_us: Iterable[int], tz: tzinfo) -> NDArray[np.float64]:
    return np.array([_x(int(time), tz) for time in times_us], dtype=np.float64)


def _ends(band: Band, tz: tzinfo) -> tuple[float, float]:
    return _x(band.since_us, tz), _x(band.until_us, tz)
