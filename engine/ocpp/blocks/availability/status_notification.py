"""What the hardware reports about itself: StatusNotification (1.6 §4.9, 2.x G01).

In OCPP 1.6 a connector is an EVSE: connectorId n is EVSE n, connector 1; connectorId 0 is the charge point.
OCPP 2.x numbers both, and connectors from 1 within their EVSE.

Every status that says something new is committed before it is answered: it is cheap beside a transaction, and
uptime is computed from it. A report that repeats what is known writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from engine.domain import notifications
from engine.domain.changes import Change, HardwareStatusChanged
from engine.domain.session import course
from engine.domain.state import ChargePoint, Connector, StationNumber
from engine.ocpp.blocks.payloads_2x import response_to
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Facts, Outcome
from engine.ocpp.vocabulary import HARDWARE_STATUS

WHOLE_STATION: Final = (StationNumber, 0)  # it has no connector of its own
MAX_CONNECTORS: Final = 256  # more than any charge point has; a faulty one must not make rows without end
CLOCK_NEVER_SET: Final = datetime(
    2015, 10, 8, tzinfo=UTC
)  # OCPP 1.6 is not older, nor is a clock that was set
CLOCK_AHEAD: Final = timedelta(minutes=5)
LIVE: Final = timedelta(seconds=30)  # no older than this, a report is of now and not from a queue


def status_notification_v16(
    cp: ChargePoint, request: v16.StatusNotification, facts: Facts, now: datetime
) -> Outcome:
    """Adopt the newest report of a connector; log an older one that came late without adopting it."""
    state, changes = reported(cp, (request.connector_id, 1), _connector(request, now), now)
    return Outcome(state=state, reply=v16.StatusNotificationResponse(), changes=changes)


def status_notification_v2x(
    cp: ChargePoint, request: v201.StatusNotification | v21.StatusNotification, facts: Facts, now: datetime
) -> Outcome:
    """The same for OCPP 2.x (G01): a connector of an EVSE, which is free or occupied and says no more."""
    connector = _connector_v2x(request.connector_status, request.timestamp, now)
    state, changes = reported(cp, (request.evse_id, request.connector_id), connector, now)
    return Outcome(state=state, reply=response_to(request), changes=changes)


def status_event_v2x(  # noqa: PLR0917 - a report's parts, as its message has them
    cp: ChargePoint, evse_number: int, connector_number: int, value: str, timestamp: datetime, now: datetime
) -> tuple[ChargePoint, Sequence[Change]]:
    """An event of `Connector.AvailabilityState` says what a StatusNotification says (G01.FR.03 to FR.07)."""
    if value not in HARDWARE_STATUS:
        return cp, ()
    connector = _connector_v2x(value, timestamp, now)
    return reported(cp, (evse_number, connector_number), connector, now)


def reported(
    cp: ChargePoint, key: tuple[int, int], connector: Connector, now: datetime
) -> tuple[ChargePoint, Sequence[Change]]:
    """What the report of one connector, by (EVSE number, connector number), changes.

    Of reports that are live the one that came last counts, whatever their stamps say: those of the last
    moments, and those that happened since the station is connected, which come in their order.
    """
    number, _ = key
    if number == StationNumber:
        key = WHOLE_STATION
    known = cp.connectors.get(key)
    if min(key) < StationNumber or (known is None and len(cp.connectors) >= MAX_CONNECTORS):
        return cp, ()  # no such connector: nothing to keep
    if known is not None and known.at is not None and connector.at is not None and connector.at < known.at:
        if now - connector.at > LIVE and not _since_connected(cp, connector.at):
            return cp, () if _repeats(known, connector) else (_change(cp, key, connector, now),)
        # Its clock was set back, or has whole seconds where the last report was stamped by ours.
        connector = replace(connector, at=known.at)
    state = replace(cp, connectors={**cp.connectors, key: connector})
    # A repeated status may still be the first after a boot, which tells whether the session goes on.
    state, changes = (
        course.on_connector_status(state, number, connector.status, now)
        if _is_of_session(state, key)
        else (state, [])
    )
    if known is None or not _repeats(known, connector):
        changes = [
            _change(cp, key, connector, now),
            *changes,
            notifications.about(cp, _notification(cp, number, connector, now), now),
        ]
    return state, changes


def _since_connected(cp: ChargePoint, at: datetime) -> bool:
    return cp.connected_at is not None and at >= cp.connected_at


def _is_of_session(cp: ChargePoint, key: tuple[int, int]) -> bool:
    """Not of an EVSE's other connector, which is free while a session goes on beside it."""
    number, connector = key
    return not any(
        session.evse_number == number and session.connector_number not in {StationNumber, connector}
        for session in cp.sessions.values()
    )


def _connector_v2x(status: str, timestamp: datetime, now: datetime) -> Connector:
    return Connector(status=HARDWARE_STATUS[status], at=_when(timestamp, now))


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
    cp: ChargePoint, key: tuple[int, int], reported: Connector, now: datetime
) -> HardwareStatusChanged:
    evse_number, connector_number = key
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


HANDLERS: Final = (
    handler(v16.StatusNotification, status_notification_v16, before_boot=True),
    handler(v201.StatusNotification, status_notification_v2x),
)
