"""Remote control: the rules of RemoteStartTransaction, UnlockConnector and the two trigger messages.

Their answers change nothing here: what a charger does next it reports itself.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from msgspec import UnsetType

from engine.domain.state import ChargePoint
from engine.ocpp.blocks.charging_profiles import profile_errors_v16
from engine.ocpp.messages import v16

OF_ONE_CONNECTOR: Final = frozenset({"MeterValues", "StatusNotification"})


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
