"""Reports of many parts (OCPP 2.x B07, N02, O03): which ones are on their way, and when one is whole.

A report that was asked for without a filter ends what it does not name; that holds only if all of it came on
one connection. What the parts say is their blocks' business.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from engine.domain.state import ChargePoint, InstalledProfile, Report

MAX_REPORTS: Final = 8  # followed at a time; older ones are stored all the same


def announced(
    cp: ChargePoint,
    message: str,
    request_id: int,
    *,
    full: bool,
    now: datetime,
    awaited: tuple[InstalledProfile, ...] = (),
) -> ChargePoint:
    """A request was accepted: its parts will come as `message`. `full`: everything was asked for."""
    report = Report(request_id=request_id, started_at=now, full=full, awaited=awaited)
    others = dict(list(cp.reports.items())[-(MAX_REPORTS - 1) :])
    return replace(cp, reports={**others, (message, request_id): report})


def part(
    cp: ChargePoint, message: str, request_id: int, seq_no: int | None, more: bool
) -> tuple[ChargePoint, Report | None]:
    """A part came; the state without a report that is whole now, and the report if it is known.

    `seq_no` None: this message does not number its parts. `more`: others follow it. A part with a number that
    none can have is no part.
    """
    key = (message, request_id)
    report = cp.reports.get(key)
    if report is None:
        return cp, None
    number = len(report.seen) if seq_no is None else seq_no
    if number < 0:
        return cp, report
    last = report.last if more else max(number, report.last or 0)
    report = replace(report, seen=report.seen | {number}, last=last)
    reports = {**cp.reports, key: report}
    if report.complete:
        del reports[key]
    return replace(cp, reports=reports), report


def awaiting(
    cp: ChargePoint, message: str, request_id: int, left: tuple[InstalledProfile, ...]
) -> ChargePoint:
    """A report of profiles has these still to name."""
    key = (message, request_id)
    return replace(cp, reports={**cp.reports, key: replace(cp.reports[key], awaited=left)})


def stamp(cp: ChargePoint, message: str, request_id: int, now: datetime) -> datetime:
    """When a part's rows count as reported.

    A clock set back meanwhile must not make what was just reported look older than its report.
    """
    report = cp.reports.get((message, request_id))
    return max(now, report.started_at) if report else now
