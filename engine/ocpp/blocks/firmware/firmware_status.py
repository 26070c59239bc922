"""How far an update or a publication of firmware has come (1.6 §4.5, 2.x L01 to L03)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from msgspec import UnsetType

from engine.domain import notifications
from engine.domain.changes import Change, FirmwarePublicationChanged, FirmwareStatusChanged
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.payloads_2x import response_to
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.results import reason_of
from engine.ocpp.step import Facts, Outcome


def firmware_status_notification_v16(
    cp: ChargePoint, request: v16.FirmwareStatusNotification, facts: Facts, now: datetime
) -> Outcome:
    """Keep how far an UpdateFirmware has come (OCPP 1.6 §4.5); Idle is the answer when none is under way."""
    return Outcome(
        state=cp,
        reply=v16.FirmwareStatusNotificationResponse(),
        changes=_changes(cp, request.status, None, now),
    )


def signed_firmware_status_notification_v16(
    cp: ChargePoint, request: v16.SignedFirmwareStatusNotification, facts: Facts, now: datetime
) -> Outcome:
    """The same for a SignedUpdateFirmware; the request id is absent only when the status is Idle."""
    return Outcome(
        state=cp,
        reply=v16.SignedFirmwareStatusNotificationResponse(),
        changes=_changes(cp, request.status, _given(request.request_id), now),
    )


def firmware_status_notification_v2x(
    cp: ChargePoint,
    request: v201.FirmwareStatusNotification | v21.FirmwareStatusNotification,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """The same for OCPP 2.x; only Idle has no request id (L01.FR.20, L02.FR.14). Version 2.1 tells why."""
    reason = reason_of(request.status_info) if isinstance(request, v21.FirmwareStatusNotification) else None
    changes = _changes(cp, request.status, _given(request.request_id), now, reason)
    return Outcome(state=cp, reply=response_to(request), changes=changes)


def publish_firmware_status_notification_v2x(
    cp: ChargePoint,
    request: v201.PublishFirmwareStatusNotification | v21.PublishFirmwareStatusNotification,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """Keep how far a PublishFirmware has come (L03.FR.01), and where the firmware is now (L03.FR.04)."""
    row = FirmwarePublicationChanged(
        charge_point_id=cp.id,
        publish_status=request.status,
        publish_request_id=_given(request.request_id),
        publish_locations=msgspec.json.encode(request.location or []),
        publish_status_at=now,
    )
    return Outcome(state=cp, reply=response_to(request), changes=(row,))


def _given(request_id: int | UnsetType) -> int | None:
    return None if isinstance(request_id, UnsetType) else request_id


def _changes(
    cp: ChargePoint, status: str, request_id: int | None, now: datetime, reason: str | None = None
) -> list[Change]:
    news = notifications.FirmwareStatusNotification(
        charge_point_id=cp.id,
        last_updated_at=now,
        protocol=cp.version.replace("ocpp", "ocpp "),
        firmware_status=status,
        request_id=request_id,
    )
    return [
        FirmwareStatusChanged(
            charge_point_id=cp.id,
            firmware_status=status,
            firmware_request_id=request_id,
            firmware_status_at=now,
            firmware_status_reason=reason,
        ),
        notifications.about(cp, news, now),
    ]


HANDLERS: Final = (
    handler(v16.FirmwareStatusNotification, firmware_status_notification_v16, before_boot=True),
    handler(v16.SignedFirmwareStatusNotification, signed_firmware_status_notification_v16, before_boot=True),
    handler(v201.FirmwareStatusNotification, firmware_status_notification_v2x, before_boot=True),
    handler(v201.PublishFirmwareStatusNotification, publish_firmware_status_notification_v2x),
)
