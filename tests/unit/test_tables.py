"""No table of the command line loses anything: all of them, at several widths, in both languages, from made-up rows."""

from __future__ import annotations

import ast
import inspect
import io
import os
import pty
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text
from typer.main import get_command

import tailwarden.cli
from shared.bus.rpc import CommandClient
from shared.settings import CONNECTION_FILE, Connection
from tailwarden.cli import tables
from tailwarden.cli.app import app
from tests.unit.made_up import made_up

CLI = Path(inspect.getfile(tailwarden.cli)).parent
WIDTHS = (60, 80, 100, 130)
"""Columns of the terminal that each table is drawn for."""
COMMANDS = (
    "alarms list", "alarms show A-1", "alarms shelvings", "alarms load", "drill list", "drill show d-1",
    "warnings list", "ponds", "cases letters list", "cases letters show l-1", "cases findings list",
    "cases deadlines list", "cases evidence list", "cases files list", "cases incidents list", "cases campaigns list",
    "cases timeline f-1", "cases summary", "registry mines list", "registry mines merger list",
    "registry ponds list", "registry plans list", "registry plans show p-1", "registry sensors list",
    "registry people list", "registry people show p-1", "registry grid list --as-of 2026-07-02",
    "registry grid who city:x", "registry duty list", "registry duty show r-1", "registry duty who r-1",
    "registry duty gaps r-1 --from 2026-07-01T08:00+08:00 --to 2026-07-02T08:00+08:00",
)  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """A table that was printed: by which function, from what, and how it looked."""

    by: tuple[str, str]
    headings: list[str]
    cells: list[str]
    room: int
    lines: list[str]

    @property
    def in_blocks(self) -> bool:
        return not any(set(line) == {"─"} for line in self.lines)


def signs(*texts: str) -> Counter[str]:
    return Counter("".join("".join(texts).split()))


