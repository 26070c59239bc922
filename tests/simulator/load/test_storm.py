"""A reconnect storm of bare chargers."""

from __future__ import annotations

from engine.simulator.load.storm import storm


async def test_a_storm_is_timed_and_everybody_charges(server, target):
    result = await storm(target, [f"L{n}" for n in range(10)], "TAG")
    assert 0 < result.start_p50 <= result.start_p99
    assert result.all_booted > 0
    for n in range(10):
        assert server.actions(f"L{n}") == [
            "BootNotification",
            "StatusNotification",
            "StartTransaction",
            "MeterValues",
            "StopTransaction",
        ]
