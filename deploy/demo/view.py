"""The live view: ponds against their limits, and what was said about them. Rendering only; nothing happens here."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, JustifyMethod, RenderableType, RenderResult
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from deploy.demo.fitted import Newest
from deploy.demo.judge import Record
from deploy.demo.told import Told
from deploy.demo.toldview import ROWS, told_panel
from shared.contracts.levels import Level, LevelName
from shared.contracts.monitor import (
    Cause,
    PondBlind,
    PondNoticed,
    PondRestored,
    TimelineCorrected,
    WarningCleared,
    WarningEased,
    WarningEscalated,
    WarningRaised,
    WarningVerified,
)
from shared.words import counted, say

__all__ = ["STYLES", "Line", "PondPicture", "Scene", "bar", "clock_of", "in_words", "line_of", "render", "screen"]

STYLES: Mapping[LevelName | None, str] = {
    None: "green",
    LevelName.BLUE: "blue",
    LevelName.YELLOW: "yellow",
    LevelName.ORANGE: "dark_orange",
    LevelName.RED: "bold red",
}
BAR_CELLS = 30
LEAST_BAR = 10
GAP = 2
BAR = 2
"""Column of the bar; those of figures are beside it."""
FIGURES = (1, 3)
MOST_LINES = 200


@dataclass(slots=True)
class PondPicture:
    """What is known of a pond's water: the newest level [m] and rain [mm]."""

    id: str
    name: str
    limits: Mapping[LevelName, float]
    level: float | None = None
    rain_1h: float | None = None
    rain_3h: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log."""

    time: datetime
    pond: str
    word: str
    level: LevelName | None
    detail: str = ""


@dataclass(slots=True)
class Scene:
    """Everything on the screen."""

    ponds: Sequence[PondPicture]
    begins: datetime
    ends: datetime
    timezone: str
    speed: float
    clock: datetime
    readings: int = 0
    duplicates: int = 0
    unreadable: int = 0
    record: Record = field(default_factory=Record)
    told: Told = field(default_factory=Told)
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=MOST_LINES))
    heard: int = 0
    """Lines there ever were; ``lines`` keeps the newest."""
    latency_ms: Mapping[str, float | None] = field(default_factory=dict)

    def add(self, line: Line) -> None:
        """Put a line at the end of the log."""
        self.lines.append(line)
        self.heard += 1


def line_of(event: object, language: str) -> Line | None:
    """Return how an event reads in the log; None for one that is not shown."""
    match event:
        case WarningRaised():
            return Line(
                event.time, event.pond_id, say("event.raised", language), event.level, _why(event.causes, language)
            )
        case WarningEscalated():
            return Line(
                event.time, event.pond_id, say("event.escalated", language), event.level, _why(event.causes, language)
            )
        case WarningVerified():
            return Line(
                event.time, event.pond_id, say("demo.verified", language), event.level, _why(event.causes, language)
            )
        case WarningEased():
            return Line(event.time, event.pond_id, say("event.eased", language), event.level)
        case WarningCleared():
            return Line(event.time, event.pond_id, say("event.cleared", language), None)
        case PondBlind():
            return Line(event.time, event.pond_id, say("event.blind", language), None, _why(event.causes, language))
        case PondRestored():
            return Line(event.time, event.pond_id, say("event.restored", language), None)
        case PondNoticed():
            return Line(event.time, event.pond_id, say("event.notice", language), None, _why(event.causes, language))
        case TimelineCorrected():
            return Line(event.since, event.pond_id, say("demo.corrected", language), None)
        case _:
            return None


def in_words(line: Line, scene: Scene, language: str) -> str:
    """Return a line of the log as plain text, for where no screen can be redrawn."""
    local = line.time.astimezone(ZoneInfo(scene.timezone))
    name = next((pond.name for pond in scene.ponds if pond.id == line.pond), line.pond)
    level = "" if line.level is None else say(f"level.{line.level}", language)
    return "  ".join(part for part in (f"{local:%m-%d %H:%M}", name, line.word, level, line.detail) if part)


def screen(scene: Scene, language: str, console: Console) -> RenderableType:
    """Return the whole screen with as many lines about events, then about people, as *console* is high."""
    lines, told = max(console.height - 14 - ROWS, 3), ROWS - 3
    while True:
        shown = render(scene, language, lines, told)
        over = len(console.render_lines(shown, pad=False)) - console.height
        if over <= 0 or (lines, told) == (1, 1):
            return shown
        lines, told = (max(lines - over, 1), told) if lines > 1 else (lines, max(told - over, 1))


def render(scene: Scene, language: str, log_lines: int = 12, told_lines: int = ROWS - 3) -> RenderableType:
    """Return the whole screen."""
    local = scene.clock.astimezone(ZoneInfo(scene.timezone))
    header = say(
        "demo.header",
        language,
        clock=f"{local:%Y-%m-%d %H:%M}",
        speed=f"{scene.speed:g}",
        readings=scene.readings,
        duplicates=scene.duplicates,
        unreadable=scene.unreadable,
    )
    total = (scene.ends - scene.begins).total_seconds()
    done = min(max((scene.clock - scene.begins).total_seconds(), 0.0), total)
    parts: list[RenderableType] = [
        Text(header, style="bold"),
        _progress(total, done),
        _Ponds(scene, language),
        Panel(_log(scene, language, log_lines), title=say("demo.events", language), title_align="left"),
        told_panel(scene.told, {pond.id: pond.name for pond in scene.ponds}, STYLES, language, told_lines),
    ]
    if scene.latency_ms.get("p50") is not None:
        parts.append(Text(say("demo.latency", language, **scene.latency_ms), style="dim"))
    return Panel(Group(*parts), title=say("demo.title", language), border_style="cyan")


def _progress(total: float, done: float) -> Table:
    # In a grid of its own: the bar ends without a line break and would swallow what follows.
    grid = Table.grid(expand=True)
    grid.add_column()
    grid.add_row(ProgressBar(total=total, completed=done))
    return grid


class _Ponds:
    """One line a pond; where the screen is too narrow for all of it, the bar gives way before any word or figure."""

    def __init__(self, scene: Scene, language: str) -> None:
        self.headings = [say(f"demo.{name}", language) for name in ("pond", "level", "limits", "rain", "state")]
        self.rows = [_pond(pond, scene, language) for pond in scene.ponds]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table."""
        widths = [max(cell_len(row[number].plain) for _, row in self.rows) for number in range(len(self.headings))]
        for number in FIGURES:
            widths[number] = max(widths[number], *(cell_len(word) for word in self.headings[number].split()))
        left = options.max_width - sum(widths) - GAP * (len(widths) - 1)
        widths[BAR] = min(max(left, LEAST_BAR), BAR_CELLS)
        widths[-1] = max(options.max_width - sum(widths[:-1]) - GAP * (len(widths) - 1), 4)
        table = Table(header_style="bold", box=None, padding=(0, GAP, 0, 0), pad_edge=False)
        for number, (heading, width) in enumerate(zip(self.headings, widths, strict=True)):
            justify: JustifyMethod = "right" if number in FIGURES else "left"
            table.add_column(Text(heading), justify=justify, overflow="fold", width=width)
        for pond, row in self.rows:
            table.add_row(*row[:BAR], bar(pond, widths[BAR]), *row[BAR + 1 :])
        yield table


