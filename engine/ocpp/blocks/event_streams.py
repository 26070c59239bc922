"""Periodic event streams of OCPP 2.1 (N11 to N15): a monitor's values, sent without wanting an answer.

A station opens a stream for a monitor that we set; its values are kept as they come.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import UnsetType

from engine.domain.state import ChargePoint
from engine.ocpp.blocks import reports
from engine.ocpp.messages import v21
from engine.ocpp.step import Facts, Outcome


def open_periodic_event_stream_v21(
    cp: ChargePoint, request: v21.OpenPeriodicEventStream, facts: Facts, now: datetime
) -> Outcome:
    """Any stream is welcome (N11.FR.06)."""
    reply = v21.OpenPeriodicEventStreamResponse(status="Accepted")
    return Outcome(state=cp, reply=reply, changes=reports.told(cp, request, now))


def notify_periodic_event_stream_v21(
    cp: ChargePoint, request: v21.NotifyPeriodicEventStream, facts: Facts, now: datetime
) -> Outcome:
    """Keep the values. Nothing is answered (N15.FR.02), so nothing waits for the commit."""
    row = reports.stored(cp, type(request).__name__, request, now)
    return Outcome(state=cp, reply=None, changes=(row,), durable=False)


def check_adjust_periodic_event_stream_v21(
    request: v21.AdjustPeriodicEventStream, cp: ChargePoint, now: datetime
) -> list[str]:
    """Something has to be adjusted (N14.FR.01)."""
    params = request.params
    if isinstance(params.interval, UnsetType) and isinstance(params.values, UnsetType):
        return ["params must hold interval or values"]
    return []
