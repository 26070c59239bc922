"""Messages that are kept, published and acknowledged, because nothing here has a matter for them (yet).

What a station tells is never refused for our lack of use: it is stored as it came, with its request id where
it has one, and whoever subscribes hears of it.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from engine.domain import notifications
from engine.domain.changes import Change, ReportStored
from engine.domain.state import ChargePoint
from engine.ocpp import rpc
from engine.ocpp.blocks.payloads_2x import response_to
from engine.ocpp.step import Facts, Message, Outcome


def kept(cp: ChargePoint, request: Message, facts: Facts, now: datetime) -> Outcome:
    """Keep a request and acknowledge it, after the commit. Not for answers that have to say something."""
    return Outcome(state=cp, reply=response_to(request), changes=published(cp, request, now))


def answer_kept(cp: ChargePoint, request: Message, response: Message, now: datetime) -> Outcome:
    """Keep what our own request was answered, under the request's name."""
    return Outcome(state=cp, reply=None, changes=(stored(cp, type(request).__name__, response, now),))


def published(cp: ChargePoint, request: Message, now: datetime) -> tuple[Change, ...]:
    """The row of a message, and its event for subscribers."""
    row = stored(cp, type(request).__name__, request, now)
    news = notifications.MessageReceived(
        charge_point_id=cp.id, action=row.action, payload=msgspec.Raw(row.payload), received_at=now
    )
    return row, notifications.about(cp, news, now)


def stored(cp: ChargePoint, action: str, message: Message, now: datetime) -> ReportStored:
    """The row alone."""
    number = getattr(message, "request_id", None)
    return ReportStored(
        charge_point_id=cp.id,
        action=action,
        request_id=number if isinstance(number, int) else None,
        payload=rpc.ENCODER.encode(message),
        at=now,
    )
