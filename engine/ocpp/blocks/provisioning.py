"""Provisioning: boots, heartbeats, resets and network profiles. What a boot means for open sessions stands in
`engine.domain.sessions`, the device model in its own block.

Whether a charge point is accepted is decided beforehand, by people: the stored registration is what a boot is
answered with. A charge point that nobody accepted yet stays Pending, however often it boots.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from engine.domain import notifications, sessions
from engine.domain.changes import Change, ChargePointBooted
from engine.domain.state import ChargePoint, Registration
from engine.ocpp.blocks.twins import made_for, response_to
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Facts, Message, Outcome
from engine.ocpp.vocabulary import REGISTRATION_STATUS

ALL_STATUSES: Final = v16.TriggerMessage(requested_message="StatusNotification")
ALL_KEYS: Final = v16.GetConfiguration()
SECURE_PROFILES: Final = frozenset({2, 3})  # with TLS
STATUSES_ASKED: Final = 16  # connectors asked after a boot: the queue of calls is bounded
MAX_REQUEST_ID: Final = 2**31 - 1
SECOND: Final = timedelta(seconds=1)


def boot_notification_v16(
    cp: ChargePoint, request: v16.BootNotification, facts: Facts, now: datetime
) -> Outcome:
    """Store who the charge point says it is and answer with the stored registration."""
    identity = notifications.BootIdentity(
        model=request.charge_point_model,
        vendor=request.charge_point_vendor,
        charge_box_serial_number=request.charge_box_serial_number or None,
        charge_point_serial_number=request.charge_point_serial_number or None,
        firmware_version=request.firmware_version or None,
        iccid=request.iccid or None,
        imsi=request.imsi or None,
        meter_serial_number=request.meter_serial_number or None,
        meter_type=request.meter_type or None,
    )
    accepted = cp.registration is Registration.ACCEPTED
    state, changes = _booted(cp, identity, now, restarted=True)
    return Outcome(
        state=state,
        reply=v16.BootNotificationResponse(
            status=REGISTRATION_STATUS[cp.registration],
            current_time=_clock(now),
            interval=_interval(cp, accepted),
        ),
        changes=changes,
        calls=_calls_v16(cp) if accepted else (),
    )


def boot_notification_v2x(
    cp: ChargePoint, request: v201.BootNotification | v21.BootNotification, facts: Facts, now: datetime
) -> Outcome:
    """The same for OCPP 2.x (B01.FR.02; B02, B03)."""
    station = request.charging_station
    modem = station.modem or None
    identity = notifications.BootIdentity(
        model=station.model,
        vendor=station.vendor_name,
        charge_point_serial_number=station.serial_number or None,
        firmware_version=station.firmware_version or None,
        iccid=(modem.iccid or None) if modem else None,
        imsi=(modem.imsi or None) if modem else None,
        reason=request.reason,
    )
    accepted = cp.registration is Registration.ACCEPTED
    # F06: a boot that we asked for is told by a station that did not restart.
    state, changes = _booted(cp, identity, now, restarted=request.reason != "Triggered")
    reply = response_to(
        request,
        status=REGISTRATION_STATUS[cp.registration],
        current_time=_clock(now),
        interval=_interval(cp, accepted),
    )
    calls = _calls_v2x(cp, now) if accepted and request.reason != "Triggered" else ()
    return Outcome(state=state, reply=reply, changes=changes, calls=calls)


def heartbeat_v16(cp: ChargePoint, request: v16.Heartbeat, facts: Facts, now: datetime) -> Outcome:
    """The time, nothing else: when a charge point was last heard is the actor's to know (OCPP 1.6 §4.6)."""
    return Outcome(state=cp, reply=v16.HeartbeatResponse(current_time=_clock(now)))


class _WholeSeconds:
    """Whole seconds: some chargers cannot read a fraction, and none needs one to set its clock.

    The last second is kept, because most calls are within it and to make a datetime is the dearest part of a
    Heartbeat.
    """

    def __init__(self) -> None:
        self._second = self._next = datetime.min.replace(tzinfo=UTC)

    def __call__(self, now: datetime) -> datetime:
        if not self._second <= now < self._next:
            self._second = now.replace(microsecond=0)
            self._next = self._second + SECOND
        return self._second


_clock: Final = _WholeSeconds()


def heartbeat_v2x(
    cp: ChargePoint, request: v201.Heartbeat | v21.Heartbeat, facts: Facts, now: datetime
) -> Outcome:
    """The same for OCPP 2.x (G02.FR.03)."""
    return Outcome(state=cp, reply=response_to(request, current_time=_clock(now)))


