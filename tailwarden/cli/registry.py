"""``registry``: the group that mines, plans and whatever else concerns the register hang on."""

from __future__ import annotations

import typer

__all__ = ["register", "registry"]

registry = typer.Typer(
    no_args_is_help=True,
    help="The register: mines, plans, ponds, sensors, people. / 台账：矿山、方案、尾矿库、传感器、人员。",
)
"""Modules registered after this one add their own groups to it."""


def register(app: typer.Typer) -> None:
    """Add the group to *app*."""
    app.add_typer(registry, name="registry")
