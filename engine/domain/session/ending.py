"""The end of a transaction that events report (OCPP 2.x), and what was on its EVSE beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from engine.domain.changes import Change, ChargingPeriodClosed, SessionClosed, SessionReviewed
from engine.domain.metering.timeline import flipped
from engine.domain.metering.verify import register_at_end
from engine.domain.session.amend import Known
from engine.domain.session.close import close_missing, finish, reviewed, with_session
from engine.domain.session.course import carry_on
from engine.domain.session.facts import Event, Stop, position
from engine.domain.session.fold import replay
from engine.domain.session.order import measured_values
from engine.domain.session.review import CLOSED_BY_US, Review, Reviews, held
from engine.domain.state import ChargePoint, Session, SessionStatus
from engine.domain.vocabulary import SessionReason

_REMOTE_STOP: Final = "RemoteStop"  # triggerReason of an end that we asked for (F03.FR.03)
_NO_VEHICLE: Final = "EVConnectTimeout"  # triggerReason of an end: nothing was ever plugged in (E03.FR.05)


def finish_by(
    cp: ChargePoint, session: Session, end: Event, known: Known, overlaps: Sequence[Review]
) -> tuple[ChargePoint, Session, list[Change]]:
    """Closes a session, all of which is folded, by its Ended."""
    register_wh, certain = end.meter_wh, True
    if register_wh is None:
        register_wh, certain = register_at_end(session, measured_values(end.values), end.at)
    elif register_wh < 0:  # it is none: then the session ends with the last one that it showed
        register_wh, certain = session.metering.register_wh, False
    if register_wh is None and not certain:
        certain = (
            end.trigger == _NO_VEHICLE and session.charging is not True and not session.metering.energy_wh
        )
    stop = Stop(
        at=end.at,
        meter_wh=register_wh,
        reason=end.stopped_reason or (SessionReason.REMOTE if end.trigger == _REMOTE_STOP else None),
        id_tag=session.stop_id_tag,
        certain=certain,
    )
    neighbours = known.history.neighbours.get(session.id, ())
    return finish(cp, session, stop, known.now, *overlaps, neighbours=neighbours)


def overlapping(session: Session, end: datetime | None, known: Known) -> tuple[list[Review], list[Change]]:
    """Two transactions cannot be on an EVSE at once: what the register moved meanwhile counts in both.

    That is in doubt for the one that began first: the doubt of `session`, and the hold of others. Which one
    it is, is not known before the Started of both came.
    """
    if Review.MISSING_START in session.review:
        return [], []
    inside = end is not None and any(
        session.started_at <= one.started_at < end and Review.MISSING_START not in one.review
        for one in known.history.beside
    )
    around = [
        one
        for one in known.history.beside
        if one.stopped_at is not None
        and one.started_at <= session.started_at < one.stopped_at
        and not any(code in one.review for code in (*CLOSED_BY_US, Review.LATE_STOP))
    ]
    holds: list[Change] = [
        SessionReviewed(id=one.id, review=held(one.review, Review.LATE_STOP), last_updated_at=known.now)
        for one in around
    ]
    return [Review.LATE_STOP] if inside else [], holds


def charging_changed(cp: ChargePoint, session: Session, after: Session, now: datetime) -> list[Change]:
    """The news of it, where the periods are written anew; a session that ended or goes on again has none."""
    if after.charging is None or after.charging is session.charging:
        return []
    at, energy_wh = after.period_at or now, after.metering.energy_wh
    return [flipped(cp, session, after.charging, at=at, energy_wh=energy_wh, now=now)[1]]


def stay_closed(
    cp: ChargePoint, session: Session, after: Session, now: datetime
) -> tuple[ChargePoint, Session, list[Change]]:
    """A session that we closed without its end, and the end has not come."""
    codes = [code for code in CLOSED_BY_US if code in session.review]
    known = replace(
        after,
        status=SessionStatus.FINISHED,
        stopped_at=session.stopped_at,
        review=held(after.review, *codes),
    )
    cp, known, changes = carry_on(cp, session, known, now)
    if known.status is not SessionStatus.FINISHED:
        # Its periods are written whole, with the one that lasts.
        cp = with_session(cp, replace(known, charging=after.charging))
    elif not changes:
        changes = reviewed(session, known.review, now)
    return cp, known, changes


def end_again(
    cp: ChargePoint,
    session: Session,
    after: Session,
    known: Known,
    overlaps: Sequence[Review],
    *,
    end: Event,
    history: Sequence[Event],
) -> tuple[ChargePoint, Session, list[Change]]:
    """Corrects what the end said when less was known: the `history`.

    What may be billed already is held when the totals change, and for what this event alone puts in doubt:
    never for the reasons for which a person has released it.
    """
    cp, closed, ending = finish_by(cp, after, end, known, overlaps)
    same = _billed(closed) == _billed(session)
    review = closed.review
    if Review.LATE_EVENT in session.review or (not session.review and not same):
        review = held(review, Review.LATE_EVENT)
    if not same:
        changes = [replace(one, review=review) if isinstance(one, SessionClosed) else one for one in ending]
        return cp, replace(closed, review=review), changes
    if not session.review and review == _doubts_before(cp, session, history, end, known):
        review = ()
    closed = replace(closed, review=review, stop_received_at=session.stop_received_at)
    changes = [one for one in ending if isinstance(one, SessionReviewed)]  # of others, after it on the EVSE
    changes += reviewed(session, review, known.now)
    return cp, closed, changes


def _doubts_before(
    cp: ChargePoint, session: Session, history: Sequence[Event], end: Event, known: Known
) -> Reviews:
    """Why a session that ended was held, as far as its events say."""
    told, _ = replay(cp, session.id, sorted(history, key=position), known.now)
    overlaps, _ = overlapping(told, end.at, known)
    _, closed, _ = finish_by(cp, told, end, known, overlaps)
    return closed.review


def _billed(session: Session) -> tuple[object, ...]:
    return session.stopped_at, session.meter_stop_wh, session.metering.energy_wh


def last_period(after: Session, closed: Session) -> list[Change]:
    """The last of the periods that were written anew ends with its session."""
    if after.charging is None or closed.stopped_at is None:
        return []
    energy_wh = closed.metering.energy_wh
    return [ChargingPeriodClosed(session_id=closed.id, stopped_at=closed.stopped_at, energy_wh=energy_wh)]


def not_ongoing(cp: ChargePoint, transaction_id: str, now: datetime) -> tuple[ChargePoint, list[Change]]:
    """The charger says that a transaction is over and that it has nothing more to tell: its end is lost."""
    session = cp.sessions.get(transaction_id)
    if session is None:
        return cp, []
    cp, _, changes = close_missing(cp, session, Review.NOT_ONGOING, bound=now, now=now)
    return cp, changes
