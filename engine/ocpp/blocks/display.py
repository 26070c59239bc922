"""Display messages (OCPP 2.x O01 to O06): what a station shows its users beside its own screens."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from engine.domain.changes import DisplayMessageCleared, DisplayMessageSet
from engine.domain.state import ChargePoint
from engine.ocpp import rpc
from engine.ocpp.blocks.twins import response_to
from engine.ocpp.messages import v21, v201
from engine.ocpp.step import Facts, Outcome

MessageInfo: TypeAlias = v201.MessageInfo | v21.MessageInfo


def notify_display_messages_v2x(
    cp: ChargePoint,
    request: v201.NotifyDisplayMessages | v21.NotifyDisplayMessages,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """Keep one part of what the station says it shows (O03, O04)."""
    changes = [_set(cp, info, now) for info in request.message_info or ()]
    return Outcome(state=cp, reply=response_to(request), changes=changes)


def check_set_display_message_v2x(
    request: v201.SetDisplayMessage | v21.SetDisplayMessage, cp: ChargePoint, now: datetime
) -> list[str]:
    """O01, O02: shown for some time to come; a message of a transaction needs one that goes on."""
    info = request.message
    errors = []
    if not info.message.content:
        errors.append("message.message.content must not be empty")
    if info.start_date_time and info.end_date_time and info.end_date_time <= info.start_date_time:
        errors.append("message.endDateTime must be after startDateTime")
    if info.end_date_time and info.end_date_time <= now:
        errors.append("message.endDateTime must be in the future")
    if info.transaction_id and info.transaction_id not in cp.sessions:
        errors.append("message.transactionId is of no transaction that is going on")
    return errors


def set_display_message_answered_v2x(
    cp: ChargePoint,
    request: v201.SetDisplayMessage | v21.SetDisplayMessage,
    response: v201.SetDisplayMessageResponse | v21.SetDisplayMessageResponse,
    now: datetime,
) -> Outcome:
    """O01, O06: an accepted message is shown, in place of one with its id."""
    changes = [_set(cp, request.message, now)] if response.status == "Accepted" else []
    return Outcome(state=cp, reply=None, changes=changes)


def clear_display_message_answered_v2x(
    cp: ChargePoint,
    request: v201.ClearDisplayMessage | v21.ClearDisplayMessage,
    response: v201.ClearDisplayMessageResponse | v21.ClearDisplayMessageResponse,
    now: datetime,
) -> Outcome:
    """O05: Accepted and Unknown both mean that there is no such message."""
    if response.status not in {"Accepted", "Unknown"}:
        return Outcome(state=cp, reply=None)
    row = DisplayMessageCleared(charge_point_id=cp.id, message_id=request.id, at=now)
    return Outcome(state=cp, reply=None, changes=(row,))


def _set(cp: ChargePoint, info: MessageInfo, now: datetime) -> DisplayMessageSet:
    return DisplayMessageSet(
        charge_point_id=cp.id, message_id=info.id, message=rpc.ENCODER.encode(info), at=now
    )
