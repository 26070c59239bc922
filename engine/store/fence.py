"""What this node may no longer write: what belongs to charge points that have connected to another node.

Another node takes a charge point while it holds this node's fence alone, so never during a commit of ours
(`take_charge_points` in the migration `nodes`). A commit is taken back when there is a takeover that is not
read here; then it is read, what is late is refused, and the rest is committed. So who is not moved pays one
look at a small index for a whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from engine.errors import StoreError
from engine.store.database import Line

CHANNEL: Final = "voltrio_takeovers"  # a notification names the node that has lost something
# One row at least: whether the node is still known.
TAKEN: Final = """
select n.known, t.id, t.charge_point_id, t.generation
from (select exists (select from nodes where id = $1) as known) n
left join takeovers t on t.node_id = $1 and t.id > $2
order by t.id
"""

Lost: TypeAlias = Callable[[Mapping[int, int]], None]  # charge points, with the generations that took over


class GivenUp(StoreError):
    """Another process runs on this one's data folder, or this one was away for days."""


class Fence:
    """One per node. `read` is the number of the last takeover that was read."""

    def __init__(self, line: Line, node_id: str) -> None:
        self._line = line
        self.node_id = node_id
        self.read = 0
        self._least: dict[int, int] = {}  # charge point → the oldest generation that may still write
        self._given_up = False
        self._subscribers: list[Lost] = []

    def subscribe(self, lost: Lost) -> None:
        """Have `lost` called with what is taken away."""
        self._subscribers.append(lost)

    def admits(self, charge_point_id: int, generation: int) -> bool:
        """Whether a change of that connection (0: of none) may still be written, as far as is known here."""
        if self._given_up:
            return False
        return not generation or self._least.get(charge_point_id, 0) <= generation

    @property
    def moved(self) -> bool:
        """Whether there is anything that `admits` could refuse."""
        return self._given_up or bool(self._least)

    async def look(self) -> None:
        """Read what other nodes have taken. Raises GivenUp, and StoreError where the database is away."""
        rows = await self._line.fetch(TAKEN, self.node_id, self.read)
        if not rows[0]["known"]:
            self._given_up = True
            raise GivenUp(f"node {self.node_id} was given up: another one was started on its data folder")
        lost = {row["charge_point_id"]: row["generation"] for row in rows if row["id"] is not None}
        if lost:
            self._least |= lost
            self.read = max(self.read, rows[-1]["id"])
            for notify in self._subscribers:
                notify(lost)
