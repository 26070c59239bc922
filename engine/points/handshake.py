"""The HTTP upgrade of a WebSocket connection, sans-IO: request bytes in, `Upgrade` or `Rejection` out.

HTTP itself is h11's business. Who may connect, which path exists and which subprotocol is spoken is the
listener's: it turns its own refusals into bytes with `refuse`. Nothing here reads a socket or a clock.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final, NamedTuple

import h11

from engine.domain.state import Frozen
from ext.websocket import Deflate

MAX_REQUEST: Final = 16_384  # bytes of request line and headers
MAX_OFFERS: Final = 16  # permessage-deflate offers looked at
_ACCEPT_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
_UPGRADE_HINT: Final = (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"))
_WINDOWS: Final = ("server_max_window_bits", "client_max_window_bits")
# Parameters of permessage-deflate: the values each may have ("" for none) and their meaning. zlib cannot
# compress with a window of 2^8 bytes, so a server window of 8 bits is beyond us.
_ALLOWED: Final[dict[str, dict[str, int]]] = {
    "server_no_context_takeover": {"": 1},
    "client_no_context_takeover": {"": 1},
    "server_max_window_bits": {str(bits): bits for bits in range(9, 16)},
    "client_max_window_bits": {"": 15} | {str(bits): bits for bits in range(8, 16)},
}
_ONCE: Final = (b"sec-websocket-key", b"sec-websocket-version", b"authorization")


class Upgrade(Frozen, frozen=True):
    """A well-formed request to upgrade. Header names are lower case, in the order of arrival."""

    path: str  # as sent: percent-encoded, without the query
    query: str
    headers: tuple[tuple[bytes, bytes], ...]
    subprotocols: tuple[str, ...]  # in the client's order of preference
    authorization: bytes | None
    key: bytes
    extensions: tuple[str, ...]  # offers, in the client's order of preference
    leftover: bytes  # what came behind the request: the first frames

    def header(self, name: bytes) -> bytes | None:
        """The first header of that lower-case name."""
        return next((value for n, value in self.headers if n == name), None)


class Rejection(Frozen, frozen=True):
    """An answer other than 101; `refuse` gives its bytes. The connection is closed behind it."""

    status: int
    body: str  # one line that says what to do
    headers: tuple[tuple[str, str], ...] = ()


class Accepted(NamedTuple):
    """The bytes of the 101 answer, and the compression agreed upon."""

    response: bytes
    deflate: Deflate | None


class Handshake:
    """One connection's request, gathered from pieces. Finished once `receive` returned something."""

    __slots__ = ("_http", "_size")

    def __init__(self) -> None:
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_REQUEST)
        self._size = 0

    def receive(self, data: bytes) -> Upgrade | Rejection | None:
        """Take what was received (b"": the peer closed); None means that the request is not complete yet."""
        self._size += len(data)
        try:
            self._http.receive_data(data)
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                return None
            if not isinstance(event, h11.Request):
                return Rejection(400, "No request came.")
            behind = self._http.next_event()
        except h11.RemoteProtocolError as error:
            return Rejection(error.error_status_hint, f"Malformed HTTP request: {error}.")
        leftover = self._http.trailing_data[0]
        if self._size - len(leftover) > MAX_REQUEST:
            return Rejection(431, f"The request may have {MAX_REQUEST} bytes of headers.")
        if not isinstance(behind, h11.EndOfMessage):
            return Rejection(400, "A request to upgrade has no body.")
        return _upgrade(event, leftover)


def accept(
    upgrade: Upgrade, subprotocol: str | None, *, deflate: bool = True, takeover: bool = False
) -> Accepted:
    """Answer 101. `subprotocol` is one of the client's, or None to name none.

    `deflate` allows permessage-deflate when the client offers it; without `takeover` neither side keeps its
    window between messages, so that an idle connection holds no zlib state (RFC 7692 §7.1.1).
    """
    lines = [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
        b"Sec-WebSocket-Accept: ",
        base64.b64encode(hashlib.sha1(upgrade.key + _ACCEPT_GUID, usedforsecurity=False).digest()),
    ]
    if subprotocol is not None:
        lines += [b"\r\nSec-WebSocket-Protocol: ", subprotocol.encode("ascii")]
    agreed = _negotiate(upgrade.extensions, takeover) if deflate else None
    if agreed is not None:
        lines += [b"\r\nSec-WebSocket-Extensions: ", agreed[0].encode("ascii")]
    return Accepted(b"".join([*lines, b"\r\n\r\n"]), agreed[1] if agreed else None)


