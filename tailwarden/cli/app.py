"""The typer app: every command module registers itself here, and refusals end here in one line."""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from shared.problems import TailwardenError
from shared.words import language
from tailwarden.cli.usage import UsageError, speak, tell

__all__ = ["MODULES", "app", "main"]

MODULES = (
    "tailwarden.cli.local",
    "tailwarden.cli.backup",
    "tailwarden.cli.sites",
    "tailwarden.cli.publish",
    "tailwarden.cli.ponds",
    "tailwarden.cli.warnings",
    "tailwarden.cli.alarms",
    "tailwarden.cli.drill",
    "tailwarden.cli.alarms_watch",
    "tailwarden.cli.registry",
    "tailwarden.cli.mines",
    "tailwarden.cli.mines_ends",
    "tailwarden.cli.plans",
    "tailwarden.cli.pondfiles",
    "tailwarden.cli.sensorcare",
    "tailwarden.cli.people",
    "tailwarden.cli.duties",
    "tailwarden.cli.rosters",
    "tailwarden.cli.ledger",
    "tailwarden.cli.cases",
    "tailwarden.cli.cases_letters",
    "tailwarden.cli.cases_findings",
    "tailwarden.cli.cases_work",
    "tailwarden.cli.cases_timeline",
    "tailwarden.cli.deadlines",
    "tailwarden.cli.evidence",
    "tailwarden.cli.casefiles",
    "tailwarden.cli.campaigns",
    "tailwarden.cli.reports",
    "tailwarden.cli.replay",
    "tailwarden.cli.demo",
    "tailwarden.cli.audit",
    "tailwarden.cli.events",
    "tailwarden.cli.dead",
    "tailwarden.cli.contracts",
    "tailwarden.cli.grafana",
    "tailwarden.cli.bench",
    "tailwarden.cli.stack",
)
"""The command modules, in the order of ``--help``; each has ``register(app: typer.Typer) -> None``."""

app = typer.Typer(
    name="tailwarden",
    help="Watches tailings ponds and warns the right people early. / 监视尾矿库，及早预警。",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and leave. / 显示版本。"),
) -> None:
    """Watches tailings ponds and warns the right people early. / 监视尾矿库，及早预警。"""
    if version:
        from tailwarden import __version__

        typer.echo(__version__)
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def _whole_first_lines(group: typer.Typer) -> None:
    """List each command with its whole first line: typer would cut it at the first full stop, the Chinese with it."""
    for command in group.registered_commands:
        if command.short_help is None and command.callback is not None and command.callback.__doc__:
            command.short_help = command.callback.__doc__.strip().splitlines()[0]
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            _whole_first_lines(inner.typer_instance)
            if inner.short_help is None or not isinstance(inner.short_help, str):
                inner.short_help = str(inner.typer_instance.info.help)


for _name in MODULES:
    import_module(_name).register(app)
_whole_first_lines(app)
speak(app)


def main() -> None:
    """Run the command; a refusal becomes one line on stderr in the reader's language, and exit code 2."""
    try:
        if language() == "zh":
            sys.exit(app(standalone_mode=False))
        app()
    except UsageError as error:
        sys.exit(tell(error))
    except typer.Abort:
        sys.exit(1)
    except TailwardenError as error:
        words = " ".join(error.words(language()).split())
        # Many sentences begin with the field's name already.
        where = f"{error.field}: " if error.field and not words.startswith(error.field) else ""
        sys.stderr.write(f"tailwarden: {where}{words}\n")
        sys.exit(2)
    except BrokenPipeError:
        # The reader of our output has left (`| head`): nothing is wrong, and nobody is there to be told.
        sys.stderr.close()
        sys.exit(0)
