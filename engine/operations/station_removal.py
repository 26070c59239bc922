"""Taking a charge point out of service for good."""

from __future__ import annotations

from engine.domain.audit import audited
from engine.domain.caller import Caller
from engine.domain.session.close import station_removed
from engine.errors import NotFound
from engine.node import Node
from engine.operations.reach import reach


async def remove_station(node: Node, caller: Caller, identity: str) -> None:
    """Its sessions stay; those that run end with their last sample, and are held. Raises NotFound."""
    shared = node.registry.shared
    await reach(node, caller, identity)
    record = await node.store.reader.look_up(identity)
    if record is None:
        raise NotFound(f"no charge point {identity!r}")
    node.registry.disconnect(identity, "no longer in service")
    now = shared.now()
    _, changes = station_removed(await node.store.reader.load(record, ""), now)
    audit = audited(caller, "station.delete", f"charge_point:{identity}", now)
    await node.store.journal.commit([*changes, audit], record.id)
    await node.store.follower.settle()
