"""What a 2.x station watches, and what it notices by that (N02 to N08). No messages, no I/O."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import Any, Final, Literal, NamedTuple

import msgspec

from engine.simulator.v2x.variables import DeviceModel, Variable

Kind = Literal["PreconfiguredMonitor", "CustomMonitor"]
MOST_MONITORS: Final = 40
ALL_SEVERITIES: Final = 9
OVERLOAD: Final = 1.05  # of an EVSE's greatest power; a monitor of the factory warns above
OVERLOAD_SEVERITY: Final = 5
THRESHOLDS: Final = frozenset({"UpperThreshold", "LowerThreshold"})
PERIODIC: Final = frozenset({"Periodic", "PeriodicClockAligned"})
CRITERIA: Final = {  # of GetMonitoringReport → types of monitor
    "ThresholdMonitoring": THRESHOLDS,
    "DeltaMonitoring": frozenset({"Delta"}),
    "PeriodicMonitoring": PERIODIC,
}


class Monitor(msgspec.Struct):
    """One monitor. `value` is a threshold or a distance in the variable's unit, or a period in seconds."""

    id: int
    variable: Variable
    type: str
    value: float
    severity: int
    transaction: bool
    kind: Kind
    since: float = 0.0  # when it was set, simulated seconds
    beyond: bool = False  # a threshold that is crossed now
    last: str | None = None  # the value a distance is measured from
    slot: int | None = None  # the period that was reported last

    def notices(self, elapsed: float, at: datetime) -> bool:
        """Whether there is something to tell now; `beyond` says on which side of a threshold."""
        if self.type in PERIODIC:
            seconds = at.timestamp() if self.type == "PeriodicClockAligned" else elapsed - self.since
            before, self.slot = self.slot, int(seconds // self.value)
            return before is not None and before != self.slot
        if self.type == "Delta":
            return self._moved()
        number = self.variable.number or 0.0
        before = self.beyond
        self.beyond = number > self.value if self.type == "UpperThreshold" else number < self.value
        return before != self.beyond

    def _moved(self) -> bool:
        now, number = self.variable.value, self.variable.number
        before = now if self.last is None else self.last
        moved = before != now if number is None else abs(number - float(before)) >= self.value
        self.last = now if moved else before
        return moved


class Alert(NamedTuple):
    """A monitor that has something to tell, and the transaction that goes on there."""

    monitor: Monitor
    at: datetime
    value: str
    cleared: bool
    transaction_id: str | None

    def document(self) -> dict[str, Any]:
        """As eventData, without its number."""
        monitor = self.monitor
        trigger = (
            "Periodic" if monitor.type in PERIODIC else "Delta" if monitor.type == "Delta" else "Alerting"
        )
        return {
            "timestamp": self.at,
            "trigger": "Periodic" if monitor.type in PERIODIC else trigger,
            "actualValue": self.value,
            **({"cleared": True} if self.cleared else {}),
            **({"transactionId": self.transaction_id} if self.transaction_id else {}),
            "component": monitor.variable.component_document(),
            "variable": monitor.variable.variable_document(),
            "variableMonitoringId": monitor.id,
            "eventNotificationType": monitor.kind,
            "severity": monitor.severity,
        }


class Monitors:
    """The monitors of one station, by id; they survive reboots."""

    def __init__(self, variables: DeviceModel) -> None:
        self._variables = variables
        self._numbers = count(1)
        self.level = ALL_SEVERITIES  # less severe events are not reported
        self._monitors: dict[int, Monitor] = {}
        self._factory()

    def _factory(self) -> None:
        for variable in self._variables.all():
            if variable.watched and variable.most is not None:
                self._keep(
                    Monitor(
                        id=next(self._numbers),
                        variable=variable,
                        type="UpperThreshold",
                        value=variable.most * OVERLOAD,
                        severity=OVERLOAD_SEVERITY,
                        transaction=False,
                        kind="PreconfiguredMonitor",
                    )
                )

    def _keep(self, monitor: Monitor) -> None:
        self._monitors[monitor.id] = monitor

    def base(self, wanted: str) -> None:
        """N03: HardWiredOnly leaves none that can be set, FactoryDefault those of the factory alone."""
        if wanted == "HardWiredOnly":
            self._monitors.clear()
            return
        factory = wanted == "FactoryDefault"
        kept = {} if factory else {k: m for k, m in self._monitors.items() if m.kind == "CustomMonitor"}
        self._monitors = kept
        self._factory()

    def set(self, wanted: Any, elapsed: float) -> tuple[str, int | None]:
        """N04: the status of one monitor to set, and its id."""
        variable = self._variables.find(wanted.component, wanted.variable)
        if isinstance(variable, str):
            return variable, None
        word = self._objection(wanted, variable)
        if word is not None:
            return word, None
        number = next(self._numbers) if wanted.id is msgspec.UNSET else wanted.id
        self._keep(
            Monitor(
                id=number,
                variable=variable,
                type=wanted.type,
                value=wanted.value,
                severity=wanted.severity,
                transaction=bool(wanted.transaction),
                kind="CustomMonitor",
                since=elapsed,
                last=variable.value,
            )
        )
        return "Accepted", number

    def _objection(self, wanted: Any, variable: Variable) -> str | None:
        known = any(wanted.type in types for types in CRITERIA.values())
        if not known or (wanted.type in THRESHOLDS and variable.number is None):
            return "UnsupportedMonitorType"
        replaced = None if wanted.id is msgspec.UNSET else self._monitors.get(wanted.id)
        if wanted.id is not msgspec.UNSET and (replaced is None or replaced.variable is not variable):
            return "Rejected"
        if not variable.watched or (replaced is None and len(self._monitors) >= MOST_MONITORS):
            return "Rejected"
        if (wanted.type == "Delta" and wanted.value < 0) or (wanted.type in PERIODIC and wanted.value <= 0):
            return "Rejected"
        same = (variable, wanted.type, wanted.severity)
        for other in self._monitors.values():
            if other is not replaced and (other.variable, other.type, other.severity) == same:
                return "Duplicate"
        return None

    def clear(self, number: int) -> bool:
        return self._monitors.pop(number, None) is not None

    def found(self, criteria: list[str], meant: list[Variable] | None) -> list[Monitor]:
        """N02: those of a kind, for the variables meant; no criteria and no variables mean all."""
        types = {one for criterion in criteria for one in CRITERIA[criterion]}
        return [
            monitor
            for monitor in self._monitors.values()
            if (not types or monitor.type in types)
            and (meant is None or any(monitor.variable is variable for variable in meant))
        ]

    def check(self, elapsed: float, at: datetime, transaction_at: Callable[[int], str | None]) -> list[Alert]:
        """What there is to tell now."""
        alerts = []
        for monitor in self._monitors.values():
            transaction = transaction_at(monitor.variable.evse)
            if monitor.transaction and transaction is None:
                continue
            if monitor.notices(elapsed, at) and monitor.severity <= self.level:
                cleared = monitor.type in THRESHOLDS and not monitor.beyond
                alerts.append(Alert(monitor, at, monitor.variable.value, cleared, transaction))
        return alerts
