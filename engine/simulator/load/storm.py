"""The reconnect storm: many bare chargers connect at once, boot, and run one transaction each."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import trio

from engine.simulator.load.bare import LoadCharger
from engine.simulator.load.latencies import Latencies
from engine.simulator.load.reliable import Reliable
from engine.simulator.load.target import Target


class Storm(msgspec.Struct, frozen=True):
    """What a reconnect storm took, seconds: until all were booted; StartTransaction by percentile."""

    all_booted: float
    start_p50: float
    start_p99: float
    losses: int


async def storm(target: Target, identities: Sequence[str], id_tag: str, call_timeout: float = 60.0) -> Storm:
    """All chargers connect at once, boot, and run a transaction each; returns when all have ended theirs."""
    latencies = Latencies()
    group = [Reliable(LoadCharger(target, identity, latencies), call_timeout) for identity in identities]
    began, last_boot = trio.current_time(), 0.0

    async def take_part(reliable: Reliable) -> None:
        nonlocal last_boot
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reliable.keep_connected)
            await reliable.ready()
            last_boot = trio.current_time()
            await reliable.transaction(id_tag, samples=1, interval=0.1)
            nursery.cancel_scope.cancel()
        reliable.charger.close()

    async with trio.open_nursery() as nursery:
        for reliable in group:
            nursery.start_soon(take_part, reliable)
    return Storm(
        all_booted=last_boot - began,
        start_p50=latencies.percentile("StartTransaction delivered", 50),
        start_p99=latencies.percentile("StartTransaction delivered", 99),
        losses=sum(reliable.losses for reliable in group),
    )
