"""The head of a request: bytes in, a checked `Request` out. No I/O.

Where a head ends is found here, at the first empty line; what is in it is read by llhttp (`httptools`, in its
strict mode), and both must agree on the end. What two readers could take apart differently is refused, never
mended: in front of us may be a proxy that reads it the other way (RFC 9112 §11.2).
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

import httptools

from api.http.message import Address, Refusal, Request

MAX_LINE: Final = 8_192  # bytes of a request line
MAX_HEAD: Final = 32_768  # bytes of the line and all headers
MAX_HEADERS: Final = 100
MAX_DIGITS: Final = 15  # of a Content-Length
METHODS: Final = {
    name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
}
VERSIONS: Final = frozenset({"1.0", "1.1"})
LINE_END: Final = b"\r\n"
HEAD_END: Final = b"\r\n\r\n"

# RFC 9110 §5.6.2; httptools tells unknown methods from malformed ones no better.
METHOD: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32} ")
# RFC 9112 §3.2.2. User information has no place in it (RFC 9110 §4.2.4).
ABSOLUTE: Final = re.compile(rb"(?i:https?)://([^/?@]+)(/[^?]*)?(?:\?(.*))?", re.DOTALL)
# RFC 9110 §7.2, RFC 3986 §3.2.2: a name, an address, an address of IPv6 in brackets, and a port.
HOST: Final = re.compile(
    rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+(?:%25[A-Za-z0-9._~-]+)?\])(?::[0-9]{0,5})?"
)
BAD_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
# Of which there can be one only: of two, one reader would take the first and another the last.
_ONCE: Final = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"expect", b"authorization", b"content-type"}
)


class HeadReader:
    """The heads of one connection, one after the other."""

    __slots__ = (
        "_begun",
        "_client",
        "_complete",
        "_headers",
        "_host",
        "_http",
        "_keep_alive",
        "_scanned",
        "_secure",
        "_server",
        "_single",
        "_target",
    )

    def __init__(self, client: Address, server: Address, *, secure: bool) -> None:
        self._client = client
        self._server = server
        self._secure = secure
        self._scanned = 0  # bytes of the buffer in which no end was found
        self._http: httptools.HttpRequestParser | None = None
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._single: dict[bytes, bytes] = {}
        self._begun = self._complete = 0
        self._keep_alive = False
        self._host = b""  # one that is known to be well-formed

    def cut(self, buffer: bytearray) -> bytes | None:
        """Take a whole head out of `buffer`; None while its end has not come. Raises Refusal."""
        while self._scanned < 2 and buffer.startswith(LINE_END):
            del buffer[:2]  # RFC 9112 §2.2: empty lines before a request are ignored
            self._scanned = 0
        found = buffer.find(HEAD_END, max(0, self._scanned - 3))
        size = found + 4 if found >= 0 else len(buffer)
        if size > MAX_LINE and buffer.find(LINE_END, 0, MAX_LINE) < 0:
            raise Refusal(414, f"a request line has at most {MAX_LINE} bytes")
        if size > MAX_HEAD:
            raise Refusal(431, f"a request has at most {MAX_HEAD} bytes of headers")
        if found < 0:
            self._scanned = size
            return None
        self._scanned = 0
        head = bytes(buffer[:size])
        del buffer[:size]
        return head

    def parse(self, head: bytes) -> Request:
        """What `cut` gave. Raises Refusal."""
        http = self._http = self._http or httptools.HttpRequestParser(self)
        self._target, self._headers, self._single = b"", [], {}
        self._begun = self._complete = 0
        self._feed(http, head)
        request = Request()
        method = http.get_method()
        request.version = version = http.get_http_version()
        if not head.startswith(b"%b %b HTTP/" % (method, self._target)):
            raise Refusal(400, "a request line has one space between its parts")
        if version not in VERSIONS:
            raise Refusal(505, "this server speaks HTTP/1.1")
        if method not in METHODS:
            raise Refusal(501, f"this server has no {method.decode()}")
        request.method = METHODS[method]
        request.client, request.server, request.secure = self._client, self._server, self._secure
        request.headers = self._headers
        request.keep_alive = version == "1.1" and self._keep_alive
        self._read_headers(request)
        self._read_target(request)
        if request.body_length != 0:
            self._http = None  # it waits for a body that it will not get
        return request

    def _feed(self, http: httptools.HttpRequestParser, head: bytes) -> None:
        try:
            http.feed_data(head)
        except httptools.HttpParserUpgrade:
            self._http = None  # RFC 9110 §7.8: an offer to upgrade may be ignored
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, Refusal):
                raise error.__context__ from None
            raise
        except httptools.HttpParserInvalidMethodError:
            if METHOD.match(head):
                raise Refusal(501, "this server has no such method") from None
            raise Refusal(400, "malformed request: no method") from None
        except httptools.HttpParserError as error:
            raise Refusal(400, f"malformed request: {error}") from None
        if (self._begun, self._complete) != (1, 1):
            raise Refusal(400, "malformed request")

    # --- called by httptools ---

    def on_message_begin(self) -> None:
        self._begun += 1

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self._headers) == MAX_HEADERS:
            raise Refusal(431, f"a request has at most {MAX_HEADERS} headers")
        name, value = name.lower(), value.rstrip(b" \t")
        if name in _ONCE:
            if name in self._single:
                raise Refusal(400, f"more than one {name.decode()}")
            self._single[name] = value
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._complete += 1
        if self._http is not None:
            self._keep_alive = self._http.should_keep_alive()

    # --- what is in it ---

    def _read_headers(self, request: Request) -> None:
        single = self._single
        host = single.get(b"host")
        if host is None and request.version == "1.1":
            raise Refusal(400, "no Host")  # RFC 9112 §3.2
        if host and host != self._host:
            if not HOST.fullmatch(host):
                raise Refusal(400, "a malformed Host")
            self._host = host
        request.host = host or b""
        request.body_length = _body_length(
            single.get(b"content-length"), single.get(b"transfer-encoding"), request.version
        )
        expectation = single.get(b"expect") if request.version == "1.1" else None
        if expectation is not None and expectation.lower() != b"100-continue":
            raise Refusal(417, "only 100-continue can be expected")  # RFC 9110 §10.1.1
        request.expects_continue = expectation is not None

    def _read_target(self, request: Request) -> None:
        target = self._target
        if b"#" in target:
            raise Refusal(400, "a fragment in the target")
        if target.startswith(b"/"):
            request.raw_path, _, request.query = target.partition(b"?")
        elif target == b"*" and request.method == "OPTIONS":
            request.raw_path, request.query = target, b""
        else:
            found = ABSOLUTE.fullmatch(target)
            if found is None or not HOST.fullmatch(found[1]):
                raise Refusal(400, "a malformed target")
            # RFC 9112 §3.2.2: the target's authority replaces the Host header.
            request.host, request.raw_path, request.query = found[1], found[2] or b"/", found[3] or b""
            kept = [pair for pair in request.headers if pair[0] != b"host"]
            request.headers = [(b"host", found[1]), *kept]
        request.path = _decoded(request.raw_path)


def _body_length(length: bytes | None, encoding: bytes | None, version: str) -> int | None:
    """RFC 9112 §6.3, without what it allows a server to mend."""
    if encoding is not None:
        if length is not None or version == "1.0":
            raise Refusal(400, "Transfer-Encoding with Content-Length, or in HTTP/1.0")
        if encoding.lower() != b"chunked":
            raise Refusal(501, "no transfer coding but chunked")
        return None
    if length is None:
        return 0
    if not length.isdigit() or len(length) > MAX_DIGITS:
        raise Refusal(400, "a malformed Content-Length")
    return int(length)


def _decoded(raw: bytes) -> str:
    if b"%" not in raw:
        return raw.decode("ascii")
    if BAD_PERCENT.search(raw):
        raise Refusal(400, "a malformed percent-encoding in the path")
    try:
        path = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise Refusal(400, "the path is not UTF-8") from None
    if "\0" in path:
        raise Refusal(400, "the path has a character U+0000")
    return path
