"""Bodies: where they end, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.body import MAX_OVERHEAD, MAX_SIZE_LINE, Chunked, Decoder, Sized
from api.http.message import Refusal

NEXT = b"GET / HTTP/1.1\r\n"


def taken(decoder: Decoder, stream: bytes) -> tuple[bytes, bytes]:
    """The body in `stream` and what stands behind it."""
    buffer = bytearray(stream)
    body = decoder.take(buffer)
    assert decoder.done
    return body, bytes(buffer)


def test_a_body_of_known_length() -> None:
    assert taken(Sized(3), b"abc" + NEXT) == (b"abc", NEXT)
    assert taken(Sized(0), NEXT) == (b"", NEXT)
    decoder, buffer = Sized(3), bytearray(b"a")
    assert (decoder.take(buffer), decoder.done) == (b"a", False)


@pytest.mark.parametrize(
    ("stream", "body"),
    [
        (b"0\r\n\r\n", b""),
        (b"3\r\nabc\r\n0\r\n\r\n", b"abc"),
        (b"1\r\na\r\n2\r\nbc\r\n000\r\n\r\n", b"abc"),
        (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
        (b'3;name=value;other="x"\r\nabc\r\n0;last\r\n\r\n', b"abc"),
        (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n"),
        (b"3\r\nabc\r\n0\r\nTrailer: x\r\nOther:\r\n\r\n", b"abc"),
    ],
)
def test_chunks(stream: bytes, body: bytes) -> None:
    assert taken(Chunked(), stream + NEXT) == (body, NEXT)


@pytest.mark.parametrize(
    "stream",
    [
        b"\r\n", b"x\r\n", b"-1\r\n", b"+1\r\n", b"0x1\r\n", b" 1\r\n", b"1 \r\n", b"1 ;a\r\n", b"1_0\r\n",
        b"fffffffff\r\n", b"1\n", b"1;a\nb\r\n", b"1;a\rb\r\n", b"1;\0\r\n", b"\xd9\xa1\r\n",
        b"3\r\nabcd\r\n", b"3\r\nabc\n0\r\n\r\n", b"3\r\nabc\r0\r\n\r\n", b"3\r\nabc0\r\n\r\n",
        b"0\r\nno colon\r\n\r\n", b"0\r\nX : y\r\n\r\n", b"0\r\n folded\r\n\r\n", b"0\r\nX: a\nb\r\n\r\n",
        b"0\r\nX: \0\r\n\r\n", b"0\r\n\n",
        b"x" * (MAX_SIZE_LINE + 1),
    ],
)  # fmt: skip
def test_malformed_chunks(stream: bytes) -> None:
    with pytest.raises(Refusal) as refusal:
        Chunked().take(bytearray(stream + NEXT))
    assert refusal.value.status == 400


def test_chunks_that_are_mostly_overhead() -> None:
    """A byte in each chunk, and a kilobyte of extensions with it, are work for nothing."""
    for chunk in (b"1\r\nx\r\n", b"1;" + b"e" * 1_000 + b"\r\nx\r\n"):
        with pytest.raises(Refusal) as refusal:
            Chunked().take(bytearray(chunk * MAX_OVERHEAD))
        assert refusal.value.status == 413


def test_trailers_have_an_end() -> None:
    with pytest.raises(Refusal):
        Chunked().take(bytearray(b"0\r\n" + b"X: y\r\n" * MAX_OVERHEAD))


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.integers(1, 7))
def test_chunks_in_pieces(chunks: list[bytes], size: int) -> None:
    stream = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n" + NEXT
    decoder, buffer, body = Chunked(), bytearray(), b""
    for start in range(0, len(stream), size):
        buffer += stream[start : start + size]
        body += decoder.take(buffer)
    assert decoder.done
    assert (body, bytes(buffer)) == (b"".join(chunks), NEXT)
