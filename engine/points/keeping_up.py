"""Charge points that are connected here go by what people change, whichever node was asked for it."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
import trio

from engine.domain.events import Event
from engine.points.registry import Registry

log = structlog.get_logger(__name__)


async def refresh_changed(registry: Registry, events: Sequence[Event]) -> None:
    """Have each connected charge point of these events take over its record and its settings."""

    async def refresh(identity: str) -> None:
        try:
            await registry.refresh(identity)
        except Exception:  # a bug of one part; the others have to hear of their changes
            log.exception("a change was not taken over", identity=identity)

    changed = {event.identity for event in events if event.type.startswith("charge_point.")}
    async with trio.open_nursery() as nursery:
        for identity in changed:
            if identity is not None and registry.is_connected(identity):
                nursery.start_soon(refresh, identity)
