"""The network status of the charge points that this node has, written to the journal on each change.

`network_status` holds the rules; here are the timers and the rows. A charge point that is away for long, or
was never here, is not remembered: both become available the same way. What is written for a charge point
goes by its generation: once it has connected to another node, nothing from here counts any more.
"""

from __future__ import annotations

from functools import partial

from engine.domain.changes import NetworkStatusChanged
from engine.domain.state import NetworkStatus
from engine.points.network_status import GONE, HERE, LOST, NEVER, ConnectionEvent, after
from engine.points.shared import LastPresence, Shared
from engine.points.timers import Timer


class Presence:
    """Statuses by charge point id."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._known: dict[int, NetworkStatus] = {}
        self._waits: dict[int, Timer] = {}

    def took(self, charge_point_id: int, status: NetworkStatus) -> None:
        """It was at another node, which has written that status of it."""
        self.forget(charge_point_id)
        if status in (HERE, LOST):
            self._known[charge_point_id] = status

    def forget(self, charge_point_id: int) -> None:
        """It is another node's now."""
        if wait := self._waits.pop(charge_point_id, None):
            wait.cancel()
        self._known.pop(charge_point_id, None)

    def connected(self, charge_point_id: int) -> list[NetworkStatusChanged]:
        """What to write when it connects: nothing after a takeover."""
        return self._move(charge_point_id, ConnectionEvent.CONNECTED)

    def disconnected(self, charge_point_id: int, generation: int) -> list[NetworkStatusChanged]:
        """What to write when its connection ended and no newer one took over."""
        changes = self._move(charge_point_id, ConnectionEvent.DISCONNECTED)
        if changes:
            self._wait(charge_point_id, generation, self._shared.settings.long_term_unavailable_after)
        return changes

    def restore(self, last: LastPresence) -> list[NetworkStatusChanged]:
        """Take up where a node that is gone ended: who was available is not now, who was lost waits on."""
        self.took(last.id, NetworkStatus(last.status))
        if last.status == HERE:
            return self.disconnected(last.id, last.generation)
        waited = (self._shared.now() - last.at).total_seconds()
        left = self._shared.settings.long_term_unavailable_after - waited
        self._wait(last.id, last.generation, max(0.0, left))
        return []

    def _move(self, charge_point_id: int, event: ConnectionEvent) -> list[NetworkStatusChanged]:
        status = after(self._known.get(charge_point_id, NEVER), event)
        if status is None:
            return []
        self.forget(charge_point_id)
        if status is not GONE:
            self._known[charge_point_id] = status
        return [NetworkStatusChanged(id=charge_point_id, network_status=status.value, at=self._shared.now())]

    def _wait(self, charge_point_id: int, generation: int, seconds: float) -> None:
        stayed_away = partial(self._stayed_away, charge_point_id, generation)
        self._waits[charge_point_id] = self._shared.timers.after(seconds, stayed_away)

    def _stayed_away(self, charge_point_id: int, generation: int) -> None:
        changes = self._move(charge_point_id, ConnectionEvent.STAYED_AWAY)
        if changes:
            self._shared.write_soon(changes, charge_point_id, generation)
