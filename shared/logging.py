"""Logs: structlog on stderr, JSON for machines or coloured lines for a terminal, UTC times.

Standard-library loggers (nats, faststream, psycopg) go the same way, so that one process speaks one format.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

__all__ = ["configure", "logger"]


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


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger *name* (a module's ``__name__``)."""
    log: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return log
