"""Requests and responses as values, and the ways in which a request fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Final, TypeAlias

import msgspec

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
Address: TypeAlias = tuple[str, int]

TEXT: Final = b"text/plain; charset=utf-8"


class Refusal(Exception):
    """A request that is not served: it is answered with this status, and the connection ends."""

    def __init__(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers: Headers = ()
        if retry_after is not None:  # seconds
            self.headers = ((b"retry-after", b"%d" % retry_after),)


class Disconnected(OSError):
    """The client is gone, or does not take its answer."""


class Request:
    """One request. Header names are in lower case, values without white space around them."""

    __slots__ = (
        "body_length",
        "client",
        "expects_continue",
        "headers",
        "host",
        "keep_alive",
        "method",
        "path",
        "query",
        "raw_path",
        "read",
        "secure",
        "server",
        "version",
    )

    method: str
    path: str  # percent-decoded
    raw_path: bytes
    query: bytes  # as sent, without the question mark
    headers: list[tuple[bytes, bytes]]
    host: bytes  # of the target, else of the Host header; empty: an HTTP/1.0 client named none
    version: str  # 1.1 or 1.0
    keep_alive: bool  # whether the client wants the connection to go on
    body_length: int | None  # bytes; None: it comes in chunks
    expects_continue: bool
    client: Address
    server: Address
    secure: bool
    read: Callable[[], Awaitable[bytes]]  # the whole body; raises Refusal, Disconnected

    def header(self, name: bytes) -> bytes | None:
        """The first header of that lower-case name."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


class Response(msgspec.Struct, frozen=True):
    """A whole answer. Framing, date and connection are the server's to say."""

    status: int
    body: bytes = b""
    headers: Headers = ()


# Python 3.13 took over the names of RFC 9110.
RENAMED: Final = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


def phrase(status: int) -> str:
    """The words of a status, those of RFC 9110 §15 in every version of Python."""
    return RENAMED.get(status) or HTTPStatus(status).phrase


def plain(status: int, message: str) -> Response:
    """An answer in one line of text."""
    text = message or phrase(status)
    return Response(status, f"{text}\n".encode(), ((b"content-type", TEXT),))
