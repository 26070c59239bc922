import codecs
import gc
import tracemalloc
import zlib
from itertools import pairwise
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage

MASK = b"\x11\x22\x33\x44"
PLAIN_MASK = b"\0\0\0\0"  # leaves the payload readable in the tables below
MAX = 70_000
LENGTHS = [0, 1, 3, 7, 8, 125, 126, 127, 65_535, 65_536]


def masked(first: int, payload: bytes = b"") -> bytes:
    """A short masked frame with any first byte."""
    return bytes((first, 0x80 | len(payload))) + PLAIN_MASK + payload


def code_of(websocket: ModuleType, events: list[tuple[int, bytes]]) -> int:
    opcode, payload = events[-1]
    assert opcode == websocket.VIOLATION
    assert len(payload) > 2, "a violation says what was wrong"
    assert payload[2:].decode()
    return int.from_bytes(payload[:2], "big")


def drip(reader, data: bytes, step: int = 1) -> list[tuple[int, bytes]]:
    return [event for at in range(0, len(data), step) for event in reader.read_all(data[at : at + step])]


# ── whole frames ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("opcode", [1, 2])
@pytest.mark.parametrize("client", [False, True])
def test_a_frame_comes_back_as_it_was_sent(
    websocket: ModuleType, length: int, opcode: int, client: bool
) -> None:
    payload = (b"0123456789abcdef" * 5_000)[:length]
    sent = websocket.frame(opcode, payload, None if client else MASK)
    assert websocket.FrameReader(MAX, client=client).read_all(sent) == [(opcode, payload)]
    assert drip(websocket.FrameReader(MAX, client=client), sent, 777) == [(opcode, payload)]


@pytest.mark.parametrize("length", LENGTHS)
def test_frames_are_those_that_other_implementations_write(websocket: ModuleType, length: int) -> None:
    payload = b"x" * length
    peer = Frame(Opcode.TEXT, payload)
    assert websocket.frame(1, payload) == peer.serialize(mask=False)
    by_peer = peer.serialize(mask=True)
    mask = by_peer[-length - 4 : len(by_peer) - length]
    assert websocket.frame(1, payload, mask) == by_peer
    assert websocket.FrameReader(MAX).read_all(by_peer) == [(1, payload)]


def test_the_examples_of_the_rfc(websocket: ModuleType) -> None:  # RFC 6455 §5.7
    hello = bytes.fromhex("818537fa213d7f9f4d5158")
    assert websocket.FrameReader(MAX).read_all(hello) == [(1, b"Hello")]
    assert websocket.frame(1, b"Hello", bytes.fromhex("37fa213d")) == hello
    assert websocket.frame(1, b"Hello") == bytes.fromhex("810548656c6c6f")
    client = websocket.FrameReader(MAX, client=True)
    assert client.read_all(bytes.fromhex("010348656c") + bytes.fromhex("80026c6f")) == [(1, b"Hello")]


def test_several_frames_in_one_piece(websocket: ModuleType) -> None:
    data = websocket.frame(1, b"a", MASK) + websocket.frame(9, b"p", MASK) + websocket.frame(2, b"\xff", MASK)
    assert websocket.FrameReader(MAX).read_all(data) == [(1, b"a"), (9, b"p"), (2, b"\xff")]


def test_a_mask_has_four_bytes(websocket: ModuleType) -> None:
    with pytest.raises(ValueError, match="four bytes"):
        websocket.frame(1, b"x", b"123")


@pytest.mark.parametrize("client", [False, True])
@pytest.mark.parametrize("payload", [b"", b"[3]", "é€😀".encode(), b"x" * 126, b"x" * MAX, b"\xff"])
def test_sole_text_is_a_short_cut_and_nothing_else(
    websocket: ModuleType, client: bool, payload: bytes
) -> None:
    data = websocket.frame(1, payload, None if client else MASK)
    reader = websocket.FrameReader(MAX, client=client)
    text = reader.sole_text(data)
    events = websocket.FrameReader(MAX, client=client).read_all(data)
    if text is None:
        assert len(payload) > 16_384 or payload == b"\xff"
        assert reader.read_all(data) == events, "sole_text consumed something"
    else:
        assert events == [(1, text)] == [(1, payload)]


