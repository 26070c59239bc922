"""Why a session ended that was stopped from afar, whatever the station says first."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing

from engine.domain.caller import Caller, CallerKind
from engine.node import Node
from engine.operations.remote_stop import remote_stop

CALLER = Caller("token:test", CallerKind.API_TOKEN)
START = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": "2026-03-01T08:00:00Z"}


@pytest.mark.parametrize("first", ["answer", "stop"])
@pytest.mark.parametrize(
    ("status", "told", "reason"),
    [
        ("Accepted", {}, "remote"),
        ("Accepted", {"reason": "EVDisconnected"}, "ev_disconnected"),
        ("Rejected", {}, "local"),
    ],
)
async def test_the_end_that_was_asked_for_is_remote_also_where_it_is_told_before_the_answer(
    node: Node, connect: Any, nursery: trio.Nursery, *, first: str, status: str, told: Any, reason: str
) -> None:
    charger = await connect("CP1")
    number = (await charger.call("StartTransaction", START))["transactionId"]
    stop = {"transactionId": number, "meterStop": 500, "timestamp": "2026-03-01T09:00:00Z", **told}
    charger.answers["RemoteStopTransaction"] = {"status": status}

    async def stops(_: str) -> None:
        nursery.start_soon(charger.call, "StopTransaction", stop)
        await trio.testing.wait_all_tasks_blocked()

    if first == "stop":
        charger.heard = stops
    await remote_stop(node, CALLER, number)
    if first == "answer":
        await charger.call("StopTransaction", stop)
    session = await node.store.sessions.get(CALLER, number)
    assert (session.status, session.reason) == ("finished", reason)
