"""Which charge points a caller may reach: those of operators that it may see; others are not there for it."""

from __future__ import annotations

from engine.domain.caller import Caller
from engine.errors import NotFound
from engine.node import Node


async def reach(node: Node, caller: Caller, identity: str) -> None:
    """Raises NotFound."""
    if caller.operators is None:
        return
    record = await node.store.reader.station(identity)
    if record is None or not caller.sees(record.operator_id):
        raise NotFound(f"no charge point {identity!r}")
