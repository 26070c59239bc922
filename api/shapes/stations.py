"""Charge points as they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from api.kernel.shape import Given, Moment, Shape, titled
from engine.domain.state import Registration

Name = Annotated[str, Meta(min_length=1, max_length=255)]
StationStatus = Literal["enabled", "disabled"]
Profile = Annotated[int, Meta(ge=0, le=3)]
Serial = Annotated[str, Meta(pattern="^[0-9A-Fa-f:]{1,64}$")]


class Connector(Shape, frozen=True, kw_only=True):
    """As the charge point last reported it."""

    evse_number: Annotated[int, titled(listed="EVSE")]
    connector_number: Annotated[int, titled(listed="CONNECTOR")]
    status: Annotated[str, titled(listed="STATUS")]
    error_code: Annotated[str | None, titled(listed="ERROR")]
    info: str | None
    vendor_id: str | None
    vendor_error_code: str | None
    at: Moment | None


class Station(Shape, frozen=True, kw_only=True):
    """A charge point. `identity` is what it calls itself, `connected` whether it is, to this node."""

    identity: Annotated[str, titled("Identity", "IDENTITY"), Given.ONCE]
    id: Annotated[int, titled("Id")]
    operator_id: int
    name: Annotated[Name, titled("Name"), Given.ALWAYS]
    status: Annotated[StationStatus, titled("Status"), Given.ALWAYS]
    connected: Annotated[bool, titled("Connected", "CONNECTED")]
    network_status: Annotated[str, titled("Network status", "NETWORK")]
    network_status_at: Moment | None
    registration_status: Annotated[Registration, titled("Registration", "REGISTRATION"), Given.ALWAYS]
    accept_when_configured: bool
    vendor: Annotated[str, titled("Vendor", "VENDOR")]
    model: Annotated[str, titled("Model", "MODEL")]
    security_profile: Annotated[Profile, titled("Security profile", "PROFILE"), Given.ALWAYS]
    current_security_profile: int | None
    next_security_profile: Annotated[int | None, titled("Moving to profile")]
    has_password: Annotated[bool, titled("Password set")]
    network_protocol: Annotated[str | None, titled("Protocol")]
    network_ip: str | None
    charge_point_serial_number: Annotated[str | None, titled("Serial number")]
    charge_box_serial_number: str | None
    firmware_version: Annotated[str | None, titled("Firmware")]
    first_contact_at: Annotated[Moment | None, titled("First contact")]
    booted_at: Annotated[Moment | None, titled("Last boot")]
    connected_at: Moment | None
    invalid_username_allowed: Annotated[bool, Given.ALWAYS]
    certificate_serial: Annotated[Serial | None, Given.ALWAYS]
    hardware_status: str | None
    hardware_error_code: str | None
    firmware_status: str | None
    log_status: str | None
    local_list_version: int | None
    settings: Annotated[dict[str, Any], Given.ALWAYS]
    created_at: Moment
    last_updated_at: Moment
    connectors: Sequence[Connector] | UnsetType = UNSET


class AddedStation(Station, frozen=True, kw_only=True):
    """`password` is there where the node made one up, and is shown this once."""

    password: str | UnsetType = UNSET