def refuse(rejection: Rejection) -> bytes:
    """The bytes of a complete HTTP answer that ends the connection."""
    body = (rejection.body + "\n").encode()
    lines = [f"HTTP/1.1 {rejection.status} {HTTPStatus(rejection.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in rejection.headers]
    lines += ["Content-Type: text/plain; charset=utf-8", f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _upgrade(request: h11.Request, leftover: bytes) -> Upgrade | Rejection:
    """RFC 6455 §4.2.1, in the order in which a person mends a request."""
    headers = tuple((bytes(name), bytes(value)) for name, value in request.headers)
    names = [name for name, _ in headers]
    if request.method != b"GET":
        return Rejection(405, "Connect with GET.", (("Allow", "GET"),))
    upgrading = "websocket" in _tokens(headers, b"upgrade") and "upgrade" in _tokens(headers, b"connection")
    if not upgrading or request.http_version < b"1.1":
        return Rejection(426, "This address speaks WebSocket only.", _UPGRADE_HINT)
    if twice := next((name for name in _ONCE if names.count(name) > 1), None):
        return Rejection(400, f"More than one {twice.decode()} header.")
    single = dict(headers)
    if single.get(b"sec-websocket-version") != b"13":
        return Rejection(426, "Use WebSocket version 13.", _UPGRADE_HINT)
    key = single.get(b"sec-websocket-key", b"")
    if not _is_key(key):
        return Rejection(400, "Sec-WebSocket-Key must be the base64 of 16 bytes.")
    path, _, query = _origin_form(request.target).decode("ascii").partition("?")
    return Upgrade(
        path=path,
        query=query,
        headers=headers,
        subprotocols=tuple(_listed(headers, b"sec-websocket-protocol")),
        authorization=single.get(b"authorization"),
        key=key,
        extensions=tuple(_listed(headers, b"sec-websocket-extensions")),
        leftover=leftover,
    )


def _origin_form(target: bytes) -> bytes:
    """The target without scheme and host, which a client may put before it (RFC 9112 §3.2.2)."""
    if target.startswith(b"/"):
        return target
    _, slash, rest = target.partition(b"://")[2].partition(b"/")
    return slash + rest


def _listed(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[str]:
    """The elements of a comma-separated header that may be repeated; those we read have no quoted commas."""
    joined = b",".join(value for n, value in headers if n == name).decode("latin-1")
    return [element for part in joined.split(",") if (element := part.strip())]


def _tokens(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [token.lower() for token in _listed(headers, name)]


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == 16
    except binascii.Error:
        return False


def _negotiate(offers: Iterable[str], takeover: bool) -> tuple[str, Deflate] | None:
    """The first offer that we can serve: our answer to it and the codec (RFC 7692 §5.1, §7.1)."""
    for offer in tuple(offers)[:MAX_OFFERS]:
        asked = _parameters(offer)
        if asked is None:
            continue
        server_bits = asked.get("server_max_window_bits", 15)
        client_bits = asked.get("client_max_window_bits", 15)
        server_fresh = "server_no_context_takeover" in asked or not takeover
        client_fresh = "client_no_context_takeover" in asked or not takeover
        answer = ["permessage-deflate"]
        answer += ["server_no_context_takeover"] * server_fresh + [
            "client_no_context_takeover"
        ] * client_fresh
        # §7.1.2.2: the client's window may be named only to a client that named it itself.
        answer += [f"{name}={asked[name]}" for name in _WINDOWS if name in asked]
        return "; ".join(answer), Deflate(server_bits, client_bits, server_fresh, client_fresh)
    return None


def _parameters(offer: str) -> dict[str, int] | None:
    """One offer; None where it must be declined: unknown, repeated or invalid parameters (RFC 7692 §7.1)."""
    name, *listed = [part.strip() for part in offer.split(";")]
    if name.lower() != "permessage-deflate":
        return None
    found: dict[str, int] = {}
    for parameter in listed:
        key, _, value = (part.strip() for part in parameter.partition("="))
        allowed = _ALLOWED.get(key, {})
        if key in found or value.strip('"') not in allowed:
            return None
        found[key] = allowed[value.strip('"')]
    return found
