"""What goes out."""

from __future__ import annotations

import pytest

from api.http import wire


def test_dates_are_made_once_a_second() -> None:
    now = [1_700_000_000.2]
    dates = wire.Dates(lambda: now[0])
    first = dates.line()
    assert first == b"date: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
    now[0] += 0.7
    assert dates.line() is first
    now[0] += 0.7
    assert dates.line() == b"date: Tue, 14 Nov 2023 22:13:21 GMT\r\n"


def test_a_head() -> None:
    assert wire.head(404, [(b"X-A", b"b")], b"date: x\r\n") == (
        b"HTTP/1.1 404 Not Found\r\nX-A: b\r\ndate: x\r\n\r\n"
    )
    assert wire.head(299, (), b"").startswith(b"HTTP/1.1 299 \r\n")


def test_the_server_alone_says_how_a_message_is_framed() -> None:
    given = [
        (b"Content-Length", b"7"),
        (b"TRANSFER-ENCODING", b"x"),
        (b"Connection", b"close"),
        (b"Date", b"y"),
    ]
    assert wire.head(200, given, b"") == b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize("name", [b"X\r\nY", b"X\nY", b"X\rY", b"X\0", b"X"])
@pytest.mark.parametrize("value", [b"a\r\nSet-Cookie: b", b"a\n", b"\r", b"\0"])
def test_a_header_stays_one_header(name: bytes, value: bytes) -> None:
    with pytest.raises(ValueError, match="line end"):
        wire.head(200, [(name, value)], b"")


def test_a_status_has_the_words_of_the_rfc_in_every_version_of_python() -> None:
    assert wire.STATUS_LINES[413] == b"HTTP/1.1 413 Content Too Large\r\n"
    assert wire.STATUS_LINES[422] == b"HTTP/1.1 422 Unprocessable Content\r\n"
    assert wire.STATUS_LINES[404] == b"HTTP/1.1 404 Not Found\r\n"
