"""``tailwarden contracts export``: the published schemas and the AsyncAPI document, as files."""

from __future__ import annotations

import typer

from shared.words import language, say

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add ``contracts`` to *app*."""
    contracts = typer.Typer(no_args_is_help=True)
    contracts.command(name="export", short_help="Write schemas and AsyncAPI. / 写出契约文件。")(export)
    words = "Published schemas. / 对外发布的契约。"
    app.add_typer(contracts, name="contracts", help=words, short_help=words)


def export(
    check: bool = typer.Option(
        False, "--check", help="Write nothing; exit 1 when the files differ from the code. / 只检查。"
    ),
    force: bool = typer.Option(False, "--force", help="Write even what breaks readers. / 强制写入不兼容的改动。"),
) -> None:
    """Write JSON Schemas and the AsyncAPI document under shared/contracts. / 写出 JSON Schema 与 AsyncAPI 文档。"""
    from shared.contracts import export as contracts  # imports FastStream

    reader = language()
    if check:
        findings = contracts.check()
        for name, difference in findings.broken:
            typer.echo(f"{name}: {difference}", err=True)
        if findings.stale:
            typer.echo(say("contracts.stale", reader, shown=", ".join(findings.stale)), err=True)
            raise typer.Exit(1)
        typer.echo(say("contracts.fresh", reader))
        return
    written = contracts.export(force=force)
    for name in written:
        typer.echo(say("contracts.wrote", reader, name=name))
    if not written:
        typer.echo(say("contracts.fresh", reader))
