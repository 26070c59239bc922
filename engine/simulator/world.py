"""What all chargers of one simulation share: time, the mix of behaviour, tags, what is counted and noted."""

from __future__ import annotations

import msgspec

from engine.simulator.clock import Time
from engine.simulator.settings import Counts, Mix, ProtocolError


class World(msgspec.Struct, frozen=True):
    """One simulation."""

    time: Time
    mix: Mix
    seed: int
    tags: tuple[str, ...]
    call_timeout: float
    counts: Counts
    errors: list[ProtocolError]
