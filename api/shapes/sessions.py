"""Charging sessions as they are shown, and what was reported of them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated

import msgspec

from api.kernel.shape import Moment, Shape, titled


class Session(Shape, frozen=True, kw_only=True):
    """`station` is the identity; energy is Wh, power W, current A, voltage V; `amount` is so far.

    One that was asked for remotely and has not begun has no `transactionId`; it began to wait at `startedAt`
    and begins by `expiresAt`. `evseNumber` 0: any, or not known yet. Power, current, voltage and
    `chargingState` (OCPP 2.x) are there while it runs. `waived` says why it costs nothing. `released` is what
    a person has lifted of `review`.
    """

    id: Annotated[int, titled("Session", "ID")]
    station: Annotated[str, titled("Station", "STATION")]
    evse_number: Annotated[int, titled("EVSE", "EVSE")]
    connector_number: int
    transaction_id: Annotated[str | None, titled("Transaction")]
    status: Annotated[str, titled("Status", "STATUS")]
    reason: Annotated[str | None, titled("Reason")]
    id_tag: Annotated[str | None, titled("Tag", "TAG")]
    stop_id_tag: str | None
    started_at: Annotated[Moment, titled("Started", "STARTED")]
    stopped_at: Annotated[Moment | None, titled("Stopped", "STOPPED")]
    expires_at: Annotated[Moment | None, titled("Begins by")]
    energy_wh: Annotated[int, titled("Energy, Wh", "WH")]
    power_w: Annotated[float | None, titled("Power, W", "W")]
    current_a: Annotated[float | None, titled("Current, A")]
    voltage_v: Annotated[float | None, titled("Voltage, V")]
    soc_percent: Annotated[float | None, titled("State of charge, %")]
    meter_start_wh: Annotated[int, titled("Meter start, Wh")]
    meter_stop_wh: Annotated[int | None, titled("Meter stop, Wh")]
    amount: Annotated[Decimal | None, titled("Amount")]
    currency: Annotated[str | None, titled("Currency")]
    waived: Annotated[str | None, titled("Costs nothing")]
    charging_state: Annotated[str | None, titled("Charging state")]
    remote_start_id: Annotated[int | None, titled("Remote start")]
    offline: bool
    review: Annotated[Sequence[str], titled("Held for review")]
    released: Annotated[Sequence[str], titled("Released")]
    released_at: Annotated[Moment | None, titled("Released at")]
    released_by: Annotated[str | None, titled("Released by")]
    corrected_at: Annotated[Moment | None, titled("Corrected at")]
    last_updated_at: Moment


class MeterValue(Shape, frozen=True, kw_only=True):
    """`samples` as the charge point sent them."""

    timestamp: Annotated[Moment, titled(listed="TIME")]
    received_at: Moment
    energy_wh: Annotated[int | None, titled(listed="WH")]
    register_wh: int | None
    power_w: Annotated[float | None, titled(listed="W")]
    current_a: Annotated[float | None, titled(listed="A")]
    voltage_v: Annotated[float | None, titled(listed="V")]
    soc_percent: Annotated[float | None, titled(listed="SOC %")]
    samples: msgspec.Raw


class Period(Shape, frozen=True, kw_only=True):
    """A stretch of charging or idling; energies are the session's totals at its ends."""

    started_at: Moment
    stopped_at: Moment | None
    charging_state: str
    energy_start_wh: int
    energy_stop_wh: int | None


class TransactionEvent(Shape, frozen=True, kw_only=True):
    """An event as the station sent it: `payload` is its TransactionEvent."""

    seq_no: Annotated[int, titled(listed="NUMBER")]
    timestamp: Annotated[Moment, titled(listed="TIME")]
    event_type: Annotated[str, titled(listed="EVENT")]
    trigger_reason: Annotated[str, titled(listed="TRIGGER")]
    offline: Annotated[bool, titled(listed="OFFLINE")]
    received_at: Annotated[Moment, titled(listed="RECEIVED")]
    payload: msgspec.Raw


class Orphan(Shape, frozen=True, kw_only=True):
    """`payload` as sent. Settled with `resolvedAt`: it ended the session `sessionId`, or was dismissed."""

    id: Annotated[int, titled("Id", "ID")]
    station: Annotated[str, titled("Station", "STATION")]
    action: str
    transaction_id: Annotated[str, titled("Transaction", "TRANSACTION")]
    connector_number: Annotated[int | None, titled("Connector", "CONNECTOR")]
    id_tag: Annotated[str | None, titled("Tag", "TAG")]
    meter_wh: Annotated[int | None, titled("Meter wh", "METER WH")]
    timestamp: Annotated[Moment, titled("Time", "TIME")]
    reason: Annotated[str | None, titled("Reason", "REASON")]
    payload: msgspec.Raw
    received_at: Annotated[Moment, titled("Received", "RECEIVED")]
    session_id: Annotated[int | None, titled("Session", "SESSION")]
    resolved_at: Annotated[Moment | None, titled("Settled", "SETTLED")]
