"""Structured logs: a line per event, console or JSON, to standard error, correlated and without secrets.

Modules log through `structlog.get_logger(__name__)`; this file only decides how lines look. Libraries that
use the standard `logging` come out in the same shape. Of the engine only stream and masking are imported.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Final, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from engine.log_stream import LogStream
from engine.masking import masked_members

MOST_SEARCHED: Final = 1 << 20  # characters of a line in which secrets may stand; tracebacks are long
GAP: Final = "{lines} log lines were lost here\n"
GAP_JSON: Final = '{{"event": "log lines were lost here", "lines": {lines}, "level": "warning"}}\n'


def configure(log_format: str, level: str, stream: TextIO | None = None) -> None:
    """Set up logging for the process. `log_format` is `console` or `json`, `level` a name such as `info`."""
    output = stream or sys.stderr or open(os.devnull, "w")  # noqa: SIM115 - None where it was started closed
    lines = LogStream(output, GAP_JSON if log_format == "json" else GAP)
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,  # without local variables, which would show secrets
        redact,
    ]
    final: list[Processor] = [
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=lines.isatty())
    ]
    structlog.configure(
        processors=[*shared, *final],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, lines)),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))  # libraries are heard only when something is wrong


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide values that are secrets by name or by look, nested ones and those in tracebacks too."""
    return masked_members(event, MOST_SEARCHED)
