"""A bare charger against a real socket: it boots, obeys, and says why it could not connect."""

from __future__ import annotations

import pytest
import trio
from trio_websocket import serve_websocket

from engine.simulator.load.bare import LoadCharger, Lost
from engine.simulator.load.latencies import Latencies
from engine.simulator.load.target import Target


async def test_it_boots_and_obeys(server, target, nursery):
    charger = LoadCharger(target, "L1", Latencies())
    await charger.connect()
    nursery.start_soon(charger.read)
    await charger.boot()
    for _ in range(2):  # the answer to what the server asks meanwhile is there before the second one
        await charger.call("Heartbeat", b"{}")
    assert charger.called >= 1
    assert [3, "ask", {"status": "Accepted"}] in server.answers


async def test_a_refused_upgrade_names_the_status(nursery):
    async def refuse(request):
        await request.reject(401)

    listening = await nursery.start(serve_websocket, refuse, "127.0.0.1", 0, None)
    charger = LoadCharger(Target("127.0.0.1", listening.port), "L1", Latencies())
    with pytest.raises(Lost, match="401"):
        await charger.connect()
    assert not charger.connected


async def test_nobody_there_is_a_loss():
    with trio.socket.socket() as unused:
        await unused.bind(("127.0.0.1", 0))
        charger = LoadCharger(Target("127.0.0.1", unused.getsockname()[1]), "L1", Latencies())
        with pytest.raises(Lost):
            await charger.connect()