def test_sole_text_leaves_what_is_under_way_alone(websocket: ModuleType) -> None:
    whole = websocket.frame(1, b"x", MASK)
    reader = websocket.FrameReader(MAX)
    assert reader.sole_text(whole + b"\x81") is None
    assert reader.sole_text(whole[:-1]) is None
    assert reader.sole_text(websocket.frame(9, b"", MASK)) is None
    assert reader.read_all(whole[:1]) == []
    assert reader.sole_text(whole) is None
    assert reader.read_all(whole[1:]) == [(1, b"x")]
    assert reader.read_all(masked(0x01, b"a")) == []
    assert reader.sole_text(whole) is None
    assert code_of(websocket, reader.read_all(whole)) == 1002
    assert reader.sole_text(whole) is None


# ── fragments and control frames ──────────────────────────────────────────────────────────────────


def test_control_frames_between_fragments(websocket: ModuleType) -> None:
    data = (
        masked(0x01, b"one ")
        + masked(0x89, b"ping")
        + masked(0x00, b"two ")
        + masked(0x8A)
        + masked(0x80, b"x")
    )
    expected = [(9, b"ping"), (10, b""), (1, b"one two x")]
    assert websocket.FrameReader(MAX).read_all(data) == expected
    assert drip(websocket.FrameReader(MAX), data) == expected


def test_empty_fragments(websocket: ModuleType) -> None:
    data = masked(0x01) + masked(0x00) * 3 + masked(0x80)
    assert websocket.FrameReader(MAX).read_all(data) == [(1, b"")]


def test_binary_fragments_keep_their_type_and_are_not_text(websocket: ModuleType) -> None:
    data = masked(0x02, b"\xff") + masked(0x80, b"\xfe")
    assert websocket.FrameReader(MAX).read_all(data) == [(2, b"\xff\xfe")]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(masked(0xC1, b"x"), 1002, id="rsv1 without extension"),
        pytest.param(masked(0xA1, b"x"), 1002, id="rsv2"),
        pytest.param(masked(0x91, b"x"), 1002, id="rsv3"),
        pytest.param(masked(0x83), 1002, id="reserved data opcode 3"),
        pytest.param(masked(0x87), 1002, id="reserved data opcode 7"),
        pytest.param(masked(0x8B), 1002, id="reserved control opcode 11"),
        pytest.param(masked(0x8F), 1002, id="reserved control opcode 15"),
        pytest.param(b"\x81\x01x", 1002, id="unmasked"),
        pytest.param(masked(0x09, b"x"), 1002, id="fragmented ping"),
        pytest.param(b"\x89\xfe\x00\x7e" + PLAIN_MASK + b"x" * 126, 1002, id="long ping"),
        pytest.param(b"\x88\xff", 1002, id="close of 64-bit length"),
        pytest.param(masked(0x80, b"x"), 1002, id="continuation of nothing"),
        pytest.param(masked(0x00, b"x"), 1002, id="fragment of nothing"),
        pytest.param(masked(0x01, b"x") + masked(0x81, b"y"), 1002, id="text inside of a message"),
        pytest.param(masked(0x01, b"x") + masked(0x02, b"y"), 1002, id="binary inside of a message"),
        pytest.param(b"\x81\xfe\x00\x7d" + PLAIN_MASK + b"x" * 125, 1002, id="125 in 16 bits"),
        pytest.param(b"\x81\xff" + (65_535).to_bytes(8, "big") + PLAIN_MASK, 1002, id="65535 in 64 bits"),
        pytest.param(b"\x81\xff\x80" + b"\0" * 7 + PLAIN_MASK, 1002, id="64th bit of the length"),
        pytest.param(b"\x81\xff" + (MAX + 1).to_bytes(8, "big"), 1009, id="too big by one"),
        pytest.param(b"\x81\xff\x7f" + b"\xff" * 7, 1009, id="too big by far"),
        pytest.param(masked(0x81, b"\xff"), 1007, id="not UTF-8"),
        pytest.param(masked(0x81, b"\xed\xa0\x80"), 1007, id="a surrogate"),
        pytest.param(masked(0x81, b"\xc0\xaf"), 1007, id="overlong UTF-8"),
        pytest.param(masked(0x81, b"\xf4\x90\x80\x80"), 1007, id="beyond Unicode"),
        pytest.param(masked(0x81, b"\xe2\x82"), 1007, id="cut UTF-8"),
        pytest.param(masked(0x01, b"\xe2\x82") + masked(0x80, b"x"), 1007, id="broken across fragments"),
        pytest.param(masked(0x01, b"\xe2\x82") + masked(0x80), 1007, id="cut at the last fragment"),
        pytest.param(masked(0x88, b"\x03"), 1002, id="half a close code"),
        pytest.param(masked(0x88, b"\x03\xe8\xff"), 1007, id="close reason not UTF-8"),
    ],
)
def test_violations(websocket: ModuleType, data: bytes, code: int) -> None:
    before = masked(0x89, b"!")
    reader, slow = websocket.FrameReader(MAX), websocket.FrameReader(MAX)
    events = reader.read_all(before + data)
    assert events[0] == (9, b"!")
    assert code_of(websocket, events) == code
    assert drip(slow, before + data) == events
    for deaf in (reader, slow):
        assert deaf.read_all(masked(0x81, b"x")) == []


