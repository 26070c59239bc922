"""What a station notices: NotifyEvent (2.x N07, N08).

Events are kept as they came and published one by one. An event of a connector's availability counts as its
StatusNotification.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, TypeAlias

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from engine.domain import notifications
from engine.domain.changes import Change
from engine.domain.device import VariableName, is_secret
from engine.domain.state import ChargePoint
from engine.ocpp.blocks import keeping
from engine.ocpp.blocks.availability.status_notification import status_event_v2x
from engine.ocpp.blocks.device_model.variables import name_of
from engine.ocpp.blocks.monitoring.monitors import text_or_none
from engine.ocpp.blocks.payloads_2x import response_to
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v21, v201
from engine.ocpp.step import Facts, Outcome

EventData: TypeAlias = v201.EventData | v21.EventData
STATUS_OF_CONNECTOR: Final = ("connector", "availabilitystate")  # G01: (component, variable)


def notify_event_v2x(
    cp: ChargePoint, request: v201.NotifyEvent | v21.NotifyEvent, facts: Facts, now: datetime
) -> Outcome:
    """Keep and publish what a station noticed (N07.FR.03, N08.FR.02); values of secrets are left out."""
    state = cp
    events = [_without_secret(event) for event in request.event_data]
    kept = replace(request, event_data=events)
    changes: list[Change] = [keeping.stored(cp, "NotifyEvent", kept, now)]
    for event in events:
        name = name_of(event.component, event.variable)
        changes.append(notifications.about(cp, _news(cp, event, name), now))
        if (name.component.casefold(), name.variable.casefold()) == STATUS_OF_CONNECTOR:
            state, status = status_event_v2x(
                state, name.evse_number, name.connector_number, event.actual_value, event.timestamp, now
            )
            changes += status
    return Outcome(state=state, reply=response_to(request), changes=changes)


def _without_secret(event: EventData) -> EventData:
    """N07.FR.10 has stations leave out what may only be written; the same goes for all that is secret."""
    secret = is_secret(name_of(event.component, event.variable))
    return replace(event, actual_value="") if secret else event


def _news(cp: ChargePoint, event: EventData, name: VariableName) -> notifications.DeviceEvent:
    severity = getattr(event, "severity", UNSET)  # 2.1
    monitor = event.variable_monitoring_id
    return notifications.DeviceEvent(
        charge_point_id=cp.id,
        event_id=event.event_id,
        component=name.component,
        component_instance=name.component_instance or None,
        evse_number=name.evse_number or UNSET,
        connector_number=name.connector_number or UNSET,
        variable=name.variable,
        variable_instance=name.variable_instance or None,
        actual_value=event.actual_value,
        trigger=event.trigger,
        cleared=bool(event.cleared),
        severity=None if isinstance(severity, UnsetType) else severity,
        tech_code=text_or_none(event.tech_code),
        tech_info=text_or_none(event.tech_info),
        transaction_id=text_or_none(event.transaction_id),
        variable_monitoring_id=None if isinstance(monitor, UnsetType) else monitor,
        timestamp=event.timestamp,
    )


HANDLERS: Final = (handler(v201.NotifyEvent, notify_event_v2x),)
