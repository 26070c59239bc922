"""This node among those that share the database: it says that it lives, and hears who else does.

Times are the database's. Whether a node is gone decides only who looks after its charge points when they are
absent; that nothing late is written is seen to by the `fence`.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
import trio

from engine import private_files
from engine.domain.state import Frozen
from engine.errors import StoreError
from engine.metrics import Metrics
from engine.store.database import Database, Line
from engine.store.fence import Fence, GivenUp, Lost

log = structlog.get_logger(__name__)

BEAT: Final = 2.0  # seconds between two signs of life
GONE_AFTER: Final = 20.0  # seconds after the last one
FORGOTTEN_AFTER: Final = 7  # days after which a node that comes back has to be started again
GOODBYE: Final = 1.0  # seconds that leaving may take

# Where this process runs no other does: what ran there before is gone.
ENTER: Final = f"""
with earlier as (
    delete from nodes
    where installation = $2 or heard_at < now() - interval '{FORGOTTEN_AFTER} days'
    returning id
), unread as (
    delete from takeovers t where not exists (select from nodes n where n.id = t.node_id)
)
insert into nodes (id, installation) values ($1, $2)
"""  # noqa: S608 - a constant
BEATING: Final = """
with beat as (
    update nodes set heard_at = now() where id = $1 returning id
), read as (
    delete from takeovers where node_id = $1 and id <= $2
)
select id from beat
union
select id from nodes where heard_at > now() - $3 * interval '1 second' and id <> $1
"""
LEAVE: Final = """
with duty as (delete from duties where holder = $1)
delete from nodes where id = $1
"""
# Charge points whose node is gone, as far as somebody has to look after them. Only who was here all the time
# can tell that another one was silent ($2): else it was the database that nobody could reach.
ADOPT: Final = """
with gone as (
    select s.charge_point_id, s.node_id from charge_point_status s
    where s.network_status in ('available', 'temporarily_unavailable') and s.node_id is distinct from $1
      and not exists (
          select from nodes n
          where n.id = s.node_id and (not $2 or n.heard_at > now() - $3 * interval '1 second')
      )
)
select t.charge_point_id as id, t.generation, t.network_status as status,
       coalesce(t.network_status_at, c.last_updated_at) as at
from take_charge_points(
    $1, (select coalesce(array_agg(charge_point_id), '{}') from gone),
    (select coalesce(array_agg(distinct node_id order by node_id), '{}') from gone where node_id is not null)
) t join charge_points c on c.id = t.charge_point_id
where c.deleted_at is null
"""


class Presence(Frozen, frozen=True):
    """The last network status written of a charge point, and the generation that may change it now."""

    id: int
    generation: int
    status: str
    at: datetime


class Nodes:
    """`id` is this node's, new with every process; `installation` is that of its data folder."""

    def __init__(self, database: Database, installation: str, metrics: Metrics) -> None:
        self.id = secrets.token_hex(8)
        self._line = Line(database)
        self.fence = Fence(self._line, self.id)
        self._installation = installation
        self._others: frozenset[str] = frozenset()
        self._beaten_at = trio.current_time()
        self._steady_since = self._beaten_at
        self._left = False
        self._hurry = trio.Event()
        self._changed = trio.Event()
        metrics.gauges["voltrio_nodes"] = ("Nodes alive, this one among them", lambda: len(self._others) + 1)

    def subscribe(self, lost: Lost) -> None:
        """Have `lost` called with the charge points that other nodes have taken."""
        self.fence.subscribe(lost)

    async def enter(self) -> None:
        """Be known to others. Raises StoreError."""
        await self._line.fetch(ENTER, self.id, self._installation)

    async def leave(self) -> None:
        """Be gone at once, where the database can be told."""
        self._left = True
        with suppress(StoreError), trio.move_on_after(GOODBYE, shield=True):
            await self._line.fetch(LEAVE, self.id)
        self._line.close()

    def heard_of(self, node_id: str) -> None:
        """Read at once what others have taken, if it was taken from this node."""
        if node_id == self.id:
            self._hurry.set()

    async def run(self) -> None:
        """Live until cancelled. Raises GivenUp: then this node has to end."""
        while True:
            self._hurry = trio.Event()
            try:
                await self._beat()
                await self.fence.look()
            except GivenUp:
                if self._left:
                    return
                raise
            except StoreError as error:  # what needs the database says so
                log.debug("no sign of life was given", error=str(error))
            except Exception:  # a bug must not end the node
                log.exception("no sign of life was given")
                self._line.close()
            with trio.move_on_after(BEAT):
                await self._hurry.wait()

    async def changed(self) -> None:
        """Return when the circle of nodes has changed: somebody's charge points may need another node."""
        await self._changed.wait()
        self._changed = trio.Event()

    async def adopt(self) -> Sequence[Presence]:
        """Take the charge points that no living node has, present or lost not long ago. Raises StoreError."""
        rows = await self._line.fetch(ADOPT, self.id, self._is_steady(), GONE_AFTER)
        return [Presence(**row) for row in rows]

    async def _beat(self) -> None:
        heard = await self._line.fetch(BEATING, self.id, self.fence.read, GONE_AFTER)
        was_steady, now = self._is_steady(), trio.current_time()
        if now - self._beaten_at > GONE_AFTER / 2:
            self._steady_since = now
        self._beaten_at = now
        others = frozenset(row["id"] for row in heard) - {self.id}
        if others != self._others or self._is_steady() is not was_steady:
            self._others = others
            self._changed.set()

    def _is_steady(self) -> bool:
        """Whether this node has been here for so long that it would have heard of every living one."""
        return self._beaten_at - self._steady_since > GONE_AFTER


def installation(folder: Path) -> str:
    """The name of a data folder, drawn when it is first asked for. Raises OSError."""
    file = folder / "installation"
    with suppress(FileNotFoundError):
        if name := file.read_text().strip():
            return name
    folder.mkdir(parents=True, exist_ok=True)
    private_files.write(file, secrets.token_hex(8) + "\n")
    return installation(folder)
