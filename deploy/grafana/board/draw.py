"""From what a panel is to what Grafana draws: the SDK's builders, the reader's words, colours and units."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from grafana_foundation_sdk.builders import (
    barchart,
    common,
    dashboard,
    geomap,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.geomap import TooltipMode

from deploy.grafana.board.marks import COLOURS, age_steps, mapping, missing
from deploy.grafana.board.query import SOURCE, Given, PostgresQuery
from deploy.grafana.board.spec import Column, Panel, sql, unit_of
from shared.words import say

__all__ = ["draw", "heading"]

_QUIET = "#464C54"
_Builder = Any
"""The SDK's panel builders share their methods and no base class."""
_LOOKS_OF = {"state": "state", "level": "level", "standing": "standing", "flag": "flag", "yes_no": "yes_no"}
_LOUD = frozenset({"state", "level", "standing"})
_DECIMALS = {"suffix: m": 2, "suffix: m/h": 3, "suffix: mm": 1, "h": 1, "percentunit": 0, "s": 0}


def heading(column: str, language: str) -> str:
    """Return what a column is called."""
    return say(f"column.{column}", language)


def draw(panel: Panel, number: int, language: str) -> _Builder:
    """Return the SDK's builder of *panel*, its id *number*."""
    made = _KINDS[panel.kind](panel, language)
    made.id(number).title(say(f"panel.{panel.name}", language)).description(say(f"about.{panel.name}", language))
    made.datasource(SOURCE).span(panel.width).height(panel.height).no_value(say("board.no_data", language))
    made.mappings(missing(language))
    for place, query in enumerate(panel.queries):
        form: Literal["table", "time_series"] = "time_series" if query.series else "table"
        made.with_target(Given(PostgresQuery(sql(query.file, language), form, "ABCDEF"[place])))
        for column in query.columns:
            # A chart's time has its axis; a series with a metric column is named by that, and has the axis' unit.
            named = any(each.name == "metric" for each in query.columns)
            if panel.kind == "table" or not (column.name == "time" or named):
                made.override_by_name(column.name, list(_properties(panel, column, language)))
    return made


def _properties(panel: Panel, column: Column, language: str) -> Iterable[model.DynamicConfigValue]:
    """Yield how one column is shown."""
    put = model.DynamicConfigValue
    yield put("displayName", heading(column.name, language))
    unit = unit_of(column.name)
    if unit is not None:
        yield put("unit", unit)
        yield put("decimals", _DECIMALS.get(unit, 0))
    section = _LOOKS_OF.get(column.look) or (column.words if column.look == "word" else None)
    if section is not None:
        yield put("mappings", mapping(section, language))
    match column.look:
        case "age":
            yield put("thresholds", model.ThresholdsConfig(mode=model.ThresholdsMode.ABSOLUTE, steps=age_steps()))
            yield put("color", model.FieldColor(mode=model.FieldColorModeId.THRESHOLDS))
        case "time":
            yield put("unit", "dateTimeAsLocal")
        case "day":
            yield put("unit", "string")  # a day is no moment: in another time zone it would be another one
        case "fixed" if panel.kind == "stat":
            # None of them is no alarm: the colour comes with the first.
            some = model.Threshold(value=1.0, color=column.colour or _QUIET)
            steps = [model.Threshold(value=None, color=_QUIET), some]
            yield put("thresholds", model.ThresholdsConfig(mode=model.ThresholdsMode.ABSOLUTE, steps=steps))
            yield put("color", model.FieldColor(mode=model.FieldColorModeId.THRESHOLDS))
        case "fixed":
            yield put("color", model.FieldColor(mode=model.FieldColorModeId.FIXED, fixed_color=column.colour))
        case _:
            pass
    if panel.kind == "table":
        yield from _cell(panel, column)
    elif column.look == "hidden":
        yield put("custom.hideFrom", {"tooltip": True, "viz": False, "legend": True})
    if column.band_to is not None:
        yield put("custom.fillBelowTo", heading(column.band_to, language))
        yield put("custom.fillOpacity", 12)
        yield put("custom.lineWidth", 1)


def _cell(panel: Panel, column: Column) -> Iterable[model.DynamicConfigValue]:
    put = model.DynamicConfigValue
    if column.look == "hidden":
        yield put("custom.hidden", True)
        return
    if column.width is not None:
        yield put("custom.width", column.width)
    if column.look in _LOUD:
        yield put("custom.cellOptions", {"type": "color-background", "mode": "basic"})
    elif column.look in ("age", "flag") or column.words in ("seen", "outlook"):
        yield put("custom.cellOptions", {"type": "color-text"})


