"""Where the body of a request ends: bytes are taken out of a buffer as they come. No I/O."""

from __future__ import annotations

import re
from typing import Final, Protocol

from api.http.message import Refusal

MAX_SIZE_LINE: Final = 1_024  # bytes of a chunk's size and its extensions
MAX_OVERHEAD: Final = 4_096  # bytes of a body that are not its own: sizes, extensions, line ends, trailers
OVERHEAD_PART: Final = 64  # … and one more for so many of its own; beyond, it is work for nothing
LINE_END: Final = b"\r\n"
# RFC 9112 §7.1. Extensions are ignored, but may hold no line end that another reader would see.
SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?")
TRAILER: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*")


class Decoder(Protocol):
    """The rest of one body."""

    @property
    def done(self) -> bool: ...

    def take(self, buffer: bytearray) -> bytes:
        """Move what there is of the body out of `buffer`, and nothing behind its end. Raises Refusal."""


class Sized:
    """A body of known length."""

    __slots__ = ("_left",)

    def __init__(self, length: int) -> None:
        self._left = length

    @property
    def done(self) -> bool:
        return self._left == 0

    def take(self, buffer: bytearray) -> bytes:
        data = bytes(buffer[: self._left])
        del buffer[: self._left]
        self._left -= len(data)
        return data


class Chunked:
    """A body in chunks (RFC 9112 §7.1), strictly read. Trailers are checked and dropped."""

    __slots__ = ("_left", "_overhead", "_size", "_state")

    def __init__(self) -> None:
        self._state = "size"  # size, data, end of data, trailer, done
        self._left = 0  # bytes of the present chunk
        self._overhead = 0
        self._size = 0

    @property
    def done(self) -> bool:
        return self._state == "done"

    def take(self, buffer: bytearray) -> bytes:
        pieces: list[bytes] = []
        while self._step(buffer, pieces):
            pass
        return b"".join(pieces)

    def _step(self, buffer: bytearray, pieces: list[bytes]) -> bool:
        """Whether there may be more to do with what is in the buffer."""
        if self._state == "data":
            data = bytes(buffer[: self._left])
            del buffer[: self._left]
            pieces.append(data)
            self._left -= len(data)
            self._size += len(data)
            self._state = "data" if self._left else "end of data"
            return not self._left
        if self._state == "done":
            return False
        line = self._line(buffer)
        if line is not None:
            self._state = _AFTER[self._state](self, line)
        return line is not None

    def _line(self, buffer: bytearray) -> bytes | None:
        end = buffer.find(LINE_END, 0, MAX_SIZE_LINE + 2)
        if end < 0:
            if len(buffer) > MAX_SIZE_LINE:
                raise Refusal(400, "a malformed chunk")
            return None
        line = bytes(buffer[:end])
        del buffer[: end + 2]
        self._overhead += end + 2
        if self._overhead > MAX_OVERHEAD + self._size // OVERHEAD_PART:
            raise Refusal(413, "the body's chunks are too small")
        return line

    def _sized(self, line: bytes) -> str:
        found = SIZE.fullmatch(line)
        if found is None:
            raise Refusal(400, "a malformed chunk size")
        self._left = int(found[1], 16)
        return "data" if self._left else "trailer"

    def _ended(self, line: bytes) -> str:
        if line:
            raise Refusal(400, "a chunk is longer than its size")
        return "size"

    def _trailed(self, line: bytes) -> str:
        if line and not TRAILER.fullmatch(line):
            raise Refusal(400, "a malformed trailer")
        return "trailer" if line else "done"


_AFTER: Final = {"size": Chunked._sized, "end of data": Chunked._ended, "trailer": Chunked._trailed}
