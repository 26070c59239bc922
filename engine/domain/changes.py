"""What handlers want written: one frozen Struct per kind of row change. `engine.store` knows the SQL of each.

A change carries absolute values, never increments, so writing it twice is writing it once. The order of the
classes here is the order in which the journal writes (parents before children).

Members are named after their columns. Columns that only the engine writes are declared by them, and
`engine.store.tables` takes them from here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeAlias

from engine.domain.session.review import Reviews
from engine.domain.state import Frozen

# Types of columns, where the Python type leaves a choice.
Integer: TypeAlias = Annotated[int, "integer"]
SmallInt: TypeAlias = Annotated[int, "smallint"]
Json: TypeAlias = Annotated[str, "json"]  # as received; what we encode ourselves is bytes


class Change(Frozen, frozen=True):
    """Base of every row change. Subclasses say in their docstring which table and what identifies the row."""


# --- charge points -----------------------------------------------------------------------------------------


class ChargePointConnected(Change, frozen=True):
    """charge_point_status: a connection was accepted; sets first_contact_at once."""

    charge_point_id: int
    connected_at: datetime
    network_protocol: str
    current_security_profile: SmallInt
    network_ip: str


class NetworkStatusChanged(Change, frozen=True):
    """charge_point_status by id, and a row of status_log (scope `network`)."""

    id: int
    network_status: str
    at: datetime


class ChargePointBooted(Change, frozen=True):
    """charge_point_status: the identity that BootNotification gives."""

    charge_point_id: int
    booted_at: datetime
    vendor: str
    model: str
    charge_point_serial_number: str | None
    charge_box_serial_number: str | None
    firmware_version: str | None
    iccid: str | None
    imsi: str | None
    meter_type: str | None
    meter_serial_number: str | None
    boot_reason: str | None


class HardwareStatusChanged(Change, frozen=True):
    """charge_point_status (EVSE 0) or evses and connectors, and a row of status_log (scope `hardware`)."""

    charge_point_id: int
    evse_number: Integer
    connector_number: Integer
    status: str
    error_code: str
    info: str | None
    vendor_id: str | None
    vendor_error_code: str | None
    at: datetime  # the charger's time stamp, else the time of receipt
    received_at: datetime


class BatteryMoved(Change, frozen=True):
    """evses, upserted: whether a battery of the station's own is in it (OCPP 2.1 S)."""

    charge_point_id: int
    evse_number: int
    inside: bool
    at: datetime


class FirmwareStatusChanged(Change, frozen=True):
    """charge_point_status: how far a firmware update is."""

    charge_point_id: int
    firmware_status: str
    firmware_request_id: int | None
    firmware_status_at: datetime
    firmware_status_reason: str | None = None  # in the station's words (OCPP 2.1)


class LogStatusChanged(Change, frozen=True):
    """charge_point_status: how far an upload of diagnostics or a log is."""

    charge_point_id: int
    log_status: str
    log_request_id: int | None
    log_status_at: datetime


class ConfigurationKeyRead(Change, frozen=True):
    """charge_point_configuration by (charge_point_id, name): a key as the charger reported it."""

    charge_point_id: int
    name: str
    value: str | None
    readonly: bool
    at: datetime


class FirmwarePublicationChanged(Change, frozen=True):
    """charge_point_status: how far a local controller is with publishing a firmware."""

    charge_point_id: int
    publish_status: str
    publish_request_id: int | None
    publish_locations: bytes  # JSON array of URLs
    publish_status_at: datetime


class DeviceVariableRead(Change, frozen=True, gc=False):
    """device_variables by all that names an attribute: its value and what it is, as the station reported.

    Absent parts of the name are "" or 0. A characteristic that is None was not reported and stays as it was.
    """

    charge_point_id: int
    component: str
    component_instance: str
    evse_number: Integer
    connector_number: Integer
    variable: str
    variable_instance: str
    attribute: str  # Actual | Target | MinSet | MaxSet
    value: str | None  # None: not known, not reported, or a secret
    at: datetime
    mutability: str | None = None  # ReadOnly | WriteOnly | ReadWrite
    persistent: bool | None = None
    constant: bool | None = None
    data_type: str | None = None
    unit: str | None = None
    min_limit: float | None = None
    max_limit: float | None = None
    values_list: str | None = None
    supports_monitoring: bool | None = None


