"""Work that one node does for all of them: a lease by name, which another node gets when it is not renewed.

Two nodes may overlap for a moment, when one of them was stopped in the middle of its work. So what is done
must be right when it is done twice; the lease only saves that.
"""

from __future__ import annotations

from typing import Final

import trio

from engine.store.database import Database

LEASE: Final = 15.0  # seconds; it is renewed when half of it is over
HOLD: Final = """
insert into duties as d (name, holder, leased_until) values ($1, $2, now() + $3 * interval '1 second')
on conflict (name) do update set holder = excluded.holder, leased_until = excluded.leased_until
where d.holder = excluded.holder or d.leased_until < now()
returning 1
"""


class Duties:
    """Those of one node, named by `node_id`; it lays them down when it leaves (`nodes`)."""

    def __init__(self, database: Database, node_id: str) -> None:
        self._database = database
        self._node_id = node_id
        self._sure_until: dict[str, float] = {}

    async def holds(self, name: str) -> bool:
        """Whether this node is to do it now; it takes what nobody does. Raises StoreError."""
        now = trio.current_time()
        if now < self._sure_until.get(name, now):
            return True
        held = bool(await self._database.fetch(HOLD, name, self._node_id, LEASE))
        if held:
            self._sure_until[name] = now + LEASE / 2
        return held
