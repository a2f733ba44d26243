"""The dashboards as JSON: for provisioning, for the API, and for the test that holds files and code together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana.board.draw import draw
from deploy.grafana.board.marks import COLOURS
from deploy.grafana.board.operations import OPERATIONS
from deploy.grafana.board.pond import POND
from deploy.grafana.board.query import SOURCE, Given, SqlAnnotation
from deploy.grafana.board.spec import Board, Variable, sql
from deploy.grafana.board.supervision import SUPERVISION
from deploy.grafana.board.wall import WALL
from shared.words import LANGUAGES, say

__all__ = ["BOARDS", "FOLDER", "TAG", "dashboards", "export", "stale", "text", "uid"]

BOARDS: tuple[Board, ...] = (WALL, POND, SUPERVISION, OPERATIONS)
FOLDER = Path(__file__).parents[1] / "dashboards"
"""Where the emitted files are kept, by language."""
TAG = "tailwarden"


def uid(board: str, language: str) -> str:
    """Return the lasting id of a dashboard: links and bookmarks hold on to it."""
    return f"tw-{board}-{language}"


@cache
def dashboards(language: str) -> Mapping[str, dict[str, Any]]:
    """Return every dashboard in *language*, by its uid, as plain JSON values: one for all, to be read only."""
    return {uid(board.name, language): _plain(_built(board, language)) for board in BOARDS}


def text(dashboard: Mapping[str, Any]) -> str:
    """Return the text of a dashboard's file."""
    return json.dumps(dashboard, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _files(folder: Path) -> Iterable[tuple[Path, str]]:
    for language in LANGUAGES:
        for board in BOARDS:
            yield folder / language / f"{board.name}.json", text(dashboards(language)[uid(board.name, language)])


def export(folder: Path = FOLDER) -> list[Path]:
    """Write every dashboard's file below *folder* and return those whose content changed."""
    changed: list[Path] = []
    for path, content in _files(folder):
        if not path.is_file() or path.read_text("utf-8") != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
            changed.append(path)
    return changed


def stale(folder: Path = FOLDER) -> list[Path]:
    """Return the files below *folder* that are not what the code emits, missing ones included."""
    return [path for path, content in _files(folder) if not path.is_file() or path.read_text("utf-8") != content]


def _built(board: Board, language: str) -> model.Dashboard:
    made = dashboard.Dashboard(say(f"board_title.{board.name}", language)).uid(uid(board.name, language))
    made.description(say(f"board_about.{board.name}", language)).tags([TAG, f"{TAG}-{language}"])
    made.time(board.begins, "now").refresh(board.refresh).timezone("browser").readonly()
    made.tooltip(model.DashboardCursorSync.CROSSHAIR)
    links = dashboard.DashboardLink(say("board.others", language)).type(model.DashboardLinkType.DASHBOARDS)
    made.link(links.tags([f"{TAG}-{language}"]).as_dropdown(False).keep_time(True).include_vars(False))
    for variable in board.variables:
        made.with_variable(_variable(variable, language))
    if board.annotations is not None:
        query = sql(board.annotations, language)
        made.annotation(Given(SqlAnnotation(say("board.warnings", language), query, COLOURS["orange"])))
        made.annotation(_synced(language))
    for number, panel in enumerate(board.panels, start=1):
        made.with_panel(draw(panel, number, language))
    return made.build()


def _variable(variable: Variable, language: str) -> dashboard.QueryVariable:
    query = sql(variable.file, language)
    made = dashboard.QueryVariable(variable.name).label(say(f"variable.{variable.name}", language)).datasource(SOURCE)
    made.query(query)
    made.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(model.VariableSort.DISABLED)
    if variable.many:
        made.multi(True).include_all(True)
        made.current(model.VariableOption(text=say("board.all", language), value="$__all", selected=True))
    return made


def _synced(language: str) -> dashboard.AnnotationQuery:
    """Return the annotations that `tailwarden grafana sync` writes: off here, where the query above shows the same."""
    target = dashboard.AnnotationTarget().limit(100).match_any(False).tags([TAG, "pond:$pond"]).type("tags")
    made = dashboard.AnnotationQuery().name(say("board.synced", language)).target(target).icon_color(COLOURS["blue"])
    return made.datasource(model.DataSourceRef(type_val="grafana", uid="-- Grafana --")).enable(False).hide(False)


def _plain(built: model.Dashboard) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(built, cls=JSONEncoder))
    return found
