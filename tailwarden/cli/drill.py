"""``drill``: exercises 汛期演练 — start, stop, list, and the score sheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from shared.contracts.drills import DrillScore, DrillStep, DrillView

__all__ = ["register"]

drill = typer.Typer(
    no_args_is_help=True,
    help="Exercises: start, stop, show the score sheet, list. / 汛期演练：发起、叫停、成绩单、列表。",
)

POND = typer.Argument(metavar="POND", help="The pond's id. / 尾矿库编号。", show_default=False)
ID = typer.Argument(metavar="DRILL", help="The exercise's id. / 演练编号。", show_default=False)
STORM = typer.Option("red", "--storm", help="red, orange, yellow or blue. / 红、橙、黄、蓝。")
BY = typer.Option(..., "--by", help="Who does this (a name). / 操作人姓名。", show_default=False)
JSON = typer.Option(False, "--json", help="Print JSON. / 输出 JSON。")
HOME = typer.Option(None, "--home", help="Where the system keeps its data. / 数据目录。", show_default=".tailwarden")
OF = typer.Option(None, "--pond", help="Of one pond only. / 只看一座库。", show_default=False)
RUNNING = typer.Option(False, "--running", help="Only those that go on. / 只看进行中的。")


def register(app: typer.Typer) -> None:
    """Add this module's commands to *app*."""
    app.add_typer(drill, name="drill")


@drill.command()
def start(pond: str = POND, storm: str = STORM, by: str = BY, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Begin an exercise: a synthetic storm, real messages marked EXERCISE. / 发起演练：虚拟暴雨，消息均带【演练】。"""
    from shared.contracts.drills import DrillView, StartDrill
    from shared.contracts.reading import read_model
    from shared.words import language, say
    from tailwarden.cli.asking import send

    command = read_model(StartDrill, _json({"pond_id": pond, "storm": storm, "by": by}))
    view = send(home, command, DrillView)
    if as_json:
        typer.echo(view.model_dump_json())
        return
    _tell(view)
    typer.echo(say("drills.begun", language(), drill=view.drill_id))


@drill.command()
def stop(drill_id: str = ID, by: str = BY, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """End an exercise at once; everybody who was told hears it. / 立即结束演练，并告知所有被通知的人。"""
    from shared.contracts.drills import DrillView, StopDrill
    from shared.contracts.reading import read_model
    from tailwarden.cli.asking import send

    _shown(send(home, read_model(StopDrill, _json({"drill_id": drill_id, "by": by})), DrillView), as_json)


@drill.command()
def show(drill_id: str = ID, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """Show an exercise with its score sheet. / 查看演练及成绩单。"""
    from shared.contracts.drills import DrillView, ShowDrill
    from shared.contracts.reading import read_model
    from tailwarden.cli.asking import send

    _shown(send(home, read_model(ShowDrill, _json({"drill_id": drill_id})), DrillView), as_json)


@drill.command("list")
def list_(pond: str | None = OF, running: bool = RUNNING, as_json: bool = JSON, home: Path | None = HOME) -> None:
    """List exercises, newest first. / 列出演练。"""
    from shared.contracts.drills import DrillList, ListDrills
    from shared.contracts.reading import read_model
    from shared.words import language, say
    from tailwarden.cli.answers import table
    from tailwarden.cli.asking import send
    from tailwarden.cli.wording import local

    found = send(home, read_model(ListDrills, _json({"pond_id": pond, "running": running})), DrillList)
    if as_json:
        typer.echo(found.model_dump_json())
        return
    words = language()
    rows = [
        (
            each.drill_id,
            each.pond_id,
            say(f"level.{each.storm}", words),
            local(each.started),
            _state(each, words),
            each.by,
        )
        for each in found.drills
    ]
    table([f"drills.{name}" for name in ("id", "pond", "storm", "started", "state", "by")], rows, "drills.none")


def _json(given: dict[str, object]) -> bytes:
    """Return words of the command line as a command's body: it is read, and refused, like one from the bus."""
    import json

    return json.dumps(given).encode()


def _shown(view: DrillView, as_json: bool) -> None:
    if as_json:
        typer.echo(view.model_dump_json())
        return
    _tell(view)
    _sheet(view)


def _state(view: DrillView, words: str) -> str:
    from shared.words import say
    from tailwarden.cli.wording import bracketed

    if view.why is None:
        return say("drills.state_running", words)
    state = say(f"drills.state_{view.why}", words, **({"by": view.ended_by} if view.why == "stopped" else {}))
    return state if view.tidied is not None else state + bracketed(say("drills.tidying", words), words)


def _tell(view: DrillView) -> None:
    from shared.words import language, say
    from tailwarden.cli.answers import facts
    from tailwarden.cli.wording import local

    words = language()
    facts(
        [
            ("drills.id", view.drill_id),
            ("drills.pond", view.pond_id),
            ("drills.storm", say(f"level.{view.storm}", words)),
            ("drills.state", _state(view, words)),
            ("drills.started", local(view.started)),
            ("drills.by", view.by),
            ("drills.ended", None if view.ended is None else local(view.ended)),
            ("drills.alarm", view.alarm_id),
            ("drills.reached", None if view.level is None else say(f"level.{view.level}", words)),
        ]
    )


def _sheet(view: DrillView) -> None:
    from shared.words import language, say
    from tailwarden.cli.answers import table

    words = language()
    if not view.scores:
        typer.echo(say("drills.told_nobody", words))
        return
    typer.echo(f"\n{say('drills.sheet', words)}")
    headings = [f"drills.{name}" for name in ("person", "rank", "answer", "seconds", "steps_done")]
    table(headings, [_score(each, view.ended is not None, words) for each in view.scores], "drills.told_nobody")
    if view.never_answered and view.ended is not None:
        typer.echo(say("drills.never_answered", words, names=list(view.never_answered)))
    elif not view.never_answered:
        typer.echo(say("drills.everybody", words))
    if view.steps:
        done = sum(step.done is not None for step in view.steps)
        typer.echo(f"\n{say('drills.card', words, done=done, all=len(view.steps))}")
        rows = [_step(each, words) for each in view.steps]
        table(["drills.step", "drills.within", "drills.done"], rows, "drills.told_nobody")


def _score(score: DrillScore, over: bool, words: str) -> tuple[object, ...]:
    from shared.words import say

    if score.seconds_to_answer is None:
        seconds = say("drills.never" if over else "drills.not_yet", words)
    else:
        minutes, rest = divmod(round(score.seconds_to_answer), 60)
        seconds = f"{minutes}:{rest:02d}" if minutes else f"{score.seconds_to_answer:.1f} s"
    answer = "" if score.answer is None else say(f"alarms.{score.answer}", words)
    return score.name, score.rank + 1, answer, seconds, score.steps_done


def _step(step: DrillStep, words: str) -> tuple[object, ...]:
    from shared.words import say
    from tailwarden.cli.wording import local

    text = step.zh if words == "zh" else step.en
    within = say("alarms.minutes", words, minutes=step.within_minutes)
    if step.done is None:
        return text, within, say("drills.step_open", words)
    key = "drills.step_done" if step.in_time else "drills.step_late"
    return text, within, say(key, words, by=step.by, time=local(step.done))