def check(shown: Shown) -> None:
    """Fail where anything of a cell is missing, or an id, a day or a number was broken."""
    out = signs(*shown.lines)
    wanted = signs(*shown.cells, *([] if shown.in_blocks else shown.headings))
    assert wanted - out == Counter(), "\n".join(shown.lines)
    assert out["…"] == wanted["…"], "\n".join(shown.lines)
    assert max(cell_len(line) for line in shown.lines) <= shown.room
    for cell in shown.cells:
        if cell_len(cell) <= min(tables.WHOLE, shown.room // 2 - 1):
            assert any(cell in line for line in shown.lines), cell


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[Shown]:
    """Whatever is laid out from now on."""
    found: list[Shown] = []
    real = tables.laid_out

    def watched(headings: Any, rows: Any, room: int, right: Any = ()) -> Any:
        cells = [list(row) for row in rows]
        made = real(headings, cells, room, right)
        texts = [getattr(cell, "plain", "" if cell is None else str(cell)) for row in cells for cell in row]
        for width in WIDTHS:
            console = Console(file=io.StringIO(), width=width)
            console.print(real(headings, cells, width, right))
            lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
            found.append(Shown(_caller(), list(headings), texts, width, [line.rstrip() for line in lines]))
        return made

    monkeypatch.setattr(tables, "laid_out", watched)
    return found


def _caller() -> tuple[str, str]:
    """Return module and function of the command that prints."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        path, function = Path(frame.f_code.co_filename), frame.f_code.co_name
        if path.parent == CLI and path.stem != "tables" and (path.stem, function) != ("answers", "table"):
            return path.stem, function
        frame = frame.f_back
    raise AssertionError("a table that no command prints")


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system whose services answer everything with made-up values: only how answers look is asked here."""

    async def connected(*_: Any, **__: Any) -> Any:
        async def close() -> None:
            return None

        return SimpleNamespace(close=close)

    async def answer(_: CommandClient, command: Any, reply: type[Any], subject: str | None = None) -> Any:
        made = made_up(reply)
        return made.model_copy(update={"more": False}) if hasattr(made, "more") else made

    Connection(nats_url="nats://127.0.0.1:1").write(tmp_path / CONNECTION_FILE)
    monkeypatch.setenv("TAILWARDEN_HOME", str(tmp_path))
    monkeypatch.setattr("shared.bus.connection.connect", connected)
    monkeypatch.setattr(CommandClient, "send", answer)


def _others(words: str) -> Iterator[Callable[[], None]]:
    """Tables of commands that ask no service."""
    from deploy.backup.manifest import Manifest
    from deploy.bench.figures import Figure, Report
    from shared.bus.dead import DeadLetter
    from shared.contracts.ledger import Imported
    from shared.contracts.registry import PondView
    from shared.eventstore import Report as Audit
    from tailwarden.cli import audit, backup, bench, dead, demo, ledger, local, sites
    from tailwarden.excel.read import Read

    yield lambda: dead._table([made_up(DeadLetter)] * 2, words)
    yield lambda: bench._tell(Report("ingest", {}, [made_up(Figure)]), False)
    yield lambda: sites._tell(made_up(PondView), True, words)
    yield lambda: audit._print_reports({"registry": made_up(Audit), "monitor": Audit(3, bytes(32), None)}, words)
    machine = SimpleNamespace(
        moved=(), nats=SimpleNamespace(url="nats://127.0.0.1:24222", mqtt_port=21883), web=28080,
        postgres=SimpleNamespace(port=25432), services=("notifier",), units=lambda: [("notifier", (), {})],
        ops={"notifier": 28099},
        home=Path("/srv/mine-safety/city-of-long-names/tailwarden/home"),
    )  # fmt: skip
    units: Any = SimpleNamespace(units={"notifier": SimpleNamespace(process=None)})
    yield lambda: local._tell(machine, units, words)  # type: ignore[arg-type]
    yield lambda: backup._print_manifest(made_up(Manifest), words)
    answer = made_up(Imported)
    sheets = {each.sheet.value: SimpleNamespace(passed_over=(), title="") for each in answer.counts}
    read: Any = SimpleNamespace(sheets=sheets, passed_over=())
    assert {*vars(read)} <= {*Read.__dataclass_fields__}
    yield lambda: ledger._tell(Path("l.xlsx"), read, answer, False)
    warning = SimpleNamespace(
        pond="qingshi", raised=datetime(2026, 7, 1, tzinfo=UTC), cleared=None, highest="orange"
    )  # fmt: skip
    report: Any = SimpleNamespace(
        record=SimpleNamespace(warnings={"w": warning}), latency_ms={"p50": None}, first_message_ms={}, wrong=(),
        counts=SimpleNamespace(readings_published=1, duplicates_sent=0, readings_stored=1, dead_letters=0),
        told=SimpleNamespace(messages=1, reached=(), answered=(), all_clears=0),
    )  # fmt: skip
    yield lambda: demo._tell(report, tables.terminal(), False, words)


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("words", ["en", "zh"])
def test_every_table_of_the_command_line_shows_all_of_its_cells(
    words: str, printed: list[Shown], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAILWARDEN_LANGUAGE", words)
    monkeypatch.setenv("COLUMNS", "80")
    line = get_command(app)
    for command in COMMANDS:
        before = len(printed)
        line(command.split(), standalone_mode=False)
        assert len(printed) > before, command
    for printing in _others(words):
        printing()
    for shown in printed:
        check(shown)
    assert {shown.by for shown in printed} == set(call_sites())


def call_sites() -> Iterator[tuple[str, str]]:
    """Return every function of the command line that prints a table: module and name."""
    for path in CLI.glob("*.py"):
        for function in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(function, ast.FunctionDef) or (path.stem, function.name) == ("answers", "table"):
                continue
            names = {
                alias.asname or alias.name
                for node in ast.walk(ast.parse(path.read_text("utf-8")))
                if isinstance(node, ast.ImportFrom)
                for alias in node.names
                if (node.module, alias.name) in (("tailwarden.cli.tables", "show"), ("tailwarden.cli.answers", "table"))
            }
            called = [
                each.func.id
                for each in ast.walk(function)
                if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)
            ]
            if names & {*called}:
                yield path.stem, function.name


def test_nothing_else_makes_tables_and_consoles() -> None:
    """Another way to print is another way to cut."""
    found = {
        path.name
        for path in CLI.glob("*.py")
        if path.name != "tables.py" and ("rich.table" in (text := path.read_text("utf-8")) or " Console(" in text)
    }
    assert found == set()


texts = st.text(st.sampled_from("abc-019 \n水位，。；㎡é"), max_size=60)


@given(st.lists(st.lists(texts, min_size=3, max_size=3), min_size=1, max_size=3), st.integers(12, 120))
def test_whatever_is_in_a_table_is_printed(rows: list[list[str]], room: int) -> None:
    console = Console(file=io.StringIO(), width=room)
    tables.show(["id", "库水位 [m]", "working days"], rows, console=console)
    out = console.file.getvalue()  # type: ignore[attr-defined]
    assert signs(*(cell for row in rows for cell in row)) - signs(out) == Counter()
    assert "…" not in out
    assert all(cell_len(line) <= room for line in out.splitlines())


@given(texts, st.integers(2, 40))
def test_folding_keeps_every_sign_in_its_order(text: str, width: int) -> None:
    shown = tables.folded(Text(text), width).plain
    assert "".join(shown.split()) == "".join(text.split())
    assert all(cell_len(line) <= width for line in shown.split("\n"))


def test_a_terminal_gives_its_width_and_a_pipe_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "x" * 300
    monkeypatch.delenv("COLUMNS")
    monkeypatch.setattr("sys.stdout", io.StringIO())
    tables.show(["a", "b"], [[long, long]])
    written = sys.stdout.getvalue()
    assert f"{long}  {long}" in written
    assert max(map(len, written.splitlines())) == 602
    main, other = pty.openpty()
    with os.fdopen(main), os.fdopen(other, "w") as screen:
        monkeypatch.setattr("sys.stdout", screen)
        assert tables.terminal().width < 602
