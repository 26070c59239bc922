"""Events of transactions as they are stored (OCPP 2.x), read again whichever version wrote them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class _Stored(msgspec.Struct, frozen=True, rename="camel"):
    """Base of what is read again of a stored event, whichever version wrote it."""


class _Measure(_Stored, frozen=True):
    unit: str | None = None
    multiplier: int | None = None


class _Sample(_Stored, frozen=True):
    value: float
    measurand: str | None = None
    context: str | None = None
    phase: str | None = None
    location: str | None = None
    unit_of_measure: _Measure | None = None


class _MeterValue(_Stored, frozen=True):
    timestamp: datetime
    sampled_value: list[_Sample]


class _Evse(_Stored, frozen=True):
    id: int
    connector_id: int | None = None


class _IdToken(_Stored, frozen=True):
    id_token: str
    type: str


class _Transaction(_Stored, frozen=True):
    transaction_id: str
    charging_state: str | None = None
    stopped_reason: str | None = None
    remote_start_id: int | None = None


class StoredEvent(_Stored, frozen=True):
    event_type: Literal["Started", "Updated", "Ended"]
    timestamp: datetime
    trigger_reason: str
    seq_no: int
    transaction_info: _Transaction
    offline: bool = False
    reservation_id: int | None = None
    evse: _Evse | None = None
    id_token: _IdToken | None = None
    meter_value: list[_MeterValue] = []


decode = msgspec.json.Decoder(StoredEvent).decode
