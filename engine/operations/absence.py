"""The error for a request to a charge point that is not connected.

What is wrong with the request comes first, so that nobody waits for a charge point with something that will
be refused once it is there. It is judged by the state in the database and the version that was spoken last;
where none ever was, a request is wrong if it is in every version.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from engine.domain.state import ChargePoint
from engine.errors import Invalid, NotFound, NotSupported, Offline, VoltrioError
from engine.node import Node
from engine.ocpp.step import Message

Requests: TypeAlias = Callable[[ChargePoint], Sequence[Message]]  # raises Invalid and NotSupported


async def states(node: Node, identity: str) -> Sequence[ChargePoint]:
    """The charge point's state in each version that it may speak. Raises NotFound."""
    record = await node.store.reader.station(identity)
    if record is None:
        raise NotFound(f"there is no charge point {identity!r}")
    stored = await node.store.reader.load(record, "")
    dialects = node.registry.shared.dialects
    known = (stored.version,) if stored.version in dialects else tuple(dialects)
    return [replace(stored, version=version) for version in known]


async def fault(node: Node, identity: str, requests: Requests) -> VoltrioError:
    """Why `requests` cannot be sent: NotFound, what is wrong with them, or Offline."""
    try:
        faults = [_fault(node, state, requests) for state in await states(node, identity)]
    except NotFound as error:
        return error
    wrong = [one for one in faults if one is not None]
    if len(wrong) < len(faults):
        return Offline(f"charge point {identity!r} is not connected")
    return next((one for one in wrong if isinstance(one, Invalid)), wrong[0])


def _fault(node: Node, cp: ChargePoint, requests: Requests) -> VoltrioError | None:
    shared = node.registry.shared
    try:
        for request in requests(cp):
            shared.dialects[cp.version].checked(request, cp, shared.now())
    except (Invalid, NotSupported) as error:
        return error
    return None
