"""How a connection that never opens looks, and one that ends."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from trio_websocket import serve_websocket

from engine.simulator.address import Address, address
from engine.simulator.connection import converse
from engine.simulator.link import Answer, LinkLost, Refused


class Owner:
    """Collects complaints; answers every call with nothing."""

    def __init__(self) -> None:
        self.complaints: list[str] = []

    def serve(self, action, payload):
        return Answer(b"{}")

    def complain(self, rule, detail, frame):
        self.complaints.append(rule)

    async def think(self):
        await trio.lowlevel.checkpoint()


async def nothing(_link):
    await trio.sleep_forever()


def talk(where, owner=None, body=nothing):
    return converse(where, "ocpp1.6", owner or Owner(), 1.0, body)


async def test_nobody_listens():
    with trio.socket.socket() as unused:
        await unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(LinkLost, match=r"cannot connect: [^(]*\(.*\): Connection refused$"):
            await talk(address(f"ws://127.0.0.1:{port}/ocpp", "A", None))


async def test_an_end_during_the_upgrade_is_seen_at_once(autojump_clock):
    ours, theirs = trio.testing.memory_stream_pair()

    async def dial():
        return ours

    await theirs.aclose()
    with pytest.raises(LinkLost, match="during the upgrade"):
        await talk(Address("h", "/ocpp/A", (), dial))
    assert trio.current_time() == 0


async def test_a_server_that_never_upgrades(autojump_clock):
    ours, _theirs = trio.testing.memory_stream_pair()

    async def dial():
        return ours

    with pytest.raises(LinkLost, match="took too long"):
        await talk(Address("h", "/ocpp/A", (), dial))


async def test_over_a_real_socket(nursery):
    async def handle(request):
        if request.path.endswith("nobody"):
            await request.reject(404, body=b"Nobody here.\n")
            return
        socket = await request.accept(subprotocol="ocpp1.6" if request.path.endswith("A") else None)
        message = await socket.get_message()
        assert message == '[2,"1","Heartbeat",{}]'
        await socket.send_message('[3,"1",{"x":1}]')
        await socket.get_message()
        await socket.aclose(1012, "going")

    listening = await nursery.start(serve_websocket, handle, "127.0.0.1", 0, None)
    url = f"ws://127.0.0.1:{listening.port}/ocpp"
    owner = Owner()

    async def body(link):
        assert await link.call("1", "Heartbeat", b"{}") == b'{"x":1}'
        with pytest.raises(LinkLost):
            await link.call("2", "Heartbeat", b"{}")
        await trio.sleep_forever()

    with pytest.raises(LinkLost, match="1012 going"):
        await talk(address(url, "A", None), owner, body)
    assert owner.complaints == []

    with pytest.raises(Refused) as refused:
        await talk(address(url, "nobody", None))
    assert refused.value.status == 404
    assert str(refused.value) == "HTTP 404: Nobody here."
    with pytest.raises(LinkLost):
        await talk(address(url, "B", None), owner, body)
    assert owner.complaints == ["subprotocol"]
    nursery.cancel_scope.cancel()
