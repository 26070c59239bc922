"""Change how often an event stream sends: AdjustPeriodicEventStream (2.1 N14)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import UnsetType

from engine.domain.state import ChargePoint
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given
from engine.ocpp.messages import v21
from engine.ocpp.operation import Operation


class AdjustEventStream(Operation, frozen=True):
    """Change how often a stream of events sends: `interval` in seconds, or so many `values` at once."""

    stream_id: int
    interval: int | None = None
    values: int | None = None


def encode_v21(operation: AdjustEventStream, _cp: ChargePoint) -> Sequence[Call]:
    params = given(interval=operation.interval, values=operation.values)
    return [("AdjustPeriodicEventStream", {"id": operation.stream_id, "params": params})]


def check_adjust_periodic_event_stream_v21(
    request: v21.AdjustPeriodicEventStream, cp: ChargePoint, now: datetime
) -> list[str]:
    """Something has to be adjusted (N14.FR.01)."""
    params = request.params
    if isinstance(params.interval, UnsetType) and isinstance(params.values, UnsetType):
        return ["params must hold interval or values"]
    return []


OPERATION: Final = define(AdjustEventStream, v21=Encoding(encode_v21))
COMMANDS: Final = (command(v21.AdjustPeriodicEventStream, check=check_adjust_periodic_event_stream_v21),)