class DeviceModelReported(Change, frozen=True):
    """charge_point_status: a full inventory came whole, so device_variables older than `since` go."""

    charge_point_id: int
    since: datetime
    at: datetime


class VariableMonitorSet(Change, frozen=True):
    """variable_monitors by (charge_point_id, monitor_id): what the station watches.

    A kind that is None was not reported and stays as it was.
    """

    charge_point_id: int
    monitor_id: int
    component: str
    component_instance: str
    evse_number: Integer
    connector_number: Integer
    variable: str
    variable_instance: str
    type: str  # UpperThreshold | LowerThreshold | Delta | Periodic | PeriodicClockAligned …
    value: float
    severity: Integer  # 0 danger … 9 debug
    transaction: bool  # only while a transaction is going on
    at: datetime
    kind: str | None = None  # HardWiredMonitor | PreconfiguredMonitor | CustomMonitor
    active: bool = True


class VariableMonitorCleared(Change, frozen=True):
    """variable_monitors by (charge_point_id, monitor_id): no longer watched."""

    charge_point_id: int
    monitor_id: int
    at: datetime
    active: bool = False


class MonitoringBaseSet(Change, frozen=True):
    """charge_point_status by id: monitoring_base, and the variable_monitors that it ends."""

    id: int
    monitoring_base: str  # All | FactoryDefault | HardWiredOnly
    at: datetime


class MonitorsReported(Change, frozen=True):
    """variable_monitors of a charge point: all were reported, so those older than `since` are no more."""

    charge_point_id: int
    since: datetime
    at: datetime


class DisplayMessageSet(Change, frozen=True):
    """display_messages by (charge_point_id, message_id): what the station shows."""

    charge_point_id: int
    message_id: int
    message: bytes  # MessageInfo as JSON
    at: datetime
    active: bool = True


class DisplayMessageCleared(Change, frozen=True):
    """display_messages by (charge_point_id, message_id): no longer shown."""

    charge_point_id: int
    message_id: int
    at: datetime
    active: bool = False


class DisplayMessagesReported(Change, frozen=True):
    """display_messages of a charge point: all were reported, so those older than `since` are no more."""

    charge_point_id: int
    since: datetime
    at: datetime


class LocalListVersionRead(Change, frozen=True):
    """charge_point_status: which local list it has."""

    charge_point_id: int
    local_list_version: int
    local_list_version_at: datetime


class ChargingProfileChanged(Change, frozen=True):
    """charging_profiles by (charge_point_id, evse_number, profile_id): what the station holds now."""

    charge_point_id: int
    evse_number: Integer
    profile_id: int
    purpose: str
    stack_level: Integer
    profile: bytes  # JSON as sent
    active: bool  # False: cleared
    at: datetime
    source: str = "CSO"  # who set it: CSO is we


class ChargingLimitChanged(Change, frozen=True):
    """charging_limits by (charge_point_id, evse_number, source): a limit that somebody else set or lifted."""

    charge_point_id: int
    evse_number: Integer
    source: str
    grid_critical: bool
    schedules: bytes  # JSON array as reported
    active: bool
    at: datetime


class ReservationMade(Change, frozen=True):
    """reservations by (charge_point_id, id): active; one that had the number is replaced."""

    id: int
    charge_point_id: int
    operator_id: int
    connector_number: Integer  # the EVSE in OCPP 2.x; 0: any
    id_tag: str
    parent_id_tag: str | None
    expiry_date: datetime
    at: datetime


class ReservationEnded(Change, frozen=True):
    """reservations by (charge_point_id, id), if it is active; then a row of events too.

    The event is what `ReservationChanged` of domain.notifications says.
    """

    id: int
    charge_point_id: int
    status: str  # done | expired | canceled
    session_id: int | None  # that used it
    news_type: str
    news: bytes  # JSON
    at: datetime