def _pond(pond: PondPicture, scene: Scene, language: str) -> tuple[PondPicture, list[Text]]:
    level = "–" if pond.level is None else f"{pond.level:.2f}"
    rain = "–" if pond.rain_1h is None or pond.rain_3h is None else f"{pond.rain_1h:.1f} / {pond.rain_3h:.1f}"
    state = _state(scene.record, pond.id, language)
    return pond, [Text(pond.name), Text(level), Text(""), Text(rain), state]


def bar(pond: PondPicture, cells: int = BAR_CELLS) -> Text:
    """Return the level as a bar that reaches from well below the lowest limit to just above the highest.

    Cells take the colour of the highest limit below them; each limit is a tick.
    """
    if not pond.limits:
        return Text("")
    lowest, highest = min(pond.limits.values()), max(pond.limits.values())
    span = max(highest - lowest, 0.1)
    low, high = lowest - 0.8 * span, highest + 0.2 * span

    def cell(value: float) -> int:
        return min(max(int((value - low) / (high - low) * cells), 0), cells - 1)

    ticks = {cell(limit): name for name, limit in pond.limits.items()}
    filled = -1 if pond.level is None else cell(pond.level)
    text = Text()
    reached: LevelName | None = None
    for index in range(cells):
        tick = ticks.get(index)
        reached = tick or reached
        if tick is not None:
            text.append("┃" if index <= filled else "│", style=STYLES[tick])
        elif index <= filled:
            text.append("━", style=STYLES[reached] if reached is not None else "cyan")
        else:
            text.append("·", style="dim")
    return text


def _state(record: Record, pond: str, language: str) -> Text:
    warning = record.open_warning(pond)
    text = Text()
    if warning is None or warning.level is None:
        text.append(say("level.none", language), style=STYLES[None])
    else:
        word = say(f"level.{warning.level}", language)
        word = word if warning.verified else say("demo.unverified", language, level=word)
        text.append(f"● {word}", style=STYLES[warning.level])
    seen = record.pond(pond)
    if seen.blind:
        text.append(f"  {say('demo.blind', language)}", style="black on white")
    if seen.noticed:
        text.append(f"  {counted('demo.notices', len(seen.noticed), language)}", style="magenta")
    return text


def _log(scene: Scene, language: str, lines: int) -> RenderableType:
    if not scene.lines:
        return Text(say("demo.quiet", language), style="dim")
    names = {pond.id: pond.name for pond in scene.ponds}
    rows = []
    for line in list(scene.lines)[-lines:]:
        local = line.time.astimezone(ZoneInfo(scene.timezone))
        level = "" if Level.of(line.level) is Level.NONE else say(f"level.{line.level}", language)
        rows.append(
            (
                Text(f"{local:%m-%d %H:%M}"), Text(names.get(line.pond, line.pond)), Text(line.word),
                Text(level, style=STYLES[line.level]), Text(line.detail, style="dim"),
            )
        )  # fmt: skip
    return Newest(rows, lines)


def _why(causes: Sequence[Cause], language: str) -> str:
    """Name the sensors and rules behind a change, with their figures, in the reader's words."""
    said = []
    for cause in causes:
        unit = f" {cause.unit}" if cause.unit else ""
        value = (
            ""
            if cause.value is None
            else f" {cause.value:.4g}{unit}"
            if abs(cause.value) < 100
            else f" {cause.value:.2f}{unit}"
        )
        limit = "" if cause.limit is None else f" / {cause.limit:g}{unit}"
        rule = say(f"rule.{cause.rule}", language)
        said.append(f"{cause.sensor} {rule}{value}{limit}".strip())
    return ("；" if language == "zh" else "; ").join(dict.fromkeys(said))


def clock_of(time_us: int) -> datetime:
    """Return a moment of the demonstration as an aware time."""
    return datetime.fromtimestamp(time_us / 1_000_000, UTC)
