"""What can be wanted around energy and money: grid control, dynamic limits, tariffs, costs, batteries.

As in `engine.ocpp.intents`, without a word of any version. Most of it came with OCPP 2.1; documents with many
optional members stand in that version's shape, decoded.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.ocpp.intents import AdditionalInfo, Intent, Moment, Result, Spoken

# --- grid --------------------------------------------------------------------------------------------------


class SetDerControl(Intent, frozen=True):
    """Set how a station serves the grid. `setting`: a DERCurveType, or the type that goes with `type`."""

    control_id: str
    type: str  # DERControlEnumType
    setting: Mapping[str, Any]
    default: bool = False  # holds while no scheduled one does


class ReportDerControls(Intent, frozen=True):
    """Have the station report its controls of the grid: one by its id, or all that fit what is given."""

    request_id: int
    control_id: str | None = None
    type: str | None = None
    default: bool | None = None


class ClearDerControls(Intent, frozen=True):
    """Clear controls of the grid: one by its id, or all default (or scheduled) ones, of one type if given."""

    default: bool
    control_id: str | None = None
    type: str | None = None


class SignalReserve(Intent, frozen=True):
    """Pass on a signal of the automatic frequency restoration reserve."""

    at: Moment
    signal: int


class UpdateDynamicSchedule(Intent, frozen=True):
    """Give a dynamic profile new values, in the shape of 2.1's ChargingScheduleUpdateType."""

    profile_id: int
    values: Mapping[str, Any]


class UsePriorityCharging(Intent, frozen=True):
    """Switch a transaction to the station's profile for priority charging, or back."""

    transaction_id: str
    active: bool = True


class AllowEnergyTransfer(Intent, frozen=True):
    """Tell which ways of energy transfer a transaction may use (EnergyTransferModeEnumType)."""

    transaction_id: str
    modes: tuple[str, ...]


class RequestBatterySwap(Intent, frozen=True):
    """Have a battery swapped for the owner of an id tag."""

    id_tag: str
    request_id: int
    id_type: str = "ISO14443"
    additional_info: tuple[AdditionalInfo, ...] = ()


# --- money -------------------------------------------------------------------------------------------------


class UpdateCost(Intent, frozen=True):
    """Show what a transaction has cost so far, in the currency that the station is set to."""

    transaction_id: str
    total: Decimal


class SetDefaultTariff(Intent, frozen=True):
    """Set a tariff for new transactions, in the shape of 2.1's TariffType; EVSE 0: all of them."""

    tariff: Mapping[str, Any]
    evse_number: int = 0


class GetTariffs(Intent, frozen=True):
    """Which tariffs the station holds; EVSE 0: all."""

    evse_number: int = 0


class ClearTariffs(Intent, frozen=True):
    """Clear tariffs of these ids or of this EVSE; nothing given: all."""

    tariff_ids: tuple[str, ...] = ()
    evse_number: int | None = None


class ChangeTariff(Intent, frozen=True):
    """Give a transaction that goes on another tariff."""

    transaction_id: str
    tariff: Mapping[str, Any]


class ShowWebPayment(Intent, frozen=True):
    """Tell an EVSE that somebody is paying for it on the web; it waits that many seconds."""

    evse_number: int
    timeout: int


# --- event streams -----------------------------------------------------------------------------------------


class GetEventStreams(Intent, frozen=True):
    """Which streams of events are open; a monitor with a stream opens one."""


class AdjustEventStream(Intent, frozen=True):
    """Change how often a stream of events sends: `interval` in seconds, or so many `values` at once."""

    stream_id: int
    interval: int | None = None
    values: int | None = None


# --- what came of it ---------------------------------------------------------------------------------------


class DerControlSet(Result, frozen=True):
    superseded: tuple[str, ...] = ()  # ids of the controls that it takes the place of


class TariffAssignment(Spoken, frozen=True):
    tariff_id: str
    kind: str  # DefaultTariff or DriverTariff
    valid_from: Moment | None = None
    evse_numbers: tuple[int, ...] = ()
    id_tags: tuple[str, ...] = ()


class Tariffs(Result, frozen=True):
    assignments: tuple[TariffAssignment, ...] = ()


class EventStream(Spoken, frozen=True):
    stream_id: int
    monitor_id: int
    interval: int | None = None  # seconds
    values: int | None = None


class EventStreams(Result, frozen=True):
    streams: tuple[EventStream, ...] = ()