class SecurityEventReported(Change, frozen=True):
    """security_events, new row. `type` is OCPP's name; `critical` per the security whitepaper."""

    charge_point_id: int | None
    type: str
    timestamp: datetime
    tech_info: str | None
    critical: bool
    received_at: datetime


class CertificateWanted(Change, frozen=True):
    """certificate_requests by (charge_point_id, certificate_type): a signing request; older ones lapse."""

    charge_point_id: int
    certificate_type: str  # ChargingStationCertificate | V2GCertificate | V2G20Certificate | Combined
    csr: str  # PEM
    request_id: Integer | None
    requested_at: datetime


class ReportStored(Change, frozen=True, gc=False):
    """ocpp_reports, new row: a message kept as it came, for whoever knows what to do with it."""

    charge_point_id: int
    action: str
    request_id: int | None
    payload: bytes  # JSON
    at: datetime


# --- authorization and sessions ----------------------------------------------------------------------------


class AuthorizationMade(Change, frozen=True):
    """authorizations, new row: an id tag was presented and answered."""

    id: int
    operator_id: int
    charge_point_id: int
    evse_number: Integer | None
    id_tag_uid: str
    id_tag_id: int | None
    user_id: int | None
    method: str  # id_tag | admin | …
    status: str  # accepted | rejected
    rejection_reason: str | None
    created_at: datetime


class SessionAsked(Change, frozen=True):
    """sessions, new row: a remote start was authorized, and its session is awaited."""

    id: int
    operator_id: int
    charge_point_id: int
    evse_number: int  # 0: any
    id_tag: str
    id_tag_id: int | None
    user_id: int | None
    authorization_id: int
    remote_start_id: int
    asked_at: datetime
    expires_at: datetime


class SessionGivenUp(Change, frozen=True):
    """sessions by id, while it is pending, and then `news` as a row of events: it will not begin."""

    id: int
    operator_id: int
    status: str  # expired | failed
    reason: str
    news_type: str
    news: bytes  # JSON
    at: datetime


class SessionMerged(Change, frozen=True):
    """sessions by id, one that never began: what it was asked for is another session, so it goes."""

    id: int


class SessionOpened(Change, frozen=True):
    """sessions by id: new, or one that was asked for. `start_key` is unique per charge point."""

    id: int
    operator_id: int
    charge_point_id: int
    evse_number: int
    connector_number: int
    transaction_id: str
    start_key: str
    status: str
    id_tag: str | None
    id_tag_id: int | None
    user_id: int | None
    authorization_id: int | None
    reservation_id: int | None
    meter_start_wh: int
    started_at: datetime
    received_at: datetime
    offline: bool  # the start was reported later than it happened
    protocol: str  # in which it was told: "ocpp1.6" …
    review: Reviews = ()
    charging_state: str | None = None
    remote_start_id: int | None = None
    asked_id_tag: str | None = None
    waived: str | None = None


class SessionAmended(Change, frozen=True):
    """sessions by id: what a later message says of its beginning or of its present state.

    `id_tag_id`, `user_id` and `authorization_id` are written only with a tag that is new to it (`tag_told`).
    """

    id: int
    evse_number: int
    connector_number: int
    started_at: datetime
    meter_start_wh: int
    id_tag: str | None
    reservation_id: int | None
    remote_start_id: int | None
    charging_state: str | None
    offline: bool
    at: datetime
    asked_id_tag: str | None = None
    waived: str | None = None
    tag_told: bool = False
    id_tag_id: int | None = None
    user_id: int | None = None
    authorization_id: int | None = None


class SessionStopAsked(Change, frozen=True):
    """sessions by id: the charger has agreed to end it."""

    id: int
    at: datetime


class SessionClosed(Change, frozen=True):
    """sessions by id: the end, its reason and the totals. Final: later changes are corrections."""

    id: int
    status: str
    reason: str
    stopped_at: datetime
    meter_stop_wh: int | None
    energy_wh: int
    stop_id_tag: str | None
    received_at: datetime
    review: Reviews = ()


