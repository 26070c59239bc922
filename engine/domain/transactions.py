"""Transactions that the charger numbers and tells event by event (OCPP 2.x): sessions folded from events.

Their order is the charger's (seqNo), never that of arrival. An event behind all others extends the session;
for any other one the session is folded anew from its whole history. Both are the same steps, so what a
session is depends on which events are known and on nothing else. How it opens, closes and counts is
`domain.sessions`', `domain.closing`'s and `domain.metering`'s.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence, Set
from datetime import datetime, timedelta
from itertools import pairwise, zip_longest
from operator import itemgetter
from typing import Any, Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from engine.domain.authorization import Decision, recorded
from engine.domain.changes import (
    BatteryMoved,
    Change,
    ChargingPeriodClosed,
    ChargingPeriodOpened,
    ChargingPeriodsRewritten,
    SessionAmended,
    SessionClosed,
    SessionReviewed,
    TransactionEventStored,
)
from engine.domain.closing import close_missing, finish, with_session
from engine.domain.drivers import Driver, awaited, displaces, driven, presented
from engine.domain.history import (
    MAX_HISTORY,
    Event,
    Stored,
    Told,
    Value,
    is_foldable,
    position,
    start_key,
)
from engine.domain.metering.live import measure
from engine.domain.metering.readings import Measured, merged, row, totals_moved
from engine.domain.metering.timeline import REGISTER_WITHIN, flipped
from engine.domain.metering.verify import Stop, register_at_end
from engine.domain.notifications import publish
from engine.domain.plausibility import FUTURE_TOLERANCE, clock_is_wrong
from engine.domain.session.review import CLOSED_BY_US, Review, Reviews, held, without
from engine.domain.sessions import (
    OFFLINE_AFTER,
    began,
    begun,
    carry_on,
    consume_reservation,
    displace,
    enter,
    place,
)
from engine.domain.starting import Pending, SessionUpdated
from engine.domain.state import ChargePoint, Frozen, Metering, Session, SessionStatus, StationNumber
from engine.domain.vocabulary import AuthorizationMethod, ChargingState, SessionReason, Verdict, Waiver
from ext.metering import kind_of, read_numbers

# triggerReasons under which a tag is presented to end the transaction, not to begin it.
_TO_STOP: Final = frozenset({"StopAuthorized", "Deauthorized"})
_REMOTE_STOP: Final = "RemoteStop"  # triggerReason of an end that we asked for (F03.FR.03)
_NO_VEHICLE: Final = "EVConnectTimeout"  # triggerReason of an end: nothing was ever plugged in (E03.FR.05)
_FIRST_CONNECTOR: Final = 1
# Of who asked for a remote start that its station begins after it had expired.
TOO_LATE: Final = Decision(verdict=Verdict.EXPIRED, method=AuthorizationMethod.ADMIN)

_encode = msgspec.json.Encoder().encode
_place = itemgetter(0, 1)


class Known(Frozen, frozen=True):
    """What belongs to an event and is not in it. `decision` is the verdict on its tag, if it has one."""

    decision: Decision | None
    payload: str  # JSON as received
    new_ids: Sequence[int]  # a session's and an authorization's, or the latter's alone
    now: datetime
    pending: Pending | None = None  # the session asked for remotely that the event names
    told: Told = Told()  # what was stored before
    stored: Stored | None = None  # … of its own session


def brings_tag(event: Event) -> bool:
    """Whether its tag is one that charges, not one that ends."""
    return event.id_tag is not None and event.kind != "Ended" and event.trigger not in _TO_STOP


def is_behind(session: Session, place: tuple[int, datetime, int], times: Sequence[datetime]) -> bool:
    """Whether an event comes behind all that was folded into a session, so that no history is needed.

    `place` is its number, time and rank, `times` those of its meter values.
    """
    if session.position is None or place <= session.position[:3] or _set_within(place[1], times):
        return False
    return session.told_at is None or not times or min(times) > session.told_at


# --- one event ---------------------------------------------------------------------------------------------


def append(
    cp: ChargePoint,
    session: Session,
    event: Event,
    known: Known,
    stored_samples: Set[tuple[datetime, str]] = frozenset(),
) -> tuple[ChargePoint, Session, list[Change]]:
    """Folds an event that `is_behind` all others of an open session."""
    now = known.now
    changes: list[Change] = [_stored(cp, session, event, known)]
    after = _extended(cp, session, event, _measured(event.values, stored_samples), now=now, changes=changes)
    changes += totals_moved(session, after)
    cp, after, more = _amended(cp, session, after, event, known)
    changes += more
    if event.kind == "Ended":
        overlaps, beside = _overlaps(after, event.at, known)
        cp, closed, ending = _finished(cp, after, event, known, overlaps)
        return cp, closed, changes + ending + beside
    cp, after, placing = _placed(cp, session, after, now)
    return cp, after, changes + placing + _overlaps(after, None, known)[1]


def begin(cp: ChargePoint, event: Event, known: Known) -> tuple[ChargePoint, Session, list[Change]]:
    """Opens the session of a transaction that nothing is known of, by whichever of its events came first.

    Another one under its id that is still open is over: its end is missing.
    """
    other, now = cp.sessions.get(event.transaction_id), known.now
    if other is None:
        return _begun(cp, event, known)
    left = replace(cp, sessions={k: v for k, v in cp.sessions.items() if v.id != other.id})
    after, session, changes = _begun(left, event, known)
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


def _begun(cp: ChargePoint, event: Event, known: Known) -> tuple[ChargePoint, Session, list[Change]]:
    now = known.now
    session_id = known.new_ids[0] if known.pending is None else known.pending.id
    blank = replace(_blank(session_id, event), received_at=now)
    changes: list[Change] = [_stored(cp, blank, event, known)]
    session = _extended(cp, blank, event, _measured(event.values, frozenset()), now=now, changes=changes)
    changes += totals_moved(blank, session)
    session = replace(session, offline=_offline(session))
    driver, made = _driver(cp, session, event, known)
    if driver is not None:
        session = driven(session, driver)
        changes += made
    session = _waived(cp, session)
    ended = event.kind == "Ended"
    placed = session.evse_number != StationNumber
    if ended and placed:
        cp, closing = displace(cp, session, now)
        changes += closing
    cp, session, opening = enter(
        cp,
        session,
        driver,
        key=start_key(known.told, event),
        offline=session.offline,
        placed=placed and not ended,
        now=now,
    )
    changes += opening
    overlaps, beside = _overlaps(session, event.at if ended else None, known)
    if ended:
        cp, closed, ending = _finished(cp, session, event, known, overlaps)
        return cp, closed, changes + ending + beside
    return cp, session, changes + beside


def refold(
    cp: ChargePoint, session: Session, history: Sequence[Event], event: Event, known: Known
) -> tuple[ChargePoint, Session, list[Change]]:
    """Folds an event that has its place before others, or into a session whose fold is not in memory.

    `history` are the other events stored of the transaction, none of them where it is not to be folded.
    """
    now = known.now
    if known.told.known:
        return cp, session, []
    stored = known.stored
    if stored is not None and (session.corrected or not is_foldable(event.kind, stored)):
        if session.status is not SessionStatus.FINISHED:
            return _unfolded(cp, session, stored, event, known)
        if not (event.kind == "Ended" and session.closed_by_us):
            return _kept(cp, session, stored, event, known)
        return _unfolded(cp, replace(session, status=SessionStatus.ACTIVE), stored, event, known)
    events = sorted((*history, event), key=position)
    after, periods = replay(cp, session.id, events, now)
    after = replace(
        after,
        received_at=session.received_at,
        parent_id_tag=session.parent_id_tag,
        asked=session.asked,
        asked_id_tag=session.asked_id_tag,
        waived=session.waived,
        stop_asked_at=session.stop_asked_at,
        price=session.price,
        released=session.released,
        rebooted_at=_rebooted(session, event),
    )
    after = replace(after, offline=_offline(after))
    stored_samples = {(v.at, _identity(s)) for other in history for v in other.values for s in v.samples}
    fresh = _measured(event.values, stored_samples)
    changes: list[Change] = [_stored(cp, session, event, known)]
    changes += (row(cp, after, after.metering, measured, now) for measured in fresh)
    changes += totals_moved(session, after)
    cp, after, more = _amended(cp, session, after, event, known)
    changes += more
    changes.append(ChargingPeriodsRewritten(session_id=session.id, periods=periods))
    end = next((e for e in events if e.kind == "Ended"), None)
    overlaps, beside = _overlaps(after, None if end is None else end.at, known)
    if end is not None:
        had_end = end is not event
        released = _doubts(cp, session, history, end, known) if had_end and not session.review else ()
        cp, closed, ending = _ended(
            cp, session, after, end, known, *overlaps, had_end=had_end, released=released
        )
    elif session.status is not SessionStatus.FINISHED:
        cp, closed, ending = _goes_on(cp, session, after, now)
    elif session.closed_by_us:
        cp, closed, ending = _still_closed(cp, session, after, now)
    else:
        closed, ending = session, []  # a person has released it: final, but the event is kept
    changes += ending
    opened = _open(cp, after)
    if opened is None and not any(
        isinstance(c, ChargingPeriodClosed) and c.session_id == after.id for c in ending
    ):
        changes += _period_closed(after, closed)
    return cp, opened or closed, changes + beside


def _unfolded(
    cp: ChargePoint, session: Session, stored: Stored, event: Event, known: Known
) -> tuple[ChargePoint, Session, list[Change]]:
    """Counts an event as the newest one, for now: the end folds the whole history, if it is not too long."""
    session = replace(
        session,
        position=session.position or stored.newest,
        told_at=session.told_at or session.metering.last_sample_at,
        unfolded=True,
    )
    times = [value.at for value in event.values]
    behind = is_behind(session, position(event)[:3], times)
    final = event.kind == "Ended" or stored.count > MAX_HISTORY
    if final and not behind:
        session = replace(session, review=held(session.review, Review.LONG_HISTORY))
    told = event
    if not behind and stored.newest_at is not None and event.at < stored.newest_at:
        told = replace(event, charging_state=None)  # not the present one
    cp, after, changes = append(cp, session, told, known, frozenset() if behind else stored.samples)
    newest = max((p for p in (session.position, after.position) if p is not None), default=None)
    after = replace(after, position=newest)
    if _open(cp, after) is not None:
        cp = with_session(cp, after)
        if final and not behind:
            changes.append(SessionReviewed(id=session.id, review=after.review, at=known.now))
    return cp, after, changes


def _kept(
    cp: ChargePoint, session: Session, stored: Stored, event: Event, known: Known
) -> tuple[ChargePoint, Session, list[Change]]:
    """Keeps an event that came after the end and is not folded: whoever bills is to look."""
    changes: list[Change] = [_stored(cp, session, event, known)]
    for measured in _measured(event.values, stored.samples):
        changes.append(row(cp, session, session.metering, measured, known.now, late=True))
    review = held(session.review, Review.LATE_EVENT)
    if review != session.review:
        changes.append(SessionReviewed(id=session.id, review=review, at=known.now))
    return cp, replace(session, review=review), changes


def _open(cp: ChargePoint, session: Session) -> Session | None:
    """A session as it is open, if it is; its transaction id may be another one's by now."""
    found = cp.sessions.get(session.transaction_id)
    return found if found is not None and found.id == session.id else None


