"""What the outside world is told: one Struct per notification type, its tag being the type's name.

Payloads are thin and in camelCase; `publish` turns one into an outbox row. An EVSE stands here by its number:
rules know no row ids of EVSEs, delivery adds `evseId` when it matches subscriptions.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import UNSET, UnsetType

from engine.domain.changes import EventPublished
from engine.domain.state import ChargePoint
from engine.domain.vocabulary import ReservationStatus


class Notification(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, tag_field="notification"
):
    """Base of every payload; the member `notification` is the subclass's tag."""


def publish(
    notification: Notification, subject: str, operator_id: int | None, at: datetime
) -> EventPublished:
    """An outbox row; `subject` names what it is about (`charge_point:12`), `at` is the time of receipt."""
    return EventPublished(
        type=str(notification.__struct_config__.tag),
        subject=subject,
        operator_id=operator_id,
        payload=msgspec.json.encode(notification),
        created_at=at,
    )


def about(cp: ChargePoint, notification: Notification, at: datetime) -> EventPublished:
    """An outbox row whose subject is the charge point itself."""
    return publish(notification, f"charge_point:{cp.id}", cp.operator_id, at)


class BootIdentity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who the charge point says it is; these members stay in snake_case."""

    model: str
    vendor: str
    charge_box_serial_number: str | None = None
    charge_point_serial_number: str | None = None
    firmware_version: str | None = None
    iccid: str | None = None
    imsi: str | None = None
    meter_serial_number: str | None = None
    meter_type: str | None = None
    reason: str | None = None


class BootNotification(Notification, frozen=True, kw_only=True, tag="BootNotification"):
    charge_point_id: int
    timestamp: datetime
    boot_notification: BootIdentity


class HardwareStatusNotification(Notification, frozen=True, kw_only=True, tag="HardwareStatusNotification"):
    """`evse_number` is absent when the charge point as a whole is meant."""

    charge_point_id: int
    evse_number: int | UnsetType = UNSET
    timestamp: datetime
    hardware_status: str
    error_code: str | None = None
    info: str | None = None
    vendor_id: str | None = None
    vendor_error_code: str | None = None


class FirmwareStatusNotification(Notification, frozen=True, kw_only=True, tag="FirmwareStatusNotification"):
    charge_point_id: int
    last_updated_at: datetime
    protocol: str
    firmware_status: str
    request_id: int | None = None


class DiagnosticsStatusNotification(
    Notification, frozen=True, kw_only=True, tag="DiagnosticsStatusNotification"
):
    """OCPP 1.6 carries no `request_id`: there it is the latest request to that charge point."""

    charge_point_id: int
    request_id: int | None = None
    status: str
    last_updated_at: datetime


class SecurityEventNotification(Notification, frozen=True, kw_only=True, tag="SecurityEventNotification"):
    charge_point_id: int
    type: str
    timestamp: datetime
    tech_info: str | None = None
    critical: bool


class DataTransferReceived(Notification, frozen=True, kw_only=True, tag="chargePoint.dataTransferReceived"):
    charge_point_id: int
    vendor_id: str
    message_id: str | None = None
    data: str | None = None


class CertificateRequested(Notification, frozen=True, kw_only=True, tag="chargePoint.certificateRequested"):
    """A valid signing request waits for a CA; not for subscribers outside, the CA's connector reads it."""

    charge_point_id: int
    csr: str  # PEM
    certificate_type: str | None = None  # None: the one for the connection to us (OCPP 1.6)
    timestamp: datetime


class MessageReceived(Notification, frozen=True, kw_only=True, tag="chargePoint.messageReceived"):
    """A message that this program keeps without a matter of its own for it; `payload` is it, as it came."""

    charge_point_id: int
    action: str
    payload: msgspec.Raw
    received_at: datetime


class ChargingLimitNotification(Notification, frozen=True, kw_only=True, tag="chargingLimit.changed"):
    """Somebody else limits (or releases) an EVSE; `evse_number` 0: the charge point as a whole."""

    charge_point_id: int
    evse_number: int
    source: str
    active: bool
    grid_critical: bool
    timestamp: datetime


class DeviceModelReported(Notification, frozen=True, kw_only=True, tag="chargePoint.deviceModelReported"):
    """The last part of a report came; `complete`: so did all parts before it."""

    charge_point_id: int
    request_id: int
    complete: bool
    timestamp: datetime


class DeviceEvent(Notification, frozen=True, kw_only=True, tag="chargePoint.deviceEvent"):
    """A monitor or the hardware reports a variable's value (OCPP 2.x NotifyEvent)."""

    charge_point_id: int
    event_id: int
    component: str
    component_instance: str | None = None
    evse_number: int | UnsetType = UNSET
    connector_number: int | UnsetType = UNSET
    variable: str
    variable_instance: str | None = None
    actual_value: str
    trigger: str
    cleared: bool = False
    severity: int | None = None
    tech_code: str | None = None
    tech_info: str | None = None
    transaction_id: str | None = None
    variable_monitoring_id: int | None = None
    timestamp: datetime


class CustomerInformationReceived(
    Notification, frozen=True, kw_only=True, tag="chargePoint.customerInformationReceived"
):
    """The last part of what a station knows of a customer came; the text itself is stored, not published."""

    charge_point_id: int
    request_id: int
    timestamp: datetime


class ReservationChanged(Notification, frozen=True, kw_only=True, tag="reservation.changed"):
    reservation_id: int
    status: ReservationStatus
    last_updated_at: datetime


class SchedulePeriod(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    start_period: int
    limit: float
    number_phases: int | None = None


class AppliedProfile(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    id: int
    min_charging_rate: float | None = None
    schedule_periods: list[SchedulePeriod]
    schedule_start: datetime | None = None
    charging_rate_unit: str
    stack_level: int
    charging_profile_kind: str
    recurrency_kind: str | None = None  # daily | weekly
    purpose: str
    valid_to: datetime | None = None
    valid_from: datetime | None = None
    duration: int | None = None


class ChargingProfileApplied(Notification, frozen=True, kw_only=True, tag="chargingProfile.applied"):
    """`evse_number` 0: the charge point as a whole; `session_id` only of a session's own profile."""

    charge_point_id: int
    evse_number: int
    session_id: int | None = None
    charging_profile: AppliedProfile
    applied_at: datetime
