"""A compiled kernel and its plain twin are one and the same, whatever the bytes and wherever they are cut."""

import importlib
from collections.abc import Callable
from importlib.machinery import EXTENSION_SUFFIXES
from itertools import cycle, pairwise
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ext
from ext import _words, _words_plain

FOLDER = Path(ext.__file__).parent
KERNELS = sorted(
    {source.stem for source in FOLDER.glob("*.pxd")} | {source.stem for source in FOLDER.glob("*.pyx")}
)
MASK = b"\x11\x22\x33\x44"
Events = list[tuple[int, bytes]]
Twins = tuple[ModuleType, ModuleType]  # compiled, plain


@pytest.fixture(scope="module")
def websockets(load_plain: Callable[[str], ModuleType]) -> Twins:
    return importlib.import_module("ext.websocket"), load_plain("websocket")


@pytest.fixture(scope="module")
def envelopes(load_plain: Callable[[str], ModuleType]) -> Twins:
    return importlib.import_module("ext.envelope"), load_plain("envelope")


@pytest.mark.parametrize("name", KERNELS)
def test_the_compiled_kernel_is_loaded(name: str) -> None:
    module = importlib.import_module(f"ext.{name}")
    assert (module.__file__ or "").endswith(tuple(EXTENSION_SUFFIXES)), "run `make .venv/ready`"
    assert getattr(module, "COMPILED", True)


def test_the_twin_is_plain(websockets: Twins, envelopes: Twins) -> None:
    assert [twin.COMPILED for twin in websockets + envelopes] == [True, False, True, False]


# ── primitives ────────────────────────────────────────────────────────────────────────────────────


@given(
    data=st.binary(max_size=40),
    edges=st.tuples(st.integers(-2, 42), st.integers(-2, 42)),
    key_at=st.integers(-2, 6),
)
def test_unmask(data: bytes, edges: tuple[int, int], key_at: int) -> None:
    outcomes = []
    for unmask in (_words.unmask, _words_plain.unmask):
        try:
            outcomes.append(unmask(data, *edges, b"\x00\x01\x80\xff\x55", key_at))
        except IndexError:
            outcomes.append(None)
    assert outcomes[0] == outcomes[1]


@given(data=st.binary(max_size=9), start=st.integers(-2, 11), end=st.integers(-2, 11))
def test_cut(data: bytes, start: int, end: int) -> None:
    outcomes = []
    for cut in (_words.cut, _words_plain.cut):
        try:
            outcomes.append(cut(data, start, end))
        except IndexError:
            outcomes.append(None)
    assert outcomes[0] == outcomes[1]


@given(
    first=st.sampled_from([0, 0x81, 0xC2]),
    pieces=st.lists(st.binary(max_size=9) | st.text(max_size=9), max_size=5),
    filler=st.sampled_from([0, 120, 65_500, 65_536]),
)
def test_pack(first: int, pieces: list[bytes | str], filler: int) -> None:
    whole = (*pieces, b"x" * filler)
    assert _words.pack(first, whole) == _words_plain.pack(first, whole)


@pytest.mark.parametrize("pack", [_words.pack, _words_plain.pack])
def test_pack_refuses_what_is_no_text(pack: Callable[[int, tuple[object, ...]], bytes]) -> None:
    with pytest.raises(UnicodeEncodeError):
        pack(0, ("\ud800",))
    with pytest.raises((TypeError, AttributeError)):
        pack(0, (7,))


# ── frames ────────────────────────────────────────────────────────────────────────────────────────


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """Mostly what a client may send, with any bit of a header now and then wrong."""
    first = draw(
        st.sampled_from([0x81, 0x81, 0x01, 0x00, 0x80, 0x82, 0x02, 0x89, 0x8A, 0xC1, 0x41, 0xC2, 0x88])
    )
    first ^= draw(st.sampled_from([0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x40, 0x20, 0x10, 0x04, 0x08]))
    payload = draw(
        st.sampled_from(
            [
                b"",
                b"\x03\xe8",
                "é€😀".encode(),
                b"\xe2\x82",
                b"\xac",
                bytes.fromhex("f248cdc9c90700"),
                b"x" * 126,
            ]
        )
        | st.binary(max_size=40)
    )
    masked = bytearray(ext_frame(payload))
    masked[0] = first
    masked[1] ^= draw(st.sampled_from([0] * 15 + [0x80, 0x7F]))
    return bytes(masked)


def ext_frame(payload: bytes) -> bytes:
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + length + MASK + _words_plain.unmask(payload, 0, len(payload), MASK, 0)


wire = st.lists(frames() | st.binary(max_size=6), max_size=8).map(b"".join)


def events_of(websocket: ModuleType, pieces: list[bytes], limit: int, client: bool, deflate: bool) -> Events:
    codec = websocket.Deflate(15, 15, False, True) if deflate else None
    reader = websocket.FrameReader(limit, client=client, deflate=codec)
    events = [event for piece in pieces for event in reader.read_all(piece)]
    # Of two faults it depends on the cuts which one is noticed first: the code is the same, the reason not.
    return [(kind, data[:2] if kind == websocket.VIOLATION else data) for kind, data in events]


