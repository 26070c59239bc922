"""What goes out: status line, headers and chunks as bytes. No I/O; the time comes from outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

from api.http.message import phrase

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"
WITHOUT_BODY: Final = frozenset({204, 304})  # RFC 9110 §6.4.1
STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {phrase(status)}\r\n".encode() for status in HTTPStatus
}
# What the server itself says of a message; an application that says it too is not repeated.
FRAMING: Final = frozenset({b"connection", b"content-length", b"date", b"keep-alive", b"transfer-encoding"})


class Dates:
    """The Date header (RFC 9110 §6.6.1), made once a second."""

    __slots__ = ("_clock", "_line", "_second")

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._second = -1
        self._line = b""

    def line(self) -> bytes:
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._line = f"date: {formatdate(second, usegmt=True)}\r\n".encode()
        return self._line


def head(status: int, headers: Iterable[tuple[bytes, bytes]], framing: bytes) -> bytes:
    """The head of an answer; `framing` are whole lines. Raises ValueError for a header that would be two."""
    lines = [STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n".encode()]
    lines += [b"%b: %b\r\n" % pair for pair in headers if pair[0].lower() not in FRAMING]
    own = len(lines)
    text = b"".join(lines)
    if text.count(b"\r") != own or text.count(b"\n") != own or b"\0" in text:
        raise ValueError("a header with a line end")
    return b"%b%b\r\n" % (text, framing)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
