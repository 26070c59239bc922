"""Boots: BootNotification (1.6 §4.2, 2.x B01 to B03). What a boot means for open sessions stands in
`engine.domain.session.course`.

Whether a charge point is accepted is decided beforehand, by people: the stored registration is what a boot is
answered with. A charge point that nobody accepted yet stays Pending, however often it boots.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from engine.domain import notifications
from engine.domain.changes import Change, ChargePointBooted
from engine.domain.session import course
from engine.domain.state import ChargePoint, Registration
from engine.ocpp.blocks.payloads_2x import made_for, response_to
from engine.ocpp.blocks.provisioning.heartbeat import clock
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Facts, Message, Outcome
from engine.ocpp.vocabulary import REGISTRATION_STATUS

ALL_STATUSES: Final = v16.TriggerMessage(requested_message="StatusNotification")
ALL_KEYS: Final = v16.GetConfiguration()
STATUSES_ASKED: Final = 16  # connectors asked after a boot: the queue of calls is bounded
MAX_REQUEST_ID: Final = 2**31 - 1


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
            current_time=clock(now),
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
        current_time=clock(now),
        interval=_interval(cp, accepted),
    )
    calls = _calls_v2x(cp, now) if accepted and request.reason != "Triggered" else ()
    return Outcome(state=state, reply=reply, changes=changes, calls=calls)


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
        state, session_changes = course.on_boot(state, now)
    row = ChargePointBooted(
        charge_point_id=cp.id,
        booted_at=now,
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


HANDLERS: Final = (
    handler(v16.BootNotification, boot_notification_v16, before_boot=True),
    handler(v201.BootNotification, boot_notification_v2x, before_boot=True),
)
