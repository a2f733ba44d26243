"""Rows of the live view that fit the screen: folded rather than cut, and the newest when there is no room for all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

__all__ = ["Newest"]

GAP = 2
LEAST = 24
"""The last cell keeps so much [columns]; where it could not, cells follow each other like words."""


class Newest:
    """As many of the newest *rows* as have room in *lines* lines of the screen, always one; the last cell folds."""

    def __init__(self, rows: Sequence[Sequence[Text]], lines: int) -> None:
        self.rows = rows
        self.lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the rows as a grid that is no wider than the screen."""
        room = options.max_width
        widths = [max(cell_len(cell.plain) for cell in column) for column in zip(*self.rows, strict=True)][:-1]
        rest = room - sum(widths) - GAP * len(widths)
        rows = self.rows
        if rest < LEAST:
            rows, widths, rest = [[_flow(row)] for row in self.rows], [], room
        grid = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False)
        for width in widths:
            grid.add_column(width=width, no_wrap=True)
        grid.add_column(width=rest, overflow="fold")
        for row in [*_that_fit(rows, rest, self.lines, console)][::-1]:
            grid.add_row(*row)
        yield grid


def _that_fit(rows: Sequence[Sequence[Text]], rest: int, lines: int, console: Console) -> Iterator[Sequence[Text]]:
    """Yield rows from the newest back while there is room for them."""
    used = 0
    for row in reversed(rows):
        used += max(len(row[-1].wrap(console, rest, overflow="fold")), 1)
        if used > lines and row is not rows[-1]:
            return
        yield row


def _flow(row: Sequence[Text]) -> Text:
    return Text("  ").join(cell for cell in row if cell.plain)