@pytest.mark.parametrize("data", [masked(0x81, b"x"), masked(0x89)])
def test_a_client_takes_no_masked_frame(websocket: ModuleType, data: bytes) -> None:
    assert code_of(websocket, websocket.FrameReader(MAX, client=True).read_all(data)) == 1002


def test_the_header_alone_is_enough_to_refuse(websocket: ModuleType) -> None:
    assert code_of(websocket, websocket.FrameReader(10).read_all(b"\x82\x8b")) == 1009
    assert code_of(websocket, websocket.FrameReader(10).read_all(b"\x83\x80")) == 1002


def test_text_is_refused_before_its_frame_has_ended(websocket: ModuleType) -> None:
    reader = websocket.FrameReader(MAX)
    head = b"\x81\xfe\x10\x00" + PLAIN_MASK
    assert reader.read_all(head + "€".encode()[:2]) == []
    assert code_of(websocket, reader.read_all(b"x")) == 1007


def test_the_limit_counts_whole_messages(websocket: ModuleType) -> None:
    exact = masked(0x01, b"x" * 60) + masked(0x80, b"x" * 40)
    assert websocket.FrameReader(100).read_all(exact * 2) == [(1, b"x" * 100)] * 2
    assert code_of(websocket, websocket.FrameReader(99).read_all(exact)) == 1009
    assert websocket.FrameReader(0).read_all(masked(0x81)) == [(1, b"")]
    # Control frames do not count.
    assert websocket.FrameReader(1).read_all(masked(0x89, b"long")) == [(9, b"long")]


# ── closing ───────────────────────────────────────────────────────────────────────────────────────

VALID_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
INVALID_CODES = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]


@pytest.mark.parametrize("code", VALID_CODES)
def test_close_codes_that_may_be_sent(websocket: ModuleType, code: int) -> None:
    assert websocket.is_close_code(code)
    payload = code.to_bytes(2, "big") + "bye é".encode()
    reader = websocket.FrameReader(MAX)
    assert reader.read_all(masked(0x88, payload)) == [(8, payload)]
    assert reader.read_all(masked(0x81, b"x")) == [], "everything after a close frame is ignored"


@pytest.mark.parametrize("code", INVALID_CODES)
def test_close_codes_that_may_not_be_sent(websocket: ModuleType, code: int) -> None:
    assert not websocket.is_close_code(code)
    assert (
        code_of(websocket, websocket.FrameReader(MAX).read_all(masked(0x88, code.to_bytes(2, "big")))) == 1002
    )


def test_what_comes_with_and_after_a_close_frame_is_ignored(websocket: ModuleType) -> None:
    data = masked(0x81, b"a") + masked(0x88) + b"\xff\xff garbage"
    assert websocket.FrameReader(MAX).read_all(data) == [(1, b"a"), (8, b"")]
    assert drip(websocket.FrameReader(MAX), data) == [(1, b"a"), (8, b"")]


def test_a_close_reason_is_cut_to_what_fits(websocket: ModuleType) -> None:
    assert websocket.close_frame(1000) == b"\x88\x02\x03\xe8"
    long = websocket.close_frame(1012, "é" * 100)
    assert websocket.FrameReader(MAX, client=True).read_all(long) == [(8, b"\x03\xf4" + ("é" * 61).encode())]


# ── one at a time ─────────────────────────────────────────────────────────────────────────────────


