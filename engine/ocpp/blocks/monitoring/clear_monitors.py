"""Remove monitors: ClearVariableMonitoring (2.x N06)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from engine.domain.changes import VariableMonitorCleared
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.device_model.variables import check_size_v2x, in_parts
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, once
from engine.ocpp.messages import v21, v201
from engine.ocpp.operation import Operation, Result
from engine.ocpp.results import SILENT, result_of, settled
from engine.ocpp.step import Outcome


class ClearMonitors(Operation, frozen=True):
    """Remove monitors, by their numbers."""

    monitor_ids: tuple[int, ...]


def encode_v2x(operation: ClearMonitors, cp: ChargePoint) -> Sequence[Call]:
    action = "ClearVariableMonitoring"
    return [(action, {"id": part}) for part in in_parts(action, once(operation.monitor_ids), cp)]


def read_v2x(operation: ClearMonitors, answers: Sequence[Any]) -> Result:
    found = {one.id: one for answer in answers for one in answer.clear_monitoring_result}
    return settled(
        (str(number), result_of(found[number]) if number in found else SILENT)
        for number in operation.monitor_ids
    )


def clear_variable_monitoring_answered_v2x(
    cp: ChargePoint,
    request: v201.ClearVariableMonitoring | v21.ClearVariableMonitoring,
    response: v201.ClearVariableMonitoringResponse | v21.ClearVariableMonitoringResponse,
    now: datetime,
) -> Outcome:
    """Accepted and NotFound both mean that there is no such monitor (N06.FR.01, FR.02)."""
    changes = [
        VariableMonitorCleared(charge_point_id=cp.id, monitor_id=result.id, at=now)
        for result in response.clear_monitoring_result
        if result.status in {"Accepted", "NotFound"}
    ]
    return Outcome(state=cp, reply=None, changes=changes)


OPERATION: Final = define(ClearMonitors, v2x=Encoding(encode_v2x, read_v2x))
COMMANDS: Final = (
    command(
        v201.ClearVariableMonitoring,
        check=check_size_v2x,
        answered=clear_variable_monitoring_answered_v2x,
    ),
)
