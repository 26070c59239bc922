"""Connector statuses of OCPP 1.6: which one holds, and by which steps it may be reached (§4.9). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from engine.simulator.connector import Connector
from engine.simulator.physics import Flow

Status = Literal[
    "Available",
    "Preparing",
    "Charging",
    "SuspendedEVSE",
    "SuspendedEV",
    "Finishing",
    "Reserved",
    "Unavailable",
    "Faulted",
]

_RUNNING: Final = frozenset[Status]({"Charging", "SuspendedEV", "SuspendedEVSE"})
_ALL: Final = _RUNNING | frozenset[Status](
    {"Available", "Preparing", "Finishing", "Reserved", "Unavailable", "Faulted"}
)
# The table of §4.9. Any status but Faulted may follow Faulted, since it returns to what was before.
TRANSITIONS: Final[Mapping[Status, frozenset[Status]]] = {
    "Available": _RUNNING | {"Preparing", "Reserved", "Unavailable", "Faulted"},
    "Preparing": _RUNNING | {"Available", "Finishing", "Faulted"},
    "Charging": (_RUNNING - {"Charging"}) | {"Available", "Finishing", "Unavailable", "Faulted"},
    "SuspendedEV": (_RUNNING - {"SuspendedEV"}) | {"Available", "Finishing", "Unavailable", "Faulted"},
    "SuspendedEVSE": (_RUNNING - {"SuspendedEVSE"}) | {"Available", "Finishing", "Unavailable", "Faulted"},
    "Finishing": frozenset({"Available", "Preparing", "Unavailable", "Faulted"}),
    "Reserved": frozenset({"Available", "Preparing", "Unavailable", "Faulted"}),
    "Unavailable": _RUNNING | {"Available", "Preparing", "Faulted"},
    "Faulted": _ALL - {"Faulted"},
}

_FLOWING: Final[Mapping[Flow, Status]] = {
    "charging": "Charging",
    "ev": "SuspendedEV",
    "evse": "SuspendedEVSE",
    "none": "SuspendedEV",
}


def status_of(connector: Connector, at: float) -> Status:
    """The status that holds at `at`."""
    if connector.fault is not None:
        return "Faulted"
    if connector.entry is not None:
        return _FLOWING[connector.outlet.flow(at)]
    if not connector.operative:
        return "Unavailable"
    if connector.plugged:
        return "Finishing" if connector.finished else "Preparing"
    if connector.claim is not None:
        return "Preparing"
    return "Available" if connector.reservation is None else "Reserved"


def steps(before: Status, after: Status) -> list[Status]:
    """The statuses to report one after the other so that every step is one the table allows."""
    if before == after:
        return []
    if after in TRANSITIONS[before]:
        return [after]
    between = next(
        status for status in sorted(TRANSITIONS[before] - {"Faulted"}) if after in TRANSITIONS[status]
    )
    return [between, after]
