"""Diagnostics: uploads of diagnostics (FirmwareManagement) and logs, and what is known of a customer."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from msgspec import UnsetType

from engine.domain import notifications
from engine.domain.changes import Change, LogStatusChanged
from engine.domain.state import ChargePoint
from engine.ocpp.blocks import reports
from engine.ocpp.blocks.checks import location_errors, retry_errors
from engine.ocpp.blocks.twins import response_to
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


def notify_customer_information_v2x(
    cp: ChargePoint,
    request: v201.NotifyCustomerInformation | v21.NotifyCustomerInformation,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """Keep one part of what a station knows of a customer (N09.FR.05); subscribers hear of the last one."""
    changes: list[Change] = [reports.stored(cp, "NotifyCustomerInformation", request, now)]
    if not request.tbc:
        news = notifications.CustomerInformationReceived(
            charge_point_id=cp.id, request_id=request.request_id, timestamp=now
        )
        changes.append(notifications.about(cp, news, now))
    return Outcome(state=cp, reply=response_to(request), changes=changes)


def check_get_diagnostics_v16(request: v16.GetDiagnostics, cp: ChargePoint, now: datetime) -> list[str]:
    """OCPP 1.6 §5.9."""
    errors = location_errors(request.location, "location")
    errors += retry_errors(request.retries, request.retry_interval)
    return errors + _span_errors(request.start_time, request.stop_time, "stopTime must be after startTime")


def check_get_log_v16(request: v16.GetLog, cp: ChargePoint, now: datetime) -> list[str]:
    """Security whitepaper N01."""
    return _log_errors(request)


def check_get_log_v2x(request: v201.GetLog | v21.GetLog, cp: ChargePoint, now: datetime) -> list[str]:
    """A place to upload to (N01); in 2.1 without a fragment (FR.27) or a query that ends in "/" (FR.28)."""
    errors = _log_errors(request)
    if not errors and isinstance(request, v21.GetLog):
        url = urlsplit(request.log.remote_location)
        if url.fragment:
            errors.append("log.remoteLocation must not have a fragment")
        if url.query.endswith("/"):
            errors.append('the query of log.remoteLocation must not end with "/"')
    return errors


def check_customer_information_v2x(
    request: v201.CustomerInformation | v21.CustomerInformation, cp: ChargePoint, now: datetime
) -> list[str]:
    """Something to do (N09.FR.01, FR.07), with a customer who is named one way (N09.FR.04, N10.FR.08)."""
    errors = [] if request.report or request.clear else ["report or clear must be true"]
    named = [request.customer_certificate, request.customer_identifier, request.id_token]
    if sum(1 for one in named if not isinstance(one, UnsetType)) != 1:
        errors.append("exactly one of customerCertificate, customerIdentifier and idToken is required")
    return errors


def _log_errors(request: v16.GetLog | v201.GetLog | v21.GetLog) -> list[str]:
    log = request.log
    errors = location_errors(log.remote_location, "log.remoteLocation")
    errors += retry_errors(request.retries, request.retry_interval)
    return errors + _span_errors(
        log.oldest_timestamp, log.latest_timestamp, "log.latestTimestamp must be after oldestTimestamp"
    )


def _span_errors(start: datetime | UnsetType, end: datetime | UnsetType, error: str) -> list[str]:
    return [error] if start and end and end <= start else []


def _log_changed(
    cp: ChargePoint,
    request: v16.LogStatusNotification | v201.LogStatusNotification | v21.LogStatusNotification,
    now: datetime,
) -> LogStatusChanged:
    request_id = None if isinstance(request.request_id, UnsetType) else request.request_id
    return _changed(cp, request.status, request_id, now)


def _changed(cp: ChargePoint, status: str, request_id: int | None, now: datetime) -> LogStatusChanged:
    return LogStatusChanged(id=cp.id, log_status=UPLOAD_STATUS[status], request_id=request_id, at=now)
