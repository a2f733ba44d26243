"""``cases``: the group that letters, findings, timelines and whatever else concerns case files hang on."""

from __future__ import annotations

import typer

__all__ = ["cases", "register"]

cases = typer.Typer(
    no_args_is_help=True, help="Case files: letters, findings, deadlines, evidence. / 案卷：建议函、问题、时限、证据。"
)
"""Modules registered after this one add their own groups and commands to it."""


def register(app: typer.Typer) -> None:
    """Add the group to *app*."""
    app.add_typer(cases, name="cases")
