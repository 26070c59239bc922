"""Sessions that a message may mean, those beside them, and what one that begins costs."""

from __future__ import annotations

from collections.abc import Sequence

from engine.domain.lookups import NeighboursOf, PendingFor, PriceNow, SessionOfStart, SessionOfTransaction
from engine.domain.session.facts import Neighbour
from engine.domain.starting import Pending
from engine.domain.state import Price, Session
from engine.store import histories, loading_sessions
from engine.store.database import Connection
from engine.store.lookups.asked import Asked, storable


async def session_of_start(connection: Connection, asked: Asked[SessionOfStart]) -> Sequence[Session | None]:
    keys = [(cp.id, one.start_key) for cp, one in asked]
    found = await loading_sessions.sessions_by_start(connection, storable(keys))
    return [found.get(key) for key in keys]


async def session_of_transaction(
    connection: Connection, asked: Asked[SessionOfTransaction]
) -> Sequence[Session | None]:
    keys = [(cp.id, one.transaction_id) for cp, one in asked]
    found = await loading_sessions.sessions_by_transaction(connection, storable(keys))
    return [found.get(key) for key in keys]


async def neighbours_of(connection: Connection, asked: Asked[NeighboursOf]) -> Sequence[Sequence[Neighbour]]:
    found = await histories.neighbours(connection, [(one.session_id, 0, None) for _, one in asked])
    return [found.get(one.session_id, ()) for _, one in asked]


async def pending_for(connection: Connection, asked: Asked[PendingFor]) -> Sequence[Pending | None]:
    keys = [(cp.id, one.key) for cp, one in asked]
    known = [key for key in keys if "\0" not in (key[1].id_tag or "")]
    found = await loading_sessions.pending_sessions(connection, known)
    return [found.get(key) for key in keys]


async def price_now(connection: Connection, asked: Asked[PriceNow]) -> Sequence[Price | None]:
    found = await loading_sessions.prices(connection, {cp.operator_id for cp, _ in asked})
    return [found.get(cp.operator_id) for cp, _ in asked]
