"""What is known of a charge point's inside, as it is shown."""

from __future__ import annotations

import msgspec

from api.kernel.shape import Moment, Shape


class Variable(Shape, frozen=True, kw_only=True):
    """An attribute of a variable; `value` is null where it is not known, never told or a secret."""

    component: str
    component_instance: str
    evse_number: int
    connector_number: int
    variable: str
    variable_instance: str
    attribute: str
    value: str | None
    mutability: str | None
    persistent: bool | None
    constant: bool | None
    data_type: str | None
    unit: str | None
    min_limit: float | None
    max_limit: float | None
    values_list: str | None
    supports_monitoring: bool | None
    at: Moment


class Monitor(Shape, frozen=True, kw_only=True):
    monitor_id: int
    component: str
    component_instance: str
    evse_number: int
    connector_number: int
    variable: str
    variable_instance: str
    type: str
    value: float
    severity: int
    transaction: bool
    kind: str | None
    active: bool
    at: Moment


class DisplayMessage(Shape, frozen=True, kw_only=True):
    """`message` is the MessageInfo of OCPP."""

    message_id: int
    message: msgspec.Raw
    active: bool
    at: Moment


class ChargingProfile(Shape, frozen=True, kw_only=True):
    """`profile` as it was sent; `source` CSO is us."""

    evse_number: int
    profile_id: int
    purpose: str
    stack_level: int
    source: str
    profile: msgspec.Raw
    active: bool
    at: Moment


class ChargingLimit(Shape, frozen=True, kw_only=True):
    evse_number: int
    source: str
    grid_critical: bool
    schedules: msgspec.Raw
    active: bool
    at: Moment


class Reservation(Shape, frozen=True, kw_only=True):
    id: int
    connector_number: int
    id_tag: str
    parent_id_tag: str | None
    status: str
    expiry_date: Moment
    session_id: int | None
    created_at: Moment
    last_updated_at: Moment


class CertificateRequest(Shape, frozen=True, kw_only=True):
    certificate_type: str
    request_id: int | None
    status: str
    reason: str | None
    attempts: int
    next_attempt_at: Moment
    requested_at: Moment
    answered_at: Moment | None


class IssuedCertificate(Shape, frozen=True, kw_only=True):
    id: int
    certificate_type: str
    serial: str
    not_after: Moment
    certificate: str
    status: str
    renewal_asked_at: Moment | None
    issued_at: Moment


class Status(Shape, frozen=True, kw_only=True):
    id: int
    scope: str
    status: str
    evse_number: int | None
    connector_number: int | None
    error_code: str | None
    info: str | None
    vendor_id: str | None
    vendor_error_code: str | None
    at: Moment
    received_at: Moment


class Installation(Shape, frozen=True, kw_only=True):
    """A certificate that is to be installed, with the charge point's verdict."""

    id: int
    type: str
    certificate: str
    status: str
    reason: str | None
    requested_at: Moment
    answered_at: Moment | None
