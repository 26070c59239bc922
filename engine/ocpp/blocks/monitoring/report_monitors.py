"""Ask which monitors a station has: GetMonitoringReport, NotifyMonitoringReport (2.x N02)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import UNSET

from engine.domain.changes import Change, MonitorsReported
from engine.domain.state import ChargePoint
from engine.ocpp.blocks import report_parts
from engine.ocpp.blocks.device_model.variables import check_size_v2x, component_document, name_of
from engine.ocpp.blocks.monitoring.monitors import monitor_set, text_or_none
from engine.ocpp.blocks.payloads_2x import response_to
from engine.ocpp.declaration import command, define, handler
from engine.ocpp.encoding import Call, Encoding, given
from engine.ocpp.messages import v21, v201
from engine.ocpp.operation import Operation
from engine.ocpp.step import Facts, Outcome


class ReportMonitors(Operation, frozen=True):
    """Have the station report its monitors: of these variables (or components) and kinds, else all."""

    request_id: int
    variables: tuple[str, ...] = ()
    kinds: tuple[Literal["Threshold", "Delta", "Periodic"], ...] = ()


PART: Final = "NotifyMonitoringReport"


def encode_v2x(operation: ReportMonitors, _cp: ChargePoint) -> Sequence[Call]:
    members = given(
        componentVariable=[component_document(name) for name in operation.variables] or None,
        requestId=operation.request_id,
        monitoringCriteria=[f"{kind}Monitoring" for kind in operation.kinds] or None,
    )
    return [("GetMonitoringReport", members)]


def get_monitoring_report_answered_v2x(
    cp: ChargePoint,
    request: v201.GetMonitoringReport | v21.GetMonitoringReport,
    response: v201.GetMonitoringReportResponse | v21.GetMonitoringReportResponse,
    now: datetime,
) -> Outcome:
    """Accepted announces a report. EmptyResultSet where all was asked for: nothing is watched (N02.FR.10)."""
    full = not request.monitoring_criteria and not request.component_variable  # N02.FR.11
    if response.status == "Accepted":
        return Outcome(
            state=report_parts.announced(cp, PART, request.request_id, full=full, now=now), reply=None
        )
    if response.status == "EmptyResultSet" and full:
        return Outcome(
            state=cp, reply=None, changes=(MonitorsReported(charge_point_id=cp.id, since=now, at=now),)
        )
    return Outcome(state=cp, reply=None)


def notify_monitoring_report_v2x(
    cp: ChargePoint,
    request: v201.NotifyMonitoringReport | v21.NotifyMonitoringReport,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """Keep one part of what the station says it watches; the last one of all ends the others (N02.FR.11)."""
    at = report_parts.stamp(cp, PART, request.request_id, now)
    changes: list[Change] = [
        monitor_set(
            cp,
            name_of(entry.component, entry.variable),
            monitor,
            monitor.id,
            text_or_none(getattr(monitor, "event_notification_type", UNSET)),  # 2.1
            at,
        )
        for entry in request.monitor or ()
        for monitor in entry.variable_monitoring
    ]
    state, report = report_parts.part(cp, PART, request.request_id, request.seq_no, bool(request.tbc))
    if report and report.complete and report.full:
        changes.append(MonitorsReported(charge_point_id=cp.id, since=report.started_at, at=at))
    return Outcome(state=state, reply=response_to(request), changes=changes)


OPERATION: Final = define(ReportMonitors, v2x=Encoding(encode_v2x))
COMMANDS: Final = (
    command(v201.GetMonitoringReport, check=check_size_v2x, answered=get_monitoring_report_answered_v2x),
)
HANDLERS: Final = (handler(v201.NotifyMonitoringReport, notify_monitoring_report_v2x),)