def _offline(session: Session) -> bool:
    """Whether its first event was told from a queue, or its start later than it happened."""
    received_at = session.received_at or session.started_at
    return session.offline or received_at - session.started_at > OFFLINE_AFTER


def _overlaps(session: Session, end: datetime | None, known: Known) -> tuple[list[Review], list[Change]]:
    """Two transactions cannot be on an EVSE at once: what the register moved meanwhile counts in both.

    That is in doubt for the one that began first: the doubt of `session`, and the hold of others. Which one
    it is, is not known before the Started of both came.
    """
    if Review.MISSING_START in session.review:
        return [], []
    inside = end is not None and any(
        session.started_at <= one.started_at < end and Review.MISSING_START not in one.review
        for one in known.told.beside
    )
    around = [
        one
        for one in known.told.beside
        if one.stopped_at is not None
        and one.started_at <= session.started_at < one.stopped_at
        and not any(code in one.review for code in (*CLOSED_BY_US, Review.LATE_STOP))
    ]
    holds: list[Change] = [
        SessionReviewed(id=one.id, review=held(one.review, Review.LATE_STOP), at=known.now) for one in around
    ]
    return [Review.LATE_STOP] if inside else [], holds


def not_ongoing(cp: ChargePoint, transaction_id: str, now: datetime) -> tuple[ChargePoint, list[Change]]:
    """The charger says that a transaction is over and that it has nothing more to tell: its end is lost."""
    session = cp.sessions.get(transaction_id)
    if session is None:
        return cp, []
    cp, _, changes = close_missing(cp, session, Review.NOT_ONGOING, bound=now, now=now)
    return cp, changes


