"""What others are told, and who did what."""

from __future__ import annotations

from datetime import datetime

from engine.domain.changes.base import Change


class EventPublished(Change, frozen=True):
    """events (the outbox), new row; delivered at least once after the commit."""

    type: str
    subject: str  # "charge_point:12", "session:7"
    operator_id: int | None
    payload: bytes  # JSON
    created_at: datetime


class Audited(Change, frozen=True):
    """audit_log, new row: who did what to what."""

    actor: str
    action: str
    subject: str  # as in EventPublished
    details: bytes  # JSON
    at: datetime


class MessageLogged(Change, frozen=True):
    """message_log, new row. Written behind: never waited for, dropped (and counted) under overload."""

    charge_point_id: int
    operator_id: int
    at: datetime
    direction: str  # in | out
    kind: str  # call | result | error
    action: str
    message_id: str
    payload: str
    correlation_id: str
    repairs: str | None = None