def _stat(panel: Panel, language: str) -> _Builder:
    # "last", not "last that is not null": what is missing shall show as missing.
    reduce = common.ReduceDataOptions().values(False).calcs(["last"]).fields("/.*/")
    return (
        stat.Panel()
        .reduce_options(reduce)
        .color_mode(shapes.BigValueColorMode.BACKGROUND_SOLID)
        .graph_mode(shapes.BigValueGraphMode.NONE)
        .text_mode(shapes.BigValueTextMode.VALUE_AND_NAME)
        .color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.FIXED).fixed_color(_QUIET))
    )


def _table(panel: Panel, language: str) -> _Builder:
    made = table.Panel().cell_height(shapes.TableCellHeight.SM).show_header(True)
    made.color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.FIXED).fixed_color("text"))
    return _linked(made, panel, language)


def _timeseries(panel: Panel, language: str) -> _Builder:
    made = timeseries.Panel().unit(panel.unit or "none").show_points(shapes.VisibilityMode.AUTO).span_nulls(False)
    made.line_width(2 if not panel.bars else 1).fill_opacity(60 if panel.bars else 0)
    made.tooltip(common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI).sort(shapes.SortOrder.DESCENDING))
    legend = common.VizLegendOptions().display_mode(shapes.LegendDisplayMode.LIST).show_legend(True)
    made.legend(legend.placement(shapes.LegendPlacement.BOTTOM).calcs(["lastNotNull"]))
    if panel.bars:
        made.draw_style(shapes.GraphDrawStyle.BARS)
        # Accumulations are lines over the bars of what fell.
        line = [model.DynamicConfigValue("custom.drawStyle", "line"), model.DynamicConfigValue("custom.fillOpacity", 0)]
        made.override_by_query("B", line)
    if panel.stacked:
        made.stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL).group("A"))
    if panel.axis_from_zero:
        made.axis_soft_min(0)
    if panel.bridge_ms is not None:
        made.span_nulls(panel.bridge_ms)
    if panel.least_interval is not None:
        made.interval(panel.least_interval)
    return made


def _barchart(panel: Panel, language: str) -> _Builder:
    # The first column of words becomes the axis by itself; naming it would tie it to its name in one language.
    made = barchart.Panel().unit(panel.unit or "none")
    made.stacking(shapes.StackingMode.NORMAL if panel.stacked else shapes.StackingMode.NONE)
    made.show_value(shapes.VisibilityMode.AUTO).x_tick_label_rotation(-45).fill_opacity(80).axis_soft_min(0)
    legend = common.VizLegendOptions().display_mode(shapes.LegendDisplayMode.LIST).show_legend(True)
    return made.legend(legend.placement(shapes.LegendPlacement.BOTTOM).calcs([]))


def _geomap(panel: Panel, language: str) -> _Builder:
    where = common.FrameGeometrySource().mode(shapes.FrameGeometrySourceMode.COORDS)
    style = {
        "color": {"field": "state", "fixed": COLOURS["no_data"]},
        "size": {"fixed": 9, "min": 6, "max": 14},
        "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
        "text": {"mode": "field", "field": "pond", "fixed": ""},
        "textConfig": {"fontSize": 12, "offsetX": 0, "offsetY": -14, "textAlign": "center", "textBaseline": "middle"},
        "opacity": 0.9,
    }
    ponds = common.MapLayerOptions().type("markers").name(say("board.ponds", language))
    ponds.config({"style": style, "showLegend": True}).tooltip(True)
    ponds.location(where.latitude("latitude").longitude("longitude"))
    basemap = common.MapLayerOptions().type("default").name(say("board.basemap", language))
    made = geomap.Panel().layers([ponds]).basemap(basemap)
    made.view(geomap.MapViewConfig().id("fit").all_layers(True).padding(15).max_zoom(13))
    made.controls(geomap.ControlsOptions().show_zoom(True).mouse_wheel_zoom(True).show_attribution(True))
    made.tooltip(geomap.TooltipOptions().mode(TooltipMode.DETAILS))
    return _linked(made, panel, language)


def _statetimeline(panel: Panel, language: str) -> _Builder:
    made = statetimeline.Panel().merge_values(True).show_value(shapes.VisibilityMode.AUTO).row_height(0.8)
    legend = common.VizLegendOptions().display_mode(shapes.LegendDisplayMode.LIST).show_legend(False)
    return made.fill_opacity(80).legend(legend.placement(shapes.LegendPlacement.BOTTOM).calcs([]))


def _linked(made: _Builder, panel: Panel, language: str) -> _Builder:
    if panel.link_pond:
        url = f"/d/tw-pond-{language}?var-pond=${{__data.fields.pond_id}}"
        made.data_links([dashboard.DashboardLink(say("board.open_pond", language)).url(url)])
    return made


_KINDS = {
    "stat": _stat,
    "table": _table,
    "timeseries": _timeseries,
    "barchart": _barchart,
    "geomap": _geomap,
    "state-timeline": _statetimeline,
}
