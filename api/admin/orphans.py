"""Stops of transactions that nobody knows: kept until they find a session or a person has looked."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from api.kernel.listing import before, custom, equal, since
from api.kernel.operations import Route
from api.kernel.resource import Resource
from api.kernel.views import NUMBER, Camel
from api.shapes.sessions import Orphan
from engine.domain.caller import Caller
from engine.node import Node
from engine.store.filters import Condition, Operator
from engine.store.readings import ORPHANS


class Dismissal(Camel, frozen=True, kw_only=True):
    """`note` goes into the audit trail."""

    note: Annotated[str, Meta(max_length=500)] | None = None


def waits(_node: Node, wanted: bool) -> Condition:
    """Whether it has neither found a session nor been dismissed."""
    return Condition(field="resolved_at", operator=Operator.PRESENT, value=not wanted)


orphans: Final = Resource(
    "orphan",
    Orphan,
    ORPHANS,
    filters={
        "station": equal("station"),
        "open": custom(bool, waits),
        "from": since("timestamp"),
        "until": before("timestamp"),
    },
)


async def dismiss(node: Node, orphan_id: int, body: Dismissal, caller: Caller) -> Orphan:
    """A person has looked: it belongs to no session. 409 where it is settled."""
    await node.store.orphans.dismiss(caller, orphan_id, body.note)
    return await orphans.get(node, caller, orphan_id)


ROUTES = (
    orphans.listing("/orphans", "Stops without a session, newest first"),
    orphans.one(f"/orphans/<{NUMBER}:orphan_id>", "A stop without a session"),
    Route("POST", f"/orphans/<{NUMBER}:orphan_id>/dismiss", dismiss),
)
