"""Logs: structlog on stderr, JSON for machines or coloured lines for a terminal, UTC times.

Each line carries the trace and the step it was written in, when there is one, and what was bound around it
(``bound``): the pond that an event, a command or a message is about.

Standard-library loggers (nats, faststream, psycopg) go the same way, so that one process speaks one format.
"""

from __future__ import annotations

import logging
import sys
from contextlib import AbstractContextManager
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from shared.ops.tracing import ids

__all__ = ["bound", "configure", "logger"]


def configure(level: str = "info", log_format: str | None = None, **context: Any) -> None:
    """Set up logging for this process.

    Parameters
    ----------
    level
        ``debug``, ``info``, ``warning`` or ``error``.
    log_format
        ``json`` or ``console``; None: console when stderr is a terminal.
    **context
        Bound to every line, e.g. ``service="monitor"``.
    """
    console = log_format == "console" or (log_format is None and sys.stderr.isatty())
    chain: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _with_trace,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.StackInfoRenderer(),
    ]
    ending: list[Any] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if console
        else [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=chain,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # FastStream tells of every task it puts away as it stops; only what goes wrong there is of interest.
    logging.getLogger("shared.bus.faststream").setLevel(max(root.level, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *chain,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**context)


def _with_trace(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Add the step of the trace that is under way where the line is written: a line leads to its trace and back."""
    here = ids()
    if here is not None:
        line["trace_id"], line["span_id"] = here
    return line


def bound(**context: str | None) -> AbstractContextManager[Any]:
    """Bind *context* to every line written in this block, by whomever; what is None is left out.

    >>> with bound(pond="xiakou", sensor=None):
    ...     structlog.contextvars.get_contextvars()["pond"]
    'xiakou'
    """
    return structlog.contextvars.bound_contextvars(**{name: each for name, each in context.items() if each is not None})


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger *name* (a module's ``__name__``)."""
    log: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return log
