"""Rows that others belong to, by what stands for them in paths."""

from __future__ import annotations

from typing import Final

from api.kernel.rows import Parent
from engine.store.readings import SESSIONS, STATIONS

OF_STATION: Final = Parent(
    name="charge point", reading=STATIONS, key="identity", on={"charge_point_id": "id"}
)
OF_SESSION: Final = Parent(name="session", reading=SESSIONS, on={"session_id": "id"})
# By the transaction, for which there is an index; an id may be used again, so by the session, too.
OF_TRANSACTION: Final = Parent(
    name="session",
    reading=SESSIONS,
    on={"charge_point_id": "charge_point_id", "transaction_id": "transaction_id", "session_id": "id"},
)
