"""``bench``: how fast the system is here, each figure beside its baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from deploy.bench.figures import Figure, Report

__all__ = ["register"]

JSON = typer.Option(False, "--json", help="Print one JSON object. / 输出一个 JSON 对象。")
READINGS = typer.Option(1_000_000, min=25_000, help="Readings sent in columns. / 成批发送的读数个数。")
WORKERS = typer.Option(2, min=2, max=16, help="Monitors that share the ponds. / 分担的监测进程数。")
SINGLES = typer.Option(50_000, min=1_000, help="Readings sent one a message. / 逐条发送的读数个数。")
PONDS = typer.Option(50, min=1, max=2_000, help="Ponds of ten sensors. / 尾矿库个数，每座十个传感器。")
EVALUATED = typer.Option(10_000, min=50, max=20_000, help="Ponds of ten sensors. / 尾矿库个数，每座十个传感器。")
SLOTS = typer.Option(30, min=10, max=10_000, help="Slots of all sensors that are timed. / 计时的时段个数。")
YEAR = typer.Option(True, help="Also replay a year of one pond. / 同时回放一座库一年的数据。")
SECONDS = typer.Option(30.0, min=1.0, max=3_600.0, help="How long readings stream in. / 持续秒数。")
RATE = typer.Option(2_000, min=100, max=20_000, help="Single readings a second. / 每秒读数个数。")
WARNINGS = typer.Option(8.0, min=0.5, max=100.0, help="Warnings provoked a second. / 每秒触发的预警次数。")
READY = typer.Option(True, help="Also time `tailwarden up`. / 同时测量 up 的就绪时间。")
MINES = typer.Option(10_000, min=50, max=100_000, help="Mines. / 矿山个数。")
POND_FILES = typer.Option(2_000, min=20, max=20_000, help="Ponds. / 尾矿库个数。")
FINDINGS = typer.Option(50_000, min=200, max=500_000, help="Findings. / 问题个数。")
RED = typer.Option(1_000, min=1, max=1_000, help="Ponds that go red within a minute. / 一分钟内转红的库数。")
TOLD = typer.Option(200, min=1, max=1_000, help="People who answer for them. / 负责人数。")
STORM = typer.Option(40, min=2, max=1_000, help="Ponds that warn one by one before. / 之前逐座预警的库数。")
SERVER = typer.Option(
    None,
    "--database",
    envvar="TAILWARDEN_BENCH_DATABASE_URL",
    help="Server to measure on: address of a role that may create databases. / 被测服务器：可建库的角色的地址。",
)
STORED_PONDS = typer.Option(20, min=1, max=1_000, help="Ponds of ten sensors. / 尾矿库个数，每座十个传感器。")
DAYS = typer.Option(28, min=1, max=400, help="Days of a reading each five minutes. / 每五分钟一条读数的天数。")
WATCHED = typer.Option(100, min=8, max=1_000, help="Ponds of ten sensors. / 尾矿库个数，每座十个传感器。")
BOARD_DAYS = typer.Option(30, min=1, max=60, help="Days of 5-minute readings. / 5 分钟读数的天数。")
OPEN = typer.Option(5_000, min=60, max=100_000, help="Findings. / 问题个数。")
INTERVAL = typer.Option(60, min=1, max=300, help="Seconds between a sensor's readings. / 每个传感器的采样间隔（秒）。")


def register(app: typer.Typer) -> None:
    """Add this module's commands to *app*."""
    bench = typer.Typer(
        help="Measure speed, each figure beside its baseline. / 测速，每项都与同次测得的基线对照。",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    bench.command("ingest")(ingest)
    bench.command("scale")(scale)
    bench.command("evaluate")(evaluate)
    bench.command("latency")(latency)
    bench.command("records")(records)
    bench.command("storage")(storage)
    bench.command("telling")(telling)
    bench.command("boards")(boards)
    app.add_typer(bench, name="bench")


def ingest(
    as_json: bool = JSON,
    readings: int = READINGS,
    singles: int = SINGLES,
    ponds: int = PONDS,
    interval: int = INTERVAL,
) -> None:
    """Readings from publish to commit, in a system of its own. / 读数从发布到入库的速度。"""
    from deploy.bench.ingest import ingest as measure

    _announce("starting", as_json)
    _tell(_run(measure(readings, singles, ponds, interval)), as_json)


def scale(as_json: bool = JSON, readings: int = READINGS, workers: int = WORKERS) -> None:
    """Several monitors against one, in a system of its own. / 多个监测进程与单个进程的对比。"""
    from deploy.bench.scale import scale as measure

    _announce("starting", as_json)
    _tell(_run(measure(readings, workers)), as_json)


def evaluate(as_json: bool = JSON, ponds: int = EVALUATED, slots: int = SLOTS, year: bool = YEAR) -> None:
    """The rules on many sensors, memory, a year's replay. / 规则计算、内存与全年回放的速度。"""
    from deploy.bench.evaluate import evaluate as measure

    _announce("measuring", as_json)
    _tell(measure(ponds, slots, year), as_json)


def telling(as_json: bool = JSON, ponds: int = RED, people: int = TOLD, storm: int = STORM) -> None:
    """From a reading to a person's mailbox, in a system of its own. / 从读数到责任人邮箱的时延。"""
    from deploy.bench.telling import telling as measure

    _announce("starting", as_json)
    _tell(_run(measure(ponds, people, storm)), as_json)


def latency(
    as_json: bool = JSON,
    seconds: float = SECONDS,
    rate: int = RATE,
    warnings: float = WARNINGS,
    ready: bool = READY,
) -> None:
    """From publish to the warning event, in a system of its own. / 从发布到预警事件的时延。"""
    from deploy.bench.latency import latency as measure
    from deploy.bench.ready import ready_figures

    _announce("starting", as_json)
    report = _run(measure(seconds, rate, warnings))
    if ready:
        report.figures += ready_figures()
    _tell(report, as_json)


def records(as_json: bool = JSON, mines: int = MINES, ponds: int = POND_FILES, findings: int = FINDINGS) -> None:
    """Lists, filters, rebuild and report over a city's records. / 台账与案卷的查询、重建与报告速度。"""
    from deploy.bench.records import records as measure

    _announce("starting", as_json)
    _tell(_run(measure(mines, ponds, findings)), as_json)


def storage(as_json: bool = JSON, ponds: int = STORED_PONDS, days: int = DAYS, database: str | None = SERVER) -> None:
    """Bytes of a stored reading, before and after compression. / 每条读数占用的字节数：压缩前与压缩后。"""
    from deploy.bench.storage import storage as measure

    _announce("starting" if database is None else "measuring", as_json)
    report = _run(measure(ponds, days, database))
    if not as_json:
        from shared.words import language, say

        typer.echo(say("bench.storage_engine", language(), engine=report.setting["engine"]))
    _tell(report, as_json)


def boards(as_json: bool = JSON, ponds: int = WATCHED, days: int = BOARD_DAYS, findings: int = OPEN) -> None:
    """Every query of Grafana's dashboards over a month of readings. / 看板各查询在一个月读数上的速度。"""
    from deploy.bench.boards import boards as measure

    _announce("starting", as_json)
    _tell(_run(measure(ponds, days, findings)), as_json)


def _run(measurement: Coroutine[Any, Any, Report]) -> Report:
    """Run on the loop that the services run on, so that baselines are not slower for want of it."""
    import asyncio

    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(measurement)


def _announce(key: str, as_json: bool) -> None:
    from shared.words import language, say

    if not as_json:
        typer.echo(say(f"bench.{key}", language()), err=True)


def _tell(report: Report, as_json: bool) -> None:
    if as_json:
        import orjson

        typer.echo(orjson.dumps(report.as_json()))
        return
    from rich.text import Text

    from shared.words import language, say
    from tailwarden.cli.tables import show, terminal

    words, console = language(), terminal()
    rows = []
    for figure in report.figures:
        ratio, met = figure.ratio, figure.met
        cells = (
            say(f"bench.{figure.key}", words),
            f"{_number(figure.value)} {figure.unit}",
            "" if figure.baseline is None else f"{_number(figure.baseline)} {figure.unit}",
            "" if ratio is None else f"{ratio:.2f}",
            _promise(figure),
            "" if met is None else say(f"bench.{'yes' if met else 'no'}", words),
        )
        rows.append([Text(cell, style="red" if met is False else "") for cell in cells])
    headings = ("figure", "value", "baseline", "ratio", "promise", "met")
    title = say("bench.title", words, bench=report.bench)
    show([say(f"bench.{name}", words) for name in headings], rows, title=title, right=(1, 2, 3), console=console)
    console.print(say("bench.load", words, **report.as_json()["machine"]), highlight=False)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _promise(figure: Figure) -> str:
    parts = []
    if figure.least is not None:
        parts.append(f"≥ {_number(figure.least)} {figure.unit}")
    if figure.most is not None:
        parts.append(f"≤ {_number(figure.most)} {figure.unit}")
    if figure.least_ratio is not None:
        parts.append(f"≥ {figure.least_ratio:g} ×")
    return ", ".join(parts)
