"""Have a station send a message: TriggerMessage (1.6 §5.17, 2.x F06), and 1.6's ExtendedTriggerMessage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import UNSET, UnsetType

from engine.domain.state import ChargePoint
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import (
    Call,
    Encoding,
    evse_document,
    given,
    one_connector_v16,
    since_v21,
    unsupported_v16,
)
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Operation

Triggered = Literal[
    "BootNotification",
    "CustomTrigger",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "LogStatusNotification",
    "MeterValues",
    "PublishFirmwareStatusNotification",
    "SignChargingStationCertificate",
    "SignCombinedCertificate",
    "SignV2G20Certificate",
    "SignV2GCertificate",
    "StatusNotification",
    "TransactionEvent",
]


class Trigger(Operation, frozen=True):
    """Have the station send a message now, or do what `customTrigger` of its vendor's stands for (2.1)."""

    message: Triggered
    evse_number: int | None = None
    connector_number: int | None = None
    custom_trigger: str | None = None  # with CustomTrigger


TRIGGERS_V16: Final[Mapping[str, tuple[str, str]]] = {
    **{
        name: ("TriggerMessage", name)
        for name in (
            "BootNotification",
            "DiagnosticsStatusNotification",
            "FirmwareStatusNotification",
            "Heartbeat",
            "MeterValues",
            "StatusNotification",
        )
    },
    "LogStatusNotification": ("ExtendedTriggerMessage", "LogStatusNotification"),
    "SignChargingStationCertificate": ("ExtendedTriggerMessage", "SignChargePointCertificate"),
}
TRIGGERS_V2X: Final = {"DiagnosticsStatusNotification": "LogStatusNotification"}  # others: their own
OF_ONE_CONNECTOR: Final = frozenset({"MeterValues", "StatusNotification"})
OF_ONE_EVSE: Final = frozenset({"MeterValues", "StatusNotification", "TransactionEvent"})


def encode_v16(operation: Trigger, _cp: ChargePoint) -> Sequence[Call]:
    if operation.custom_trigger is not None:
        raise unsupported_v16("triggers of a vendor's own")
    if operation.message not in TRIGGERS_V16:
        raise unsupported_v16(f"trigger for {operation.message}")
    one_connector_v16(operation.connector_number)
    action, name = TRIGGERS_V16[operation.message]
    return [(action, given(requestedMessage=name, connectorId=operation.evse_number))]


def encode_v2x(operation: Trigger, cp: ChargePoint) -> Sequence[Call]:
    custom = operation.custom_trigger
    since_v21(cp, custom is not None or operation.message == "CustomTrigger", "triggers of a vendor's own")
    since_v21(cp, operation.message == "SignV2G20Certificate", "trigger for SignV2G20Certificate")
    name = TRIGGERS_V2X.get(operation.message, operation.message)
    places: Sequence[tuple[int | None, int | None]] = [(operation.evse_number, operation.connector_number)]
    if name == "StatusNotification" and operation.connector_number is None:
        # F06.FR.13: a status is of one connector, which has to be named.
        known = [place for place in cp.connectors if operation.evse_number in (None, 0, place[0])]
        places = [place for place in known if 0 not in place] or [(operation.evse_number or 1, 1)]
    return [
        ("TriggerMessage", given(requestedMessage=name, customTrigger=custom, evse=evse_document(*place)))
        for place in places
    ]


def check_trigger_message_v16(
    request: v16.TriggerMessage | v16.ExtendedTriggerMessage, cp: ChargePoint, now: datetime
) -> list[str]:
    """OCPP 1.6 §5.17: a connector only where the message triggered has one."""
    if isinstance(request.connector_id, UnsetType):
        return []
    if request.requested_message not in OF_ONE_CONNECTOR:
        return [f"connectorId does not go with {request.requested_message}"]
    return [] if request.connector_id > 0 else ["connectorId must be greater than 0"]


def check_trigger_message_v2x(
    request: v201.TriggerMessage | v21.TriggerMessage, cp: ChargePoint, now: datetime
) -> list[str]:
    """An EVSE only where the message triggered has one (F06); a status by connector (F06.FR.13)."""
    evse, wanted = request.evse, request.requested_message
    errors = []
    if evse and wanted not in OF_ONE_EVSE:
        errors.append(f"evse does not go with {wanted}")
    if evse and evse.id <= 0:
        errors.append("evse.id must be greater than 0")
    if wanted == "StatusNotification" and not (evse and evse.connector_id):
        errors.append("evse.connectorId is required with StatusNotification")
    custom = getattr(request, "custom_trigger", UNSET)
    if wanted == "CustomTrigger" and not custom:
        errors.append("customTrigger is required with CustomTrigger")
    if wanted != "CustomTrigger" and custom is not UNSET:
        errors.append(f"customTrigger does not go with {wanted}")
    return errors


OPERATION: Final = define(Trigger, v16=Encoding(encode_v16), v2x=Encoding(encode_v2x))
COMMANDS: Final = (
    command(v16.TriggerMessage, check=check_trigger_message_v16),
    command(v16.ExtendedTriggerMessage, check=check_trigger_message_v16),
    command(v201.TriggerMessage, check=check_trigger_message_v2x),
)
