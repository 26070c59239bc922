"""Provisioning: boots and heartbeats. What a boot means for open sessions stands in `engine.domain.sessions`.

Whether a charge point is accepted is decided beforehand, by people: the stored registration is what a boot is
answered with. A charge point that nobody accepted yet stays Pending, however often it boots.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from engine.domain import notifications, sessions
from engine.domain.changes import Change, ChargePointBooted
from engine.domain.state import ChargePoint, Registration, StationSettings
from engine.ocpp.messages import v16
from engine.ocpp.step import Facts, Message, Outcome

ALL_STATUSES: Final = v16.TriggerMessage(requested_message="StatusNotification")
ALL_KEYS: Final = v16.GetConfiguration()


def boot_notification_v16(
    cp: ChargePoint, request: v16.BootNotification, facts: Facts, now: datetime
) -> Outcome:
    """Store who the charge point says it is and answer with the stored registration."""
    accepted = cp.registration is Registration.ACCEPTED
    state = replace(
        cp,
        booted=accepted,
        vendor=request.charge_point_vendor,
        model=request.charge_point_model,
    )
    session_changes: Sequence[Change] = ()
    if accepted:
        state, session_changes = sessions.on_boot(state, now)
    return Outcome(
        state=state,
        reply=v16.BootNotificationResponse(
            status=cp.registration.value, current_time=_clock(now), interval=_interval(cp, accepted)
        ),
        changes=(
            _booted(cp, request, now),
            *session_changes,
            notifications.about(cp, _notification(cp, request, now), now),
        ),
        calls=_calls_after_boot(cp.settings) if accepted else (),
    )


def heartbeat_v16(cp: ChargePoint, request: v16.Heartbeat, facts: Facts, now: datetime) -> Outcome:
    """The time, nothing else: when a charge point was last heard is the actor's to know (OCPP 1.6 §4.6)."""
    return Outcome(state=cp, reply=v16.HeartbeatResponse(current_time=_clock(now)))


def _clock(now: datetime) -> datetime:
    """Whole seconds: some chargers cannot read a fraction, and none needs one to set its clock."""
    return now.replace(microsecond=0)


def _interval(cp: ChargePoint, accepted: bool) -> int:
    # OCPP 1.6 §4.2: heartbeats if accepted, else the least wait before the next BootNotification.
    return cp.settings.heartbeat_interval if accepted else cp.settings.boot_retry_interval


def _calls_after_boot(settings: StationSettings) -> Sequence[Message]:
    # Certification tools refuse calls they did not ask for, so each has its switch and is off by default.
    calls: list[Message] = []
    if settings.read_configuration_after_boot:
        calls.append(ALL_KEYS)
    if settings.trigger_status_after_boot:
        calls.append(ALL_STATUSES)
    return calls


def _booted(cp: ChargePoint, request: v16.BootNotification, now: datetime) -> ChargePointBooted:
    return ChargePointBooted(
        id=cp.id,
        at=now,
        registration_status=cp.registration.value,
        vendor=request.charge_point_vendor,
        model=request.charge_point_model,
        charge_point_serial_number=request.charge_point_serial_number or None,
        charge_box_serial_number=request.charge_box_serial_number or None,
        firmware_version=request.firmware_version or None,
        iccid=request.iccid or None,
        imsi=request.imsi or None,
        meter_type=request.meter_type or None,
        meter_serial_number=request.meter_serial_number or None,
    )


def _notification(
    cp: ChargePoint, request: v16.BootNotification, now: datetime
) -> notifications.BootNotification:
    return notifications.BootNotification(
        charge_point_id=cp.id,
        timestamp=now,
        boot_notification=notifications.BootIdentity(
            model=request.charge_point_model,
            vendor=request.charge_point_vendor,
            charge_box_serial_number=request.charge_box_serial_number or None,
            charge_point_serial_number=request.charge_point_serial_number or None,
            firmware_version=request.firmware_version or None,
            iccid=request.iccid or None,
            imsi=request.imsi or None,
            meter_serial_number=request.meter_serial_number or None,
            meter_type=request.meter_type or None,
        ),
    )
