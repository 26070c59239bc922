# cython: boundscheck=False, wraparound=False
"""WebSocket frames (RFC 6455) and permessage-deflate (RFC 7692), for either end. Bytes in, messages out.

No I/O, no handshake, no policy about what messages mean. `websocket.pxd` gives the types with which this very
file is compiled; uncompiled it behaves the same. An idle reader holds no buffer.
"""

from __future__ import annotations

import codecs
import zlib
from typing import Any, Final

from ext._words import cut, pack, unmask

COMPILED: Final = not __file__.endswith(".py")

CONTINUATION: Final = 0
TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10
VIOLATION: Final = (
    255  # not an opcode: the peer broke the protocol, the payload is that of the close frame to answer
)

_PROTOCOL_ERROR: Final = 1002
_INVALID_DATA: Final = 1007
_TOO_BIG: Final = 1009

_SHORT: Final = 16_384  # bytes of a text that `sole_text` takes; compiled, a C integer
_FLUSHED: Final = b"\x00\x00\xff\xff"  # the end of a flushed block, which RFC 7692 §7.2.1 leaves out
_MAX_FINAL_BLOCKS: Final = 64  # BFINAL blocks per message; each costs a new zlib object
_MEMORY_LEVEL: Final = 5  # zlib's memLevel: small messages gain nothing from more