def test_what_was_received_is_handed_out_frame_by_frame(websocket: ModuleType) -> None:
    reader = websocket.FrameReader(MAX)
    assert (reader.waiting, reader.next_event()) == (False, None)
    reader.feed(masked(0x01, b"a") + masked(0x89, b"p") + masked(0x80, b"b") + masked(0x82, b"c") + b"\x81")
    events = []
    while reader.waiting:
        events.append(reader.next_event())
    # A frame that leaves its message unfinished is an event too: who counts events counts frames.
    assert events == [(0, b""), (9, b"p"), (1, b"ab"), (2, b"c"), None]
    reader.feed(masked(0x81, b"d")[1:])
    assert (reader.next_event(), reader.waiting) == ((1, b"d"), False)


def test_feeding_before_all_was_asked_for_loses_nothing(websocket: ModuleType) -> None:
    reader = websocket.FrameReader(MAX)
    reader.feed(masked(0x81, b"a") + masked(0x81, b"b")[:3])
    reader.feed(masked(0x81, b"b")[3:] + masked(0x81, b"c"))
    assert [reader.next_event() for _ in range(4)] == [(1, b"a"), (1, b"b"), (1, b"c"), None]


def test_nothing_waits_behind_the_end(websocket: ModuleType) -> None:
    for end in (masked(0x88), masked(0x83)):
        reader = websocket.FrameReader(MAX)
        reader.feed(end + masked(0x81, b"x"))
        assert reader.next_event()[0] in (8, websocket.VIOLATION)
        assert (reader.waiting, reader.next_event()) == (False, None)
        reader.feed(masked(0x81, b"x"))
        assert (reader.waiting, reader.next_event()) == (False, None)


def test_the_limit_may_change_between_messages(websocket: ModuleType) -> None:
    reader = websocket.FrameReader(1)
    assert reader.sole_text(masked(0x81, b"ab")) is None
    reader.max_message_size = 2
    assert reader.sole_text(masked(0x81, b"ab")) == b"ab"
    reader.feed(masked(0x81, b"ab") + masked(0x81, b"ab"))
    assert reader.next_event() == (1, b"ab")
    reader.max_message_size = 1
    assert code_of(websocket, [reader.next_event()]) == 1009


# ── permessage-deflate ────────────────────────────────────────────────────────────────────────────


def deflated(payload: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return (compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("bits", [9, 11, 15])
def test_deflated_messages_come_back(websocket: ModuleType, fresh: bool, bits: int) -> None:
    ours = websocket.Deflate(15, bits, fresh, fresh, client=True)
    reader = websocket.FrameReader(MAX, deflate=websocket.Deflate(15, bits, fresh, fresh))
    messages = [b"", b"Hello", b"Hello", b"", b"", b'{"unit":"Wh"},' * 4_000, "é".encode() * 9, b"Hello"]
    sizes = []
    for message in messages:
        compressed = ours.compress(message)
        sizes.append(len(compressed))
        assert reader.read_all(websocket.frame(1, compressed, MASK, rsv1=True)) == [(1, message)]
        assert reader.read_all(websocket.frame(1, message, MASK)) == [(1, message)], (
            "uncompressed ones may be mixed in"
        )
    assert (sizes[2] < sizes[1]) == (not fresh), "context takeover is what makes the repeated message smaller"


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("bits", [9, 15])
def test_deflate_agrees_with_another_implementation(websocket: ModuleType, fresh: bool, bits: int) -> None:
    peer = PerMessageDeflate(fresh, fresh, bits, bits)
    ours = websocket.Deflate(bits, bits, fresh, fresh)
    reader = websocket.FrameReader(MAX, deflate=ours)
    for message in [b"Hello", b"x" * 5_000, b"", b"Hello"]:
        by_peer = peer.encode(Frame(Opcode.TEXT, message))
        assert reader.read_all(websocket.frame(1, by_peer.data, MASK, rsv1=True)) == [(1, message)]
        assert peer.decode(Frame(Opcode.TEXT, ours.compress(message), rsv1=True)).data == message


def test_deflated_fragments_with_a_ping_between(websocket: ModuleType) -> None:
    compressed = deflated("größer als nichts €".encode())
    first, second, third = compressed[:3], compressed[3:9], compressed[9:]
    data = masked(0x41, first) + masked(0x89) + masked(0x00, second) + masked(0x80, third)
    for step in (1, 5, len(data)):
        reader = websocket.FrameReader(MAX, deflate=websocket.Deflate())
        assert drip(reader, data, step) == [(9, b""), (1, "größer als nichts €".encode())]


def test_the_examples_of_rfc_7692(websocket: ModuleType) -> None:  # §7.2.3
    reader = websocket.FrameReader(MAX, deflate=websocket.Deflate())
    examples = [
        "f248cdc9c90700",
        "f200110000",  # refers to the message before
        "00 0500faff 48656c6c6f 00",  # a stored block
        "f348cdc9c9070000",  # a final block
        "f2480500 0000ffff cac9c90700",  # two blocks
    ]
    for example in examples:
        assert reader.read_all(masked(0xC1, bytes.fromhex(example))) == [(1, b"Hello")], example


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(masked(0x01, b"x") + masked(0xC0, b"x"), 1002, id="rsv1 on a continuation"),
        pytest.param(masked(0xC9, b"x"), 1002, id="rsv1 on a ping"),
        pytest.param(masked(0xA1, b"x"), 1002, id="rsv2"),
        pytest.param(masked(0xC1, b"\xff\xff\xff"), 1007, id="not deflated"),
        pytest.param(masked(0xC1, deflated(b"\xff\xfe")), 1007, id="not UTF-8 inside"),
        pytest.param(masked(0xC1, deflated(b"x" * 1_001)), 1009, id="one byte more than the limit"),
        pytest.param(
            masked(0x41, b"\x03\x00" * 60) + masked(0x80, b"\x03\x00" * 60),
            1007,
            id="nothing but final blocks",
        ),
        pytest.param(
            b"\xc1\xfe" + (1_500).to_bytes(2, "big"), 1009, id="more on the wire than could be needed"
        ),
    ],
)
def test_deflate_violations(websocket: ModuleType, data: bytes, code: int) -> None:
    whole = websocket.FrameReader(1_000, deflate=websocket.Deflate())
    cut = websocket.FrameReader(1_000, deflate=websocket.Deflate())
    assert code_of(websocket, whole.read_all(data)) == code
    assert code_of(websocket, drip(cut, data)) == code


