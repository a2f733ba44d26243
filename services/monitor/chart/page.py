"""The chart as one self-contained HTML page, by plotly: zoom, hover, causes; nothing is fetched from anywhere."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from datetime import datetime, tzinfo
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.offline import get_plotlyjs

from services.monitor.chart.font import embedded_font
from services.monitor.chart.scene import Band, ChartData, Scene, scene_of, zone
from services.monitor.chart.text import (
    BLIND_COLOUR,
    COLOURS,
    RAIN_COLOUR,
    WATER_COLOUR,
    band_label,
    cause_lines,
    level_word,
    local,
    width_text,
)
from shared.contracts.monitor import Cause
from shared.words import say

__all__ = ["draw_html"]

FONTS = "system-ui, 'Segoe UI', 'DejaVu Sans', TailwardenHan, 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif"
DATE_FORMATS = [
    {"dtickrange": [None, 86_400_000], "value": "%H:%M\n%m-%d"},
    {"dtickrange": [86_400_000, "M1"], "value": "%m-%d\n%Y"},
    {"dtickrange": ["M1", None], "value": "%Y-%m"},
]
"""Dates in figures: they read the same in both languages."""
PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{face}html,body,#chart{{margin:0;height:100%;font-family:{fonts}}}</style>
<script>{plotly}</script>
</head>
<body>
<div id="chart"></div>
<script>
const figure = {figure};
const draw = () => Plotly.newPlot("chart", figure.data, figure.layout, {{displaylogo: false, responsive: true}});
// Labels are measured once, when drawn: the glyphs this page carries must be there by then.
document.fonts.load("14px TailwardenHan", {sample}).then(draw, draw);
</script>
</body>
</html>
"""


def draw_html(data: ChartData, path: Path, language: str) -> None:
    """Draw *data* as a page that works without a network."""
    scene = scene_of(data)
    tz = zone(data.timezone)
    since, until = local(scene.since_us, tz), local(scene.until_us, tz)
    title = say(
        "chart.title", language, name=data.name, since=f"{since:%Y-%m-%d %H:%M}", until=f"{until:%Y-%m-%d %H:%M}"
    )
    figure = go.Figure()
    _rain(figure, scene, tz, language)
    _limits(figure, scene, tz, language)
    label = say("chart.level", language)
    mode = "lines" if scene.level.size > 1 else "markers"
    figure.add_scatter(
        x=_moments(scene.level_us, tz),
        y=_plain(scene.level),
        mode=mode,
        name=label,
        line={"color": WATER_COLOUR, "width": 1.8},
        hovertemplate="%{x|%Y-%m-%d %H:%M}  %{y:.3f} m<extra></extra>",
    )
    _bands(figure, scene, tz, language)
    _marks(figure, scene, tz, language)
    figure.update_layout(
        title={"text": html.escape(title)},
        font={"family": FONTS},
        template="plotly_white",
        hovermode="closest",
        bargap=0,
        legend={"orientation": "h", "y": -0.14},
        margin={"l": 70, "r": 70, "t": 70, "b": 60},
        xaxis={
            "title": {"text": say("chart.time", language, timezone=data.timezone)},
            "range": [since, until],
            "tickformatstops": DATE_FORMATS,
        },
        yaxis={"title": {"text": label}, "overlaying": "y2", "tickmode": "auto", "showgrid": True},
        yaxis2={
            "title": {"text": say("chart.rain", language, width=width_text(scene.bar_width_us, language))},
            "side": "right",
            "range": [float(scene.bars.max()) * 3.0 if scene.bars.size else 1.0, 0.0],
            "showgrid": False,
            "visible": bool(scene.bars.size),
        },
    )
    if since == until:
        figure.update_xaxes(autorange=True, range=None)
    picture = json.dumps(json.loads(figure.to_json()), ensure_ascii=False)
    face = embedded_font(title + picture)
    page = PAGE.format(
        language="zh-CN" if language == "zh" else "en",
        title=html.escape(title),
        face=face or "",
        fonts=FONTS,
        plotly=get_plotlyjs(),
        # A name holding "</script>" must not end the script it stands in.
        figure=picture.replace("</", "<\\/"),
        sample=json.dumps(label if face is not None else ""),
    )
    path.write_text(page, encoding="utf-8")


