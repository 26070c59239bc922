"""Have a station upload its log: GetDiagnostics (1.6 §5.9), GetLog (1.6 security, 2.x N01)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from msgspec import UnsetType

from engine.domain.state import ChargePoint
from engine.ocpp.blocks.file_transfer import location_errors, retry_errors
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Moment, Operation, Result
from engine.ocpp.results import as_kind, result_of


class GetLog(Operation, frozen=True):
    """Have the station upload its log to `location`: `kind` diagnostics or security."""

    location: str  # URL to upload to
    request_id: int
    kind: Literal["diagnostics", "security"] = "diagnostics"
    oldest: Moment | None = None
    latest: Moment | None = None
    retries: int | None = None
    retry_interval: int | None = None  # seconds


class Upload(Result, frozen=True):
    filename: str | None = None  # None: the station has nothing to upload, or does not say


def encode_v16(operation: GetLog, _cp: ChargePoint) -> Sequence[Call]:
    retries = given(retries=operation.retries, retryInterval=operation.retry_interval)
    if operation.kind == "diagnostics":  # every station with firmware management has it, unlike GetLog
        span = given(location=operation.location, startTime=operation.oldest, stopTime=operation.latest)
        return [("GetDiagnostics", {**span, **retries})]
    log = given(
        remoteLocation=operation.location, oldestTimestamp=operation.oldest, latestTimestamp=operation.latest
    )
    return [("GetLog", {"logType": "SecurityLog", "requestId": operation.request_id, "log": log, **retries})]


def read_v16(_operation: GetLog, answers: Sequence[Any]) -> Result:
    answer = answers[0]
    name = answer.file_name if isinstance(answer, v16.GetDiagnosticsResponse) else answer.filename
    return as_kind(Upload, result_of(answer), filename=name or None)


def encode_v2x(operation: GetLog, _cp: ChargePoint) -> Sequence[Call]:
    log = given(
        remoteLocation=operation.location, oldestTimestamp=operation.oldest, latestTimestamp=operation.latest
    )
    members = given(
        logType="DiagnosticsLog" if operation.kind == "diagnostics" else "SecurityLog",
        requestId=operation.request_id,
        log=log,
        retries=operation.retries,
        retryInterval=operation.retry_interval,
    )
    return [("GetLog", members)]


def read_v2x(_operation: GetLog, answers: Sequence[Any]) -> Result:
    return as_kind(Upload, result_of(answers[0]), filename=answers[0].filename or None)


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


def _log_errors(request: v16.GetLog | v201.GetLog | v21.GetLog) -> list[str]:
    log = request.log
    errors = location_errors(log.remote_location, "log.remoteLocation")
    errors += retry_errors(request.retries, request.retry_interval)
    return errors + _span_errors(
        log.oldest_timestamp, log.latest_timestamp, "log.latestTimestamp must be after oldestTimestamp"
    )


def _span_errors(start: datetime | UnsetType, end: datetime | UnsetType, error: str) -> list[str]:
    return [error] if start and end and end <= start else []


OPERATION: Final = define(GetLog, v16=Encoding(encode_v16, read_v16), v2x=Encoding(encode_v2x, read_v2x))
COMMANDS: Final = (
    command(v16.GetDiagnostics, check=check_get_diagnostics_v16),
    command(v16.GetLog, check=check_get_log_v16),
    command(v201.GetLog, check=check_get_log_v2x),
)