def batteries_moved(
    cp: ChargePoint, evses: Set[int], *, inside: bool, now: datetime
) -> tuple[ChargePoint, list[Change]]:
    """Batteries were put into EVSEs or taken out (2.1 S): what charges one there costs nobody anything."""
    changes: list[Change] = [
        BatteryMoved(charge_point_id=cp.id, evse_number=evse, holds_battery=inside, at=now)
        for evse in sorted(evses)
    ]
    cp = replace(cp, batteries=cp.batteries | evses if inside else cp.batteries - evses)
    for session in list(cp.sessions.values()):
        waived = _waived(cp, session)
        if waived is not session:
            cp = with_session(cp, waived)
            changes.append(_amendment(waived, None, now))
    return cp, changes


# --- folding -----------------------------------------------------------------------------------------------


def replay(cp: ChargePoint, session_id: int, events: Sequence[Event], now: datetime) -> tuple[Session, str]:
    """The session as its events, in their order, leave it while it is open; and its charging periods as JSON.

    Meter values count by their own time: each is folded with the first event that tells a later one. Where
    the clock was set in between, they count with the event that told them.
    """
    session = _blank(session_id, events[0])
    changes: list[Change] = []
    events = _up_to_its_end(cp, session_id, events, now)
    by_number, drifted = _clock_set(events, now)
    if drifted:
        session = replace(session, review=held(session.review, Review.CLOCK_DRIFT))
    for event, values in _by_number(events) if by_number else _by_time(events):
        session = _extended(cp, session, event, values, now=now, changes=changes)
    return session, _periods(change for change in changes if isinstance(change, ChargingPeriodOpened))


