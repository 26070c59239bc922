"""An event of a transaction begins a session, extends it, has it folded anew, or is kept.

Starts and stops of OCPP 1.6 are events that begin and extend: their registers are those that are billed by,
so none of them needs a history.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from engine.domain.changes import Change, ChargingPeriodsRewritten, SessionReviewed
from engine.domain.drivers import driven
from engine.domain.metering.readings import Measured, row, totals_moved
from engine.domain.session.amend import Known, amend, driver_of, keep_place, stored, waive
from engine.domain.session.assign import MAX_HISTORY, is_foldable, key_of_event
from engine.domain.session.close import close_missing, reviewed, with_session
from engine.domain.session.ending import (
    charging_changed,
    end_again,
    finish_by,
    last_period,
    overlapping,
    stay_closed,
)
from engine.domain.session.facts import Event, Stored, position
from engine.domain.session.fold import extend, is_behind, marked_rebooted, new_session, replay
from engine.domain.session.opening import OFFLINE_AFTER, began, displace, enter
from engine.domain.session.order import measured_values, sample_identity
from engine.domain.session.review import Review, held
from engine.domain.state import ChargePoint, Session, SessionStatus, StationNumber


def append(
    cp: ChargePoint, session: Session, event: Event, values: Sequence[Measured], known: Known
) -> tuple[ChargePoint, Session, list[Change]]:
    """Folds an event that comes behind all others of a session, with those of its values that are new."""
    changes = stored(cp, session, event, known)
    after = extend(cp, session, event, values, now=known.now, changes=changes)
    cp, after, more = amend(cp, session, after, event, known)
    end = event if event.kind == "Ended" else None
    cp, after, following = _consequences(cp, session, after, known, end)
    changes += more
    changes += following
    return cp, after, changes


def _consequences(
    cp: ChargePoint,
    before: Session,
    after: Session,
    known: Known,
    end: Event | None,
    *,
    history: Sequence[Event] | None = None,
) -> tuple[ChargePoint, Session, list[Change]]:
    """What follows for a session, and for others on its EVSE, when an event makes it what it is `after`.

    `end` is the Ended among all its events. `history` are the others where it was known before: then what it
    said is corrected.
    """
    overlaps, beside = overlapping(after, None if end is None else end.at, known)
    if end is not None and history is None:
        cp, after, changes = finish_by(cp, after, end, known, overlaps)
    elif end is not None and history is not None:
        cp, after, changes = end_again(cp, before, after, known, overlaps, end=end, history=history)
    elif before.status is not SessionStatus.FINISHED:
        cp, after, changes = keep_place(cp, before, after, known.now)
    elif before.closed_by_us:
        cp, after, changes = stay_closed(cp, before, after, known.now)
    else:
        after, changes = before, []  # a person has released it: final, but the event is kept
    return cp, after, changes + beside


def begin(
    cp: ChargePoint, event: Event, values: Sequence[Measured], known: Known
) -> tuple[ChargePoint, Session, list[Change]]:
    """Opens the session of a transaction that nothing is known of, by whichever of its events came first.

    Another one under its id that is still open is over: its end is missing.
    """
    other, now = cp.sessions.get(event.transaction_id), known.now
    if other is None:
        return _begun(cp, event, values, known)
    left = replace(cp, sessions={k: v for k, v in cp.sessions.items() if v.id != other.id})
    after, session, changes = _begun(left, event, values, known)
    since = began(session)
    if since >= began(other):
        over, _, closing = close_missing(cp, other, Review.MISSING_STOP, bound=since, now=now)
        return replace(after, charging_profiles=over.charging_profiles), session, closing + changes
    if session.transaction_id in after.sessions:  # told late: the other one goes on
        after, session, closing = close_missing(
            after, session, Review.MISSING_STOP, bound=began(other), now=now
        )
        changes += closing
    return with_session(after, other), session, changes


def _begun(
    cp: ChargePoint, event: Event, values: Sequence[Measured], known: Known
) -> tuple[ChargePoint, Session, list[Change]]:
    now = known.now
    blank = new_session(known.session_id, event, now)
    changes = stored(cp, blank, event, known)
    session = extend(cp, blank, event, values, now=now, changes=changes)
    session = replace(session, offline=_offline(session))
    driver, made = driver_of(cp, session, event, known)
    if driver is not None:
        session = driven(session, driver)
        changes += made
    session = waive(cp, session)
    ended = event.kind == "Ended"
    placed = session.evse_number != StationNumber or event.evse_number is not None
    if ended and placed:
        cp, closing = displace(cp, session, now)
        changes += closing
    cp, session, opening = enter(
        cp,
        session,
        driver,
        key=key_of_event(known.history, event),
        placed=placed and not ended,
        now=now,
    )
    changes += opening
    if ended:
        cp, session, following = _consequences(cp, blank, session, known, event)
        return cp, session, changes + following
    return cp, session, changes + overlapping(session, None, known)[1]


def refold(
    cp: ChargePoint, session: Session, history: Sequence[Event], event: Event, known: Known
) -> tuple[ChargePoint, Session, list[Change]]:
    """Folds an event that has its place before others, or into a session whose fold is not in memory.

    `history` are the other events stored of the transaction, none of them where it is not to be folded.
    """
    if known.history.known:
        return cp, session, []
    own = known.stored
    if own is not None and (session.corrected or not is_foldable(event.kind, own)):
        if session.status is not SessionStatus.FINISHED:
            return _unfolded(cp, session, own, event, known)
        if not (event.kind == "Ended" and session.closed_by_us):
            return _kept(cp, session, own, event, known)
        return _unfolded(cp, replace(session, status=SessionStatus.ACTIVE), own, event, known)
    return _folded_anew(cp, session, history, event, known)


def _folded_anew(
    cp: ChargePoint, session: Session, history: Sequence[Event], event: Event, known: Known
) -> tuple[ChargePoint, Session, list[Change]]:
    now = known.now
    events = sorted((*history, event), key=position)
    folded, periods = replay(cp, session.id, events, now)
    after = _with_what_no_event_says(folded, session, event)
    before = {(v.at, sample_identity(s)) for other in history for v in other.values for s in v.samples}
    fresh = measured_values(event.values, before)
    changes = stored(cp, session, event, known)
    changes += (row(cp, after, after.metering, measured, now) for measured in fresh)
    changes += totals_moved(session, after)
    cp, after, more = amend(cp, session, after, event, known)
    changes += [*more, ChargingPeriodsRewritten(session_id=session.id, periods=periods)]
    end = next((e for e in events if e.kind == "Ended"), None)
    if end is None and session.status is not SessionStatus.FINISHED:
        changes += charging_changed(cp, session, after, now)
    cp, closed, following = _consequences(
        cp, session, after, known, end, history=None if end is event else history
    )
    opened = _open(cp, after)
    last = last_period(after, closed) if opened is None else []
    return cp, opened or closed, [*changes, *following, *last]


def _with_what_no_event_says(folded: Session, session: Session, event: Event) -> Session:
    after = replace(
        folded,
        received_at=session.received_at,
        parent_id_tag=session.parent_id_tag,
        asked=session.asked,
        asked_id_tag=session.asked_id_tag,
        waived=session.waived,
        stop_asked_at=session.stop_asked_at,
        price=session.price,
        released=session.released,
        rebooted_at=marked_rebooted(session, event),
    )
    return replace(after, offline=_offline(after))


def _unfolded(
    cp: ChargePoint, session: Session, own: Stored, event: Event, known: Known
) -> tuple[ChargePoint, Session, list[Change]]:
    """Counts an event as the newest one, for now: the end folds the whole history, if it is not too long."""
    session = replace(
        session,
        position=session.position or own.newest,
        told_at=session.told_at or session.metering.last_sample_at,
        unfolded=True,
    )
    times = [value.at for value in event.values]
    behind = is_behind(session, position(event)[:3], times)
    final = event.kind == "Ended" or own.count > MAX_HISTORY
    if final and not behind:
        session = replace(session, review=held(session.review, Review.LONG_HISTORY))
    told = event
    if not behind and own.newest_at is not None and event.at < own.newest_at:
        told = replace(event, charging_state=None)  # not the present one
    values = measured_values(event.values, frozenset() if behind else own.samples)
    cp, after, changes = append(cp, session, told, values, known)
    newest = max((p for p in (session.position, after.position) if p is not None), default=None)
    after = replace(after, position=newest)
    if _open(cp, after) is not None:
        cp = with_session(cp, after)
        if final and not behind:
            changes.append(SessionReviewed(id=session.id, review=after.review, last_updated_at=known.now))
    return cp, after, changes


def _kept(
    cp: ChargePoint, session: Session, own: Stored, event: Event, known: Known
) -> tuple[ChargePoint, Session, list[Change]]:
    """Keeps an event that came after the end and is not folded: whoever bills is to look."""
    changes = stored(cp, session, event, known)
    for measured in measured_values(event.values, own.samples):
        changes.append(row(cp, session, session.metering, measured, known.now, late=True))
    review = held(session.review, Review.LATE_EVENT)
    changes += reviewed(session, review, known.now)
    return cp, replace(session, review=review), changes


def _open(cp: ChargePoint, session: Session) -> Session | None:
    """A session as it is open, if it is; its transaction id may be another one's by now."""
    found = cp.sessions.get(session.transaction_id)
    return found if found is not None and found.id == session.id else None


def _offline(session: Session) -> bool:
    """Whether its first event was told from a queue, or its start later than it happened."""
    received_at = session.received_at or session.started_at
    return session.offline or received_at - session.started_at > OFFLINE_AFTER
