"""Structured logs: a line per event, console or JSON, to standard error, correlated and without secrets.

Modules log through `structlog.get_logger(__name__)`; this file only decides how lines look. Libraries that
use the standard `logging` come out in the same shape. Of the engine only the stream is imported here.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from typing import Any, Final, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from engine.log_stream import LogStream

SECRET_NAMES: Final = re.compile(
    r"password|passwd|secret|authorization|(^|_)token$|private_?key|^base64sha256", re.IGNORECASE
)
SECRET_TEXT: Final = re.compile(
    r"(?P<scheme>\b(?:Basic|Bearer)\s+)[A-Za-z0-9+/=._~-]+"  # HTTP credentials
    r"|(?P<user>://[^:/@\s]+:)[^@/\s]+(?=@)"  # passwords in addresses
)
HIDDEN: Final = "***"
GAP: Final = "{lines} log lines were lost here\n"
GAP_JSON: Final = '{{"event": "log lines were lost here", "lines": {lines}, "level": "warning"}}\n'
MAX_DEPTH: Final = 4  # nested values deeper than this are shown, not searched


def configure(log_format: str, level: str, stream: TextIO | None = None) -> None:
    """Set up logging for the process. `log_format` is `console` or `json`, `level` a name such as `info`."""
    output = stream or sys.stderr or open(os.devnull, "w")  # noqa: SIM115 - None where it was started closed
    lines = LogStream(output, GAP_JSON if log_format == "json" else GAP)
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    # Plain tracebacks: those with local variables would show secrets.
    final: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if log_format == "json"
        else [
            structlog.dev.ConsoleRenderer(
                colors=lines.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
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
    """Hide values that are secrets by name or by look, nested ones too."""
    return {name: _redacted(name, value, 0) for name, value in event.items()}


def _redacted(name: str, value: Any, depth: int) -> Any:
    if SECRET_NAMES.search(name) and value is not None and not isinstance(value, bool):
        return HIDDEN
    if isinstance(value, str):
        return SECRET_TEXT.sub(_mask, value)
    if depth < MAX_DEPTH:
        if isinstance(value, dict):
            return {key: _redacted(str(key), inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [_redacted("", inner, depth + 1) for inner in value]
    return value


def _mask(match: re.Match[str]) -> str:
    return f"{match['scheme'] or match['user'] or ''}{HIDDEN}"
