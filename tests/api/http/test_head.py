"""Heads: what is taken, what is refused and with which status, wherever the bytes are cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.body import Chunked, Decoder, Sized
from api.http.head import MAX_HEAD, MAX_HEADERS, MAX_LINE, HeadReader
from api.http.message import Refusal, Request

HOST = b"Host: a\r\n"


def reader() -> HeadReader:
    return HeadReader(("192.0.2.7", 1), ("127.0.0.1", 80), secure=False)


def parsed(head: bytes) -> Request:
    """The request that `head` is; nothing may be left of it."""
    heads, buffer = reader(), bytearray(head)
    cut = heads.cut(buffer)
    assert cut is not None
    assert not buffer
    return heads.parse(cut)


def status_of(head: bytes) -> int:
    with pytest.raises(Refusal) as refusal:
        parsed(head)
    return refusal.value.status


def get(*headers: bytes, target: bytes = b"/", method: bytes = b"GET", version: bytes = b"1.1") -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"%b %b HTTP/%b\r\n%b%b\r\n" % (method, target, version, HOST, lines)


def test_a_request() -> None:
    request = parsed(get(b"X-Odd:  a b \t", b"x-odd:\xe4", target=b"/a%20b/%C3%A4?c=%20d?e", method=b"POST"))
    assert (request.method, request.version) == ("POST", "1.1")
    assert (request.path, request.raw_path, request.query) == ("/a b/ä", b"/a%20b/%C3%A4", b"c=%20d?e")
    assert request.headers == [(b"host", b"a"), (b"x-odd", b"a b"), (b"x-odd", b"\xe4")]
    assert request.header(b"x-odd") == b"a b"
    assert request.header(b"x-none") is None
    assert (request.host, request.body_length, request.keep_alive) == (b"a", 0, True)
    assert (request.client, request.server, request.secure) == (("192.0.2.7", 1), ("127.0.0.1", 80), False)


@pytest.mark.parametrize(
    ("headers", "version", "keep"),
    [
        ((), b"1.1", True),
        ((b"Connection: keep-alive",), b"1.1", True),
        ((b"Connection: close",), b"1.1", False),
        ((b"Connection: Upgrade, CLOSE",), b"1.1", False),
        ((b"Connection: x", b"Connection: close"), b"1.1", False),
        ((), b"1.0", False),
        ((b"Connection: keep-alive",), b"1.0", False),
    ],
)
def test_keep_alive(headers: tuple[bytes, ...], version: bytes, keep: bool) -> None:
    assert parsed(get(*headers, version=version)).keep_alive is keep


@pytest.mark.parametrize(
    ("target", "host", "path", "query"),
    [
        (b"http://b:80/p?q", b"b:80", "/p", b"q"),
        (b"HTTPS://[::1]", b"[::1]", "/", b""),
        (b"http://b?q", b"b", "/", b"q"),
        (b"//double//slash", b"a", "//double//slash", b""),
        (b"/a/../b", b"a", "/a/../b", b""),
        (b"/%2e%2F", b"a", "/./", b""),
        (b"/?", b"a", "/", b""),
    ],
)
def test_targets(target: bytes, host: bytes, path: str, query: bytes) -> None:
    request = parsed(get(target=target))
    assert (request.host, request.path, request.query) == (host, path, query)
    assert [value for name, value in request.headers if name == b"host"] == [host]


def test_the_server_as_a_whole_has_options() -> None:
    assert parsed(get(target=b"*", method=b"OPTIONS")).path == "*"
    assert status_of(get(target=b"*")) == 400


@pytest.mark.parametrize(
    "target",
    [
        b"foo", b"a:80", b"http://", b"http:///p", b"http://u@h/", b"http://u:p@h/", b"ftp://a/",
        b"http://a b/", b"/#", b"/a#b", b"/%", b"/%a", b"/%zz", b"/%00", b"/%ff", b"/%c3",
        b"/\xc3\xa4", b"/\x7f", b"/\x01",
        b"/\0", b"/a\tb",
    ],
)  # fmt: skip
def test_malformed_targets(target: bytes) -> None:
    assert status_of(get(target=target)) == 400


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"FOO / HTTP/1.1", 501),
        (b"get / HTTP/1.1", 501),
        (b"TRACE / HTTP/1.1", 501),
        (b"CONNECT a:80 HTTP/1.1", 501),
        (b"PROPFIND / HTTP/1.1", 501),
        (b"GET / HTTP/1.2", 400),
        (b"GET / HTTP/2.0", 505),
        (b"GET / HTTP/0.9", 505),
        (b"GET / http/1.1", 400),
        (b"GET /", 400),
        (b"GET  / HTTP/1.1", 400),
        (b"GET /  HTTP/1.1", 400),
        (b"GET / HTTP/1.1 ", 400),
        (b" GET / HTTP/1.1", 400),
        (b"GET\t/ HTTP/1.1", 400),
        (b"GET / HTTP/1.1\rX: y", 400),
        (b"G\0T / HTTP/1.1", 400),
        (b"(GET) / HTTP/1.1", 400),
        (b"PRI * HTTP/2.0", 400),
        (b"\x16\x03\x01\x02\x00\x01", 400),  # the begin of TLS
        (b"RTSP/1.0 200 OK", 400),
    ],
)
def test_request_lines_that_are_none(line: bytes, status: int) -> None:
    assert status_of(line + b"\r\n" + HOST + b"\r\n") == status


@pytest.mark.parametrize(
    "lines",
    [
        b"Host: a\nX: y\r\n",  # bare LF
        b"Host: a\rX: y\r\n",  # bare CR
        b"Host: a\r\n b\r\n",  # obs-fold
        b"Host: a\r\n\tb: c\r\n",
        b" Host: a\r\n",
        b"Host : a\r\n",  # white space before the colon
        b"Host\t: a\r\n",
        b"Host: a\r\nX\0: y\r\n",
        b"Host: a\r\nX: y\0\r\n",
        b"Host: a\r\nX: y\x01\r\n",
        b"Host: a\r\nX: y\x7f\r\n",
        b"Host: a\r\n: y\r\n",
        b"Host: a\r\nno colon\r\n",
        b"Host: a\r\nX(: y\r\n",
        b"Host: a\r\n\xc3\xa4: y\r\n",
        b"",  # no Host
        b"Host: a\r\nHost: a\r\n",
        b"Host: a\r\nHost: b\r\n",
        b"Host: a, b\r\n".replace(b", ", b" "),
        b"Host: a/b\r\n",
        b"Host: u@a\r\n",
        b"Host: a:x\r\n",
        b"Host: [::1\r\n",
        b"Host: a\r\nAuthorization: Bearer x\r\nAuthorization: Bearer y\r\n",
        b"Host: a\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n",
    ],
)
def test_malformed_headers(lines: bytes) -> None:
    assert status_of(b"GET / HTTP/1.1\r\n" + lines + b"\r\n") == 400


@pytest.mark.parametrize(
    "host", [b"", b"a", b"A.example:8080", b"127.0.0.1", b"[::1]:80", b"[fe80::1%25eth0]"]
)
def test_hosts(host: bytes) -> None:
    assert parsed(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host).host == host


def test_http_1_0_needs_no_host() -> None:
    assert parsed(b"GET / HTTP/1.0\r\n\r\n").host == b""


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ((b"Content-Length: 0",), 0),
        ((b"Content-Length: 5 ",), 5),
        ((b"Content-Length: 0005",), 5),
        ((b"Transfer-Encoding: chunked",), None),
        ((b"transfer-encoding:\tCHUNKED",), None),
    ],
)
def test_lengths_of_bodies(headers: tuple[bytes, ...], length: int | None) -> None:
    assert parsed(get(*headers, method=b"POST")).body_length == length


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((b"Content-Length: 5", b"Transfer-Encoding: chunked"), 400),  # CL.TE
        ((b"Transfer-Encoding: chunked", b"Content-Length: 5"), 400),  # TE.CL
        ((b"Content-Length: 5", b"Content-Length: 5"), 400),
        ((b"Content-Length: 5", b"Content-Length: 6"), 400),
        ((b"Content-Length: 5, 5",), 400),
        ((b"Content-Length: 5 5",), 400),
        ((b"Content-Length: +5",), 400),
        ((b"Content-Length: -5",), 400),
        ((b"Content-Length: 0x5",), 400),
        ((b"Content-Length: 5.0",), 400),
        ((b"Content-Length: \xb2",), 400),  # a digit of Unicode
        ((b"Content-Length:",), 400),
        ((b"Content-Length: 18446744073709551617",), 400),
        ((b"Content-Length: 9999999999999999",), 400),
        ((b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 400),  # TE.TE
        ((b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"), 400),
        ((b"Transfer-Encoding: chunked, identity",), 400),
        ((b"Transfer-Encoding: xchunked",), 400),
        ((b"Transfer-Encoding: \x0bchunked",), 400),
        ((b"Transfer-Encoding : chunked",), 400),
        ((b"Transfer-Encoding: gzip, chunked",), 501),
        ((b"Transfer-Encoding: chunked;a",), 400),
        ((b"Transfer-Encoding:",), 400),
        ((b"Expect: 200-ok",), 417),
    ],
)
def test_bodies_that_two_readers_would_see_differently(headers: tuple[bytes, ...], status: int) -> None:
    assert status_of(get(*headers, method=b"POST")) == status


def test_no_chunks_in_http_1_0() -> None:
    assert status_of(get(b"Transfer-Encoding: chunked", version=b"1.0")) == 400


def test_an_offer_to_upgrade_is_ignored() -> None:
    heads = reader()
    offer = get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: x")
    assert heads.parse(offer).keep_alive
    assert heads.parse(get()).path == "/"


def test_limits() -> None:
    assert parsed(get(target=b"/" + b"x" * (MAX_LINE - 16))).path.startswith("/x")
    assert status_of(get(target=b"/" + b"x" * MAX_LINE)) == 414
    full = [b"X: " + b"y" * 300] * (MAX_HEADERS - 1)
    assert len(parsed(get(*full)).headers) == MAX_HEADERS
    assert status_of(get(*full, b"X: y")) == 431
    assert status_of(get(b"X: " + b"y" * MAX_HEAD)) == 431


@pytest.mark.parametrize(
    ("piece", "status"), [(b"x", 414), (b"GET / HTTP/1.1\r\nX: y", 431), (b"a\r\n", 431)]
)
def test_limits_hold_before_the_end_has_come(piece: bytes, status: int) -> None:
    heads, buffer = reader(), bytearray(piece)
    while len(buffer) < (MAX_LINE if status == 414 else MAX_HEAD) - 100:
        assert heads.cut(buffer) is None
        buffer += b"y" * 100
    buffer += b"y" * 200
    with pytest.raises(Refusal) as refusal:
        heads.cut(buffer)
    assert refusal.value.status == status


def test_empty_lines_before_a_request_are_nothing() -> None:
    heads, buffer = reader(), bytearray(b"\r\n\r\n\r\n")
    assert heads.cut(buffer) is None
    assert not buffer
    buffer += b"\r"
    assert heads.cut(buffer) is None
    buffer += b"\n" + get()
    assert heads.cut(buffer) == get()


# --- wherever the bytes are cut ---------------------------------------------------------------------------

Message = tuple[str, str, bytes]


def read(pieces: list[bytes]) -> tuple[list[Message], int | str]:
    """All requests that come in `pieces`, and how it ended: refused with a status, between or within them."""
    heads, buffer = reader(), bytearray()
    found: list[Message] = []
    request: Request | None = None
    decoder: Decoder = Sized(0)
    body = b""
    try:
        for piece in pieces:
            buffer += piece
            while True:
                if request is None:
                    head = heads.cut(buffer) if buffer else None
                    if head is None:
                        break
                    request, body = heads.parse(head), b""
                    decoder = Chunked() if request.body_length is None else Sized(request.body_length)
                body += decoder.take(buffer)
                if not decoder.done:
                    break
                found.append((request.method, request.path, body))
                request = None
    except Refusal as refusal:
        return found, refusal.status
    return found, "within" if request or buffer else "between"


LINES = st.sampled_from(
    [
        b"GET / HTTP/1.1\r\n", b"POST /a%20b HTTP/1.1\r\n", b"Host: a\r\n", b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"X: y\r\n", b"\r\n", b"\n", b"\r",
        b"abc", b"3\r\nabc\r\n", b"0\r\n\r\n", b"0\r\nT: x\r\n\r\n", b"2;a=b\r\nxy\r\n", b" folded\r\n",
        b"\0",
        get(), get(b"Content-Length: 3", method=b"POST") + b"abc",
        get(b"Transfer-Encoding: chunked", method=b"POST") + b"1\r\nx\r\n0\r\n\r\n",
    ]
)  # fmt: skip


@given(st.lists(LINES, max_size=8).map(b"".join), st.data())
def test_it_is_the_same_wherever_it_is_cut(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    edges = [0, *cuts, len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    whole = read([stream])
    assert read(pieces) == whole
    assert read([bytes([byte]) for byte in stream]) == whole


@given(st.binary(max_size=200))
def test_whatever_comes_is_read_or_refused(stream: bytes) -> None:
    found, _ = read([stream])
    assert found == [] or b"HTTP/1." in stream