def _up_to_its_end(
    cp: ChargePoint, session_id: int, events: Sequence[Event], now: datetime
) -> Sequence[Event]:
    """Events without what those behind the Ended say of the time after it.

    A register that the end told is that of the end; one within ten seconds stands in for it.
    """
    count = next((n for n, event in enumerate(events, 1) if event.kind == "Ended"), len(events))
    upto, late = events[:count], events[count:]
    if not late:
        return events
    end = upto[-1]
    session, _ = replay(cp, session_id, upto, now)
    _, known = register_at_end(session, _measured(end.values, frozenset()), end.at)
    by_number, _ = _clock_set(events, now)

    def belongs(value: Value) -> bool:
        if not known and abs(value.at - end.at) <= REGISTER_WITHIN:
            return True
        return value.at <= end.at and not by_number

    return [
        *upto,
        *(replace(e, charging_state=None, values=[v for v in e.values if belongs(v)]) for e in late),
    ]


def _by_time(events: Sequence[Event]) -> Iterator[tuple[Event, Sequence[Measured]]]:
    told = [(one.at, n, one) for n, (_, fresh) in enumerate(_told_once(events)) for one in fresh]
    told.sort(key=_place)
    done, limit = 0, None
    for n, event in enumerate(events):
        limit = _newest(event, limit)
        upto = done
        while limit is not None and upto < len(told) and _place(told[upto]) <= (limit, n):
            upto += 1
        yield event, [one for _, _, one in told[done:upto]]
        done = upto


