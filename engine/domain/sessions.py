"""The life of a charging session while it is open: never two on an EVSE, none that happened left out.

Meaning only, for every OCPP version: messages become a `Start` in the protocol's blocks. How a session ends
is in `domain.closing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from engine.domain import reservations
from engine.domain.changes import Change, SessionOpened, SessionReopened, SessionReviewed
from engine.domain.closing import SessionStartStop, close_missing, with_session, without_stop_codes
from engine.domain.drivers import Driver, driven
from engine.domain.metering.live import absorb
from engine.domain.metering.readings import Measured
from engine.domain.notifications import publish
from engine.domain.plausibility import clock_is_wrong
from engine.domain.session.review import CLOSED_BY_US, Review
from engine.domain.state import ChargePoint, Frozen, Metering, Session, SessionStatus
from engine.domain.vocabulary import HardwareStatus, ReservationStatus

OFFLINE_AFTER: Final = timedelta(minutes=2)  # a start told later than this after it happened was kept offline

# Connector states in which a transaction goes on (OCPP 1.6 §4.9).
_GOES_ON: Final = frozenset(
    {HardwareStatus.CHARGING, HardwareStatus.SUSPENDED_EV, HardwareStatus.SUSPENDED_EVSE}
)
# Closed by us for a reason that the charger may refute by going on.
_MAY_GO_ON: Final = (Review.MISSING_STOP_AFTER_BOOT, Review.NOT_ONGOING)


class Start(Frozen, frozen=True):
    """A transaction that has begun at a station, as told by it. `transaction_id` is None where we give it."""

    evse_number: int
    connector_number: int
    id_tag: str
    meter_wh: int
    at: datetime
    reservation_id: int | None = None
    transaction_id: str | None = None


def start_key(start: Start) -> str:
    """What makes a start the same start, however often and on whatever connection it is told."""
    at = start.at.astimezone(UTC).isoformat()
    return f"{start.evse_number}|{start.connector_number}|{start.id_tag.casefold()}|{start.meter_wh}|{at}"


# --- start -------------------------------------------------------------------------------------------------


def superseded(cp: ChargePoint, start: Start, now: datetime) -> list[Session]:
    """The open sessions that a start shows to be over: their stop is missing."""
    return before(cp, start.evse_number, begun(start.at, now))


def before(cp: ChargePoint, evse_number: int, at: datetime) -> list[Session]:
    """The sessions open on an EVSE that cannot be, if another one, told now, has begun there at `at`.

    `at` is `begun` of it. A session of a wrong clock was told before it, and nothing else is known.
    """
    return [s for s in _on_evse(cp, evse_number) if _clock_was_wrong(s) or began(s) <= at]


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


def _began_beside(session: Session, other: Session) -> datetime:
    """When a session began, as far as its order with `other` goes.

    If the clock of either was wrong, only the times at which they were told can be compared: a start that
    was kept offline would else be older than a wrong one told before it.
    """
    if _clock_was_wrong(session) or _clock_was_wrong(other):
        return session.received_at or session.started_at
    return began(session)


def _on_evse(cp: ChargePoint, evse_number: int) -> list[Session]:
    return [s for s in cp.sessions.values() if s.evse_number == evse_number]


def begin(
    cp: ChargePoint,
    start: Start,
    driver: Driver,
    *,
    session_id: int,
    now: datetime,
) -> tuple[ChargePoint, Session, list[Change]]:
    """Opens the session of a start that is new, and closes what it shows to be over; see `enter`."""
    session = Session(
        id=session_id,
        transaction_id=start.transaction_id or str(session_id),
        evse_number=start.evse_number,
        connector_number=start.connector_number,
        status=SessionStatus.ACTIVE,
        started_at=start.at,
        received_at=now,
        id_tag=start.id_tag,
        meter_start_wh=start.meter_wh,
        reservation_id=start.reservation_id,
        metering=Metering(
            register_wh=start.meter_wh, register_at=None if clock_is_wrong(start.at, now) else start.at
        ),
        review=(Review.CLOCK_DRIFT,) if clock_is_wrong(start.at, now) else (),
    )
    return enter(cp, driven(session, driver), driver, key=start_key(start), now=now)


def enter(
    cp: ChargePoint,
    session: Session,
    driver: Driver | None,
    *,
    key: str,
    now: datetime,
    offline: bool = False,
    placed: bool = True,
) -> tuple[ChargePoint, Session, list[Change]]:
    """Records a session that is new and closes what it shows to be over on its EVSE.

    One that is older than the open session on its EVSE (told late, out of order) is recorded and closed at
    once: the returned session is then not among `cp.sessions`. `placed` False: its EVSE is not known yet.
    """
    opening = _opened(cp, session, driver, key=key, offline=offline, now=now)
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
    for other in _on_evse(cp, session.evse_number):
        since = _began_beside(session, other)
        if other.id != session.id and _began_beside(other, session) <= since:
            cp, _, closing = close_missing(cp, other, Review.MISSING_STOP, bound=since, now=now)
            changes += closing
    return cp, changes


def _take_place(
    cp: ChargePoint, session: Session, now: datetime
) -> tuple[ChargePoint, Session, list[Change]]:
    newer = [
        since
        for s in _on_evse(cp, session.evse_number)
        if s.id != session.id and (since := _began_beside(s, session)) > _began_beside(session, s)
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
    offline: bool,
    now: datetime,
) -> tuple[Change, Change]:
    opened = SessionOpened(
        id=session.id,
        operator_id=cp.operator_id,
        charge_point_id=cp.id,
        evse_number=session.evse_number,
        connector_number=session.connector_number,
        transaction_id=session.transaction_id,
        start_key=key,
        status=session.status,
        id_tag=session.id_tag,
        id_tag_id=None if driver is None else driver.id_tag_id,
        user_id=None if driver is None else driver.user_id,
        authorization_id=None if driver is None else driver.authorization_id,
        reservation_id=session.reservation_id,
        meter_start_wh=session.meter_start_wh,
        started_at=session.started_at,
        received_at=now,
        offline=offline or now - session.started_at > OFFLINE_AFTER,
        review=session.review,
        protocol=cp.version,
        charging_state=session.charging_state,
        remote_start_id=session.remote_start_id,
        asked_id_tag=session.asked_id_tag,
        waived=session.waived,
    )
    news = SessionStartStop(
        session_id=session.id,
        charge_point_id=cp.id,
        evse_number=session.evse_number,
        action="start",
        id_tag=session.id_tag or UNSET,
        started_at_timestamp=session.started_at,
        meter_start=session.meter_start_wh,
        meter_stop=session.meter_start_wh,
        last_updated_at=now,
    )
    return opened, publish(news, f"session:{session.id}", cp.operator_id, now)


def consume_reservation(
    cp: ChargePoint, session: Session, now: datetime
) -> tuple[ChargePoint, tuple[Change, ...]]:
    """Ends the reservation that a session names, if it is open."""
    if session.reservation_id is None:
        return cp, ()
    cp, ended = reservations.end(cp, session.reservation_id, ReservationStatus.DONE, now, session.id)
    return cp, (ended,)


# --- samples -----------------------------------------------------------------------------------------------


def add_samples(
    cp: ChargePoint, session: Session, values: Sequence[Measured], now: datetime
) -> tuple[ChargePoint, list[Change]]:
    """Folds meter values, oldest first, into their session, open or closed; none may have been stored before.

    A session that we closed after a boot goes on if a later value comes and its EVSE is free; otherwise what
    we said about its end is corrected. A session that has its stop keeps its totals.
    """
    after, changes = absorb(cp, session, values, now)
    if session.status is not SessionStatus.FINISHED:
        if after.review != session.review:
            changes.append(SessionReviewed(id=after.id, review=after.review, at=now))
        return with_session(cp, after), changes
    if not session.closed_by_us:
        return cp, changes
    cp, _, consequences = carry_on(cp, session, after, now)
    return cp, consequences + changes


def carry_on(
    cp: ChargePoint, session: Session, after: Session, now: datetime
) -> tuple[ChargePoint, Session, list[Change]]:
    """What follows when a session that we closed turns out to be `after`: it goes on, or its end is moved."""
    if not _goes_on(cp, session, after):
        return _corrected(cp, session, after, now)
    # Its charging state is open again: the next value says it.
    after = replace(
        after,
        status=SessionStatus.ACTIVE,
        stopped_at=None,
        charging=None,
        review=without_stop_codes(after.review),
    )
    reviewed = SessionReviewed(id=after.id, review=after.review, at=now)
    return with_session(cp, after), after, [SessionReopened(id=after.id, at=now), reviewed]


def _corrected(
    cp: ChargePoint, before: Session, after: Session, now: datetime
) -> tuple[ChargePoint, Session, list[Change]]:
    """The end we gave a session, moved by samples that came later."""
    ended = before.stopped_at or before.started_at
    newest = after.metering.last_sample_at or ended
    newer = [
        since
        for s in _on_evse(cp, after.evse_number)
        if (since := _began_beside(s, after)) >= _began_beside(after, s)
    ]
    bound = min(newer, default=max(ended, newest))
    if min(newest, bound) == ended and before.metering.energy_wh == after.metering.energy_wh:
        return cp, after, []
    code = next(c for c in CLOSED_BY_US if c in after.review)
    return close_missing(cp, after, code, bound=bound, now=now)


def _goes_on(cp: ChargePoint, before: Session, after: Session) -> bool:
    newest, ended = after.metering.last_sample_at, before.stopped_at
    return (
        any(code in after.review for code in _MAY_GO_ON)
        and newest is not None
        and ended is not None
        and newest > ended
        and not _on_evse(cp, after.evse_number)
        and after.transaction_id not in cp.sessions
    )


# --- boot and status ---------------------------------------------------------------------------------------


def on_boot(cp: ChargePoint, now: datetime) -> tuple[ChargePoint, list[Change]]:
    """A BootNotification was accepted: open sessions may be over, may go on, or their stop is still queued.

    Nothing is closed yet; `on_connector_status`, the next sample or the next start decides. The mark is not a
    column: whoever loads the state makes it anew from the times of the boot and of what was told since.
    """
    marked = {k: replace(s, rebooted_at=now) for k, s in cp.sessions.items()}
    return replace(cp, sessions=marked) if marked else cp, []


def on_connector_status(
    cp: ChargePoint, evse_number: int, status: HardwareStatus, now: datetime
) -> tuple[ChargePoint, list[Change]]:
    """A connector reported its status: one that is available after a boot ends the session open there."""
    changes: list[Change] = []
    for session in [s for s in cp.sessions.values() if s.evse_number == evse_number]:
        if session.rebooted_at is None:
            continue
        if status in _GOES_ON:
            cp = with_session(cp, replace(session, rebooted_at=None))
        elif status is HardwareStatus.AVAILABLE:
            code = Review.MISSING_STOP_AFTER_BOOT
            cp, _, closing = close_missing(cp, session, code, bound=session.rebooted_at, now=now)
            changes += closing
    return cp, changes
