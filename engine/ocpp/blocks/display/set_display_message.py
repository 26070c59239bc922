"""Show a message: SetDisplayMessage (2.x O01, O02, O06)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import UNSET

from engine.domain.state import ChargePoint
from engine.ocpp.blocks.display.messages import FORMATS_V21, STATES_V21, Priority, State, Wording, message_set
from engine.ocpp.declaration import command, define
from engine.ocpp.encoding import Call, Encoding, given, since_v21
from engine.ocpp.messages import v21, v201
from engine.ocpp.operation import Moment, Operation
from engine.ocpp.step import Outcome


class SetDisplayMessage(Operation, frozen=True):
    """Show a message, in place of one of the same id; with a transaction, as long as that goes on."""

    message_id: int
    wording: Wording
    priority: Priority = "NormalCycle"
    state: State | None = None  # shown in this state only
    begins_at: Moment | None = None
    ends_at: Moment | None = None
    transaction_id: str | None = None
    evse_number: int | None = None  # the display of that EVSE
    others: tuple[Wording, ...] = ()  # the same in other languages


DISPLAY: Final = "Display"  # the standard component that a message for one of several displays names
LANGUAGE: Final = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")  # the form of RFC 5646


def encode_v2x(operation: SetDisplayMessage, cp: ChargePoint) -> Sequence[Call]:
    since_v21(cp, operation.others, "messages in several languages")
    since_v21(cp, operation.state in STATES_V21, f"messages for the state {operation.state}")
    since_v21(cp, operation.wording.format in FORMATS_V21, f"messages of format {operation.wording.format}")
    display = {"name": DISPLAY, "evse": {"id": operation.evse_number}} if operation.evse_number else None
    message = given(
        display=display,
        id=operation.message_id,
        priority=operation.priority,
        state=operation.state,
        startDateTime=operation.begins_at,
        endDateTime=operation.ends_at,
        transactionId=operation.transaction_id,
        message=_wording(operation.wording),
        messageExtra=[_wording(wording) for wording in operation.others] or None,
    )
    return [("SetDisplayMessage", {"message": message})]


def _wording(wording: Wording) -> Mapping[str, Any]:
    return given(format=wording.format, language=wording.language, content=wording.content)


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
    changes = [message_set(cp, request.message, now)] if response.status == "Accepted" else []
    return Outcome(state=cp, reply=None, changes=changes)


OPERATION: Final = define(SetDisplayMessage, v2x=Encoding(encode_v2x))
COMMANDS: Final = (
    command(
        v201.SetDisplayMessage,
        check=check_set_display_message_v2x,
        answered=set_display_message_answered_v2x,
    ),
)
