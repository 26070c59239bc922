"""Security events that a station reports: SecurityEventNotification (1.6 security, 2.x A04)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from engine.domain import notifications
from engine.domain.changes import Change, SecurityEventReported
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.payloads_2x import response_to
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Facts, Outcome

SECURITY_EVENTS: Final[Mapping[str, bool]] = {  # whitepaper §6: type → critical
    "FirmwareUpdated": True,
    "FailedToAuthenticateAtCentralSystem": False,
    "CentralSystemFailedToAuthenticate": False,
    "SettingSystemTime": True,
    "StartupOfTheDevice": True,
    "ResetOrReboot": True,
    "SecurityLogWasCleared": True,
    "ReconfigurationOfSecurityParameters": False,
    "MemoryExhaustion": True,
    "InvalidMessages": False,
    "AttemptedReplayAttacks": False,
    "TamperDetectionActivated": True,
    "InvalidFirmwareSignature": False,
    "InvalidFirmwareSigningCertificate": False,
    "InvalidCentralSystemCertificate": False,
    "InvalidChargePointCertificate": False,
    "InvalidTLSVersion": False,
    "InvalidTLSCipherSuite": False,
}


def security_event_notification_v16(
    cp: ChargePoint, request: v16.SecurityEventNotification, facts: Facts, now: datetime
) -> Outcome:
    """Store the event (A04.FR.03). Types of a vendor's own are stored too and never critical."""
    reply = v16.SecurityEventNotificationResponse()
    return Outcome(state=cp, reply=reply, changes=_event(cp, request, now))


def security_event_notification_v2x(
    cp: ChargePoint,
    request: v201.SecurityEventNotification | v21.SecurityEventNotification,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """The same for OCPP 2.x (A04.FR.03), whose critical events have the same names."""
    return Outcome(state=cp, reply=response_to(request), changes=_event(cp, request, now))


def _event(
    cp: ChargePoint,
    request: v16.SecurityEventNotification | v201.SecurityEventNotification | v21.SecurityEventNotification,
    now: datetime,
) -> tuple[Change, ...]:
    critical = SECURITY_EVENTS.get(request.type, False)
    reported = SecurityEventReported(
        charge_point_id=cp.id,
        operator_id=cp.operator_id,
        type=request.type,
        timestamp=request.timestamp,
        tech_info=request.tech_info or None,
        critical=critical,
        received_at=now,
    )
    news = notifications.SecurityEventNotification(
        charge_point_id=cp.id,
        type=request.type,
        timestamp=request.timestamp,
        tech_info=request.tech_info or None,
        critical=critical,
    )
    return reported, notifications.about(cp, news, now)


HANDLERS: Final = (
    handler(v16.SecurityEventNotification, security_event_notification_v16),
    handler(v201.SecurityEventNotification, security_event_notification_v2x),
)
