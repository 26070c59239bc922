"""Start a transaction from afar: RemoteStartTransaction (1.6 §5.11), RequestStartTransaction (2.x F01)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import UnsetType
from msgspec.structs import replace

from engine.domain.starting import own_tag
from engine.domain.state import ChargePoint, Frozen, Token
from engine.ocpp.blocks.authorization.authorize_v2x import ID_TOKEN_TYPES
from engine.ocpp.blocks.smart_charging.held_v2x import station_errors
from engine.ocpp.blocks.smart_charging.profiles_v2x import profile_errors
from engine.ocpp.blocks.smart_charging.profiles_v16 import profile_errors_v16, profile_v16_from_v201
from engine.ocpp.blocks.smart_charging.set_profile import profile_document
from engine.ocpp.blocks.smart_charging.vehicle_needs import vehicle_errors
from engine.ocpp.blocks.tokens import AdditionalInfo, group_token, no_additional_info_v16, token
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.operation import Operation, Result
from engine.ocpp.results import as_kind, result_of


class Start(Operation, frozen=True):
    """Begin a transaction. `profile` is a TxProfile in the shape of 2.0.1's ChargingProfileType.

    `engine.operations.remote_start` opens its session; `completed` puts that one's number and tag into it.
    """

    id_tag: str | None = None
    request_id: int | None = None  # remoteStartId: comes back with the transaction (OCPP 2.x)
    evse_number: int | None = None
    id_type: str = "ISO14443"  # IdTokenEnumType
    group_id: str | None = None
    additional_info: tuple[AdditionalInfo, ...] = ()
    profile: Mapping[str, Any] | None = None


class Started(Result, frozen=True):
    transaction_id: str | None = None  # where the cable was in already (OCPP 2.x)
    session_id: int | None = None
    authorization_id: int | None = None


NOBODY: Final = "NoAuthorization"


def encode_v16(operation: Start, _cp: ChargePoint) -> Sequence[Call]:
    no_additional_info_v16(operation.additional_info)
    profile = None if operation.profile is None else profile_v16_from_v201(operation.profile)
    members = given(idTag=operation.id_tag, connectorId=operation.evse_number, chargingProfile=profile)
    return [("RemoteStartTransaction", members)]


def read_v16(_operation: Start, answers: Sequence[Any]) -> Result:
    return as_kind(Started, result_of(answers[0]))


def encode_v2x(operation: Start, _cp: ChargePoint) -> Sequence[Call]:
    members = given(
        idToken=token(operation.id_tag or "", operation.id_type, operation.additional_info),
        remoteStartId=operation.request_id,
        evseId=operation.evse_number or None,
        groupIdToken=group_token(operation.group_id),
        chargingProfile=None if operation.profile is None else profile_document(operation.profile),
    )
    return [("RequestStartTransaction", members)]


def read_v2x(_operation: Start, answers: Sequence[Any]) -> Result:
    return as_kind(Started, result_of(answers[0]), transaction_id=answers[0].transaction_id or None)


def completed(start: Start, session_id: int = 0, token: Token | None = None) -> Start:
    """The operation with its session's number, and with that one's tag where it names none.

    A tag that is known is presented as one of the types that it has.
    """
    if not start.id_tag:
        return replace(start, id_tag=own_tag(session_id), id_type="Central", request_id=session_id)
    types = (start.id_type,) if token is None else ID_TOKEN_TYPES[token.type]
    id_type = start.id_type if start.id_type in types else types[0]
    return replace(start, id_type=id_type, request_id=session_id)


class StartRequested(Frozen, frozen=True):
    """A remote start as its request has it. `id_tag` "": nobody is named (NoAuthorization)."""

    id_tag: str
    evse_number: int  # 0: any
    remote_start_id: int | None  # None: the version has none


def requested_by(request: object) -> StartRequested | None:
    """What a request asks to begin; None where it is no remote start."""
    match request:
        case v16.RemoteStartTransaction():
            return StartRequested(
                id_tag=request.id_tag, evse_number=request.connector_id or 0, remote_start_id=None
            )
        case v201.RequestStartTransaction() | v21.RequestStartTransaction():
            return StartRequested(
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


OPERATION: Final = define(
    Start,
    v16=Encoding(encode_v16, read_v16),
    v2x=Encoding(encode_v2x, read_v2x),
)
COMMANDS: Final = (
    command(v16.RemoteStartTransaction, check=check_remote_start_transaction_v16),
    command(v201.RequestStartTransaction, check=check_request_start_transaction_v2x),
)
