"""Reports of the device model, in parts: NotifyReport (2.x B07, B08).

What a station reports is kept attribute by attribute. A full inventory that came whole ends what it does not
name. Secrets pass through: neither what was read nor what was set is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from msgspec import UNSET

from engine.domain import notifications
from engine.domain.changes import Change, DeviceModelReported, DeviceVariableRead
from engine.domain.state import ChargePoint
from engine.ocpp.blocks import report_parts
from engine.ocpp.blocks.device_model.variables import DEFAULT_ATTRIBUTE, heeding, name_of, row
from engine.ocpp.blocks.payloads_2x import response_to
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v21, v201
from engine.ocpp.step import Facts, Outcome

PART: Final = "NotifyReport"
DEFAULT_MUTABILITY: Final = "ReadWrite"


def notify_report_v2x(
    cp: ChargePoint, request: v201.NotifyReport | v21.NotifyReport, facts: Facts, now: datetime
) -> Outcome:
    """Keep one part of a report (B07.FR.03); the last of all variables ends what was not named (FR.08)."""
    at = report_parts.stamp(cp, PART, request.request_id, now)
    rows = [row for entry in request.report_data or () for row in _rows(cp, entry, at)]
    state, report = report_parts.part(
        heeding(cp, rows), PART, request.request_id, request.seq_no, bool(request.tbc)
    )
    changes: list[Change] = [*rows]
    if report and report.complete and report.full:
        changes.append(DeviceModelReported(charge_point_id=cp.id, since=report.started_at, at=at))
    if not request.tbc:
        news = notifications.DeviceModelReported(
            charge_point_id=cp.id,
            request_id=request.request_id,
            complete=report is not None and report.complete,
            timestamp=now,
        )
        changes.append(notifications.about(cp, news, now))
    return Outcome(state=state, reply=response_to(request), changes=changes)


def _rows(
    cp: ChargePoint, entry: v201.ReportData | v21.ReportData, at: datetime
) -> Iterable[DeviceVariableRead]:
    name = name_of(entry.component, entry.variable)
    limits: dict[str, Any] = {}
    if characteristics := entry.variable_characteristics:
        limits = {
            "data_type": characteristics.data_type,
            "unit": characteristics.unit or None,
            "min_limit": _given(characteristics.min_limit),
            "max_limit": _given(characteristics.max_limit),
            "values_list": characteristics.values_list or None,
            "supports_monitoring": characteristics.supports_monitoring,
        }
    for attribute in entry.variable_attribute:
        yield row(
            cp,
            name,
            attribute.type or DEFAULT_ATTRIBUTE,
            _given(attribute.value),
            at,
            mutability=attribute.mutability or DEFAULT_MUTABILITY,
            persistent=bool(attribute.persistent),
            constant=bool(attribute.constant),
            **limits,
        )


def _given(value: Any) -> Any:
    return None if value is UNSET else value


HANDLERS: Final = (handler(v201.NotifyReport, notify_report_v2x),)
