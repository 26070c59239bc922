"""What is stored already of a transaction: samples, values of no session, events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from engine.domain.lookups import LooseSince, SamplesSince, StoredEvents
from engine.domain.session.facts import History
from engine.store import histories, loading_sessions
from engine.store.database import Connection
from engine.store.lookups.asked import Asked


async def samples_since(
    connection: Connection, asked: Asked[SamplesSince]
) -> Sequence[frozenset[tuple[datetime, str]]]:
    return await loading_sessions.samples(connection, [(cp.id, one.session_id, one.at) for cp, one in asked])


async def loose_since(
    connection: Connection, asked: Asked[LooseSince]
) -> Sequence[Sequence[tuple[datetime, str]]]:
    wanted = [(cp.id, one.evse_number, one.at) for cp, one in asked]
    return await loading_sessions.loose_values(connection, wanted)


async def stored_events(connection: Connection, asked: Asked[StoredEvents]) -> Sequence[History]:
    keys = [(cp.id, one.key) for cp, one in asked]
    known = [key for key in keys if "\0" not in key[1].transaction_id]
    found = dict(zip(known, await histories.histories(connection, known), strict=True)) if known else {}
    return [found.get(key, StoredEvents.nothing) for key in keys]
