"""Ask for a report of some variables: GetReport (2.x B08)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from engine.domain.state import ChargePoint
from engine.ocpp.blocks import report_parts
from engine.ocpp.blocks.device_model.notify_report import PART
from engine.ocpp.blocks.device_model.variables import check_size_v2x, component_document
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given
from engine.ocpp.messages import v21, v201
from engine.ocpp.operation import Operation
from engine.ocpp.step import Outcome


class ReportVariables(Operation, frozen=True):
    """Have the station report these variables (or components), and components in one of these conditions."""

    request_id: int
    variables: tuple[str, ...] = ()
    conditions: tuple[Literal["Active", "Available", "Enabled", "Problem"], ...] = ()


def encode_v2x(operation: ReportVariables, _cp: ChargePoint) -> Sequence[Call]:
    members = given(
        componentVariable=[component_document(name) for name in operation.variables] or None,
        requestId=operation.request_id,
        componentCriteria=list(operation.conditions) or None,
    )
    return [("GetReport", members)]


def get_report_answered_v2x(
    cp: ChargePoint,
    request: v201.GetReport | v21.GetReport,
    response: v201.GetReportResponse | v21.GetReportResponse,
    now: datetime,
) -> Outcome:
    """The same for a report of some variables (B08.FR.01); EmptyResultSet announces none (B08.FR.15)."""
    if response.status != "Accepted":
        return Outcome(state=cp, reply=None)
    state = report_parts.announced(cp, PART, request.request_id, full=False, now=now)
    return Outcome(state=state, reply=None)


OPERATION: Final = define(ReportVariables, v2x=Encoding(encode_v2x))
COMMANDS: Final = (command(v201.GetReport, check=check_size_v2x, answered=get_report_answered_v2x),)