def _by_number(events: Sequence[Event]) -> Iterator[tuple[Event, Sequence[Measured]]]:
    """A time that the clock shows for the second time is another one: then what is told first was first."""
    seen: set[tuple[datetime, Hashable]] = set()
    newest = events[0].at
    for event in events:
        back = event.at < newest or _set_within(event.at, [value.at for value in event.values])
        if back:
            seen = {one for one in seen if one[0] < event.at}
        fresh = _fresh(event, seen, listed=back)
        yield event, [replace(one, in_order=True) for one in fresh] if back else fresh
        newest = max(newest, event.at)


def _told_once(events: Sequence[Event]) -> Iterator[tuple[Event, Sequence[Measured]]]:
    """Each event's meter values without those that one before it told; another value of that time is new."""
    seen: set[tuple[datetime, Hashable]] = set()
    for event in events:
        yield event, _fresh(event, seen)


def _fresh(event: Event, seen: set[tuple[datetime, Hashable]], *, listed: bool = False) -> Sequence[Measured]:
    """An event's meter values without those in `seen`, to which they are added."""
    values = [(value.at, value.samples) for value in event.values]
    fresh = merged(values, seen, _exact, read_numbers, listed=listed)
    seen.update((at, _exact(sample)) for at, samples in values for sample in samples)
    return fresh


def _clock_set(events: Sequence[Event], now: datetime) -> tuple[bool, bool]:
    """Whether the station's clock went back or was wrong meanwhile, and whether by more than a little.

    Where a number is given twice, numbers give no order and time is all there is.
    """
    newest, back, wrong, within = events[0].at, timedelta(0), False, False
    for event in events:
        back = max(back, newest - event.at)
        newest = max(newest, event.at)
        within = within or _set_within(event.at, [value.at for value in event.values])
        wrong = wrong or clock_is_wrong(event.at, now) or any(clock_is_wrong(v.at, now) for v in event.values)
    if not (wrong or back or within) or len({event.seq_no for event in events}) < len(events):
        return False, False
    return True, wrong or back > FUTURE_TOLERANCE


def _set_within(at: datetime, times: Sequence[datetime]) -> bool:
    """Whether the clock was set back between two meter values of an event, as far as their order says."""
    return len(times) > 1 and max(times) > at and any(later < one for one, later in pairwise(times))


def _blank(session_id: int, event: Event) -> Session:
    return Session(
        id=session_id,
        transaction_id=event.transaction_id,
        evse_number=StationNumber,  # until an event names it
        connector_number=_FIRST_CONNECTOR,
        status=SessionStatus.ACTIVE,
        started_at=event.at,
        metering=Metering(),
        offline=event.offline,
        review=() if event.kind == "Started" else (Review.MISSING_START,),
    )


def _extended(
    cp: ChargePoint,
    session: Session,
    event: Event,
    values: Sequence[Measured],
    *,
    now: datetime,
    changes: list[Change],
) -> Session:
    if session.charging is False and session.position is not None and event.seq_no > session.position[0] + 1:
        session = replace(session, period_at=None)  # whether it idled meanwhile, nobody told
    had_register = session.metering.register_wh is not None
    for measured in values:
        session = measure(cp, session, measured, now, changes)
    if event.kind == "Ended" and not had_register and _registers(session, values) == 1:
        # Its only register is that of the end, whatever the time stamps say.
        session = replace(session, review=held(session.review, Review.MISSING_REGISTER))
    charging_state, charging, period_at = session.charging_state, session.charging, session.period_at
    if event.charging_state is not None:
        charging_state = event.charging_state
        flows = charging_state is ChargingState.CHARGING  # 2.0.1 part 2, ChargingStateEnumType
        if flows is not charging and event.kind != "Ended":
            charging = flows
            period_at = max(event.at, period_at or event.at)
            energy_wh = session.metering.energy_wh
            changes += flipped(cp, session, charging, at=period_at, energy_wh=energy_wh, now=now)
        elif not flows and period_at is None and event.kind != "Ended":
            period_at = event.at  # told anew
    session = replace(
        session,
        position=position(event),
        told_at=_newest(event, session.told_at),
        charging_state=charging_state,
        charging=charging,
        period_at=period_at,
        rebooted_at=_rebooted(session, event),
    )
    return session if event.kind == "Updated" and not _names(event) else _named(session, event, now)


