"""The picture of a pond's record: level against its limits, rain, and the warnings as bands.

``draw`` writes a ``.png`` (matplotlib) or a self-contained ``.html`` (plotly). Both draw the same
``Scene``, so that the two cannot tell different stories. The drawing libraries load only when used.
"""

from __future__ import annotations

from pathlib import Path

from services.monitor.chart.scene import Band, ChartData, Mark, Scene, scene_of
from services.monitor.chart.source import chart_of
from shared.problems import BadInput, Unavailable
from shared.words import language as reader_language

__all__ = ["Band", "ChartData", "Mark", "Scene", "chart_of", "draw", "scene_of"]


def draw(data: ChartData, path: Path | str, language: str | None = None) -> None:
    """Draw *data* into the file *path*; its ending says how.

    Parameters
    ----------
    data : ChartData
        What to draw.
    path : Path or str
        ``….png`` or ``….html``.
    language : str, optional
        ``zh`` or ``en``; None takes the reader's. A PNG falls back to English labels (and the pond's id
        for a Chinese name) on a machine without any Chinese font; an HTML page carries the glyphs it needs.

    Raises
    ------
    BadInput
        If the ending is another one, or there is nothing to draw.
    Unavailable
        If the file cannot be written.
    """
    target = Path(path)
    lang = reader_language(language)
    kind = target.suffix.lower()
    if kind not in (".png", ".html"):
        raise BadInput("chart.kind", field="chart", path=str(path))
    if data.times_us.size == 0:
        raise BadInput("chart.empty", field="series")
    try:
        if kind == ".png":
            from services.monitor.chart.png import draw_png

            draw_png(data, target, lang)
        else:
            from services.monitor.chart.page import draw_html

            draw_html(data, target, lang)
    except OSError as error:
        raise Unavailable("chart.unwritable", path=str(path), reason=error.strerror or str(error)) from error
