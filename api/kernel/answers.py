"""What every answer carries: headers that keep browsers from guessing, and a correlation id."""

from __future__ import annotations

import re
import uuid
from typing import Final

import structlog

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
CORRELATION: Final = "X-Correlation-Id"
PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def correlate(given: str) -> str:
    """Take the caller's correlation id when it is a short plain word, else make one; log lines have it."""
    name = given if PLAIN_WORD.fullmatch(given) else uuid.uuid4().hex
    structlog.contextvars.bind_contextvars(correlation_id=name)
    return name
