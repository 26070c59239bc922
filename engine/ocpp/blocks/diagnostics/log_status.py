"""How far an upload has come: DiagnosticsStatusNotification (1.6 §4.4), LogStatusNotification (2.x N01)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import UnsetType

from engine.domain import notifications
from engine.domain.changes import LogStatusChanged
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.payloads_2x import response_to
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Facts, Outcome
from engine.ocpp.vocabulary import UPLOAD_STATUS


def diagnostics_status_notification_v16(
    cp: ChargePoint, request: v16.DiagnosticsStatusNotification, facts: Facts, now: datetime
) -> Outcome:
    """Keep how far a GetDiagnostics has come (OCPP 1.6 §4.4)."""
    news = notifications.DiagnosticsStatusNotification(
        charge_point_id=cp.id, status=UPLOAD_STATUS[request.status].public, last_updated_at=now
    )
    return Outcome(
        state=cp,
        reply=v16.DiagnosticsStatusNotificationResponse(),
        changes=(_changed(cp, request.status, None, now), notifications.about(cp, news, now)),
    )


def log_status_notification_v16(
    cp: ChargePoint, request: v16.LogStatusNotification, facts: Facts, now: datetime
) -> Outcome:
    """Keep how far a GetLog has come; the request id is absent only when the status is Idle (N01.FR.13)."""
    changes = (_log_changed(cp, request, now),)
    return Outcome(state=cp, reply=v16.LogStatusNotificationResponse(), changes=changes)


def log_status_notification_v2x(
    cp: ChargePoint,
    request: v201.LogStatusNotification | v21.LogStatusNotification,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """The same for OCPP 2.x (N01.FR.13)."""
    changes = (_log_changed(cp, request, now),)
    return Outcome(state=cp, reply=response_to(request), changes=changes)


def _log_changed(
    cp: ChargePoint,
    request: v16.LogStatusNotification | v201.LogStatusNotification | v21.LogStatusNotification,
    now: datetime,
) -> LogStatusChanged:
    request_id = None if isinstance(request.request_id, UnsetType) else request.request_id
    return _changed(cp, request.status, request_id, now)


def _changed(cp: ChargePoint, status: str, request_id: int | None, now: datetime) -> LogStatusChanged:
    return LogStatusChanged(
        charge_point_id=cp.id, log_status=UPLOAD_STATUS[status], log_request_id=request_id, log_status_at=now
    )


HANDLERS: Final = (
    handler(v16.DiagnosticsStatusNotification, diagnostics_status_notification_v16, before_boot=True),
    handler(v16.LogStatusNotification, log_status_notification_v16, before_boot=True),
    handler(v201.LogStatusNotification, log_status_notification_v2x),
)
