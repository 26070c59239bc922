"""Sockets that never block: what the kernel does not take is kept, bounded and carried off."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from engine.points.timers import Timers
from engine.points.transport import FLUSH_TIMEOUT, Carrier, PlainTransport

LIMIT = 1_000_000


class Pair:
    """A transport and its peer."""

    def __init__(self, nursery: trio.Nursery) -> None:
        ours, self.peer = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        self.peer.setblocking(False)
        self.slow = 0
        timers = Timers()
        nursery.start_soon(timers.run)
        self.transport = PlainTransport(ours, Carrier(nursery.start_soon, timers, LIMIT, self._too_slow))

    def _too_slow(self) -> None:
        self.slow += 1

    async def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            await trio.lowlevel.wait_readable(self.peer)
            data += self.peer.recv(count)
        return data


@pytest.fixture
def pair(nursery: trio.Nursery) -> Iterator[Pair]:
    made = Pair(nursery)
    yield made
    made.transport.close()
    made.peer.close()
    nursery.cancel_scope.cancel()


async def test_nothing_yet_something_and_the_end(pair: Pair) -> None:
    assert pair.transport.receive() is None
    pair.peer.send(b"hello")
    assert pair.transport.receive() == b"hello"
    pair.peer.shutdown(socket.SHUT_WR)
    assert pair.transport.receive() == b""


async def test_what_is_kept_arrives_in_order(pair: Pair) -> None:
    pieces = [bytes([number]) * 50_000 for number in range(10)]
    for piece in pieces:
        pair.transport.send(piece)
    assert await pair.read(500_000) == b"".join(pieces)
    pair.transport.send(b"after")
    assert await pair.read(5) == b"after"
    assert pair.slow == 0


async def test_finish_waits_for_what_is_kept(pair: Pair) -> None:
    pair.transport.send(b"x" * 300_000)
    pair.transport.finish()
    pair.transport.send(b"too late")
    assert await pair.read(300_000) == b"x" * 300_000
    await trio.lowlevel.wait_readable(pair.peer)
    assert pair.peer.recv(10) == b""
    assert not pair.transport.closed


async def test_finish_and_close(pair: Pair) -> None:
    pair.transport.send(b"x" * 300_000)
    pair.transport.finish(close=True)
    assert not pair.transport.closed
    await pair.read(300_000)
    await trio.testing.wait_all_tasks_blocked()
    assert pair.transport.closed


async def test_over_the_bound_it_is_closed(pair: Pair) -> None:
    pair.transport.send(b"x" * LIMIT)
    assert not pair.transport.closed
    pair.transport.send(b"x" * LIMIT)
    assert pair.transport.closed
    assert pair.slow == 1
    pair.transport.send(b"dropped")
    assert pair.slow == 1


async def test_a_peer_that_does_not_read_is_closed_in_time(nursery: Any, autojump_clock: MockClock) -> None:
    pair = Pair(nursery)
    pair.transport.send(b"x" * 500_000)
    await trio.sleep(FLUSH_TIMEOUT - 1)
    assert not pair.transport.closed
    await trio.sleep(2)
    assert pair.transport.closed
    assert pair.slow == 1
    pair.peer.close()
    nursery.cancel_scope.cancel()


async def test_closing_tells_once(pair: Pair) -> None:
    told: list[str] = []
    pair.transport.on_close = lambda: told.append("closed")
    pair.transport.close()
    pair.transport.close()
    assert told == ["closed"]
    assert pair.transport.receive() == b""


async def test_a_peer_that_is_gone_is_no_error(pair: Pair) -> None:
    pair.peer.close()
    pair.transport.send(b"a")
    pair.transport.send(b"b")
    assert pair.transport.receive() == b""
    pair.transport.finish()
