"""Display messages (OCPP 2.x O01 to O06): what a station shows its users beside its own screens."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, TypeAlias

from msgspec import UNSET

from engine.domain.changes import Change, DisplayMessageCleared, DisplayMessageSet, DisplayMessagesReported
from engine.domain.state import ChargePoint
from engine.ocpp import rpc
from engine.ocpp.blocks import following
from engine.ocpp.blocks.twins import response_to
from engine.ocpp.messages import v21, v201
from engine.ocpp.step import Facts, Outcome

MessageInfo: TypeAlias = v201.MessageInfo | v21.MessageInfo

PART: Final = "NotifyDisplayMessages"
LANGUAGE: Final = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")  # the form of RFC 5646


def notify_display_messages_v2x(
    cp: ChargePoint,
    request: v201.NotifyDisplayMessages | v21.NotifyDisplayMessages,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """Keep one part of what the station says it shows; the last one of all ends the others (O03.FR.02)."""
    at = following.stamp(cp, PART, request.request_id, now)
    changes: list[Change] = [_set(cp, info, at) for info in request.message_info or ()]
    state, report = following.part(cp, PART, request.request_id, None, bool(request.tbc))  # O03.FR.04
    if report and report.complete and report.full:
        changes.append(DisplayMessagesReported(charge_point_id=cp.id, since=report.started_at, at=at))
    return Outcome(state=state, reply=response_to(request), changes=changes)


def get_display_messages_answered_v2x(
    cp: ChargePoint,
    request: v201.GetDisplayMessages | v21.GetDisplayMessages,
    response: v201.GetDisplayMessagesResponse | v21.GetDisplayMessagesResponse,
    now: datetime,
) -> Outcome:
    """Accepted announces them; Unknown where all were asked for: none is shown (O03.FR.06)."""
    full = all(member is UNSET for member in (request.id, request.priority, request.state))  # O03.FR.01
    if response.status == "Accepted":
        return Outcome(
            state=following.announced(cp, PART, request.request_id, full=full, now=now), reply=None
        )
    if full:
        row = DisplayMessagesReported(charge_point_id=cp.id, since=now, at=now)
        return Outcome(state=cp, reply=None, changes=(row,))
    return Outcome(state=cp, reply=None)


def check_set_display_message_v2x(
    request: v201.SetDisplayMessage | v21.SetDisplayMessage, cp: ChargePoint, now: datetime
) -> list[str]:
    """Shown for some time to come (O01); a message of a transaction needs one that goes on (O02.FR.01)."""
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
    wordings = [info.message, *(getattr(info, "message_extra", UNSET) or ())]
    spoken = {wording.language for wording in wordings if wording.language is not UNSET}
    errors += [
        f"language {language!r} is no RFC 5646 tag such as en or pt-BR (O01.FR.17)"
        for language in sorted(spoken)
        if not LANGUAGE.fullmatch(language)
    ]
    return errors


def set_display_message_answered_v2x(
    cp: ChargePoint,
    request: v201.SetDisplayMessage | v21.SetDisplayMessage,
    response: v201.SetDisplayMessageResponse | v21.SetDisplayMessageResponse,
    now: datetime,
) -> Outcome:
    """An accepted message is shown (O01), in place of one with its id (O06.FR.01)."""
    changes = [_set(cp, request.message, now)] if response.status == "Accepted" else []
    return Outcome(state=cp, reply=None, changes=changes)


def clear_display_message_answered_v2x(
    cp: ChargePoint,
    request: v201.ClearDisplayMessage | v21.ClearDisplayMessage,
    response: v201.ClearDisplayMessageResponse | v21.ClearDisplayMessageResponse,
    now: datetime,
) -> Outcome:
    """Accepted and Unknown both mean that there is no such message (O05.FR.01, FR.02)."""
    if response.status not in {"Accepted", "Unknown"}:
        return Outcome(state=cp, reply=None)
    row = DisplayMessageCleared(charge_point_id=cp.id, message_id=request.id, at=now)
    return Outcome(state=cp, reply=None, changes=(row,))


def _set(cp: ChargePoint, info: MessageInfo, now: datetime) -> DisplayMessageSet:
    return DisplayMessageSet(
        charge_point_id=cp.id, message_id=info.id, message=rpc.ENCODER.encode(info), at=now
    )
