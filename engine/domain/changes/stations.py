"""What a charge point reports of itself: its connection, boots, statuses, configuration and wishes."""

from __future__ import annotations

from datetime import datetime

from engine.domain.changes.base import Change, Integer, SmallInt


class StationRemoved(Change, frozen=True):
    """charge_points by id: out of service for good. Every reader is told to forget it."""

    id: int
    at: datetime


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
    """connector_status (EVSE 0: the station), if it is the newest, and a row of status_log (`hardware`)."""

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
    """evse_status: whether it keeps a battery that was put in for another one (OCPP 2.1 S)."""

    charge_point_id: int
    evse_number: Integer
    holds_battery: bool
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


class FirmwarePublicationChanged(Change, frozen=True):
    """charge_point_status: how far a local controller is with publishing a firmware."""

    charge_point_id: int
    publish_status: str
    publish_request_id: int | None
    publish_locations: bytes  # JSON array of URLs
    publish_status_at: datetime


class LocalListVersionRead(Change, frozen=True):
    """charge_point_status: which local list it has."""

    charge_point_id: int
    local_list_version: int
    local_list_version_at: datetime


class ConfigurationKeyRead(Change, frozen=True):
    """charge_point_configuration by (charge_point_id, name): a key as the charger reported it."""

    charge_point_id: int
    name: str
    value: str | None
    readonly: bool
    at: datetime


class SecurityEventReported(Change, frozen=True):
    """security_events, new row. `type` is OCPP's name; `critical` per the security whitepaper."""

    charge_point_id: int | None
    operator_id: int | None
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