def _registers(session: Session, values: Iterable[Measured]) -> int:
    series = session.metering.series
    return sum(measured.reading.register_in(series) is not None for measured in values)


def _newest(event: Event, before: datetime | None) -> datetime | None:
    for value in event.values:
        if before is None or value.at > before:
            before = value.at
    return before


def _names(event: Event) -> bool:
    return (
        event.evse_number is not None
        or event.id_tag is not None
        or event.reservation_id is not None
        or event.remote_start_id is not None
    )


def _named(session: Session, event: Event, now: datetime) -> Session:
    """What an event says of whose session it is, where and since when: the first to say it counts."""
    review, started_at = session.review, session.started_at
    if event.kind == "Started":
        started_at = event.at
        review = without(review, Review.MISSING_START)
        if clock_is_wrong(event.at, now):
            review = held(review, Review.CLOCK_DRIFT)
    evse_number = session.evse_number or event.evse_number or StationNumber
    connector_number = session.connector_number
    if event.connector_number and event.evse_number == evse_number:
        connector_number = event.connector_number
    starting = brings_tag(event)
    return replace(
        session,
        started_at=started_at,
        review=review,
        evse_number=evse_number,
        connector_number=connector_number,
        id_tag=session.id_tag or (event.id_tag if starting else None),
        stop_id_tag=session.stop_id_tag if starting else event.id_tag or session.stop_id_tag,
        reservation_id=event.reservation_id if session.reservation_id is None else session.reservation_id,
        remote_start_id=event.remote_start_id if session.remote_start_id is None else session.remote_start_id,
    )


def _rebooted(session: Session, event: Event) -> datetime | None:
    rebooted_at = session.rebooted_at
    return rebooted_at if rebooted_at is not None and event.at <= rebooted_at else None


def _measured(values: Iterable[Value], stored: Set[tuple[datetime, str]]) -> list[Measured]:
    """Meter values, oldest first, without the samples in `stored` and without what is told twice."""
    told = list(values)
    if len(told) == 1 and not stored:
        [value] = told
        reading = read_numbers(value.samples)
        samples = _encode(value.samples).decode()
        return [Measured(at=value.at, reading=reading, samples=samples, disputed=reading.disputed)]
    return merged(((value.at, value.samples) for value in told), stored, _identity, read_numbers)


def _exact(sample: Any) -> Hashable:
    unit = sample.unit_of_measure or None
    return _identity(sample), sample.value, unit and (unit.unit or None, unit.multiplier or None)


def _identity(sample: Any) -> str:
    # What is signed stands beside the number here, so a sample has no format of its own.
    return kind_of(sample.measurand, sample.phase, sample.location, sample.context, None).identity


def _periods(opened: Iterable[ChargingPeriodOpened]) -> str:
    """A period lasts until the next one begins; of two that begin together the later one counts."""
    starts = {period.started_at: period for period in opened}
    ordered = [starts[at] for at in sorted(starts)]
    rows = [
        {
            "started_at": period.started_at,
            "stopped_at": None if follows is None else follows.started_at,
            "charging_state": period.charging_state,
            "energy_start_wh": period.energy_wh,
            "energy_stop_wh": None if follows is None else follows.energy_wh,
        }
        for period, follows in zip_longest(ordered, ordered[1:])
    ]
    return _encode(rows).decode()


# --- consequences ------------------------------------------------------------------------------------------


def _stored(cp: ChargePoint, session: Session, event: Event, known: Known) -> TransactionEventStored:
    return TransactionEventStored(
        charge_point_id=cp.id,
        transaction_id=event.transaction_id,
        seq_no=event.seq_no,
        timestamp=event.at,
        event_type=event.kind,
        trigger_reason=event.trigger,
        offline=event.offline,
        session_id=session.id,
        payload=known.payload,
        received_at=known.now,
        content=event.content,
    )


