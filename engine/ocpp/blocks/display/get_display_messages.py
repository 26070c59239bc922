"""Ask which messages a station shows: GetDisplayMessages, NotifyDisplayMessages (2.x O03, O04)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import UNSET

from engine.domain.changes import Change, DisplayMessagesReported
from engine.domain.state import ChargePoint
from engine.ocpp.blocks import report_parts
from engine.ocpp.blocks.display.messages import STATES_V21, Priority, State, message_set
from engine.ocpp.blocks.payloads_2x import response_to
from engine.ocpp.declaration import command, define, handler
from engine.ocpp.encoding import Call, Encoding, given, since_v21
from engine.ocpp.messages import v21, v201
from engine.ocpp.operation import Operation
from engine.ocpp.step import Facts, Outcome


class GetDisplayMessages(Operation, frozen=True):
    """Have the station report its messages that fit what is given; nothing given: all."""

    request_id: int
    message_ids: tuple[int, ...] = ()
    priority: Priority | None = None
    state: State | None = None


PART: Final = "NotifyDisplayMessages"


def encode_v2x(operation: GetDisplayMessages, cp: ChargePoint) -> Sequence[Call]:
    since_v21(cp, operation.state in STATES_V21, f"messages for the state {operation.state}")
    members = given(
        id=list(operation.message_ids) or None,
        requestId=operation.request_id,
        priority=operation.priority,
        state=operation.state,
    )
    return [("GetDisplayMessages", members)]


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
            state=report_parts.announced(cp, PART, request.request_id, full=full, now=now), reply=None
        )
    if full:
        row = DisplayMessagesReported(charge_point_id=cp.id, since=now, at=now)
        return Outcome(state=cp, reply=None, changes=(row,))
    return Outcome(state=cp, reply=None)


def notify_display_messages_v2x(
    cp: ChargePoint,
    request: v201.NotifyDisplayMessages | v21.NotifyDisplayMessages,
    facts: Facts,
    now: datetime,
) -> Outcome:
    """Keep one part of what the station says it shows; the last one of all ends the others (O03.FR.02)."""
    at = report_parts.stamp(cp, PART, request.request_id, now)
    changes: list[Change] = [message_set(cp, info, at) for info in request.message_info or ()]
    state, report = report_parts.part(cp, PART, request.request_id, None, bool(request.tbc))  # O03.FR.04
    if report and report.complete and report.full:
        changes.append(DisplayMessagesReported(charge_point_id=cp.id, since=report.started_at, at=at))
    return Outcome(state=state, reply=response_to(request), changes=changes)


OPERATION: Final = define(GetDisplayMessages, v2x=Encoding(encode_v2x))
COMMANDS: Final = (command(v201.GetDisplayMessages, answered=get_display_messages_answered_v2x),)
HANDLERS: Final = (handler(v201.NotifyDisplayMessages, notify_display_messages_v2x),)
