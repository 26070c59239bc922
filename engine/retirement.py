"""Takes a charge point out of service for good: nobody will tell how its running sessions end, so they do.

They end with their last sample and are held for review. A stop that is told later, under the same identity
registered anew, is an orphan of the new charge point.
"""

from __future__ import annotations

from datetime import datetime

import structlog

from engine.domain.changes import Change
from engine.domain.closing import close_missing
from engine.domain.plausibility import Review
from engine.errors import NotFound
from engine.points import Registry
from engine.store import Store

log = structlog.get_logger(__name__)


async def retire(store: Store, registry: Registry, identity: str, *, now: datetime, actor: str) -> None:
    """Delete it, close its connection, then its sessions. Raises NotFound, StoreError."""
    record = await store.reader.station(identity)
    if record is None:
        raise NotFound(f"no charge point {identity!r}")
    await store.stations.delete(identity, actor=actor)
    await registry.refresh(identity)  # nobody else writes its sessions from here on
    cp = await store.reader.load(record, "")
    changes: list[Change] = []
    for session in cp.sessions.values():
        cp, closing = close_missing(cp, session, Review.STATION_REMOVED, bound=now, now=now)
        changes += closing
    if changes:
        await store.journal.commit(changes)
        log.info("sessions of a removed charge point closed", identity=identity)