def _rain(figure: go.Figure, scene: Scene, tz: tzinfo, language: str) -> None:
    if scene.bars.size == 0:
        return
    label = say("chart.rain", language, width=width_text(scene.bar_width_us, language))
    figure.add_bar(
        x=_moments(scene.bars_us, tz),
        y=_plain(scene.bars),
        width=scene.bar_width_us / 1000,
        offset=0,
        name=label,
        yaxis="y2",
        marker={"color": RAIN_COLOUR, "opacity": 0.75, "line": {"width": 0}},
        hovertemplate="%{x|%Y-%m-%d %H:%M}  %{y:.1f} mm<extra></extra>",
    )


def _limits(figure: go.Figure, scene: Scene, tz: tzinfo, language: str) -> None:
    for name, times_us, values in scene.limits:
        label = say("chart.limit", language, level=level_word(name, language))
        figure.add_scatter(
            x=_moments(times_us, tz),
            y=_plain(values),
            mode="lines",
            name=label,
            line={"color": COLOURS[name], "width": 1.6, "dash": "dash", "shape": "hv"},
            hovertemplate=html.escape(label) + "  %{y:.2f} m<extra></extra>",
        )


def _bands(figure: go.Figure, scene: Scene, tz: tzinfo, language: str) -> None:
    shown: set[str] = set()
    for band in (*scene.blind, *scene.bands):
        colour = BLIND_COLOUR if band.level is None else COLOURS[band.level]
        label = band_label(band, language)
        since, until = local(band.since_us, tz), local(band.until_us, tz)
        figure.add_shape(
            type="rect", xref="x", yref="paper", x0=since, x1=until, y0=0, y1=1,
            fillcolor=colour, opacity=0.16, line={"width": 0}, layer="below",
        )  # fmt: skip
        # Shapes have no hover and no legend: a filled strip along the bottom carries both.
        figure.add_scatter(
            x=[since, since, until, until],
            y=[0, 0.025, 0.025, 0],
            yaxis="y3",
            mode="lines",
            fill="toself",
            fillpattern={"shape": "/" if band.level is None or not band.verified else ""},
            fillcolor=colour,
            line={"color": colour, "width": 1},
            name=label,
            legendgroup=label,
            showlegend=label not in shown,
            hoveron="fills",
            hoverinfo="text",
            text=_hover(band, label, since, until, language),
        )
        shown.add(label)
    figure.update_layout(yaxis3={"overlaying": "y2", "range": [0, 1], "visible": False, "fixedrange": True})


def _hover(band: Band, label: str, since: datetime, until: datetime, language: str) -> str:
    first = say("chart.band", language, label=label, since=f"{since:%m-%d %H:%M}", until=f"{until:%m-%d %H:%M}")
    return _lines(first, () if band.cause is None else band.cause.causes, language)


def _marks(figure: go.Figure, scene: Scene, tz: tzinfo, language: str) -> None:
    if not scene.marks:
        return
    label = say("chart.notice", language)
    times = [local(mark.time_us, tz) for mark in scene.marks]
    heads = [f"{label} {time:%m-%d %H:%M}" for time in times]
    figure.add_scatter(
        x=times,
        y=[0.985] * len(times),
        yaxis="y3",
        mode="markers",
        name=label,
        marker={"symbol": "triangle-down", "size": 11, "color": "#5a3d99"},
        hoverinfo="text",
        hovertext=[_lines(head, mark.change.causes, language) for head, mark in zip(heads, scene.marks, strict=True)],
    )


def _lines(first: str, causes: Sequence[Cause], language: str) -> str:
    return "<br>".join(html.escape(line) for line in (first, *cause_lines(causes, language)))


def _moments(times_us: NDArray[np.int64], tz: tzinfo) -> list[datetime]:
    return [local(int(time), tz) for time in times_us]


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]
