"""Diagnostics: uploads of diagnostics (FirmwareManagement) and of logs (security whitepaper)."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from msgspec import UnsetType

from engine.domain import notifications
from engine.domain.changes import LogStatusChanged
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.checks import location_errors, retry_errors
from engine.ocpp.messages import v16
from engine.ocpp.step import Facts, Outcome

DiagnosticsStatus = Literal["idle", "uploaded", "uploadfailed", "uploading"]
DIAGNOSTICS_STATUS: Final[dict[str, DiagnosticsStatus]] = {  # OCPP 1.6 §7.24 → the name our API gives it
    "Idle": "idle",
    "Uploaded": "uploaded",
    "UploadFailed": "uploadfailed",
    "Uploading": "uploading",
}


def diagnostics_status_notification_v16(
    cp: ChargePoint, request: v16.DiagnosticsStatusNotification, facts: Facts, now: datetime
) -> Outcome:
    """Keep how far a GetDiagnostics has come (OCPP 1.6 §4.4)."""
    news = notifications.DiagnosticsStatusNotification(
        charge_point_id=cp.id, status=DIAGNOSTICS_STATUS[request.status], last_updated_at=now
    )
    return Outcome(
        state=cp,
        reply=v16.DiagnosticsStatusNotificationResponse(),
        changes=(_changed(cp, request.status, None, now), notifications.about(cp, news, now)),
    )


def log_status_notification_v16(
    cp: ChargePoint, request: v16.LogStatusNotification, facts: Facts, now: datetime
) -> Outcome:
    """Keep how far a GetLog has come; the request id is absent only when the status is Idle (N01)."""
    request_id = None if isinstance(request.request_id, UnsetType) else request.request_id
    return Outcome(
        state=cp,
        reply=v16.LogStatusNotificationResponse(),
        changes=(_changed(cp, request.status, request_id, now),),
    )


def check_get_diagnostics_v16(request: v16.GetDiagnostics, cp: ChargePoint, now: datetime) -> list[str]:
    """OCPP 1.6 §5.9."""
    errors = location_errors(request.location, "location")
    errors += retry_errors(request.retries, request.retry_interval)
    return errors + _span_errors(request.start_time, request.stop_time, "stopTime must be after startTime")


def check_get_log_v16(request: v16.GetLog, cp: ChargePoint, now: datetime) -> list[str]:
    """Security whitepaper N01."""
    log = request.log
    errors = location_errors(log.remote_location, "log.remoteLocation")
    errors += retry_errors(request.retries, request.retry_interval)
    return errors + _span_errors(
        log.oldest_timestamp, log.latest_timestamp, "log.latestTimestamp must be after oldestTimestamp"
    )


def _span_errors(start: datetime | UnsetType, end: datetime | UnsetType, error: str) -> list[str]:
    return [error] if start and end and end <= start else []


def _changed(cp: ChargePoint, status: str, request_id: int | None, now: datetime) -> LogStatusChanged:
    return LogStatusChanged(id=cp.id, log_status=status, request_id=request_id, at=now)
