"""Sessions that were asked for remotely: authorized, awaited, and begun by the station or given up.

    pending → active     the station told of the transaction, which takes the session's number
    pending → expired    it did not begin in time
    pending → failed     the station refused, or could not be told

A pending session is a row only. No station knows of it, so no state holds it: whoever works on a start asks
for the one that may be meant (`PendingKey`). One that was given up still takes in a transaction that names
it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from msgspec import UNSET, UnsetType

from engine.domain.authorization import Decision, recorded
from engine.domain.changes import Change, SessionAsked, SessionGivenUp
from engine.domain.notifications import Notification, publish
from engine.domain.state import ChargePoint, Frozen, Price, Session, SessionStatus
from engine.domain.vocabulary import SessionReason

# A start that is not numbered belongs to a session asked for at most so long after it: clocks differ.
CLOCK_TOLERANCE: Final = timedelta(minutes=1)
_OWN_TAG: Final = re.compile(r"\*(\d{7,10})", re.ASCII)
_MAX_ID: Final = 2**31 - 1


class SessionUpdated(Notification, frozen=True, kw_only=True, tag="SessionUpdateNotification"):
    """A session that has not begun changed its status, or one that goes on got its driver."""

    session_id: int
    charge_point_id: int
    evse_number: int
    status: str
    reason: str | None = None
    id_tag: str | UnsetType = UNSET
    last_updated_at: datetime


class PendingKey(Frozen, frozen=True):
    """Which asked-for session a transaction may be: the one it numbers, else one of its tag and EVSE."""

    number: int | None
    id_tag: str | None = None
    evse_number: int = 0  # 0: not known
    at: datetime | None = None  # when the transaction began; None: now


class Pending(Frozen, frozen=True):
    """A session that was asked for and has not begun. `evse_number` 0: any."""

    id: int
    operator_id: int
    charge_point_id: int
    evse_number: int
    id_tag: str
    authorization_id: int
    asked_at: datetime
    expires_at: datetime
    status: SessionStatus = SessionStatus.PENDING
    id_tag_id: int | None = None
    user_id: int | None = None
    group_id: str | None = None  # of its tag
    price: Price | None = None  # of its operator when it was asked for; only where it was looked up

    def allows(self, at: datetime) -> bool:
        """Whether who asked for it may charge in a transaction that begins at `at`, known tag or not."""
        return self.status is not SessionStatus.FAILED and at <= self.expires_at

    def counts(self, id_tag: str) -> bool:
        """Whether it is among the tag's open sessions."""
        return self.status is SessionStatus.PENDING and self.id_tag.casefold() == id_tag.casefold()


def own_tag(session_id: int) -> str:
    """The tag of a session that was asked for without one."""
    return f"*{session_id:07d}"


def number_of(id_tag: str | None) -> int | None:
    """The session that a tag of our own names; None for any other tag."""
    named = _OWN_TAG.fullmatch(id_tag) if id_tag else None
    number = int(named[1]) if named else 0
    return number if 0 < number <= _MAX_ID else None


def key_of_tag(id_tag: str, evse_number: int = 0, at: datetime | None = None) -> PendingKey:
    """For stations that tell nothing of a remote start but its tag (OCPP 1.6)."""
    return PendingKey(number=number_of(id_tag), id_tag=id_tag, evse_number=evse_number, at=at)


def ask(
    cp: ChargePoint,
    decision: Decision,
    *,
    session_id: int,
    authorization_id: int,
    id_tag: str,
    evse_number: int,
    expires_at: datetime,
    now: datetime,
    remote_start_id: int | None = None,
) -> tuple[Pending, list[Change]]:
    """Authorizes a remote start and opens its pending session.

    `remote_start_id`: what the station will tell of its transaction, unless that is the session's number.
    """
    token = decision.token
    pending = Pending(
        id=session_id,
        operator_id=cp.operator_id,
        charge_point_id=cp.id,
        evse_number=evse_number,
        id_tag=id_tag,
        authorization_id=authorization_id,
        asked_at=now,
        expires_at=expires_at,
    )
    asked = SessionAsked(
        id=session_id,
        operator_id=cp.operator_id,
        charge_point_id=cp.id,
        evse_number=evse_number,
        id_tag=id_tag,
        id_tag_id=None if token is None else token.id,
        user_id=None if token is None else token.user_id,
        authorization_id=authorization_id,
        remote_start_id=session_id if remote_start_id is None else remote_start_id,
        asked_at=now,
        expires_at=expires_at,
    )
    authorized = recorded(
        cp,
        decision,
        id=authorization_id,
        id_tag=id_tag,
        evse_number=evse_number or None,
        now=now,
    )
    return pending, [
        *authorized,
        asked,
        publish(
            _news(pending, SessionStatus.PENDING, None, now), f"session:{session_id}", cp.operator_id, now
        ),
    ]


def give_up(pending: Pending, reason: SessionReason, now: datetime) -> SessionGivenUp:
    """What ends a session that does not begin; without effect once it has begun."""
    status = SessionStatus.EXPIRED if reason is SessionReason.TIMEOUT else SessionStatus.FAILED
    news = publish(_news(pending, status, reason, now), f"session:{pending.id}", pending.operator_id, now)
    return SessionGivenUp(
        id=pending.id,
        operator_id=pending.operator_id,
        status=status,
        reason=reason,
        news_type=news.type,
        news=news.payload,
        at=now,
    )


def is_other(pending: Pending, session: Session) -> bool:
    """Whether what was asked for turned out to be a session that has a number of its own already."""
    return pending.id != session.id


def _news(
    pending: Pending, status: SessionStatus, reason: SessionReason | None, now: datetime
) -> SessionUpdated:
    return SessionUpdated(
        session_id=pending.id,
        charge_point_id=pending.charge_point_id,
        evse_number=pending.evse_number,
        status=status,
        reason=None if reason is None else reason.public,
        last_updated_at=now,
    )
