"""Periodic event streams (2.1 N11 to N15): the values of a monitor, sent without wanting an answer.

A station opens a stream for a monitor that we set; its values are kept as they come.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks import keeping
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v21
from engine.ocpp.step import Facts, Outcome


def open_periodic_event_stream_v21(
    cp: ChargePoint, request: v21.OpenPeriodicEventStream, facts: Facts, now: datetime
) -> Outcome:
    """Any stream is welcome (N11.FR.06)."""
    reply = v21.OpenPeriodicEventStreamResponse(status="Accepted")
    return Outcome(state=cp, reply=reply, changes=keeping.published(cp, request, now))


def notify_periodic_event_stream_v21(
    cp: ChargePoint, request: v21.NotifyPeriodicEventStream, facts: Facts, now: datetime
) -> Outcome:
    """Keep the values. Nothing is answered (N15.FR.02), so nothing waits for the commit."""
    row = keeping.stored(cp, type(request).__name__, request, now)
    return Outcome(state=cp, reply=None, changes=(row,), durable=False)


HANDLERS: Final = (
    handler(v21.OpenPeriodicEventStream, open_periodic_event_stream_v21),
    handler(v21.ClosePeriodicEventStream, keeping.kept),
)
