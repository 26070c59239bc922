"""Arbitrary bytes against frame codec, envelope and HTTP upgrade: no crash, no surprise, bounded memory.

The same targets run under atheris, where it is installed: `python -m tests.fuzz.test_kernels CORPUS`.
"""

import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.points.handshake import Handshake, Rejection, Upgrade, accept, refuse
from ext.envelope import EnvelopeError, call_text, split
from ext.websocket import CLOSE, CONTINUATION, VIOLATION, Deflate, FrameReader, frame, is_close_code
from tests.fuzz.long import examples

SECONDS = 600.0
LIMIT = 4_096  # bytes per message
ROOM = 64 * LIMIT  # bytes of memory that a reader may take beyond its input; zlib's window is most of it


def frames(data: bytes) -> None:
    """The first byte says which reader and how the rest is cut."""
    choice = data[0] if data else 0
    stream = data[1:]
    deflate = Deflate(15, 15, bool(choice & 8), bool(choice & 16)) if choice & 4 else None
    reader = FrameReader(LIMIT, client=bool(choice & 2), deflate=deflate)
    step = 1 + (choice >> 5) * 37 if choice & 1 else max(len(stream), 1)
    over = False
    for at in range(0, len(stream), step):
        reader.feed(stream[at : at + step])
        while (event := reader.next_event()) is not None:
            opcode, payload = event
            if opcode == CONTINUATION:
                assert payload == b""
                continue
            assert not over, "an event after the end"
            assert len(payload) <= LIMIT
            if opcode == 1:
                payload.decode()
            if opcode in (CLOSE, VIOLATION):
                over = True
                assert len(payload) != 1
                assert not payload or is_close_code(int.from_bytes(payload[:2], "big"))
            elif opcode > 2:
                assert len(payload) <= 125


def envelope(data: bytes) -> None:
    for numeric_id in (False, True):
        try:
            kind, message_id, action, rest = split(data, numeric_id)
        except EnvelopeError:
            continue
        if kind == 2:
            text = call_text(message_id, action, rest)
            assert split(text, numeric_id) == (kind, message_id, action, rest)


def upgrade(data: bytes) -> None:
    result = Handshake().receive(data)
    if isinstance(result, Upgrade):
        assert accept(result, None, takeover=True).response
    if isinstance(result, Rejection):
        assert refuse(result)


def targets(data: bytes) -> None:
    """All targets on the same bytes."""
    frames(data)
    envelope(data)
    upgrade(data)


headers = st.tuples(
    st.integers(0, 255), st.sampled_from([0x80, 0x81, 0xFE, 0xFF, 0x00, 0x7E, 0x7F]) | st.integers(0, 255)
)
streams = st.lists(headers.map(bytes) | st.binary(max_size=80), max_size=12).map(b"".join) | st.binary(
    max_size=2_000
)


@given(data=streams)
def test_kernels(data: bytes) -> None:
    targets(data)


@pytest.mark.soak
def test_kernels_for_long() -> None:
    print(f"{examples(SECONDS, streams, targets)} examples")


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(b"\x01\x80\0\0\0\0" + b"\x00\x81\0\0\0\0x" * 40_000, id="fragments of one byte"),
        pytest.param(b"\x01\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * 40_000, id="empty fragments"),
        pytest.param(
            b"\x41\x80\0\0\0\0" + b"\x00\x85\0\0\0\0\x00\x00\x00\xff\xff" * 30_000, id="empty blocks"
        ),
        pytest.param(b"\x41\x80\0\0\0\0" + b"\x00\x82\0\0\0\0\x03\x00" * 30_000, id="final blocks"),
        pytest.param(b"\x01\x80\0\0\0\0" + b"\x89\x84\0\0\0\0ping" * 20_000, id="pings inside of a message"),
        pytest.param(
            frame(2, Deflate(client=True).compress(bytes(LIMIT)), bytes(4), rsv1=True) * 3_000,
            id="messages that inflate to the limit",
        ),
        pytest.param(b"\x82\xff" + LIMIT.to_bytes(8, "big") * 40_000, id="headers only"),
    ],
)
def test_a_reader_never_holds_more_than_its_limit(attack: bytes) -> None:
    reader = FrameReader(LIMIT, deflate=Deflate())
    pieces = [attack[at : at + 65_536] for at in range(0, len(attack), 65_536)]
    tracemalloc.start()
    try:
        for piece in pieces:
            reader.feed(piece)
            while reader.next_event():
                pass
        assert tracemalloc.get_traced_memory()[1] < ROOM
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, targets)
    atheris.Fuzz()
