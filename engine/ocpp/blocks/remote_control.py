"""Remote control: the rules of starting and stopping from afar, of unlocking, and of trigger messages.

What a charger does next it reports itself: of its answers only that it will stop a transaction is kept.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import UNSET, UnsetType

from engine.domain.closing import stop_asked
from engine.domain.state import ChargePoint, Frozen
from engine.ocpp.blocks.charging_profiles import profile_errors_v16
from engine.ocpp.blocks.charging_profiles_v2x import profile_errors
from engine.ocpp.blocks.smart_charging_v2x import station_errors
from engine.ocpp.blocks.vehicle_needs import vehicle_errors
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Outcome

OF_ONE_CONNECTOR: Final = frozenset({"MeterValues", "StatusNotification"})
OF_ONE_EVSE: Final = frozenset({"MeterValues", "StatusNotification", "TransactionEvent"})
NOBODY: Final = "NoAuthorization"


class StartSaid(Frozen, frozen=True):
    """A remote start as its request words it. `id_tag` "": nobody is named (NoAuthorization)."""

    id_tag: str
    evse_number: int  # 0: any
    remote_start_id: int | None  # None: the version has none


def start_of(request: object) -> StartSaid | None:
    """What a request asks to begin; None where it is no remote start."""
    match request:
        case v16.RemoteStartTransaction():
            return StartSaid(
                id_tag=request.id_tag, evse_number=request.connector_id or 0, remote_start_id=None
            )
        case v201.RequestStartTransaction() | v21.RequestStartTransaction():
            return StartSaid(
                id_tag=request.id_token.id_token,
                evse_number=request.evse_id or 0,
                remote_start_id=request.remote_start_id,
            )
    return None


def is_accepted(answer: object) -> bool:
    """Whether a station follows a request to start."""
    match answer:
        case v16.RemoteStartTransactionResponse(status=status):
            return status == "Accepted"
        case v201.RequestStartTransactionResponse(status=status):
            return status == "Accepted"
        case v21.RequestStartTransactionResponse(status=status):
            return status == "Accepted"
    return False


def check_remote_start_transaction_v16(
    request: v16.RemoteStartTransaction, cp: ChargePoint, now: datetime
) -> list[str]:
    """OCPP 1.6 §5.11: a real connector, and a profile for the transaction that is about to start."""
    errors = []
    if not isinstance(request.connector_id, UnsetType) and request.connector_id <= 0:
        errors.append("connectorId must be greater than 0; leave it out to let the charge point choose")
    if not request.id_tag:
        errors.append("idTag must not be empty")
    if profile := request.charging_profile:
        if profile.charging_profile_purpose != "TxProfile":
            errors.append("chargingProfile.chargingProfilePurpose must be TxProfile")
        if profile.transaction_id:
            errors.append("chargingProfile.transactionId must be absent: the transaction has not started")
        errors += profile_errors_v16(profile, "chargingProfile")
    return errors


def remote_stop_answered_v16(
    cp: ChargePoint,
    request: v16.RemoteStopTransaction,
    response: v16.RemoteStopTransactionResponse,
    now: datetime,
) -> Outcome:
    """Whatever reason it tells or does not tell, the end of the transaction is ours (OCPP 1.6 §5.12)."""
    return _stopping(cp, str(request.transaction_id), response.status, now)


def request_stop_answered_v2x(
    cp: ChargePoint,
    request: v201.RequestStopTransaction | v21.RequestStopTransaction,
    response: v201.RequestStopTransactionResponse | v21.RequestStopTransactionResponse,
    now: datetime,
) -> Outcome:
    """The same for OCPP 2.x (F03)."""
    return _stopping(cp, request.transaction_id, response.status, now)


def _stopping(cp: ChargePoint, transaction_id: str, status: str, now: datetime) -> Outcome:
    if status != "Accepted":
        return Outcome(state=cp, reply=None)
    state, changes = stop_asked(cp, transaction_id, now)
    return Outcome(state=state, reply=None, changes=changes)


def check_unlock_connector_v16(request: v16.UnlockConnector, cp: ChargePoint, now: datetime) -> list[str]:
    """OCPP 1.6 §6.53: one connector, never the charge point as a whole."""
    return [] if request.connector_id > 0 else ["connectorId must be greater than 0"]


def check_trigger_message_v16(
    request: v16.TriggerMessage | v16.ExtendedTriggerMessage, cp: ChargePoint, now: datetime
) -> list[str]:
    """OCPP 1.6 §5.17: a connector only where the message triggered has one."""
    if isinstance(request.connector_id, UnsetType):
        return []
    if request.requested_message not in OF_ONE_CONNECTOR:
        return [f"connectorId does not go with {request.requested_message}"]
    return [] if request.connector_id > 0 else ["connectorId must be greater than 0"]


def check_request_start_transaction_v2x(
    request: v201.RequestStartTransaction | v21.RequestStartTransaction, cp: ChargePoint, now: datetime
) -> list[str]:
    """A real EVSE, somebody who charges (F01.FR.04), a profile for the transaction that is to start."""
    errors = []
    if not isinstance(request.evse_id, UnsetType) and request.evse_id <= 0:
        errors.append("evseId must be greater than 0; leave it out to let the charge point choose")
    if not request.id_token.id_token and request.id_token.type != NOBODY:
        errors.append("idToken.idToken must not be empty")
    if profile := request.charging_profile:
        if profile.charging_profile_purpose != "TxProfile":
            errors.append("chargingProfile.chargingProfilePurpose must be TxProfile")  # F01.FR.09
        if profile.transaction_id:  # F01.FR.11
            errors.append("chargingProfile.transactionId must be absent: the transaction has not started")
        errors += profile_errors(profile, "chargingProfile")
        errors += station_errors(profile, request.evse_id or 0, cp)
        errors += vehicle_errors(profile, request.evse_id or 0, cp, now)
    return errors


def check_request_stop_transaction_v2x(
    request: v201.RequestStopTransaction | v21.RequestStopTransaction, cp: ChargePoint, now: datetime
) -> list[str]:
    """A transaction is named as the charge point named it (F03.FR.01)."""
    return [] if request.transaction_id else ["transactionId must not be empty"]


def check_unlock_connector_v2x(
    request: v201.UnlockConnector | v21.UnlockConnector, cp: ChargePoint, now: datetime
) -> list[str]:
    """F05: one connector of one EVSE."""
    given = {"evseId": request.evse_id, "connectorId": request.connector_id}
    return [f"{name} must be greater than 0" for name, value in given.items() if value <= 0]


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
