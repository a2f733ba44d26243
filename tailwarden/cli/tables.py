"""Tables on a terminal: nothing is ever cut.

Columns take what their content needs; where that is too much, long texts fold, while ids, days and numbers stay
whole; where even that does not fit, each row becomes a block of ``label: value`` lines. In a pipe, whose reader
has no width, a table is as wide as its content unless COLUMNS says otherwise.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from shared.words import language

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod, RenderableType

__all__ = ["fitting", "folded", "labelled", "laid_out", "show", "terminal"]

GAP = 2
"""Blanks between two columns."""
WHOLE = 26
"""A cell so wide [columns] is not folded: ``2026-07-01 06:00:00 +08:00`` and most names of ponds."""
FOLDS = 4
"""Lines that a longer text may take before its column is given more room …"""
ROOMY = 30
"""… up to so many columns: then it may take as many lines as it needs."""
_CLOSING = "，。；：、）》」』”！？"
"""Signs that no line begins with."""
_ENDLESS = 100_000
"""Columns of a reader without a width; more than any cell has."""


def terminal(*, stderr: bool = False) -> Console:
    """Return the console to print on: as wide as the terminal, or without a width in a pipe where COLUMNS is not set.

    Rich would take 80 columns for a pipe and cut what the reader (``grep``, a file, another program) could have had.
    """
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() or os.environ.get("COLUMNS") else _ENDLESS)


def show(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "", right: Collection[int] = (),
    console: Console | None = None,
) -> None:  # fmt: skip
    """Print a table.

    Parameters
    ----------
    headings : sequence of str
        One a column, in the reader's words.
    rows : iterable of sequences
        Cells: ``Text`` as it is, None as nothing, anything else as ``str`` says it (never as markup).
    title : str
        Said above, if any.
    right : collection of int
        Columns whose cells are set flush right: numbers.
    console : Console
        Where to; by default ``terminal()``.
    """
    console = terminal() if console is None else console
    if title:
        console.print(Text(title, style="bold"))
    console.print(laid_out(headings, rows, console.width, right))


def laid_out(
    headings: Sequence[str], rows: Iterable[Sequence[object]], room: int, right: Collection[int] = ()
) -> RenderableType:
    """Return the table that fits into *room* columns, or its rows as blocks where none does."""
    from rich import box
    from rich.table import Table

    cells = [[_text(cell) for cell in row] for row in rows]
    widths = fitting(headings, cells, room)
    if widths is None:
        return _blocks(headings, cells, room)
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for number, (heading, width) in enumerate(zip(headings, widths, strict=True)):
        justify: JustifyMethod = "right" if number in right else "left"
        made.add_column(folded(Text(heading), width), width=width, no_wrap=True, justify=justify)
    for line in cells:
        made.add_row(*(folded(cell, width) for cell, width in zip(line, widths, strict=True)))
    return made


def fitting(headings: Sequence[str], rows: Sequence[Sequence[Text]], room: int) -> list[int] | None:
    """Return widths of columns [columns of the terminal] that together fit into *room*; None where none do.

    Every column has at least what it cannot do without; what is left goes where the most is lacking.

    >>> fitting(["id", "what"], [[Text("W-20260701-1"), Text("the water is above the limit by a hand")]], 80)
    [12, 38]
    >>> fitting(["id", "what"], [[Text("W-20260701-1"), Text("the water is above the limit by a hand")]], 40)
    [12, 26]
    >>> fitting(["id", "what"], [[Text("W-20260701-1"), Text("the water is above the limit by a hand")]], 20)
    """
    columns = [[heading, *(row[number].plain for row in rows)] for number, heading in enumerate(headings)]
    wanted = [max(map(_natural, column)) for column in columns]
    widths = [max(_word(column[0]), *(_least(cell) for cell in column[1:]), 1) for column in columns]
    left = room - GAP * (len(columns) - 1) - sum(widths)
    if left < 0:
        return None
    lacking = [want - width for want, width in zip(wanted, widths, strict=True)]
    # The smallest wish first, each at most its even share: what it does not take is left to those after it.
    for rank, number in enumerate(sorted(range(len(columns)), key=lacking.__getitem__)):
        given = min(max(lacking[number], 0), left // (len(columns) - rank))
        widths[number] += given
        left -= given
    return widths


def folded(text: Text, width: int) -> Text:
    """Return *text* broken into lines of at most *width* columns: at blanks, between Chinese signs, else anywhere.

    >>> folded(Text("库水位 SK-01 超过限值"), 11).plain.splitlines()
    ['库水位', 'SK-01 超过', '限值']
    """
    lines: list[Text] = []
    for line in text.split("\n", allow_blank=True):
        pieces = line.divide(_breaks(line.plain, width))
        for piece in pieces:
            piece.rstrip()
        lines += pieces
    return Text("\n").join(lines)


def _breaks(line: str, width: int) -> list[int]:
    """Return where lines after the first begin."""
    breaks: list[int] = []
    start, chance, used = 0, 0, 0
    for index, sign in enumerate(line):
        if index > start and (line[index - 1] == " " or (_wide(line[index - 1 : index + 1]) and sign not in _CLOSING)):
            chance = index
        used += cell_len(sign)
        # At the last place to break, or, where what follows it is too long still, right here.
        for place in (chance, index):
            if used > width and sign != " " and place > start:
                start = place
                breaks.append(start)
                used = cell_len(line[start : index + 1])
    return breaks


def labelled(label: str, words: str) -> str:
    """Return *label* with the colon of the language."""
    return f"{label}：" if words == "zh" else f"{label}: "


def _text(cell: object) -> Text:
    shown = cell.copy() if isinstance(cell, Text) else Text("" if cell is None else str(cell))
    shown.expand_tabs(4)
    return shown


def _natural(text: str) -> int:
    return max(map(cell_len, text.split("\n")))


def _word(text: str) -> int:
    """Return the width of the longest run without a place to break: blanks and Chinese signs part such runs."""
    longest = run = 0
    for sign in text:
        width = cell_len(sign)
        run = 0 if sign.isspace() or width > 1 else run + width
        longest = max(longest, run, width)
    return longest


def _wide(text: str) -> bool:
    return cell_len(text) > len(text)


def _least(text: str) -> int:
    natural = _natural(text)
    if natural <= WHOLE:
        return natural
    return max(_word(text), min(-(-natural // FOLDS), ROOMY), WHOLE if _wide(text) else 0)


def _blocks(headings: Sequence[str], rows: Sequence[Sequence[Text]], room: int) -> RenderableType:
    from rich.console import Group
    from rich.table import Table

    words = language()
    labels = [labelled(heading, words).rstrip() for heading in headings]
    width = min(max(map(cell_len, labels)), room // 2)
    rest = max(room - width - 1, 2)
    blocks: list[RenderableType] = []
    for row in rows:
        made = Table.grid(padding=(0, 1, 0, 0), pad_edge=False)
        made.add_column(width=width, no_wrap=True, style="bold")
        made.add_column(width=rest, no_wrap=True)
        for label, cell in zip(labels, row, strict=True):
            if cell.plain:
                made.add_row(folded(Text(label), width), folded(cell, rest))
        blocks += [Text(""), made] if blocks else [made]
    return Group(*blocks)
