"""Stops of transactions that nobody knows: acknowledged, kept, and shown to people."""

from __future__ import annotations

from typing import Final

from engine.domain.caller import Caller
from engine.domain.state import Frozen
from engine.errors import Conflict, NotFound
from engine.store.plan import Plan, fetch
from engine.store.readings import ORPHANS
from engine.store.repositories.base import Audit, Repository, equal


class Waiting(Frozen, frozen=True):
    """How much waits for a person."""

    orphans: int
    sessions: int


DISMISS: Final = "update orphans set resolved_at = now() where id = $1 and resolved_at is null returning id"
WAITING: Final = """
select (select count(*) from orphans where resolved_at is null) as orphans,
       (select count(*) from sessions where review <> '{}') as sessions
"""


class Orphans(Repository):
    async def dismiss(self, caller: Caller, orphan_id: int, note: str | None = None) -> None:
        """A person has looked: it belongs to no session. Raises NotFound, Conflict where it is settled."""
        this = equal("id", orphan_id)
        plan = Plan(caller=caller, reading=ORPHANS, where=this, fields=("id",), limit=1)
        if not await fetch(self._database, plan):
            raise NotFound(f"no orphan {orphan_id}")
        audit = Audit(
            actor=caller.actor,
            action="orphan.dismiss",
            subject=f"orphan:{orphan_id}",
            details={"note": note},
        )
        if not await self._write(audit, DISMISS, orphan_id):
            raise Conflict(f"orphan {orphan_id} is settled already")

    async def waiting(self) -> Waiting:
        """Unresolved orphans and held sessions."""
        (row,) = await self._many(Waiting, WAITING)
        return row