def test_a_message_at_the_limit_that_cannot_be_shortened(websocket: ModuleType) -> None:
    payload = bytes(zlib.crc32(bytes((i % 251, i // 251))) & 0xFF for i in range(50_000))
    reader = websocket.FrameReader(len(payload), deflate=websocket.Deflate())
    compressed = websocket.Deflate(client=True).compress(payload)
    assert reader.read_all(websocket.frame(2, compressed, MASK, rsv1=True)) == [(2, payload)]


@pytest.mark.parametrize("step", [1_000, 10_000_000])
def test_a_decompression_bomb_costs_no_more_than_the_limit(websocket: ModuleType, step: int) -> None:
    bomb = deflated(b"\0" * 50_000_000)
    data = websocket.frame(2, bomb, MASK, rsv1=True)
    reader = websocket.FrameReader(100_000, deflate=websocket.Deflate())
    tracemalloc.start()
    try:
        assert code_of(websocket, drip(reader, data, step)) == 1009
        assert tracemalloc.get_traced_memory()[1] < 1_500_000
    finally:
        tracemalloc.stop()


def test_messages_are_inflated_when_they_are_asked_for(websocket: ModuleType) -> None:
    """64 KiB on the wire that come to 40 MB: never more of it in memory than one message."""
    message = b"\0" * 800_000
    data = masked(0xC2, b"") + websocket.frame(2, deflated(message), MASK, rsv1=True) * 50
    assert len(data) < 65_536
    reader = websocket.FrameReader(len(message), deflate=websocket.Deflate(15, 15, True, True))
    tracemalloc.start()
    try:
        reader.feed(data)
        assert tracemalloc.get_traced_memory()[0] < len(message) // 4
        assert reader.next_event() == (2, b"")
        for _ in range(50):
            assert reader.next_event() == (2, message)
            assert tracemalloc.get_traced_memory()[0] < len(message) // 4
        assert tracemalloc.get_traced_memory()[1] < 4 * len(message)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("bits", [(8, 15), (16, 15), (15, 16)])
def test_window_bits_are_checked(websocket: ModuleType, bits: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="window bits"):
        websocket.Deflate(*bits)


def test_a_peer_may_use_the_smallest_window(websocket: ModuleType) -> None:
    reader = websocket.FrameReader(MAX, deflate=websocket.Deflate(15, 8))
    assert reader.read_all(masked(0xC1, bytes.fromhex("f248cdc9c90700"))) == [(1, b"Hello")]


# ── memory ────────────────────────────────────────────────────────────────────────────────────────


def held_by(thing: object) -> list[object]:
    return [held for held in gc.get_referents(thing) if not isinstance(held, (type, int, type(None)))]


def test_an_idle_reader_holds_nothing(websocket: ModuleType) -> None:
    deflate = websocket.Deflate(15, 15, True, True)
    reader = websocket.FrameReader(MAX, deflate=deflate)
    traffic = masked(0x01, b"x" * 100) + masked(0x89, b"p") + masked(0x80, b"y")
    assert len(drip(reader, traffic + masked(0xC1, deflated(b"z" * 999)), 3)) == 3
    deflate.compress(b"x" * 999)
    assert held_by(reader) == [deflate]
    assert held_by(deflate) == []


def test_of_a_large_read_only_the_header_that_is_cut_is_kept(websocket: ModuleType) -> None:
    reader = websocket.FrameReader(MAX)
    tracemalloc.start()
    try:
        reader.feed(masked(0x89, b"p") * 9_000 + b"\x81")
        while reader.next_event():
            pass
        assert tracemalloc.get_traced_memory()[0] < 5_000
    finally:
        tracemalloc.stop()
    reader.feed(masked(0x81, b"x")[1:])
    assert reader.next_event() == (1, b"x")


# ── against other implementations, with random traffic ────────────────────────────────────────────

messages = st.lists(
    st.one_of(st.text(max_size=300), st.binary(max_size=300), st.just(b"\xff" * 130)),
    max_size=6,
)


@given(messages=messages, step=st.integers(1, 999), client=st.booleans())
def test_what_wsproto_sends_is_understood(
    websocket: ModuleType, messages: list[str | bytes], step: int, client: bool
) -> None:
    peer = Connection(ConnectionType.SERVER if client else ConnectionType.CLIENT)
    wire = b"".join(
        peer.send(TextMessage(data=m) if isinstance(m, str) else BytesMessage(data=m))
        + peer.send(Ping(payload=b"p"))
        for m in messages
    ) + peer.send(CloseConnection(code=1000, reason="done"))
    events = drip(websocket.FrameReader(80_000, client=client), wire, step)
    expected: list[tuple[int, bytes]] = []
    for m in messages:
        expected += [(1, m.encode()) if isinstance(m, str) else (2, m), (9, b"p")]
    assert events == [*expected, (8, b"\x03\xe8done")]


@given(messages=messages, client=st.booleans())
def test_what_we_send_is_understood_by_wsproto(
    websocket: ModuleType, messages: list[str | bytes], client: bool
) -> None:
    peer = Connection(ConnectionType.SERVER if client else ConnectionType.CLIENT)
    mask = MASK if client else None
    for m in messages:
        sent = websocket.frame(1, m.encode(), mask) if isinstance(m, str) else websocket.frame(2, m, mask)
        peer.receive_data(sent)
        assert [event.data for event in peer.events()] == [m]


@given(text=st.text(max_size=30), cuts=st.lists(st.integers(0, 160), max_size=6))
def test_text_may_be_cut_inside_of_a_character(websocket: ModuleType, text: str, cuts: list[int]) -> None:
    payload = text.encode()
    edges = [0, *sorted(min(cut, len(payload)) for cut in cuts), len(payload)]
    parts = [payload[a:b] for a, b in pairwise(edges)]
    firsts = [0x01] + [0x00] * (len(parts) - 1)
    firsts[-1] |= 0x80
    wire = b"".join(masked(first, part) for first, part in zip(firsts, parts, strict=True))
    assert drip(websocket.FrameReader(MAX), wire, 2) == [(1, payload)]


@given(payload=st.binary(max_size=30))
def test_text_is_what_python_calls_utf8(websocket: ModuleType, payload: bytes) -> None:
    events = websocket.FrameReader(MAX).read_all(masked(0x81, payload))
    cut = drip(websocket.FrameReader(MAX), masked(0x81, payload))
    try:
        codecs.decode(payload, "utf-8")
    except UnicodeDecodeError:
        assert code_of(websocket, events) == 1007
    else:
        assert events == [(1, payload)]
    assert cut == events
