"""What a node keeps in memory about a charge point: immutable values, replaced as messages are folded in.

An actor adopts a new state only after the changes that go with it are committed, so a refused commit leaves
nothing half done. No I/O, no clock. Energy is whole Wh, power W, current A, voltage V, state of charge %.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from engine.domain.session.review import CLOSED_BY_US, Reviews
from engine.domain.vocabulary import ChargingState, HardwareStatus, SessionReason, Waiver

# What charge points hold that hold nothing of a kind: one for all of them.
NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})
StationNumber = 0  # EVSE number 0 (connectorId 0 in OCPP 1.6) is the charge point as a whole


class Registration(StrEnum):
    """What a BootNotification is answered (OCPP 1.6 §4.2)."""

    ACCEPTED = "accepted"
    PENDING = "pending"
    REJECTED = "rejected"


class SessionStatus(StrEnum):
    """pending → active → finished; pending → expired / failed; active → failed."""

    PENDING = "pending"
    ACTIVE = "active"
    FINISHED = "finished"
    EXPIRED = "expired"
    FAILED = "failed"


class NetworkStatus(StrEnum):
    NEVER_CONNECTED = "never_connected"
    AVAILABLE = "available"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    LONG_TERM_UNAVAILABLE = "long_term_unavailable"


class Policy(StrEnum):
    """What happens to a message that breaks its schema: refuse it, mend it, or mend it and log it."""

    STRICT = "strict"
    REPAIR = "repair"
    OBSERVE = "observe"


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable value; `msgspec.structs.replace` makes a changed copy."""


Interval = Annotated[int, Meta(ge=1, le=604_800)]  # seconds; a week


class StationSettings(Frozen, frozen=True):
    """Per-station behaviour; every automatic call to the charger can be switched off."""

    heartbeat_interval: Interval = 300  # seconds, sent with every accepted boot
    boot_retry_interval: Interval = 60  # seconds, sent with pending and rejected boots
    policy: Policy = Policy.REPAIR
    read_configuration_after_boot: bool = False  # GetConfiguration once a boot was accepted
    trigger_status_after_boot: bool = False  # TriggerMessage(StatusNotification) for chargers that send none
    auto_start_without_authorization: bool = False  # local starts of unknown tags are accepted
    # Plausibility: energy ≤ max power × time, and of one session ≤ max_session_wh however long it is.
    max_power_w: Annotated[int, Meta(ge=1, le=20_000_000)] = 400_000
    max_session_wh: Annotated[int, Meta(ge=1, le=100_000_000)] = 300_000
    ask_transactions_after_connect: bool = True  # GetTransactionStatus for each one open here (OCPP 2.x)
    takes_payments: bool = False  # DirectPayment tokens are accepted without a look-up (2.1 C18)
    tell_running_cost: bool = False  # totalCost in answers to events that change a transaction (OCPP 2.x I02)
    # Group whose tags end transactions and start none (2.0.1 C16).
    master_pass_group: Annotated[str, Meta(min_length=1, max_length=36)] | None = None


class Price(Frozen, frozen=True):
    """Prices in `currency` (ISO 4217), tax included; `domain.pricing` applies them."""

    currency: str
    per_session: Decimal = Decimal(0)
    per_kwh: Decimal = Decimal(0)
    per_minute: Decimal = Decimal(0)


class Metering(Frozen, frozen=True, gc=False):
    """Running totals of one session; how they move is `domain.metering`'s."""

    energy_wh: int = 0
    interval_rest_uwh: int = 0  # what rounding to whole Wh left of summed intervals, µWh; in memory only
    register_wh: int | None = None  # last plausible Energy.Active.Import.Register
    register_at: datetime | None = None  # None with a register: its clock could not be trusted
    series: int = 0  # which register that is (ext.metering.Reading); 0: not known yet
    resets: int = 0  # how often it has restarted from zero
    power_w: float | None = None
    current_a: float | None = None
    voltage_v: float | None = None
    soc_percent: float | None = None
    last_sample_at: datetime | None = None  # newest sample folded in; older ones need a look-up


class Session(Frozen, frozen=True):
    """A charging session that is not closed. In OCPP 1.6 `transaction_id` is `str(id)`."""

    id: int
    transaction_id: str
    evse_number: int
    connector_number: int
    status: SessionStatus
    started_at: datetime
    received_at: datetime | None = None  # when its start was told
    id_tag: str | None = None
    meter_start_wh: int = 0
    stopped_at: datetime | None = None  # closed sessions appear here only as looked-up facts
    stop_received_at: datetime | None = None  # when its end was told, or we gave it one
    meter_stop_wh: int | None = None
    reservation_id: int | None = None
    parent_id_tag: str | None = None
    metering: Metering = Metering()
    charging: bool | None = None  # True charging, False idle, None unknown: decides the open charging period
    review: Reviews = ()  # why billing is held for a person to look at
    released: Reviews = ()  # what a person has lifted of that
    corrected: bool = False  # by a person: what is told later changes nothing that is billed
    rebooted_at: datetime | None = (
        None  # the charger booted and has not shown since that it goes on; no column
    )
    charging_state: ChargingState | None = None  # told by the charger (2.x); None: judged by what is measured
    price: Price | None = None  # of its operator when it began
    remote_start_id: int | None = None  # of the RequestStartTransaction that led to it (OCPP 2.x)
    position: tuple[int, datetime, int, int] | None = (
        None  # newest transaction event folded in (domain.session.facts); in memory only
    )
    unfolded: bool = False  # its end is to fold its whole history; in memory only
    told_at: datetime | None = None  # newest time stamp of its events' meter values; in memory only
    period_at: datetime | None = None  # when the open charging period began; in memory only
    asked: bool = False  # a remote start authorized it: its tag need not be known
    asked_id_tag: str | None = None  # the tag of the remote start that led to it
    waived: Waiver | None = None  # why it costs nothing
    stop_asked_at: datetime | None = None  # when the charger agreed to end it
    offline: bool = False  # its start was told later than it happened
    stop_id_tag: str | None = None  # presented to end it, before it ended; in memory only

    @property
    def closed_by_us(self) -> bool:
        """Whether it was closed without its stop, so that one real stop may still correct it.

        A person who released it has made it final.
        """
        return self.status is SessionStatus.FINISHED and any(code in CLOSED_BY_US for code in self.review)


