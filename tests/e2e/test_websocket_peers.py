"""The wire as other WebSocket implementations speak it: trio-websocket, and `websockets` with compression."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio_websocket
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import ClientConnection

from tests.e2e.peers import dial, take
from tests.e2e.program import Program
from tests.patience import PATIENCE

BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
MEBIBYTE = 1 << 20


@pytest.fixture
def identity(program: Program) -> str:
    if "WS-1" not in [station["identity"] for station in program.rows("/stations")]:
        program.add_station("WS-1", securityProfile=0)
    return "WS-1"


@pytest.fixture
def peer(program: Program, identity: str) -> Iterator[ClientConnection]:
    """`websockets` with its defaults: compression offered, messages of 1 MiB."""
    with dial(program.ocpp, identity) as socket:
        socket.send(call("boot", "BootNotification", BOOT))
        assert take(socket)[2]["status"] == "Accepted"
        yield socket


def call(message_id: str, action: str, payload: object) -> str:
    return json.dumps([2, message_id, action, payload])


def data_transfer(message_id: str, size: int) -> str:
    """A call of exactly `size` bytes."""
    empty = call(message_id, "DataTransfer", {"vendorId": "nobody", "data": ""})
    text = call(message_id, "DataTransfer", {"vendorId": "nobody", "data": "d" * (size - len(empty))})
    assert len(text) == size
    return text


@asynccontextmanager
async def trio_peer(program: Program, identity: str) -> AsyncIterator[trio_websocket.WebSocketConnection]:
    """trio-websocket over a socket that we close: it leaves that open when the server ends the connection."""
    async with (
        await trio.open_tcp_stream("127.0.0.1", program.ocpp_port) as stream,
        trio.open_nursery() as own,
    ):
        yield await trio_websocket.wrap_client_stream(
            own, stream, "localhost", f"/ocpp/{identity}", subprotocols=["ocpp1.6"]
        )
        own.cancel_scope.cancel()


async def test_trio_websocket_boots_pings_and_takes_its_leave(program: Program, identity: str) -> None:
    url = f"{program.ocpp}/{identity}"
    with trio.fail_after(PATIENCE):
        async with trio_websocket.open_websocket_url(url, subprotocols=["ocpp1.6"]) as socket:
            assert socket.subprotocol == "ocpp1.6"
            await socket.send_message(call("1", "BootNotification", BOOT))
            answer = json.loads(await socket.get_message())
            assert (answer[:2], answer[2]["status"]) == ([3, "1"], "Accepted")
            await socket.ping(b"are you there")
            await socket.send_message(call("2", "Heartbeat", {}))
            assert json.loads(await socket.get_message())[:2] == [3, "2"]
        assert socket.closed is not None
        assert socket.closed.code == 1000


async def test_trio_websocket_takes_over_from_itself(program: Program, identity: str) -> None:
    with trio.fail_after(PATIENCE):
        async with trio_peer(program, identity) as old, trio_peer(program, identity) as new:
            with pytest.raises(trio_websocket.ConnectionClosed) as closed:
                await old.get_message()
            assert closed.value.reason.code == 1008
            await new.send_message(call("1", "Heartbeat", {}))
            assert json.loads(await new.get_message())[:2] == [3, "1"]


def test_compression_is_agreed_upon_and_used_both_ways(peer: ClientConnection) -> None:
    assert [extension.name for extension in peer.protocol.extensions] == ["permessage-deflate"]
    for number in ("1", "2", "3"):
        peer.send(data_transfer(number, 10_000))
        assert take(peer) == [3, number, {"status": "UnknownVendorId"}]


def test_fragments_with_a_ping_between_are_one_message(peer: ClientConnection) -> None:
    text = call("split", "Heartbeat", {})

    def fragments() -> Iterator[str]:
        yield text[:5]
        assert peer.ping(b"between").wait(PATIENCE)
        yield text[5:11]
        yield text[11:]

    peer.send(fragments())
    assert take(peer)[:2] == [3, "split"]


def test_a_message_of_one_mebibyte_is_taken_and_one_byte_more_is_not(peer: ClientConnection) -> None:
    peer.send(data_transfer("fits", MEBIBYTE))
    answer: list[Any] = take(peer)
    assert answer[:2] == [3, "fits"]
    peer.send(data_transfer("more", MEBIBYTE + 1))
    with pytest.raises(ConnectionClosedError) as closed:
        peer.recv(PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
