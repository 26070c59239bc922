"""The network status of the charge points that this node has seen, written to the journal on each change.

`network_status` holds the rules; here are the timers and the rows. A charge point that is away for long, or
was never here, is not remembered: both become available the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from engine.domain.changes import NetworkStatusChanged
from engine.domain.state import NetworkStatus
from engine.points.network_status import GONE, HERE, NEVER, Event, after
from engine.points.shared import LastPresence, Shared
from engine.points.timers import Timer


class Presence:
    """Statuses by charge point id."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._known: dict[int, NetworkStatus] = {}
        self._waits: dict[int, Timer] = {}

    def connected(self, charge_point_id: int) -> list[NetworkStatusChanged]:
        """What to write when it connects: nothing after a takeover."""
        return self._move(charge_point_id, Event.CONNECTED)

    def disconnected(self, charge_point_id: int) -> list[NetworkStatusChanged]:
        """What to write when its connection ended and no newer one took over."""
        changes = self._move(charge_point_id, Event.DISCONNECTED)
        if changes:
            self._wait(charge_point_id, self._shared.settings.long_term_unavailable_after)
        return changes

    def restore(self, left: Iterable[LastPresence]) -> list[NetworkStatusChanged]:
        """Take up where an earlier run ended: who was available is not now, who was lost waits since then."""
        now = self._shared.now()
        changes: list[NetworkStatusChanged] = []
        for last in left:
            self._known[last.id] = NetworkStatus(last.status)
            if last.status == HERE:
                changes += self.disconnected(last.id)
            else:
                waited = (now - last.at).total_seconds()
                self._wait(last.id, max(0.0, self._shared.settings.long_term_unavailable_after - waited))
        return changes

    def _move(self, charge_point_id: int, event: Event) -> list[NetworkStatusChanged]:
        status = after(self._known.get(charge_point_id, NEVER), event)
        if status is None:
            return []
        if wait := self._waits.pop(charge_point_id, None):
            wait.cancel()
        if status is GONE:
            del self._known[charge_point_id]
        else:
            self._known[charge_point_id] = status
        return [NetworkStatusChanged(id=charge_point_id, network_status=status.value, at=self._shared.now())]

    def _wait(self, charge_point_id: int, seconds: float) -> None:
        stayed_away = partial(self._stayed_away, charge_point_id)
        self._waits[charge_point_id] = self._shared.timers.after(seconds, stayed_away)

    def _stayed_away(self, charge_point_id: int) -> None:
        changes = self._move(charge_point_id, Event.STAYED_AWAY)
        if changes:
            self._shared.spawn(partial(self._shared.write, changes))
