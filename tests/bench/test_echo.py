from collections.abc import AsyncIterator
from functools import partial

import pytest
import trio
import trio.testing
from trio_websocket import WebSocketConnection, open_websocket_url

from bench.echo import serve
from ext.websocket import FrameReader, frame
from tests.patience import PATIENCE

MASK = b"\x11\x22\x33\x44"
MAX = 200_000


@pytest.fixture
async def address(nursery: trio.Nursery) -> AsyncIterator[tuple[str, int]]:
    bound: tuple[str, int] = await nursery.start(partial(serve, "127.0.0.1", 0, MAX, False))
    with trio.fail_after(PATIENCE):
        yield bound
    nursery.cancel_scope.cancel()


@pytest.fixture
async def client(address: tuple[str, int]) -> AsyncIterator[WebSocketConnection]:
    url = "ws://{}:{}/".format(*address)
    async with open_websocket_url(url, subprotocols=["ocpp1.6"], max_message_size=MAX) as connection:
        yield connection


async def upgraded_stream(address: tuple[str, int], more: str = "") -> trio.SocketStream:
    stream = await trio.open_tcp_stream(*address)
    await stream.send_all(
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        + more.encode()
        + b"\r\n"
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += await stream.receive_some(1)
    assert head.startswith(b"HTTP/1.1 101 ")
    return stream


async def events_until_closed(stream: trio.SocketStream, reader: FrameReader) -> list[tuple[int, bytes]]:
    events = []
    async for data in stream:
        events += reader.read_all(data)
    return events


@pytest.mark.parametrize("message", ["", "Hello é", b"", b"\xff\x00", "x" * MAX, b"\xff" * 70_000])
async def test_messages_come_back_in_their_type(client: WebSocketConnection, message: str | bytes) -> None:
    for _ in range(2):
        await client.send_message(message)
        assert await client.get_message() == message
    assert client.subprotocol == "ocpp1.6"


async def test_a_ping_is_answered(client: WebSocketConnection) -> None:
    await client.ping(b"are you there")


async def test_the_closing_handshake(client: WebSocketConnection) -> None:
    await client.aclose(4_321, "enough")
    assert client.closed is not None
    assert (client.closed.code, client.closed.reason) == (4_321, "enough")


async def test_a_message_beyond_the_limit_closes(address: tuple[str, int]) -> None:
    stream = await upgraded_stream(address)
    await stream.send_all(frame(2, b"x" * (MAX + 1), MASK))
    ((opcode, payload),) = await events_until_closed(stream, FrameReader(MAX, client=True))
    assert (opcode, payload[:2]) == (8, (1009).to_bytes(2, "big"))
    await stream.aclose()


async def test_fragments_come_back_whole_and_a_violation_is_told(address: tuple[str, int]) -> None:
    stream = await upgraded_stream(address)
    parts = b"".join(bytes([first]) + frame(0, b"part", MASK)[1:] for first in (0x01, 0x00, 0x80))
    await stream.send_all(parts + frame(9, b"?", MASK) + b"\xff\x80" + MASK)
    events = await events_until_closed(stream, FrameReader(MAX, client=True))
    assert events[:2] == [(1, b"partpartpart"), (10, b"?")]
    assert events[2][0] == 8
    assert events[2][1][:2] == (1002).to_bytes(2, "big")
    await stream.aclose()


async def test_a_peer_that_does_not_read_gets_everything_once_it_does(address: tuple[str, int]) -> None:
    stream = await upgraded_stream(address)
    message = b"x" * 150_000
    count = 60  # more than the kernel's buffers hold
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, frame(2, message, MASK) * count + frame(8, b"", MASK))
        await trio.testing.wait_all_tasks_blocked()
        events = await events_until_closed(stream, FrameReader(MAX, client=True))
    assert events == [(2, message)] * count + [(8, b"")]
    await stream.aclose()


async def test_compression_is_used_when_offered(address: tuple[str, int]) -> None:
    stream = await upgraded_stream(address, "Sec-WebSocket-Extensions: permessage-deflate\r\n")
    await stream.send_all(frame(1, bytes.fromhex("f248cdc9c90700"), MASK, rsv1=True) + frame(8, b"", MASK))
    received = b"".join([data async for data in stream])
    assert received[0] == 0xC1
    assert received.endswith(frame(8, b""))
    await stream.aclose()


async def test_a_plain_request_is_told_to_upgrade(address: tuple[str, int]) -> None:
    stream = await trio.open_tcp_stream(*address)
    await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b"".join([data async for data in stream])
    assert answer.startswith(b"HTTP/1.1 426 ")
    await stream.aclose()