class Connector(Frozen, frozen=True):
    """Hardware state as last reported by StatusNotification."""

    status: HardwareStatus
    error_code: str = "NoError"
    info: str | None = None
    vendor_id: str | None = None
    vendor_error_code: str | None = None
    at: datetime | None = None


class Reservation(Frozen, frozen=True):
    id: int
    connector_number: int
    id_tag: str
    parent_id_tag: str | None
    expiry_date: datetime


class InstalledProfile(Frozen, frozen=True):
    """A charging profile the charge point accepted and has not been told to clear."""

    evse_number: int
    profile_id: int
    purpose: str
    stack_level: int
    transaction_id: str | None  # of a TxProfile; it ends with that transaction
    profile: bytes  # JSON as sent
    source: str = "CSO"  # who set it: CSO is we, others are reported by the station (OCPP 2.x)


VEHICLE_LEAD: Final = timedelta(minutes=10)  # by which a vehicle may say what it needs before it charges


class VehicleNeeds(Frozen, frozen=True):
    """What the vehicle at an EVSE said of itself when it came (OCPP 2.x NotifyEVChargingNeeds)."""

    at: datetime
    parameters: frozenset[str] = frozenset()  # names of its limits, as in JSON: maxChargePower_L2 … (2.1)


class Orphan(Frozen, frozen=True):
    """A transaction message whose transaction is not known (yet): acknowledged, kept, reconciled later."""

    id: int
    action: str  # "StopTransaction" | "MeterValues" | "TransactionEvent"
    transaction_id: str
    connector_number: int | None
    id_tag: str | None
    meter_wh: int | None
    timestamp: datetime
    reason: SessionReason | None
    payload: bytes  # the message's payload as received (JSON)


class Report(Frozen, frozen=True):
    """A report of many parts that a station is sending; in memory only."""

    request_id: int
    started_at: datetime
    full: bool  # everything there is: what it does not name is gone
    seen: frozenset[int] = frozenset()  # numbers of the parts that came
    last: int | None = None  # number of the last part, once it came
    awaited: tuple[InstalledProfile, ...] = ()  # of a report of profiles: those held that it has to name

    @property
    def complete(self) -> bool:
        """Whether all parts came, and none that is numbered beyond the last one."""
        return self.last is not None and len(self.seen) == self.last + 1 == max(self.seen) + 1


class ChargePoint(Frozen, frozen=True):
    """State of one charge point on the node that holds its connection."""

    id: int
    identity: str  # what it calls itself in the URL (`charge_points.network_id`)
    operator_id: int
    version: str  # OCPP subprotocol of the present connection: "ocpp1.6" …
    settings: StationSettings
    registration: Registration = Registration.REJECTED  # as answered on *this* connection or restored
    booted: bool = False  # a BootNotification was accepted on this connection or an earlier one
    vendor: str = ""
    model: str = ""
    local_list_version: int | None = None
    connected_at: datetime | None = None  # when the present connection began; in memory only
    connectors: Mapping[tuple[int, int], Connector] = NOTHING  # (EVSE number, connector number)
    sessions: Mapping[str, Session] = NOTHING  # open ones, by transaction id
    orphans: tuple[Orphan, ...] = ()  # unresolved ones, oldest first; bounded by the loader
    reservations: Mapping[int, Reservation] = NOTHING  # active ones
    charging_profiles: tuple[InstalledProfile, ...] = ()  # active ones
    items_per_message: Mapping[str, int] = NOTHING  # most items of a request, by action (OCPP 2.x)
    bytes_per_message: Mapping[str, int] = NOTHING  # its most bytes
    batteries: frozenset[int] = frozenset()  # EVSEs that hold a battery of the station's own (2.1 S)
    max_power_w: Mapping[int, int] = NOTHING  # as reported of EVSEs, by their number (OCPP 2.x)
    variables: Mapping[tuple[str, int], str] = (
        NOTHING  # domain.device.HEEDED, by name in lower case and EVSE number
    )
    vehicles: Mapping[int, VehicleNeeds] = NOTHING  # by EVSE number
    reports: Mapping[tuple[str, int], Report] = (
        NOTHING  # on their way, by message and request id; in memory only
    )
    asked: frozenset[str] = frozenset()  # actions it may send before its boot is accepted; in memory only


class Taken(Frozen, frozen=True):
    """A charge point that a new connection has from now on."""

    state: ChargePoint
    generation: int  # of the connection; a charge point's newest is its highest
    status: NetworkStatus | None  # the last one written, if another node wrote it


class Token(Frozen, frozen=True):
    """An id tag as the authorization rules see it (`id_tags` joined with its user)."""

    id: int
    uid: str
    group_id: str | None  # parentIdTag
    status: str  # enabled | disabled | suspended
    valid: bool  # the issuer's word (OCPI Token.valid)
    expires_at: datetime | None
    user_id: int | None
    user_enabled: bool
    max_active_sessions: int | None  # None: no limit
    active_sessions: int  # sessions open network-wide on this tag when it was looked up
    type: str = "rfid"  # domain.authorization.IdTagType
    cache_mode: str = "ALWAYS"  # ALWAYS | ALLOWED | ALLOWED_OFFLINE | NEVER
