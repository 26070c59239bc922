"""When a charge point counts as available: one small state machine as a table, pure.

never_connected is where a record begins; nothing leads back to it. The registry feeds the events, keeps the
timer that `lost` starts, and writes a NetworkStatusChanged whenever `after` gives a new status.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from engine.domain.state import NetworkStatus

NEVER, HERE, LOST, GONE = (
    NetworkStatus.NEVER_CONNECTED,
    NetworkStatus.AVAILABLE,
    NetworkStatus.TEMPORARILY_UNAVAILABLE,
    NetworkStatus.LONG_TERM_UNAVAILABLE,
)


class ConnectionEvent(Enum):
    CONNECTED = auto()
    DISCONNECTED = auto()
    STAYED_AWAY = auto()  # long_term_unavailable_after has passed since the disconnection


TRANSITIONS: Final[Mapping[tuple[NetworkStatus, ConnectionEvent], NetworkStatus]] = {
    (NEVER, ConnectionEvent.CONNECTED): HERE,
    (LOST, ConnectionEvent.CONNECTED): HERE,
    (GONE, ConnectionEvent.CONNECTED): HERE,
    (HERE, ConnectionEvent.DISCONNECTED): LOST,
    (LOST, ConnectionEvent.STAYED_AWAY): GONE,
}


def after(status: NetworkStatus, event: ConnectionEvent) -> NetworkStatus | None:
    """The status that `event` leads to; None: no change (a takeover connects who is here already)."""
    return TRANSITIONS.get((status, event))
