"""Heartbeats: the time for a station's clock (1.6 §4.6, 2.x G02)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks.payloads_2x import response_to
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Facts, Outcome

SECOND: Final = timedelta(seconds=1)


def heartbeat_v16(cp: ChargePoint, request: v16.Heartbeat, facts: Facts, now: datetime) -> Outcome:
    """The time, nothing else: when a charge point was last heard is the actor's to know (OCPP 1.6 §4.6)."""
    return Outcome(state=cp, reply=v16.HeartbeatResponse(current_time=clock(now)))


def heartbeat_v2x(
    cp: ChargePoint, request: v201.Heartbeat | v21.Heartbeat, facts: Facts, now: datetime
) -> Outcome:
    """The same for OCPP 2.x (G02.FR.03)."""
    return Outcome(state=cp, reply=response_to(request, current_time=clock(now)))


class _WholeSeconds:
    """Whole seconds: some chargers cannot read a fraction, and none needs one to set its clock.

    The last second is kept, because most calls are within it and to make a datetime is the dearest part of a
    Heartbeat.
    """

    def __init__(self) -> None:
        self._second = self._next = datetime.min.replace(tzinfo=UTC)

    def __call__(self, now: datetime) -> datetime:
        if not self._second <= now < self._next:
            self._second = now.replace(microsecond=0)
            self._next = self._second + SECOND
        return self._second


clock: Final = _WholeSeconds()


HANDLERS: Final = (
    handler(v16.Heartbeat, heartbeat_v16, before_boot=True),
    handler(v201.Heartbeat, heartbeat_v2x),
)
