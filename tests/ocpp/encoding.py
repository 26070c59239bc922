"""Shared by the tests of operations: a station of any version, and both directions of a asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from engine.domain.state import ChargePoint, Connector, Session, SessionStatus, StationSettings
from engine.ocpp.declaration import MESSAGES
from engine.ocpp.encoded import encoded
from engine.ocpp.messages import decode_hook
from engine.ocpp.operation import Operation
from engine.ocpp.rpc import encode
from engine.ocpp.step import Message

NOON: Final = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOON_TEXT: Final = "2026-03-01T12:00:00Z"
V16, V201, V21 = "ocpp1.6", "ocpp2.0.1", "ocpp2.1"
CONNECTOR: Final = Connector(status="Available")


def station(version: str) -> ChargePoint:
    """Two EVSEs, a transaction `5` at the second, and a limit of two variables in one question."""
    session = Session(
        id=5,
        transaction_id="5",
        evse_number=2,
        connector_number=1,
        status=SessionStatus.ACTIVE,
        started_at=NOON,
    )
    return ChargePoint(
        id=1,
        identity="CP1",
        operator_id=1,
        version=version,
        settings=StationSettings(),
        connectors=dict.fromkeys([(0, 0), (1, 1), (2, 1)], CONNECTOR),
        sessions={"5": session},
        items_per_message={"GetVariables": 2},
    )


def cases(said: Sequence[tuple[Operation, Any, Any]]) -> Iterator[tuple[Operation, str, Any]]:
    """(operation, version, what is said) for rows of (operation, in 1.6, in 2.x); `...`: as in 1.6."""
    for operation, older, newer in said:
        yield operation, V16, older
        for version in (V201, V21):
            yield operation, version, older if newer is ... else newer


def sent(operation: Operation, version: str) -> list[tuple[str, Any]]:
    """(action, payload) of each request, all of them in the types of the version."""
    requests = encoded(operation, station(version)).requests
    assert all(type(request).__module__ == MESSAGES[version].__name__ for request in requests)
    return [(type(request).__name__, json.loads(encode(request))) for request in requests]


def read(operation: Operation, version: str, *payloads: Any) -> Any:
    """What answers of these payloads come to."""
    asked = encoded(operation, station(version))
    answers = [
        msgspec.convert(payload, answer_type(request, version), dec_hook=decode_hook)
        for request, payload in zip(asked.requests, payloads, strict=True)
    ]
    return asked.read(answers)


def answer_type(request: Message, version: str) -> type[Message]:
    kind: type[Message] = MESSAGES[version].ACTIONS[type(request).__name__][1]
    return kind