class SessionReviewed(Change, frozen=True):
    """sessions by id: `review` says why billing is held; an empty one lifts the hold."""

    id: int
    review: Reviews
    at: datetime


class SessionReopened(Change, frozen=True):
    """sessions by id: closed by us without a stop (missing stop), and the charger goes on with it."""

    id: int
    at: datetime


class ChargingPeriodsRewritten(Change, frozen=True):
    """charging_periods of a session, all of them: its history was told out of order.

    `periods` is a JSON array of objects with the table's columns, without the session's.
    """

    session_id: int
    periods: Json


class ChargingPeriodOpened(Change, frozen=True):
    """charging_periods by (session_id, started_at); also closes the session's open period at that moment."""

    session_id: int
    started_at: datetime
    charging_state: str  # charging | idle
    energy_wh: int  # session total at this moment


class ChargingPeriodClosed(Change, frozen=True):
    """charging_periods: the session's open period ends."""

    session_id: int
    stopped_at: datetime
    energy_wh: int  # session total at this moment


class TransactionEventStored(Change, frozen=True, gc=False):
    """transaction_events, new row by charge point, transaction, seq_no, timestamp, event_type and content.

    Time, type and content are part of the key because some chargers give a number twice. The same event told
    again is one row.
    """

    charge_point_id: int
    transaction_id: str
    seq_no: int
    timestamp: datetime
    event_type: str  # Started | Updated | Ended
    trigger_reason: str
    offline: bool
    session_id: int
    payload: Json  # JSON as received
    received_at: datetime
    content: int = 0  # domain.history.fingerprint


class SessionMeasured(Change, frozen=True, gc=False):
    """session_totals: what a session has come to by what was sampled of it."""

    session_id: int
    energy_wh: int
    register_wh: int | None
    register_at: datetime | None  # None with a register: the station's clock could not be trusted
    register_series: SmallInt  # location and phases of that register (ext.metering)
    resets: Integer
    power_w: float | None
    current_a: float | None
    voltage_v: float | None
    soc_percent: float | None
    sampled_at: datetime | None  # of the newest sample whose time could be trusted


class MeterValueAdded(Change, frozen=True, gc=False):
    """meter_values, new row by (charge_point_id, timestamp, sample_key): one MeterValue with its samples.

    What its session showed by then stands beside the verbatim samples. A row that came late has its own
    values there and no energy.
    """

    charge_point_id: int
    session_id: int | None
    evse_number: Integer
    timestamp: datetime
    received_at: datetime
    sample_key: int  # 64-bit fingerprint of (session, identities of the samples)
    energy_wh: int | None
    register_wh: int | None
    power_w: float | None
    current_a: float | None
    voltage_v: float | None
    soc_percent: float | None
    samples: Json  # JSON array as received (signed values verbatim)


class OrphanKept(Change, frozen=True):
    """orphans, new row by (charge_point_id, key)."""

    id: int
    charge_point_id: int
    key: str
    action: str
    transaction_id: str
    connector_number: Integer | None
    id_tag: str | None
    meter_wh: int | None
    timestamp: datetime
    reason: str | None
    payload: bytes
    received_at: datetime


class OrphanResolved(Change, frozen=True):
    """orphans by id: it found its session."""

    id: int
    session_id: int
    resolved_at: datetime


# --- what others are told ----------------------------------------------------------------------------------


class EventPublished(Change, frozen=True):
    """events (the outbox), new row; delivered at least once after the commit."""

    type: str
    subject: str  # "charge_point:12", "session:7"
    operator_id: int | None
    payload: bytes  # JSON
    created_at: datetime


class Audited(Change, frozen=True):
    """audit_log, new row: who did what to what."""

    actor: str
    action: str
    subject: str  # as in EventPublished
    details: bytes  # JSON
    at: datetime


class MessageLogged(Change, frozen=True):
    """message_log, new row. Written behind: never waited for, dropped (and counted) under overload."""

    charge_point_id: int
    at: datetime
    direction: str  # in | out
    kind: str  # call | result | error
    action: str
    message_id: str
    payload: str
    correlation_id: str
    repairs: str | None = None
