"""A masked text frame from the wire to its text."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from websockets.protocol import State
from websockets.server import ServerProtocol
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from ext.websocket import FrameReader

pytestmark = pytest.mark.benchmark(group="Frame to text")
LIMIT = 1_048_576


def test_voltrio(benchmark: BenchmarkFixture, masked: bytes, text: bytes) -> None:
    reader = FrameReader(LIMIT)
    assert benchmark(reader.sole_text, masked) == text


def test_websockets_sans_io(benchmark: BenchmarkFixture, masked: bytes, text: bytes) -> None:
    protocol = ServerProtocol(state=State.OPEN, max_size=LIMIT)

    def receive() -> bytes:
        protocol.receive_data(masked)
        (event,) = protocol.events_received()
        return bytes(event.data)  # type: ignore[union-attr]  # an open connection gives frames

    assert benchmark(receive) == text


def test_wsproto(benchmark: BenchmarkFixture, masked: bytes, text: bytes) -> None:
    connection = Connection(ConnectionType.SERVER)

    def receive() -> str:
        connection.receive_data(masked)
        (event,) = connection.events()
        assert isinstance(event, TextMessage)
        return event.data

    assert benchmark(receive) == text.decode()
