"""What is said of a command to a charge point that is not connected.

What is wrong with the command comes first, so that nobody waits for a charge point with something that will
be refused once it is there. It is judged by the state in the database and the version that was spoken last;
where none ever was, a command is wrong if it is in every version.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from msgspec.structs import replace

from engine.domain.state import ChargePoint
from engine.errors import Invalid, NotFound, NotSupported, Offline, VoltrioError
from engine.ocpp.step import Message
from engine.points.shared import Shared

Say: TypeAlias = Callable[[ChargePoint], Sequence[Message]]  # raises Invalid and NotSupported


async def states(shared: Shared, identity: str) -> Sequence[ChargePoint]:
    """The charge point's state in each version that it may speak. Raises NotFound."""
    record = await shared.reader.station(identity)
    if record is None:
        raise NotFound(f"there is no charge point {identity!r}")
    stored = await shared.reader.load(record, "")
    known = (stored.version,) if stored.version in shared.dialects else tuple(shared.dialects)
    return [replace(stored, version=version) for version in known]


async def fault(shared: Shared, identity: str, say: Say) -> VoltrioError:
    """Why the requests that `say` makes cannot be sent: NotFound, what is wrong with them, or Offline."""
    try:
        faults = [_fault(shared, state, say) for state in await states(shared, identity)]
    except NotFound as error:
        return error
    wrong = [one for one in faults if one is not None]
    if len(wrong) < len(faults):
        return Offline(f"charge point {identity!r} is not connected")
    return next((one for one in wrong if isinstance(one, Invalid)), wrong[0])


def _fault(shared: Shared, cp: ChargePoint, say: Say) -> VoltrioError | None:
    try:
        for request in say(cp):
            shared.dialects[cp.version].checked(request, cp, shared.now())
    except (Invalid, NotSupported) as error:
        return error
    return None
