"""Ask which event streams are open: GetPeriodicEventStream (2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks import keeping
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v21
from engine.ocpp.operation import Document, Operation, Result, Verdict


class GetEventStreams(Operation, frozen=True):
    """Which streams of events are open; a monitor with a stream opens one."""


class EventStream(Document, frozen=True):
    stream_id: int
    monitor_id: int
    interval: int | None = None  # seconds
    values: int | None = None


class EventStreams(Result, frozen=True):
    streams: tuple[EventStream, ...] = ()


def encode_v21(_operation: GetEventStreams, _cp: ChargePoint) -> Sequence[Call]:
    return [("GetPeriodicEventStream", {})]


def read_v21(_operation: object, answers: Sequence[v21.GetPeriodicEventStreamResponse]) -> Result:
    streams = tuple(
        EventStream(
            stream_id=one.id,
            monitor_id=one.variable_monitoring_id,
            interval=one.params.interval or None,
            values=one.params.values or None,
        )
        for one in answers[0].constant_stream_data or ()
    )
    return EventStreams(verdict=Verdict.ACCEPTED, word="Accepted", streams=streams)


OPERATION: Final = define(GetEventStreams, v21=Encoding(encode_v21, read_v21))
COMMANDS: Final = (command(v21.GetPeriodicEventStream, answered=keeping.answer_kept),)
