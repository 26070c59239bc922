"""Limits that others than us set: a grid operator, an energy manager, the station itself (K11 to K14).

They are kept per EVSE and source until they are lifted; what a station makes of them together with our
profiles is its business.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import UnsetType

from engine.domain import notifications
from engine.domain.changes import ChargingLimitChanged
from engine.domain.state import ChargePoint
from engine.ocpp import rpc
from engine.ocpp.blocks.payloads_2x import response_to
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v21, v201
from engine.ocpp.step import Facts, Message, Outcome


def notify_charging_limit_v2x(
    cp: ChargePoint, request: v201.NotifyChargingLimit | v21.NotifyChargingLimit, facts: Facts, now: datetime
) -> Outcome:
    """A limit holds from now on (K11.FR.02, K12.FR.02)."""
    schedules = [] if isinstance(request.charging_schedule, UnsetType) else request.charging_schedule
    limit = request.charging_limit
    return _changed(
        cp,
        request,
        ChargingLimitChanged(
            charge_point_id=cp.id,
            evse_number=request.evse_id or 0,
            source=limit.charging_limit_source,
            grid_critical=bool(limit.is_grid_critical),
            schedules=rpc.ENCODER.encode(schedules),
            active=True,
            at=now,
        ),
    )


def cleared_charging_limit_v2x(
    cp: ChargePoint,
    request: v201.ClearedChargingLimit | v21.ClearedChargingLimit,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """The limit of that source is lifted (K13.FR.02)."""
    return _changed(
        cp,
        request,
        ChargingLimitChanged(
            charge_point_id=cp.id,
            evse_number=request.evse_id or 0,
            source=request.charging_limit_source,
            grid_critical=False,
            schedules=b"[]",
            active=False,
            at=now,
        ),
    )


def _changed(cp: ChargePoint, request: Message, change: ChargingLimitChanged) -> Outcome:
    news = notifications.ChargingLimitNotification(
        charge_point_id=cp.id,
        evse_number=change.evse_number,
        source=change.source,
        active=change.active,
        grid_critical=change.grid_critical,
        timestamp=change.at,
    )
    changes = (change, notifications.about(cp, news, change.at))
    return Outcome(state=cp, reply=response_to(request), changes=changes)


HANDLERS: Final = (
    handler(v201.NotifyChargingLimit, notify_charging_limit_v2x),
    handler(v201.ClearedChargingLimit, cleared_charging_limit_v2x),
)