def _driver(
    cp: ChargePoint, session: Session, event: Event, known: Known
) -> tuple[Driver | None, Sequence[Change]]:
    """Who an event says that charges, by the tag that it brings or by the remote start that it names.

    With the rows that say so: a remote start has its own already, unless it may not charge.
    """
    decision, pending = known.decision, known.pending
    brought = event.id_tag if brings_tag(event) else None
    if pending is not None and (brought is None or (decision is not None and decision.accepted)):
        accepted = brought is not None or pending.allows(begun(event.at, known.now))
        driver = awaited(pending, accepted=accepted, authorization_id=known.new_ids[-1])
        decision = TOO_LATE
    elif brought is not None and decision is not None:
        driver = presented(brought, decision, known.new_ids[-1])
    else:
        return None, ()
    if driver.asked and driver.accepted:
        return driver, ()
    return driver, recorded(
        cp,
        decision,
        id=driver.authorization_id,
        id_tag=driver.id_tag,
        evse_number=session.evse_number or None,
        now=known.now,
    )


def _adopted(
    cp: ChargePoint, session: Session, after: Session, event: Event, known: Known
) -> tuple[Session, Driver | None, Sequence[Change]]:
    """What a session has become, with the driver that it had or with the one that the event brings."""
    driver, made = _driver(cp, after, event, known)
    first = brings_tag(event) and after.id_tag == event.id_tag
    if driver is None or not displaces(driver, session, first=first):
        return after if after.id_tag == session.id_tag else replace(after, id_tag=session.id_tag), None, ()
    return driven(after, driver), driver, made


def _waived(cp: ChargePoint, session: Session) -> Session:
    """A transaction that charges a battery of the station's own costs nobody anything (2.1 S)."""
    if session.evse_number not in cp.batteries or session.waived is Waiver.BATTERY_SWAP:
        return session
    return replace(session, waived=Waiver.BATTERY_SWAP)


def _row_of(session: Session) -> tuple[object, ...]:
    return (
        session.evse_number,
        session.connector_number,
        session.started_at,
        session.meter_start_wh,
        session.id_tag,
        session.reservation_id,
        session.remote_start_id,
        session.charging_state,
        session.offline,
        session.asked_id_tag,
        session.waived,
    )


def _amended(
    cp: ChargePoint, session: Session, after: Session, event: Event, known: Known
) -> tuple[ChargePoint, Session, list[Change]]:
    """The session's row where it says something new, with the owner of a tag that is new to it."""
    after, driver, changes = _adopted(cp, session, after, event, known)
    after = _waived(cp, after)
    if driver is None and _row_of(after) == _row_of(session):
        return cp, after, []
    cp, consumed = consume_reservation(cp, after, known.now)
    news = [] if driver is None else [_driver_known(cp, after, known.now)]
    return cp, after, [*changes, _amendment(after, driver, known.now), *news, *consumed]


def _driver_known(cp: ChargePoint, session: Session, now: datetime) -> Change:
    news = SessionUpdated(
        session_id=session.id,
        charge_point_id=cp.id,
        evse_number=session.evse_number,
        status=session.status,
        id_tag=session.id_tag or UNSET,
        last_updated_at=now,
    )
    return publish(news, f"session:{session.id}", cp.operator_id, now)


def _amendment(session: Session, driver: Driver | None, now: datetime) -> SessionAmended:
    """The session's row; `driver` where it has a new one."""
    return SessionAmended(
        id=session.id,
        evse_number=session.evse_number,
        connector_number=session.connector_number,
        started_at=session.started_at,
        meter_start_wh=session.meter_start_wh,
        id_tag=session.id_tag,
        reservation_id=session.reservation_id,
        remote_start_id=session.remote_start_id,
        charging_state=session.charging_state,
        offline=session.offline,
        at=now,
        asked_id_tag=session.asked_id_tag,
        waived=session.waived,
        tag_told=driver is not None,
        id_tag_id=None if driver is None else driver.id_tag_id,
        user_id=None if driver is None else driver.user_id,
        authorization_id=None if driver is None else driver.authorization_id,
    )


