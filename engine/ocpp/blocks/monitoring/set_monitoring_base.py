"""Choose which monitors a station begins with: SetMonitoringBase (2.x N03)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from engine.domain.changes import MonitoringBaseSet
from engine.domain.state import ChargePoint
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding
from engine.ocpp.messages import v21, v201
from engine.ocpp.operation import Operation
from engine.ocpp.step import Outcome


class SetMonitoringBase(Operation, frozen=True):
    """Choose which monitors there are to be, before any of one's own."""

    base: Literal["All", "FactoryDefault", "HardWiredOnly"]


def encode_v2x(operation: SetMonitoringBase, _cp: ChargePoint) -> Sequence[Call]:
    return [("SetMonitoringBase", {"monitoringBase": operation.base})]


def set_monitoring_base_answered_v2x(
    cp: ChargePoint,
    request: v201.SetMonitoringBase | v21.SetMonitoringBase,
    response: v201.SetMonitoringBaseResponse | v21.SetMonitoringBaseResponse,
    now: datetime,
) -> Outcome:
    """FactoryDefault ends custom monitors (N03.FR.04), HardWiredOnly preconfigured ones too (N03.FR.05)."""
    if response.status != "Accepted":
        return Outcome(state=cp, reply=None)
    return Outcome(
        state=cp,
        reply=None,
        changes=(MonitoringBaseSet(id=cp.id, monitoring_base=request.monitoring_base, at=now),),
    )


OPERATION: Final = define(SetMonitoringBase, v2x=Encoding(encode_v2x))
COMMANDS: Final = (command(v201.SetMonitoringBase, answered=set_monitoring_base_answered_v2x),)
