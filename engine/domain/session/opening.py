"""How a session begins: never two on an EVSE, none that happened left out.

Meaning only, for every version of OCPP. How a session ends is in `close`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from engine.domain import reservations
from engine.domain.changes import Change, SessionOpened, change_of
from engine.domain.drivers import Driver, owner
from engine.domain.plausibility import clock_is_wrong
from engine.domain.session.close import announced, close_missing, with_session
from engine.domain.session.review import Review
from engine.domain.state import ChargePoint, Session
from engine.domain.vocabulary import ReservationStatus

OFFLINE_AFTER: Final = timedelta(minutes=2)  # a start told later than this after it happened was kept offline


def before(cp: ChargePoint, evse_number: int, at: datetime) -> list[Session]:
    """The sessions open on an EVSE that cannot be, if another one, told now, has begun there at `at`.

    `at` is `begun` of it. A session of a wrong clock was told before it, and nothing else is known.
    """
    return [s for s in on_evse(cp, evse_number) if _clock_was_wrong(s) or began(s) <= at]


def begun(at: datetime, received_at: datetime) -> datetime:
    """When a transaction began, as far as its place among others goes.

    A clock that was never set, runs ahead or forgets daylight saving would make it the newest or the oldest
    on its EVSE for ever; then it is the time at which it was told.
    """
    return received_at if clock_is_wrong(at, received_at) else min(at, received_at)


def began(session: Session) -> datetime:
    """`begun` of a session."""
    at = session.started_at
    return at if session.received_at is None else begun(at, session.received_at)


def _clock_was_wrong(session: Session) -> bool:
    return session.received_at is not None and clock_is_wrong(session.started_at, session.received_at)


def began_beside(session: Session, other: Session) -> datetime:
    """When a session began, as far as its order with `other` goes.

    If the clock of either was wrong, only the times at which they were told can be compared: a start that
    was kept offline would else be older than a wrong one told before it.
    """
    if _clock_was_wrong(session) or _clock_was_wrong(other):
        return session.received_at or session.started_at
    return began(session)


def on_evse(cp: ChargePoint, evse_number: int) -> list[Session]:
    return [s for s in cp.sessions.values() if s.evse_number == evse_number]


def enter(
    cp: ChargePoint,
    session: Session,
    driver: Driver | None,
    *,
    key: str,
    now: datetime,
    placed: bool = True,
) -> tuple[ChargePoint, Session, list[Change]]:
    """Records a session that is new and closes what it shows to be over on its EVSE.

    One that is older than the open session on its EVSE (told late, out of order) is recorded and closed at
    once: the returned session is then not among `cp.sessions`. `placed` False: its EVSE is not known yet.
    """
    opening = _opened(cp, session, driver, key=key, now=now)
    if not placed:
        cp, consumed = consume_reservation(cp, session, now)
        return with_session(cp, session), session, [*opening, *consumed]
    cp, closing = displace(cp, session, now)
    cp, consumed = consume_reservation(cp, session, now)
    cp, session, own = _take_place(cp, session, now)
    return cp, session, [*closing, *opening, *consumed, *own]


def place(cp: ChargePoint, session: Session, now: datetime) -> tuple[ChargePoint, Session, list[Change]]:
    """Gives an open session its EVSE: older ones there are over, and so is this one if there is a newer."""
    cp, closing = displace(cp, session, now)
    cp, session, own = _take_place(cp, session, now)
    return cp, session, closing + own


def displace(cp: ChargePoint, session: Session, now: datetime) -> tuple[ChargePoint, list[Change]]:
    """Closes what was open on the session's EVSE before it; the stop of each is missing."""
    changes: list[Change] = []
    for other in on_evse(cp, session.evse_number):
        since = began_beside(session, other)
        if other.id != session.id and began_beside(other, session) <= since:
            cp, _, closing = close_missing(cp, other, Review.MISSING_STOP, bound=since, now=now)
            changes += closing
    return cp, changes


def _take_place(
    cp: ChargePoint, session: Session, now: datetime
) -> tuple[ChargePoint, Session, list[Change]]:
    newer = [
        since
        for s in on_evse(cp, session.evse_number)
        if s.id != session.id and (since := began_beside(s, session)) > began_beside(session, s)
    ]
    if not newer:
        return with_session(cp, session), session, []
    return close_missing(cp, session, Review.MISSING_STOP, bound=min(newer), now=now)


def _opened(
    cp: ChargePoint,
    session: Session,
    driver: Driver | None,
    *,
    key: str,
    now: datetime,
) -> tuple[Change, Change]:
    opened = change_of(
        SessionOpened,
        session,
        operator_id=cp.operator_id,
        charge_point_id=cp.id,
        start_key=key,
        start_received_at=now,
        protocol=cp.version,
        **owner(driver),
    )
    return opened, announced(cp, session, now, "start", meter_stop=session.meter_start_wh)


def consume_reservation(
    cp: ChargePoint, session: Session, now: datetime
) -> tuple[ChargePoint, tuple[Change, ...]]:
    """Ends the reservation that a session names, if it is open."""
    if session.reservation_id is None:
        return cp, ()
    cp, ended = reservations.end(cp, session.reservation_id, ReservationStatus.DONE, now, session.id)
    return cp, (ended,)
