"""Ask for the whole configuration: GetConfiguration without keys (1.6 §5.8), GetBaseReport (2.x B07)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from engine.domain.state import ChargePoint
from engine.ocpp.blocks import report_parts
from engine.ocpp.blocks.device_model.get_configuration import values_v16
from engine.ocpp.blocks.device_model.notify_report import PART
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, unsupported_v16
from engine.ocpp.messages import v21, v201
from engine.ocpp.operation import Operation
from engine.ocpp.step import Outcome


class ReportConfiguration(Operation, frozen=True):
    """Ask for the whole configuration, or a part. OCPP 1.6 answers at once, 2.x in reports that follow.

    `settings`: what can be set; `summary`: availability and what is wrong.
    """

    request_id: int
    part: Literal["all", "settings", "summary"] = "all"


REPORTS: Final[Mapping[str, str]] = {  # ReportBaseEnumType (B07)
    "all": "FullInventory",
    "settings": "ConfigurationInventory",
    "summary": "SummaryInventory",
}


def encode_v16(operation: ReportConfiguration, _cp: ChargePoint) -> Sequence[Call]:
    if operation.part != "all":
        raise unsupported_v16("reports of a part of its configuration")
    return [("GetConfiguration", {})]  # §5.8: no keys, all keys


def encode_v2x(operation: ReportConfiguration, _cp: ChargePoint) -> Sequence[Call]:
    return [("GetBaseReport", {"requestId": operation.request_id, "reportBase": REPORTS[operation.part]})]


def get_base_report_answered_v2x(
    cp: ChargePoint,
    request: v201.GetBaseReport | v21.GetBaseReport,
    response: v201.GetBaseReportResponse | v21.GetBaseReportResponse,
    now: datetime,
) -> Outcome:
    """Accepted announces a report; its parts follow (B07.FR.01, FR.03)."""
    if response.status != "Accepted":
        return Outcome(state=cp, reply=None)
    full = request.report_base == "FullInventory"  # B07.FR.08
    state = report_parts.announced(cp, PART, request.request_id, full=full, now=now)
    return Outcome(state=state, reply=None)


OPERATION: Final = define(
    ReportConfiguration,
    v16=Encoding(encode_v16, values_v16),
    v2x=Encoding(encode_v2x),
)
COMMANDS: Final = (command(v201.GetBaseReport, answered=get_base_report_answered_v2x),)
