"""Diagnostics and log uploads (OCPP 1.6 §4.4, §5.9; security whitepaper N01)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from engine.domain.changes import EventPublished, LogStatusChanged
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.diagnostics.get_log import check_get_diagnostics_v16, check_get_log_v16
from engine.ocpp.blocks.diagnostics.log_status import (
    diagnostics_status_notification_v16,
    log_status_notification_v16,
)
from engine.ocpp.messages import v16
from engine.ocpp.step import Facts


@pytest.mark.proves("1.6", "DiagnosticsStatusNotification")
@pytest.mark.parametrize(
    ("status", "ours", "published"),
    [
        ("Idle", "idle", "idle"),
        ("Uploading", "uploading", "uploading"),
        ("Uploaded", "uploaded", "uploaded"),
        ("UploadFailed", "upload_failed", "uploadfailed"),
    ],
)
def test_diagnostics_progress_is_kept_and_published(
    cp: ChargePoint, now: datetime, status: Any, ours: str, published: str
) -> None:
    request = v16.DiagnosticsStatusNotification(status=status)
    outcome = diagnostics_status_notification_v16(cp, request, Facts(), now)
    assert outcome.reply == v16.DiagnosticsStatusNotificationResponse()
    kept, event = outcome.changes
    assert kept == LogStatusChanged(
        charge_point_id=12, log_status=ours, log_request_id=None, log_status_at=now
    )
    assert isinstance(event, EventPublished)
    assert msgspec.json.decode(event.payload)["status"] == published


@pytest.mark.proves("1.6", "LogStatusNotification")
@pytest.mark.parametrize("request_id", [UNSET, 0, 8])
def test_log_progress_keeps_its_request(cp: ChargePoint, now: datetime, request_id: Any) -> None:
    request = v16.LogStatusNotification(status="PermissionDenied", request_id=request_id)
    outcome = log_status_notification_v16(cp, request, Facts(), now)
    assert outcome.reply == v16.LogStatusNotificationResponse()
    assert list(outcome.changes) == [
        LogStatusChanged(
            charge_point_id=12,
            log_status="permission_denied",
            log_request_id=None if request_id is UNSET else request_id,
            log_status_at=now,
        )
    ]


@pytest.mark.proves("1.6", "GetDiagnostics")
@pytest.mark.parametrize(
    ("members", "count"),
    [({}, 0), ({"location": "diagnostics/"}, 1), ({"retries": -1}, 1), ({"span": 0}, 1), ({"span": 60}, 0)],
)
def test_what_diagnostics_may_be_asked(
    cp: ChargePoint, now: datetime, members: dict[str, Any], count: int
) -> None:
    given = {"location": "ftp://example.org/in/"} | members
    if "span" in given:
        given |= {"start_time": now, "stop_time": now + timedelta(seconds=given.pop("span"))}
    assert len(check_get_diagnostics_v16(v16.GetDiagnostics(**given), cp, now)) == count


@pytest.mark.proves("1.6", "GetLog")
@pytest.mark.parametrize(
    ("location", "span", "count"),
    [("sftp://example.org/in/", 60, 0), ("nowhere", 60, 1), ("sftp://example.org/in/", -60, 1)],
)
def test_what_log_may_be_asked(cp: ChargePoint, now: datetime, location: str, span: int, count: int) -> None:
    request = v16.GetLog(
        log=v16.LogParameters(
            remote_location=location, oldest_timestamp=now, latest_timestamp=now + timedelta(seconds=span)
        ),
        log_type="SecurityLog",
        request_id=1,
    )
    assert len(check_get_log_v16(request, cp, now)) == count
