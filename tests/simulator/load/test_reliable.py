"""A charger that comes back after a loss and repeats what was not answered."""

from __future__ import annotations

import pytest

from engine.simulator.load.bare import LoadCharger
from engine.simulator.load.latencies import Latencies
from engine.simulator.load.reliable import Reliable


@pytest.mark.parametrize("lost", ["StartTransaction", "MeterValues", "StopTransaction"])
async def test_what_was_not_answered_is_said_again(server, target, nursery, lost):
    server.drop_first = lost
    reliable = Reliable(LoadCharger(target, "L1", Latencies()))
    nursery.start_soon(reliable.keep_connected)
    entry = await reliable.transaction("TAG", samples=1, interval=0.0)
    assert entry.start_acknowledged
    assert entry.stop_acknowledged
    assert entry.samples[0].acknowledged
    said = [payload for _, action, payload in server.seen if action == lost]
    assert len(said) == 2
    assert said[0] == said[1]
    assert reliable.losses >= 1
    nursery.cancel_scope.cancel()