class FrameError(Exception):
    """What the peer did wrong; stays inside this module."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Deflate:
    """The zlib state of one connection, made when first needed and dropped where a side keeps no context.

    Parameters as negotiated, window bits 8…15 (9…15 for the side that compresses); `client` says which end
    this is. Raises ValueError for other window bits.
    """

    __slots__ = (
        "_compressor",
        "_final_blocks",
        "_inflater",
        "_own_bits",
        "_own_fresh",
        "_peer_bits",
        "_peer_fresh",
    )

    def __init__(
        self,
        server_max_window_bits: int = 15,
        client_max_window_bits: int = 15,
        server_no_context_takeover: bool = False,
        client_no_context_takeover: bool = False,
        *,
        client: bool = False,
    ) -> None:
        self._own_bits = client_max_window_bits if client else server_max_window_bits
        self._own_fresh = client_no_context_takeover if client else server_no_context_takeover
        # zlib inflates a window of 2^8 as one of 2^9, which can only be larger than needed.
        self._peer_bits = max(server_max_window_bits if client else client_max_window_bits, 9)
        self._peer_fresh = server_no_context_takeover if client else client_no_context_takeover
        if not 9 <= self._own_bits <= 15 or self._peer_bits > 15:
            raise ValueError("window bits are 9…15")
        self._compressor: Any = None
        self._inflater: Any = None
        self._final_blocks = 0

    def compress(self, payload: bytes) -> bytes:
        """The payload of a frame with RSV1 that carries the whole message."""
        if not payload:
            return b"\x00"  # RFC 7692 §7.2.3.6; zlib would flush nothing twice
        compressor = self._compressor
        if compressor is None:
            compressor = zlib.compressobj(
                zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -self._own_bits, _MEMORY_LEVEL
            )
            if not self._own_fresh:
                self._compressor = compressor
        compressed: bytes = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
        return compressed.removesuffix(_FLUSHED)

    def inflate(self, piece: bytes, room: int) -> bytes:
        """Inflate a piece of a message: at most `room + 1` bytes, so that more than `room` tells an overflow.

        Raises zlib.error for data that is not deflated.
        """
        inflated = b""
        while piece:
            if self._inflater is None:
                self._inflater = zlib.decompressobj(-self._peer_bits)
            inflated += self._inflater.decompress(piece, room + 1 - len(inflated))
            if len(inflated) > room or not self._inflater.eof:
                break
            # RFC 7692 §7.2.3.4: a final block may end anywhere; what follows starts afresh.
            piece = self._inflater.unused_data
            self._inflater = None
            self._final_blocks += 1
            if self._final_blocks > _MAX_FINAL_BLOCKS:
                raise zlib.error("too many final blocks")
        return inflated

    def finish(self, room: int) -> bytes:
        """The rest of a message whose last piece was given to `inflate`; bounds and errors as there."""
        inflated = self.inflate(_FLUSHED, room)
        self._final_blocks = 0
        if self._peer_fresh:
            self._inflater = None
        return inflated


class Assembly:
    """What is under way in a reader: a frame whose payload has not ended, a message whose frames have not."""

    __slots__ = (
        "buffer",
        "compressed",
        "control",
        "decoder",
        "fin",
        "in_frame",
        "key",
        "opcode",
        "remaining",
        "size",
        "text",
        "under_way",
        "wire_size",
    )

    def __init__(self) -> None:
        self.in_frame = False  # a header was read; `remaining` bytes of its payload are to come
        self.opcode = 0
        self.fin = False
        self.remaining = 0
        self.key: bytes | None = None  # turned so that it begins with the byte for the next payload byte
        self.control = b""  # payload of a control frame
        self.under_way = False  # a data message has begun
        self.text = False
        self.compressed = False
        self.wire_size = 0  # bytes of the message announced by its frames so far
        self.size = 0  # bytes of the message, inflated
        self.buffer: Any = b""  # bytes while there is one piece, then a bytearray
        self.decoder: Any = None  # checks UTF-8 across pieces


class FrameReader:
    """Turns received bytes into messages, one at a time. One per connection; not shared between tasks.

    It holds what was given to `feed` and not yet asked for, as it was received, and at most one message that
    is under way. `max_message_size` may be changed between two messages; `waiting` tells that `next_event`
    has something to look at.
    """

    __slots__ = ("_assembly", "_at", "_client", "_data", "_deflate", "_ended", "max_message_size", "waiting")

    def __init__(
        self, max_message_size: int, *, client: bool = False, deflate: Deflate | None = None
    ) -> None:
        self.max_message_size = max_message_size
        self.waiting = False
        self._client = client
        self._deflate = deflate
        self._ended = False
        self._data: bytes | None = None  # what was received; looked at up to `_at`
        self._at = 0
        self._assembly: Assembly | None = None

    def feed(self, data: bytes) -> None:
        """Take what was received. Nothing of it is unmasked or inflated before `next_event` comes to it."""
        if self._ended or not data:
            return
        self._data = data if self._data is None else self._data[self._at :] + data
        self._at = 0
        self.waiting = True

    def next_event(self) -> tuple[int, bytes] | None:
        """What the next frame comes to, as (opcode, payload); None when more has to be received first.

        A message (text is valid UTF-8) or a control frame; (CONTINUATION, b"") for a frame that ended and
        left its message unfinished, so that whoever counts events counts frames. (VIOLATION, payload of the
        close frame to answer with) is the last event, as the peer's CLOSE is: what comes behind is ignored.
        """
        data = self._data
        if not self.waiting or data is None:
            return None
        assembly = self._assembly
        if assembly is None:
            assembly = self._assembly = Assembly()
        try:
            event = self._advance(assembly, data)
        except FrameError as violation:
            self._ended = True
            event = (VIOLATION, close_payload(violation.code, violation.reason))
        if self._ended or not (assembly.in_frame or assembly.under_way):
            self._assembly = None
        if self._ended or self._at == len(data):
            self._data = None
        elif event is None:  # a header that has not come whole
            self._data = data[self._at :]
            self._at = 0
        self.waiting = event is not None and self._data is not None
        return event

    def read_all(self, data: bytes) -> list[tuple[int, bytes]]:
        """All messages and control frames that `data` completes, for peers that may take what they want."""
        text = self.sole_text(data)
        if text is not None:
            return [(TEXT, text)]
        self.feed(data)
        events: list[tuple[int, bytes]] = []
        while (event := self.next_event()) is not None:
            if event[0] != CONTINUATION:
                events.append(event)
        return events

    def sole_text(self, data: bytes) -> bytes | None:
        """The text if `data` is exactly one short, whole, valid text message and nothing else is under way.

        None otherwise, with nothing consumed: give the same data to `feed`.
        """
        size = len(data)
        if size < 2 or data[0] != 0x81 or self._ended or self._assembly is not None or self._data is not None:
            return None
        length = data[1] ^ (0 if self._client else 0x80)  # a wrong mask bit makes this exceed 126
        start = 2 if self._client else 6
        if length == 126 and size > start + 2:
            length = (data[2] << 8) | data[3]
            if length < 126:
                return None
            start += 2
        elif length > 125:
            return None
        if start + length != size or length > _SHORT or length > self.max_message_size:
            return None
        text = cut(data, start, size) if self._client else unmask(data, start, size, data, start - 4)
        return text if text.isascii() or _is_utf8(text) else None

    def _advance(self, assembly: Assembly, data: bytes) -> tuple[int, bytes] | None:
        """Go on from `_at` to the end of one frame; None where `data` ends before it."""
        at = self._at
        size = len(data)
        if not assembly.in_frame:
            at = self._open(assembly, data, at)
            if at == 0:
                return None
        end = at + assembly.remaining if assembly.remaining < size - at else size
        piece = cut(data, at, end) if assembly.key is None else unmask(data, at, end, assembly.key, 0)
        assembly.remaining -= end - at
        self._at = end
        if assembly.opcode >= CLOSE:
            assembly.control += piece
        else:
            self._absorb(assembly, piece)
        if assembly.remaining:
            if assembly.key is not None:
                turn = (end - at) & 3
                assembly.key = assembly.key[turn:] + assembly.key[:turn]
            return None
        assembly.in_frame = False
        if assembly.opcode >= CLOSE:
            return assembly.opcode, self._end_control(assembly)
        if not assembly.fin:
            return CONTINUATION, b""
        return (TEXT if assembly.text else BINARY), self._end_message(assembly)

    def _open(self, assembly: Assembly, data: bytes, at: int) -> int:
        """Read the header at `at`: the index of its payload, or 0 while it is incomplete (RFC 6455 §5.2)."""
        size = len(data)
        if size - at < 2:
            return 0
        first = data[at]
        second = data[at + 1]
        opcode = first & 0x0F
        length = second & 0x7F
        self._check_header(assembly, first, second)
        start = at + 2
        if length == 126:
            if size - start < 2:
                return 0
            length = (data[start] << 8) | data[start + 1]
            start += 2
            if length < 126:
                raise FrameError(_PROTOCOL_ERROR, "length not in its shortest form")
        elif length == 127:
            if size - start < 8:
                return 0
            if data[start] >= 0x80:
                raise FrameError(_PROTOCOL_ERROR, "length of more than 63 bits")
            length = int.from_bytes(data[start : start + 8], "big")
            start += 8
            if length < 65536:
                raise FrameError(_PROTOCOL_ERROR, "length not in its shortest form")
        if opcode < CLOSE:
            self._check_size(assembly, length, first & 0x40 if opcode else assembly.compressed)
        if second >= 0x80:
            if size - start < 4:
                return 0
            assembly.key = data[start : start + 4]
            start += 4
        else:
            assembly.key = None
        assembly.in_frame = True
        assembly.opcode = opcode
        assembly.fin = first >= 0x80
        assembly.remaining = length
        if opcode < CLOSE:
            if opcode:
                assembly.under_way = True
                assembly.text = opcode == TEXT
                assembly.compressed = (first & 0x40) != 0
            assembly.wire_size += length
        return start

    def _check_header(self, assembly: Assembly, first: int, second: int) -> None:
        """What the first two bytes of a frame tell, before the rest of its header has come."""
        opcode = first & 0x0F
        reserved = first & 0x70
        # RFC 7692 §6.1: RSV1 marks the first frame of a compressed message, no other.
        if reserved and (reserved != 0x40 or self._deflate is None or opcode not in (TEXT, BINARY)):
            raise FrameError(_PROTOCOL_ERROR, "reserved bit")
        if opcode > PONG or BINARY < opcode < CLOSE:
            raise FrameError(_PROTOCOL_ERROR, "reserved opcode")
        # RFC 6455 §5.1: a client masks every frame, a server none.
        if (second >= 0x80) == self._client:
            raise FrameError(_PROTOCOL_ERROR, "masked frame" if self._client else "unmasked frame")
        if opcode >= CLOSE:
            if first < 0x80 or second & 0x7F > 125:
                raise FrameError(_PROTOCOL_ERROR, "control frame fragmented or too long")
        elif (opcode == CONTINUATION) != assembly.under_way:
            raise FrameError(
                _PROTOCOL_ERROR, "message inside of a message" if opcode else "nothing to continue"
            )

    def _check_size(self, assembly: Assembly, length: int, compressed: int) -> None:
        """RFC 6455 §10.4. Deflate may lengthen what it cannot shorten: a few bytes for each stored block."""
        limit = self.max_message_size
        if compressed:
            limit += (limit >> 8) + 64
        if length > limit - assembly.wire_size:
            raise FrameError(_TOO_BIG, "message too big")

    def _absorb(self, assembly: Assembly, piece: bytes) -> None:
        """Add a piece of payload to the message under way: inflated, its text checked as far as it goes."""
        if assembly.compressed:
            piece = self._inflate(assembly, piece, False)
        assembly.size += len(piece)
        whole = assembly.fin and not assembly.remaining
        if assembly.text and (assembly.decoder is not None or not whole):
            if assembly.decoder is None:
                assembly.decoder = codecs.getincrementaldecoder("utf-8")()
            _check_piece(assembly.decoder, piece, whole and not assembly.compressed)
        if not assembly.buffer:
            assembly.buffer = piece
        elif piece:
            if type(assembly.buffer) is bytes:
                assembly.buffer = bytearray(assembly.buffer)
            assembly.buffer += piece

    def _inflate(self, assembly: Assembly, piece: bytes, last: bool) -> bytes:
        room = self.max_message_size - assembly.size
        try:
            piece = self._deflate.finish(room) if last else self._deflate.inflate(piece, room)  # type: ignore[union-attr] # compressed only with an extension, see _check_header
        except zlib.error:
            raise FrameError(_INVALID_DATA, "not deflated data") from None
        if len(piece) > room:
            raise FrameError(_TOO_BIG, "message too big")
        return piece

    def _end_message(self, assembly: Assembly) -> bytes:
        if assembly.compressed and assembly.wire_size:
            rest = self._inflate(assembly, b"", True)
            if assembly.decoder is not None:
                _check_piece(assembly.decoder, rest, True)
            if rest:
                assembly.buffer = bytearray(assembly.buffer) + rest
        payload = bytes(assembly.buffer)
        if assembly.text and assembly.decoder is None and not (payload.isascii() or _is_utf8(payload)):
            raise FrameError(_INVALID_DATA, "text is not UTF-8")
        assembly.under_way = False
        assembly.compressed = False
        assembly.decoder = None
        assembly.buffer = b""
        assembly.size = 0
        assembly.wire_size = 0
        return payload

    def _end_control(self, assembly: Assembly) -> bytes:
        payload = assembly.control
        assembly.control = b""
        if assembly.opcode == CLOSE:
            self._ended = True
            if len(payload) == 1 or (payload and not is_close_code((payload[0] << 8) | payload[1])):
                raise FrameError(_PROTOCOL_ERROR, "close code")
            if not _is_utf8(payload[2:]):
                raise FrameError(_INVALID_DATA, "close reason is not UTF-8")
        return payload


def is_close_code(code: int) -> bool:
    """Whether a close frame may carry this code (RFC 6455 §7.4 and the IANA registry)."""
    return (1000 <= code <= 1014 and not 1004 <= code <= 1006) or 3000 <= code <= 4999


def close_payload(code: int, reason: str = "") -> bytes:
    """The payload of a close frame; the reason is cut to the 123 bytes that fit."""
    return code.to_bytes(2, "big") + reason.encode()[:123].decode(errors="ignore").encode()


def close_frame(code: int, reason: str = "") -> bytes:
    """An unmasked close frame."""
    return frame(CLOSE, close_payload(code, reason))


def frame(opcode: int, payload: bytes, mask: bytes | None = None, rsv1: bool = False) -> bytes:
    """One whole frame. `mask`: the client's four random bytes; `rsv1`: the payload is `Deflate.compress`ed.

    Raises ValueError for a mask of another length.
    """
    first = 0x80 | opcode | (0x40 if rsv1 else 0)
    if mask is None:
        return pack(first, (payload,))
    if len(mask) != 4:
        raise ValueError("a mask has four bytes")
    return _masked_header(first, len(payload)) + mask + unmask(payload, 0, len(payload), mask, 0)


def _masked_header(first: int, length: int) -> bytes:
    if length < 126:
        return bytes((first, 0x80 | length))
    if length < 65536:
        return bytes((first, 0xFE)) + length.to_bytes(2, "big")
    return bytes((first, 0xFF)) + length.to_bytes(8, "big")


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _check_piece(decoder: Any, piece: bytes, last: bool) -> None:
    try:
        decoder.decode(piece, last)
    except UnicodeDecodeError:
        raise FrameError(_INVALID_DATA, "text is not UTF-8") from None
