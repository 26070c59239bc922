"""Monitoring commands of a 2.x station (N02 to N06)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from engine.ocpp.messages import v21
from engine.simulator.v2x.monitors import ALL_SEVERITIES, Monitor
from engine.simulator.v2x.reply import Reply, parts, status

if TYPE_CHECKING:
    from engine.simulator.v2x.charger import Charger2x

REPORT_PART: Final = 8  # monitors in one NotifyMonitoringReport


def set_variable_monitoring(charger: Charger2x, request: Any) -> Reply:
    """N04"""
    results = []
    for wanted in request.set_monitoring_data:
        word, number = charger.monitors.set(wanted, charger.time.elapsed())
        results.append(
            {
                **({} if number is None else {"id": number}),
                "status": word,
                "type": wanted.type,
                "component": wanted.component,
                "variable": wanted.variable,
                "severity": wanted.severity,
            }
        )
    return Reply({"setMonitoringResult": results})


def clear_variable_monitoring(charger: Charger2x, request: Any) -> Reply:
    """N06"""
    results = [
        {"id": number, "status": "Accepted" if charger.monitors.clear(number) else "NotFound"}
        for number in request.id
    ]
    return Reply({"clearMonitoringResult": results})


def set_monitoring_base(charger: Charger2x, request: Any) -> Reply:
    """N03"""
    charger.monitors.base(request.monitoring_base)
    return status("Accepted")


def set_monitoring_level(charger: Charger2x, request: Any) -> Reply:
    """N05"""
    if not 0 <= request.severity <= ALL_SEVERITIES:
        return status("Rejected")
    charger.monitors.level = request.severity
    return status("Accepted")


def get_monitoring_report(charger: Charger2x, request: Any) -> Reply:
    """N02"""
    meant = None
    if request.component_variable:
        meant = [v for wanted in request.component_variable for v in charger.variables.meant(wanted)]
    found = charger.monitors.found(request.monitoring_criteria or [], meant)
    if not found:
        return status("EmptyResultSet")

    async def report() -> None:
        entries = [_entry(charger, monitor) for monitor in found]
        for number, part, more in parts(entries, REPORT_PART):
            charger.notify(
                "NotifyMonitoringReport",
                requestId=request.request_id,
                generatedAt=charger.clock.now(),
                seqNo=number,
                tbc=more,
                monitor=part,
            )

    return status("Accepted", report)


def _entry(charger: Charger2x, monitor: Monitor) -> dict[str, Any]:
    described: dict[str, Any] = {
        "id": monitor.id,
        "transaction": monitor.transaction,
        "value": monitor.value,
        "type": monitor.type,
        "severity": monitor.severity,
    }
    if charger.words is v21:
        described["eventNotificationType"] = monitor.kind
    return {
        "component": monitor.variable.component_document(),
        "variable": monitor.variable.variable_document(),
        "variableMonitoring": [described],
    }
