"""Stops of transactions that nobody knows: acknowledged, kept, and shown to people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain.state import Frozen
from engine.errors import Conflict, NotFound
from engine.store.repositories.base import Audit, Repository, page


class OrphanRow(Frozen, frozen=True):
    """`payload` is the message as JSON. Settled ones have a session, or were dismissed by a person."""

    id: int
    identity: str
    action: str
    transaction_id: str
    connector_number: int | None
    id_tag: str | None
    meter_wh: int | None
    timestamp: datetime
    reason: str | None
    payload: str
    received_at: datetime
    session_id: int | None
    resolved_at: datetime | None


class Waiting(Frozen, frozen=True):
    """How much waits for a person."""

    orphans: int
    sessions: int


SELECT: Final = """
select o.id, c.network_id as identity, o.action, o.transaction_id, o.connector_number, o.id_tag, o.meter_wh,
       o.timestamp, o.reason, o.payload, o.received_at, o.session_id, o.resolved_at
from orphans o
join charge_points c on c.id = o.charge_point_id
"""
FILTERS: Final = """
where ($1::bigint is null or o.id < $1)
  and ($2::text is null or o.charge_point_id = any(select id from charge_points where network_id = $2))
  and ($3::boolean is null or (o.resolved_at is null) = $3)
order by o.id desc limit $4
"""
WAITING: Final = """
select (select count(*) from orphans where resolved_at is null) as orphans,
       (select count(*) from sessions where review <> '{}') as sessions
"""


class Orphans(Repository):
    async def list(
        self,
        *,
        identity: str | None = None,
        unresolved: bool | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> Sequence[OrphanRow]:
        """Newest first, those below the id `before`; stations that were deleted included."""
        return await self._many(OrphanRow, SELECT + FILTERS, before, identity, unresolved, page(limit))

    async def get(self, orphan_id: int) -> OrphanRow:
        """Raises NotFound."""
        found = await self._one(OrphanRow, SELECT + "where o.id = $1", orphan_id)
        if found is None:
            raise NotFound(f"no orphan {orphan_id}")
        return found

    async def dismiss(self, orphan_id: int, *, actor: str, note: str | None = None) -> OrphanRow:
        """A person has looked: it belongs to no session. Raises NotFound, Conflict where it is settled."""
        rows = await self._write(
            Audit(
                actor=actor, action="orphan.dismiss", subject=f"orphan:{orphan_id}", details={"note": note}
            ),
            "update orphans set resolved_at = now() where id = $1 and resolved_at is null returning id",
            orphan_id,
        )
        row = await self.get(orphan_id)
        if not rows:
            raise Conflict(f"orphan {orphan_id} is settled already")
        return row

    async def waiting(self) -> Waiting:
        """Unresolved orphans and held sessions."""
        (row,) = await self._many(Waiting, WAITING)
        return row