def check_reset_v2x(request: v201.Reset | v21.Reset, cp: ChargePoint, now: datetime) -> list[str]:
    """One EVSE (B11.FR.08), or by leaving it out the station (B11.FR.03)."""
    wrong = isinstance(request.evse_id, int) and request.evse_id <= 0
    return ["evseId must be greater than 0; leave it out to reset the station"] if wrong else []


def check_set_network_profile_v2x(
    request: v201.SetNetworkProfile | v21.SetNetworkProfile, cp: ChargePoint, now: datetime
) -> list[str]:
    """A WebSocket URL that goes with the security profile (B09; A00.FR.312)."""
    profile = request.connection_data
    errors = [] if request.configuration_slot >= 0 else ["configurationSlot must not be negative"]
    if profile.ocpp_transport != "JSON":
        errors.append("connectionData.ocppTransport must be JSON")
    if profile.message_timeout <= 0:
        errors.append("connectionData.messageTimeout must be greater than 0")
    if not 1 <= profile.security_profile <= 3:
        errors.append("connectionData.securityProfile must be 1, 2 or 3")
    scheme = "wss" if profile.security_profile in SECURE_PROFILES else "ws"
    if _scheme(profile.ocpp_csms_url) != scheme:
        errors.append(
            f"connectionData.ocppCsmsUrl must be a {scheme}:// URL with security profile "
            f"{profile.security_profile}"
        )
    return errors


def _scheme(url: str) -> str:
    """Of a complete URL in lower case; "" for anything else."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.scheme.lower() if parts.hostname else ""


def _interval(cp: ChargePoint, accepted: bool) -> int:
    # Heartbeats if accepted, else the least wait before the next BootNotification:
    # OCPP 1.6 §4.2, B01.FR.04, B02.FR.08.
    return cp.settings.heartbeat_interval if accepted else cp.settings.boot_retry_interval


def _calls_v16(cp: ChargePoint) -> Sequence[Message]:
    # Certification tools refuse calls they did not ask for, so each has its switch and is off by default.
    calls: list[Message] = []
    if cp.settings.read_configuration_after_boot:
        calls.append(ALL_KEYS)
    if cp.settings.trigger_status_after_boot:
        calls.append(ALL_STATUSES)
    return calls


def _calls_v2x(cp: ChargePoint, now: datetime) -> Sequence[Message]:
    calls: list[Message] = []
    if cp.settings.read_configuration_after_boot:  # B07.FR.14
        number = int(now.timestamp()) % MAX_REQUEST_ID
        calls.append(made_for(cp.version, "GetBaseReport", request_id=number, report_base="FullInventory"))
    if cp.settings.trigger_status_after_boot:
        # Of one that never told any, that they are numbered from 1 is all that is known.
        known = sorted(key for key in cp.connectors if all(key)) or [(1, 1)]
        # F06.FR.13: a StatusNotification is asked for connector by connector.
        for evse_number, connector_number in known[:STATUSES_ASKED]:
            evse = made_for(cp.version, "EVSE", id=evse_number, connector_id=connector_number)
            calls.append(
                made_for(cp.version, "TriggerMessage", requested_message="StatusNotification", evse=evse)
            )
    return calls


def _booted(
    cp: ChargePoint, identity: notifications.BootIdentity, now: datetime, *, restarted: bool
) -> tuple[ChargePoint, Sequence[Change]]:
    """The state after a boot, and what is written of it."""
    accepted = cp.registration is Registration.ACCEPTED
    state = replace(cp, booted=accepted, vendor=identity.vendor, model=identity.model)
    session_changes: Sequence[Change] = ()
    if accepted and restarted:
        state, session_changes = sessions.on_boot(state, now)
    row = ChargePointBooted(
        id=cp.id,
        at=now,
        registration_status=cp.registration,
        vendor=identity.vendor,
        model=identity.model,
        charge_point_serial_number=identity.charge_point_serial_number,
        charge_box_serial_number=identity.charge_box_serial_number,
        firmware_version=identity.firmware_version,
        iccid=identity.iccid,
        imsi=identity.imsi,
        meter_type=identity.meter_type,
        meter_serial_number=identity.meter_serial_number,
        boot_reason=identity.reason,
    )
    news = notifications.BootNotification(charge_point_id=cp.id, timestamp=now, boot_notification=identity)
    return state, (row, *session_changes, notifications.about(cp, news, now))
