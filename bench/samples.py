"""What the kernel suites work on: messages as they come over the wire, and changes with all their fields."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

from engine.domain.changes import Change, Json
from engine.store.fields import fields

C = TypeVar("C", bound=Change)

Run: TypeAlias = Callable[[Callable[[], Awaitable[Any]]], Any]  # does one async function in a loop of its own

MASK = b"OCPP"
HEARTBEAT = b'[2,"6f9b1e8a-3a4b-4f7e-9a51-7f6c0d4d2b11","Heartbeat",{}]'
METER_VALUES_PAYLOAD = (
    b'{"connectorId":1,"transactionId":17,"meterValue":[{"timestamp":"2026-01-01T12:00:00.250Z","sampledValue":['
    b'{"value":"1204.5","measurand":"Energy.Active.Import.Register","unit":"Wh"},'
    b'{"value":"11040.0","measurand":"Power.Active.Import","unit":"W"},'
    b'{"value":"16.00","measurand":"Current.Import","phase":"L1","unit":"A"},'
    b'{"value":"230.1","measurand":"Voltage","phase":"L1-N","unit":"V"},'
    b'{"value":"57.5","measurand":"SoC","location":"EV","unit":"Percent"}]}]}'
)
METER_VALUES = b'[2,"6f9b1e8a-3a4b-4f7e-9a51-7f6c0d4d2b11","MeterValues",%b]' % METER_VALUES_PAYLOAD

PLAIN: Final[dict[type, Any]] = {
    int: 0, float: 0.0, bool: False, str: "", bytes: b"{}", Json: Json(b"[]"), tuple: (),
    datetime: datetime(2026, 1, 1, tzinfo=UTC),
}  # fmt: skip


def filled(kind: type[C], **known: Any) -> C:
    """A change with its declared members: known, else the default, else nothing, else the plainest value."""
    required = {field.name for field in msgspec.structs.fields(kind) if field.required}
    for field in fields(kind):
        if field.name not in known and field.name in required:
            known[field.name] = None if field.null else PLAIN[field.plain]
    return kind(**known)
