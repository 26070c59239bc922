"""Where log lines go: a stream that never raises and never waits, whatever became of the other end.

The reader of a pipe may have gone or stopped reading, a terminal may be closed or held, a disk full. A node
goes on then: lines are lost and counted, and how many is written as soon as one can be written again.
"""

from __future__ import annotations

import io
import os
import select
import stat
from contextlib import suppress
from typing import Final, TextIO

PIECE: Final = 4_096  # bytes; what is ready to be written takes as many without waiting (PIPE_BUF)
PATIENCE: Final = 50  # milliseconds for a reader that is merely slow; none while it does not read at all


class LogStream(io.TextIOBase):
    """Text goes to the descriptor of `stream`, or to `stream` itself where it has none (in tests).

    `gap` is the line that says how many were lost, as a format with `{lines}`.
    """

    lost = 0  # lines, of all streams of this process: there is one at a time

    def __init__(self, stream: TextIO, gap: str) -> None:
        self._stream = stream
        self._descriptor = _descriptor(stream)
        self._may_wait = self._descriptor is not None and not _is_file(self._descriptor)
        self._gap = gap
        self._missing = 0  # lines since the last one that was written
        self._torn = False  # the last one was written in part

    def isatty(self) -> bool:
        return self._stream.isatty()

    def write(self, text: str) -> int:
        """Write whole lines, or count them as lost."""
        lead = "\n" if self._torn else ""
        if self._missing:
            lead += self._gap.format(lines=self._missing)
        if self._descriptor is None:
            self._stream.write(text)
        elif self._wrote(self._descriptor, (lead + text).encode(errors="replace")):
            self._missing = 0
        else:
            lines = text.count("\n")
            self._missing += lines
            LogStream.lost += lines
        return len(text)

    def _wrote(self, descriptor: int, data: bytes) -> bool:
        rest = memoryview(data)
        with suppress(OSError):  # no reader, no terminal, no space
            while rest and self._is_ready(descriptor):
                rest = rest[os.write(descriptor, rest[:PIECE]) :]
        self._torn = bool(rest) and (self._torn or len(rest) < len(data))
        return not rest

    def _is_ready(self, descriptor: int) -> bool:
        if not self._may_wait:
            return True
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        return bool(poll.poll(0 if self._missing else PATIENCE))


def _descriptor(stream: TextIO) -> int | None:
    try:
        stream.flush()
        return stream.fileno()
    except (OSError, ValueError):
        return None


def _is_file(descriptor: int) -> bool:
    return stat.S_ISREG(os.fstat(descriptor).st_mode)
