"""Availability: what the hardware reports about itself, and ChangeAvailability.

In OCPP 1.6 a connector is an EVSE: connectorId n is EVSE n, connector 1; connectorId 0 is the charge point.
Every status that says something new is committed before it is answered: it is cheap beside a transaction, and
uptime is computed from it. A report that repeats what is known writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from engine.domain import notifications, sessions
from engine.domain.changes import HardwareStatusChanged
from engine.domain.state import ChargePoint, Connector, StationNumber
from engine.ocpp.messages import v16
from engine.ocpp.step import Facts, Outcome

HARDWARE_STATUS: Final[Mapping[str, str]] = {  # OCPP 1.6 §7.7 → the name our API gives it
    "Available": "available",
    "Preparing": "preparing",
    "Charging": "charging",
    "SuspendedEVSE": "suspendedEVSE",
    "SuspendedEV": "suspendedEV",
    "Finishing": "finishing",
    "Reserved": "reserved",
    "Unavailable": "unavailable",
    "Faulted": "faulted",
}
MAX_CONNECTORS: Final = 256  # more than any charge point has; a faulty one must not make rows without end
CLOCK_NEVER_SET: Final = datetime(
    2015, 10, 8, tzinfo=UTC
)  # OCPP 1.6 is not older, nor is a clock that was set
CLOCK_AHEAD: Final = timedelta(minutes=5)


def status_notification_v16(
    cp: ChargePoint, request: v16.StatusNotification, facts: Facts, now: datetime
) -> Outcome:
    """Adopt the newest report of a connector; log an older one that came late without adopting it."""
    number = request.connector_id
    key = (number, 0 if number == StationNumber else 1)
    known = cp.connectors.get(key)
    if number < StationNumber or (known is None and len(cp.connectors) >= MAX_CONNECTORS):
        return Outcome(state=cp, reply=v16.StatusNotificationResponse())  # no such connector: nothing to keep
    reported = _connector(request, now)
    if known is not None and known.at is not None and reported.at is not None and reported.at < known.at:
        late = () if _repeats(known, reported) else (_change(cp, number, key[1], reported, now),)
        return Outcome(state=cp, reply=v16.StatusNotificationResponse(), changes=late)
    state = replace(cp, connectors={**cp.connectors, key: reported})
    # A repeated status may still be the first after a boot, which tells whether the session goes on.
    state, changes = sessions.on_connector_status(state, number, reported.status, now)
    if known is None or not _repeats(known, reported):
        changes = [
            _change(cp, number, key[1], reported, now),
            *changes,
            notifications.about(cp, _notification(cp, number, reported, now), now),
        ]
    return Outcome(state=state, reply=v16.StatusNotificationResponse(), changes=changes)


def check_change_availability_v16(
    request: v16.ChangeAvailability, cp: ChargePoint, now: datetime
) -> list[str]:
    """OCPP 1.6 §5.2: connector 0 is the charge point with all its connectors."""
    return ["connectorId must not be negative"] if request.connector_id < StationNumber else []


def _connector(request: v16.StatusNotification, now: datetime) -> Connector:
    return Connector(
        status=HARDWARE_STATUS[request.status],
        error_code=request.error_code,
        info=request.info or None,
        vendor_id=request.vendor_id or None,
        vendor_error_code=request.vendor_error_code or None,
        at=_when(request.timestamp or now, now),  # OCPP 1.6 §6.47: time of receipt if absent
    )


def _when(reported: datetime, now: datetime) -> datetime:
    # A clock that was never set or runs ahead must neither hide this report nor all later ones.
    return reported if CLOCK_NEVER_SET < reported < now + CLOCK_AHEAD else now


def _repeats(known: Connector, reported: Connector) -> bool:
    return known == replace(reported, at=known.at)


def _change(
    cp: ChargePoint, evse_number: int, connector_number: int, reported: Connector, now: datetime
) -> HardwareStatusChanged:
    return HardwareStatusChanged(
        charge_point_id=cp.id,
        evse_number=evse_number,
        connector_number=connector_number,
        status=reported.status,
        error_code=reported.error_code,
        info=reported.info,
        vendor_id=reported.vendor_id,
        vendor_error_code=reported.vendor_error_code,
        at=reported.at or now,
        received_at=now,
    )


def _notification(
    cp: ChargePoint, number: int, reported: Connector, now: datetime
) -> notifications.HardwareStatusNotification:
    return notifications.HardwareStatusNotification(
        charge_point_id=cp.id,
        evse_number=number or UNSET,
        timestamp=reported.at or now,
        hardware_status=reported.status,
        error_code=None if reported.error_code == "NoError" else reported.error_code,
        info=reported.info,
        vendor_id=reported.vendor_id,
        vendor_error_code=reported.vendor_error_code,
    )
