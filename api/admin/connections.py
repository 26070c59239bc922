"""The connections of charge points to this node: who is there, and closing one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import trio
from msgspec import Meta

from api.kernel.operations import Route
from api.kernel.views import Camel, Limit
from engine.domain.caller import Caller
from engine.errors import NotFound
from engine.node import Node
from engine.operations.reach import reach


class ConnectionView(Camel, frozen=True, kw_only=True):
    """A connection to this node; `silent_seconds` since it was last heard."""

    identity: str
    version: str
    security_profile: int
    remote: str
    silent_seconds: float


class ConnectionsQuery(Camel, frozen=True, kw_only=True):
    """`cursor` is a position."""

    cursor: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    limit: Limit = 100


class Connections(Camel, frozen=True, kw_only=True):
    """A page; `next_cursor` is null on the last one."""

    data: Sequence[ConnectionView]
    next_cursor: int | None


class Disconnect(Camel, frozen=True, kw_only=True):
    reason: Annotated[str, Meta(max_length=100)] = "disconnected by the operator"


async def disconnect(node: Node, identity: str, body: Disconnect, caller: Caller) -> None:
    """Close its connection; raises NotFound when it has none here."""
    await reach(node, caller, identity)
    if not node.registry.disconnect(identity, body.reason):
        raise NotFound(f"charge point {identity!r} has no connection here")


async def connections(node: Node, query: ConnectionsQuery, caller: Caller) -> Connections:
    """Charge points connected to this node, in the order in which they came; the cursor is a position."""
    part = node.registry.connected()[query.cursor : query.cursor + query.limit]
    following = query.cursor + query.limit if len(part) == query.limit else None
    found = [one for identity in part for one in _connection(node, caller, identity)]
    return Connections(data=found, next_cursor=following)


def _connection(node: Node, caller: Caller, identity: str) -> Sequence[ConnectionView]:
    actor = node.registry.actor(identity)
    if actor is None or not caller.sees(actor.record.operator_id):
        return ()
    connection = actor.connection
    silent = trio.current_time() - connection.last_heard
    return [
        ConnectionView(
            identity=identity,
            version=actor.state.version,
            security_profile=connection.profile,
            remote=connection.remote,
            silent_seconds=round(silent, 3),
        )
    ]


ROUTES = (
    Route("GET", "/connections", connections),
    Route("POST", "/stations/<identity>/disconnect", disconnect, 204),
)
