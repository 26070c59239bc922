"""Choose how severe an event must be to be reported: SetMonitoringLevel (2.x N05)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.domain.state import ChargePoint
from engine.ocpp.blocks.monitoring.monitors import MAX_SEVERITY
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v21, v201
from engine.ocpp.operation import Operation


class SetMonitoringLevel(Operation, frozen=True):
    """Report what is at least as severe as this: 0 (danger) to 9 (debug)."""

    severity: int


def encode_v2x(operation: SetMonitoringLevel, _cp: ChargePoint) -> Sequence[Call]:
    return [("SetMonitoringLevel", {"severity": operation.severity})]


def check_set_monitoring_level_v2x(
    request: v201.SetMonitoringLevel | v21.SetMonitoringLevel, cp: ChargePoint, now: datetime
) -> list[str]:
    """N05: 0 (danger) to 9 (debug)."""
    return [] if 0 <= request.severity <= MAX_SEVERITY else [f"severity must be 0 to {MAX_SEVERITY}"]


OPERATION: Final = define(SetMonitoringLevel, v2x=Encoding(encode_v2x))
COMMANDS: Final = (command(v201.SetMonitoringLevel, check=check_set_monitoring_level_v2x),)
