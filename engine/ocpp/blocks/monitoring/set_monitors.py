"""Watch variables: SetVariableMonitoring (2.x N04)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import UNSET, UnsetType

from engine.domain.device import VariableName
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.device_model.variables import (
    attribute_of,
    in_parts,
    name_of,
    size_errors,
    variable_document,
)
from engine.ocpp.blocks.monitoring.monitors import MAX_SEVERITY, OURS, monitor_set
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given, since_v21
from engine.ocpp.messages import v21, v201
from engine.ocpp.operation import Document, Operation, Result, Verdict
from engine.ocpp.results import SILENT, overall, reason_of, verdict_of
from engine.ocpp.step import Outcome

MonitorType = Literal[
    "UpperThreshold",
    "LowerThreshold",
    "Delta",
    "Periodic",
    "PeriodicClockAligned",
    "TargetDelta",
    "TargetDeltaRelative",
]


class Stream(Document, frozen=True):
    """How values come that are sent in bulk: after so many seconds or so many values."""

    interval: int | None = None
    values: int | None = None


class Monitor(Document, frozen=True):
    """Watches a variable. `value`: the threshold, the distance, or the seconds between two reports."""

    variable: str
    type: MonitorType
    value: float
    severity: int  # 0 danger … 9 debug
    transaction: bool = False  # only while there is one
    monitor_id: int | None = None  # of the monitor that it replaces
    stream: Stream | None = None


class SetMonitors(Operation, frozen=True):
    """Watch variables: report when a value crosses a threshold, changes, or at intervals."""

    monitors: tuple[Monitor, ...]


class MonitorOutcome(Document, frozen=True):
    """`monitor_id` is given by the station, and there if it accepted."""

    variable: str
    type: str
    severity: int
    verdict: Verdict
    word: str
    reason: str | None = None
    monitor_id: int | None = None


class MonitorsSet(Result, frozen=True):
    """In the order of the monitors asked for; the result as a whole is accepted if every one was."""

    outcomes: tuple[MonitorOutcome, ...] = ()


MONITORS_V21: Final = frozenset({"TargetDelta", "TargetDeltaRelative"})
DELTAS: Final = frozenset({"Delta", "Periodic", "PeriodicClockAligned", "TargetDelta"})


def encode_v2x(operation: SetMonitors, cp: ChargePoint) -> Sequence[Call]:
    items = [_document(monitor, cp) for monitor in operation.monitors]
    action = "SetVariableMonitoring"
    return [(action, {"setMonitoringData": part}) for part in in_parts(action, items, cp)]


def _document(monitor: Monitor, cp: ChargePoint) -> Mapping[str, Any]:
    since_v21(cp, monitor.type in MONITORS_V21, f"{monitor.type} monitors")
    since_v21(cp, monitor.stream, "event streams")
    stream = monitor.stream
    return given(
        id=monitor.monitor_id,
        periodicEventStream=given(interval=stream.interval, values=stream.values) if stream else None,
        transaction=monitor.transaction or None,
        value=monitor.value,
        type=monitor.type,
        severity=monitor.severity,
        **variable_document(monitor.variable),
    )


def read_v2x(operation: SetMonitors, answers: Sequence[Any]) -> Result:
    found = {
        (name_of(one.component, one.variable).folded(), one.type, one.severity): one
        for answer in answers
        for one in answer.set_monitoring_result
    }
    outcomes = tuple(
        _outcome(monitor, found.get(_key_of(monitor.variable, monitor.type, monitor.severity)))
        for monitor in operation.monitors
    )
    verdicts = [outcome.verdict for outcome in outcomes]
    single = outcomes[0] if len(outcomes) == 1 else None
    some = overall(verdicts)
    return MonitorsSet(
        verdict=some if single or some is Verdict.ACCEPTED else Verdict.REJECTED,
        word=single.word if single else "",
        reason=single.reason if single else None,
        outcomes=outcomes,
    )


def _key_of(variable: str, kind: str, severity: int) -> tuple[Any, str, int]:
    return attribute_of(variable).name.folded(), kind, severity


def _outcome(monitor: Monitor, result: Any) -> MonitorOutcome:
    word = result.status if result is not None else SILENT.word
    return MonitorOutcome(
        variable=monitor.variable,
        type=monitor.type,
        severity=monitor.severity,
        verdict=verdict_of(word),
        word=word,
        reason=reason_of(result.status_info) if result is not None else None,
        monitor_id=result.id if word == "Accepted" and result.id is not UNSET else None,
    )


def check_set_variable_monitoring_v2x(
    request: v201.SetVariableMonitoring | v21.SetVariableMonitoring, cp: ChargePoint, now: datetime
) -> list[str]:
    """N04: severities from 0 to 9, no negative distances (FR.14), as many as the station takes (FR.09)."""
    errors = size_errors(request, cp)
    for data in request.set_monitoring_data:
        stream = getattr(data, "periodic_event_stream", UNSET)
        if stream and stream.interval is UNSET and stream.values is UNSET:  # 2.1 N11.FR.09
            errors.append("periodicEventStream must hold interval or values")
        if not 0 <= data.severity <= MAX_SEVERITY:
            errors.append(f"severity must be 0 to {MAX_SEVERITY}")
        if data.type in DELTAS and data.value < 0:
            errors.append(f"value of a {data.type} monitor must not be negative")
    return errors


def set_variable_monitoring_answered_v2x(
    cp: ChargePoint,
    request: v201.SetVariableMonitoring | v21.SetVariableMonitoring,
    response: v201.SetVariableMonitoringResponse | v21.SetVariableMonitoringResponse,
    now: datetime,
) -> Outcome:
    """A monitor that was accepted has an id, given by the station (N04.FR.11), and is ours (N04.FR.15)."""
    asked: dict[Any, Any] = {_key(data): data for data in request.set_monitoring_data}
    changes = []
    for result in response.set_monitoring_result:
        data = asked.get(_key(result))
        if result.status == "Accepted" and data is not None and not isinstance(result.id, UnsetType):
            name = name_of(data.component, data.variable)
            changes.append(monitor_set(cp, name, data, result.id, OURS, now))
    return Outcome(state=cp, reply=None, changes=changes)


def _key(entry: Any) -> tuple[VariableName, str, int]:
    """What a station may have one monitor for (N04.FR.10)."""
    return name_of(entry.component, entry.variable).folded(), entry.type, entry.severity


OPERATION: Final = define(SetMonitors, v2x=Encoding(encode_v2x, read_v2x))
COMMANDS: Final = (
    command(
        v201.SetVariableMonitoring,
        check=check_set_variable_monitoring_v2x,
        answered=set_variable_monitoring_answered_v2x,
    ),
)