@given(
    data=wire,
    cuts=st.lists(st.integers(0, 600), max_size=8),
    limit=st.sampled_from([0, 5, 130, 100_000]),
    client=st.sampled_from([False, False, False, True]),
    deflate=st.booleans(),
)
def test_frames(websockets: Twins, *, data, cuts, limit, client, deflate) -> None:
    edges = [0, *sorted(cuts), len(data)]
    cut = [data[a:b] for a, b in pairwise(edges)]
    drops = [data[i : i + 1] for i in range(len(data))]
    expected = events_of(websockets[0], [data], limit, client, deflate)
    for twin in websockets:
        for pieces in ([data], cut, drops):
            assert events_of(twin, pieces, limit, client, deflate) == expected


@given(
    data=wire,
    cuts=st.lists(st.integers(0, 600), max_size=8),
    turns=st.lists(st.integers(0, 4), min_size=1, max_size=9),
    limit=st.sampled_from([0, 5, 130, 100_000]),
    deflate=st.booleans(),
)
def test_frames_one_at_a_time(websockets: Twins, *, data, cuts, turns, limit, deflate) -> None:
    """However reading and asking take turns, the same comes out, of both and as if asked for at once."""
    edges = [0, *sorted(cuts), len(data)]
    outcomes = []
    for twin in websockets:
        codec = twin.Deflate(15, 15, False, True) if deflate else None
        reader = twin.FrameReader(limit, deflate=codec)
        seen = []
        for (begin, end), asked in zip(pairwise(edges), cycle(turns)):
            reader.feed(data[begin:end])
            seen += [(reader.next_event(), reader.waiting) for _ in range(asked)]
        while reader.waiting:
            seen.append((reader.next_event(), reader.waiting))
        assert reader.next_event() is None
        outcomes.append(seen)
    assert outcomes[0] == outcomes[1]
    events = [event for event, _ in outcomes[0] if event is not None and event[0] != 0]
    codes = [(kind, payload[:2] if kind == 255 else payload) for kind, payload in events]
    assert codes == events_of(websockets[0], [data], limit, False, deflate)


@given(
    opcode=st.integers(0, 15),
    payload=st.binary(max_size=300),
    mask=st.none() | st.binary(min_size=4, max_size=4),
    rsv1=st.booleans(),
    reason=st.text(max_size=99),
)
def test_writing_frames(websockets: Twins, *, opcode, payload, mask, rsv1, reason) -> None:
    compiled, plain = websockets
    assert compiled.frame(opcode, payload, mask, rsv1) == plain.frame(opcode, payload, mask, rsv1)
    assert compiled.close_frame(1000 + opcode, reason) == plain.close_frame(1000 + opcode, reason)
    assert compiled.Deflate().compress(payload) == plain.Deflate().compress(payload)


# ── envelopes ─────────────────────────────────────────────────────────────────────────────────────

pieces = st.sampled_from(
    [
        "[",
        "]",
        "2",
        "-1.5e3",
        "3",
        "4",
        "6",
        "12",
        ",",
        '"a"',
        '"é"',
        '"\\u00e9"',
        '"\\"',
        "{}",
        " ",
        "\t",
        "\\",
        '"',
    ]
)
texts = st.lists(pieces, max_size=12).map("".join).map(str.encode) | st.binary(max_size=40)


@given(
    text=texts
    | st.tuples(st.sampled_from([b'"1"', b"1", b"1.0"]), texts, texts).map(
        lambda t: b"[2," + t[0] + b"," + t[1] + b"," + t[2] + b"]"
    ),
    numeric_id=st.booleans(),
)
def test_envelopes(envelopes: Twins, text: bytes, numeric_id: bool) -> None:
    outcomes = []
    for twin in envelopes:
        try:
            outcomes.append(twin.split(text, numeric_id))
        except twin.EnvelopeError as error:
            outcomes.append((error.message_id, error.message_type, error.reason))
    assert outcomes[0] == outcomes[1]


@given(number=st.integers(), payload=st.binary(max_size=200))
def test_answering_numbers(envelopes: Twins, number: int, payload: bytes) -> None:
    compiled, plain = (twin.result_frame(twin.NumericId(str(number)), payload) for twin in envelopes)
    assert compiled == plain


@given(strings=st.tuples(st.text(), st.text(), st.text()), payload=st.binary(max_size=200))
def test_writing_envelopes(envelopes: Twins, strings: tuple[str, str, str], payload: bytes) -> None:
    compiled, plain = envelopes
    assert compiled.result_frame(strings[0], payload) == plain.result_frame(strings[0], payload)
    assert compiled.call_frame(*strings[:2], payload) == plain.call_frame(*strings[:2], payload)
    assert compiled.error_frame(*strings, payload) == plain.error_frame(*strings, payload)
