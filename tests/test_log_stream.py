"""Log lines where nobody takes them: the node goes on, and says later what is missing."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from io import FileIO, StringIO
from typing import TextIO

import pytest

from engine import log_stream
from engine.log_stream import PIECE, LogStream

GAP = "{lines} lost\n"


@pytest.fixture(autouse=True)
def fresh_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LogStream, "lost", 0)
    monkeypatch.setattr(log_stream, "PATIENCE", 0)


@pytest.fixture
def pipe() -> Iterator[tuple[FileIO, TextIO]]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with FileIO(reading) as taking, open(writing, "w") as output:
        yield taking, output


def drained(reading: FileIO) -> str:
    return (reading.readall() or b"").decode()


def test_lines_arrive_whole_and_in_order(pipe: tuple[FileIO, TextIO]) -> None:
    reading, output = pipe
    stream = LogStream(output, GAP)
    long = "x" * (3 * PIECE) + "\n"
    for line in ("one\n", long, "three\n"):
        stream.write(line)
    assert drained(reading) == f"one\n{long}three\n"
    assert LogStream.lost == 0


def test_a_reader_that_has_gone_costs_lines_and_nothing_else(pipe: tuple[FileIO, TextIO]) -> None:
    reading, output = pipe
    stream = LogStream(output, GAP)
    reading.close()
    for _ in range(3):
        stream.write("nobody reads this\n")
    assert LogStream.lost == 3


def test_a_reader_that_stopped_is_not_waited_for_and_learns_of_the_gap(
    pipe: tuple[FileIO, TextIO],
) -> None:
    reading, output = pipe
    stream = LogStream(output, GAP)
    written = 0
    guard = threading.Timer(60, drained, [reading])  # were the write to wait, the test would hang
    guard.start()
    while not LogStream.lost:
        stream.write(f"{written:0999}\n")
        written += 1
    guard.cancel()
    stream.write("lost too\n")
    assert LogStream.lost == 2
    kept = drained(reading).splitlines()
    assert kept == [f"{number:0999}" for number in range(written - 1)]
    stream.write("back\n")
    stream.write("again\n")
    assert drained(reading) == "2 lost\nback\nagain\n"


def test_a_full_disk_costs_lines_and_nothing_else() -> None:
    with open("/dev/full", "w") as full:
        stream = LogStream(full, GAP)
        stream.write("two lines\nat once\n")
    assert LogStream.lost == 2


def test_a_line_that_was_torn_does_not_spoil_the_next(
    pipe: tuple[FileIO, TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, output = pipe
    stream = LogStream(output, GAP)
    write, room = os.write, [3, 0]

    def filling(descriptor: int, data: bytes) -> int:
        if not room:
            return write(descriptor, data)
        if not (take := room.pop(0)):
            raise OSError(errno.ENOSPC, "full")
        return write(descriptor, data[:take])

    monkeypatch.setattr(os, "write", filling)
    stream.write("torn\n")
    stream.write("whole\n")
    assert drained(reading) == "tor\n1 lost\nwhole\n"


def test_a_stream_without_a_descriptor_is_written_to() -> None:
    output = StringIO()
    LogStream(output, GAP).write("line\n")
    assert output.getvalue() == "line\n"