def _placed(
    cp: ChargePoint, session: Session, after: Session, now: datetime
) -> tuple[ChargePoint, Session, list[Change]]:
    """The session where it is now, and its doubts; those of one that is over by this come with its end."""
    moved = (after.evse_number, after.started_at) != (session.evse_number, session.started_at)
    review, changes = after.review, list[Change]()
    if moved and after.evse_number != StationNumber:
        cp, after, changes = place(cp, after, now)
    else:
        cp = with_session(cp, after)
    if review != session.review and after.status is not SessionStatus.FINISHED:
        changes.append(SessionReviewed(id=after.id, review=review, at=now))
    return cp, after, changes


def _finished(
    cp: ChargePoint, session: Session, end: Event, known: Known, overlaps: Sequence[Review]
) -> tuple[ChargePoint, Session, list[Change]]:
    """Closes a session, all of which is folded, by its Ended."""
    register_wh, certain = register_at_end(session, _measured(end.values, frozenset()), end.at)
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
    neighbours = known.told.neighbours.get(session.id, ())
    return finish(cp, session, stop, known.now, *overlaps, neighbours=neighbours)


def _goes_on(
    cp: ChargePoint, session: Session, after: Session, now: datetime
) -> tuple[ChargePoint, Session, list[Change]]:
    changes: list[Change] = []
    if after.charging is not None and after.charging is not session.charging:
        at, energy_wh = after.period_at or now, after.metering.energy_wh
        _, news = flipped(cp, session, after.charging, at=at, energy_wh=energy_wh, now=now)
        changes.append(news)
    cp, after, placing = _placed(cp, session, after, now)
    return cp, after, changes + placing


def _still_closed(
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
    elif not changes and known.review != session.review:
        changes = [SessionReviewed(id=known.id, review=known.review, at=now)]
    return cp, known, changes


def _ended(
    cp: ChargePoint,
    session: Session,
    after: Session,
    end: Event,
    known: Known,
    *overlaps: Review,
    had_end: bool,
    released: Reviews,
) -> tuple[ChargePoint, Session, list[Change]]:
    """Closes by the real end, or corrects what the end said when less was known.

    What may be billed already is held when the totals change. `released`: why it was held before the event,
    where a person has released it; that alone holds it no more.
    """
    cp, closed, ending = _finished(cp, after, end, known, overlaps)
    same = _billed(closed) == _billed(session)
    review = closed.review
    if had_end and (Review.LATE_EVENT in session.review or (not session.review and not same)):
        review = held(review, Review.LATE_EVENT)
    reviewed = SessionReviewed(id=session.id, review=review, at=known.now)
    if had_end and same:
        if not session.review and review == released:
            review = ()
        closed = replace(closed, review=review, stop_received_at=session.stop_received_at)
        return cp, closed, [] if review == session.review else [reviewed]
    changes = [replace(one, review=review) if isinstance(one, SessionClosed) else one for one in ending]
    return cp, replace(closed, review=review), changes


def _billed(session: Session) -> tuple[object, ...]:
    return session.stopped_at, session.meter_stop_wh, session.metering.energy_wh


def _doubts(cp: ChargePoint, session: Session, history: Sequence[Event], end: Event, known: Known) -> Reviews:
    """Why a session that ended was held, as far as its events say."""
    told, _ = replay(cp, session.id, sorted(history, key=position), known.now)
    overlaps, _ = _overlaps(told, end.at, known)
    _, closed, _ = _finished(cp, told, end, known, overlaps)
    return closed.review


def _period_closed(after: Session, closed: Session) -> list[Change]:
    """The last of the periods that were written anew ends with its session."""
    if after.charging is None or closed.stopped_at is None:
        return []
    energy_wh = closed.metering.energy_wh
    return [ChargingPeriodClosed(session_id=closed.id, stopped_at=closed.stopped_at, energy_wh=energy_wh)]
