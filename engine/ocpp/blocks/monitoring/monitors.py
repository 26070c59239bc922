"""Monitors of variables (2.x N02 to N06): what is kept of one."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from msgspec import UnsetType

from engine.domain.changes import VariableMonitorSet
from engine.domain.device import VariableName
from engine.domain.state import ChargePoint

OURS: Final = "CustomMonitor"  # kind of what we set
MAX_SEVERITY: Final = 9  # 0 danger … 9 debug


def monitor_set(  # noqa: PLR0917 - a row's parts come from four places
    cp: ChargePoint, name: VariableName, monitor: Any, number: int, kind: str | None, now: datetime
) -> VariableMonitorSet:
    """A row of a VariableMonitoring, or of the SetMonitoringData that led to one."""
    return VariableMonitorSet(
        charge_point_id=cp.id,
        monitor_id=number,
        **name._asdict(),
        type=monitor.type,
        value=monitor.value,
        severity=monitor.severity,
        transaction=bool(monitor.transaction),
        kind=kind,
        at=now,
    )


def text_or_none(member: str | UnsetType) -> str | None:
    """What is absent, as None."""
    return member or None
