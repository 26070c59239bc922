"""MeterValues of a session that runs: each moves its totals and its charging state, and is kept as a row."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from engine.domain.changes import Change
from engine.domain.metering.readings import Measured, row, rows
from engine.domain.metering.registers import fold
from engine.domain.metering.timeline import REGISTER_WITHIN, charging_state, flipped, flows, idle_since
from engine.domain.plausibility import clock_is_wrong, settings_of
from engine.domain.session.review import Review, Reviews, held
from engine.domain.state import ChargePoint, Metering, Session, SessionStatus
from ext.metering import Reading


def absorb(
    cp: ChargePoint, session: Session, values: Iterable[Measured], now: datetime
) -> tuple[Session, list[Change]]:
    """Folds MeterValues, oldest first, into a session and keeps each as a row."""
    changes: list[Change] = []
    for measured in values:
        session = measure(cp, session, measured, now, changes)
    return session, changes


def measure(
    cp: ChargePoint, session: Session, measured: Measured, now: datetime, changes: list[Change]
) -> Session:
    """Folds one MeterValue into a session; its row and what it changes are added to `changes`.

    Where no message told the register at the start, the first one that is told is taken for it. Power judges
    whether it charges only where the charger does not say so itself. A session that we closed has no charging
    periods any more, and one that has its stop keeps its totals too.
    """
    is_over = session.status is SessionStatus.FINISHED
    if is_over and not session.closed_by_us:
        late = measured.at < (session.metering.register_at or measured.at)
        changes.append(row(cp, session, session.metering, measured, now, late=late))
        return session
    newest = session.metering.last_sample_at
    metering, at, review = _totals(cp, session, measured, now)
    # A value that came late and left the totals alone must not be taken for the session's present state.
    if metering is session.metering:
        changes.append(row(cp, session, metering, measured, now, late=True))
    else:
        changes += rows(cp, session, metering, measured, now)
    charging, period_at = session.charging, session.period_at
    if not is_over and session.charging_state is None and (newest is None or at > newest):
        charging = charging_state(charging, measured.reading.power_w, measured.reading.current_a)
        if charging is not session.charging and charging is not None:
            # What was before the first reading is taken to have been alike.
            first = newest is None
            period_at = session.started_at if first else max(at, period_at or at)
            energy_wh = 0 if first else metering.energy_wh
            changes += flipped(cp, session, charging, at=period_at, energy_wh=energy_wh, now=now)
    if charging and period_at is None:
        period_at = at  # loaded: since then at the latest
    if charging is False and session.charging is False:
        period_at = idle_since(cp, session, metering, measured.reading, at)
    rebooted_at = session.rebooted_at
    if rebooted_at is not None and at > rebooted_at:
        rebooted_at = None
    meter_start_wh = session.meter_start_wh
    if session.metering.register_wh is None and metering.register_wh is not None:
        meter_start_wh = metering.register_wh
    return replace(
        session,
        metering=metering,
        meter_start_wh=meter_start_wh,
        charging=charging,
        period_at=period_at,
        review=review,
        rebooted_at=rebooted_at,
    )


def _totals(
    cp: ChargePoint, session: Session, measured: Measured, now: datetime
) -> tuple[Metering, datetime, Reviews]:
    """The totals with `measured`, the time it counts at, and the session's review after it."""
    review = session.review
    at: datetime | None = measured.at
    if clock_is_wrong(measured.at, now):
        # The row keeps the station's time; the totals go on in the order told: 2099 would freeze them.
        at, review = None, held(review, Review.CLOCK_DRIFT)
    elif measured.in_order and session.metering.register_at is not None:
        at = max(measured.at, session.metering.register_at)
    totals, doubt = fold(
        session, measured.reading, at, settings_of(cp, session.evse_number), newest=measured.in_order
    )
    first = session.metering.register_wh is None and totals.register_wh is not None
    if first and _begun_before(session, measured.reading, None if measured.in_order else at):
        doubt = Review.MISSING_REGISTER
    doubts = [Review.METER_RESET] if measured.disputed else []
    if doubt is not None:
        doubts.append(doubt)
    return totals, at or now, held(review, *doubts) if doubts else review


def _begun_before(session: Session, reading: Reading, at: datetime | None) -> bool:
    """Whether energy may have flowed between the beginning and the first register, told at `at`."""
    if reading.begins:
        return False
    begun_by = session.started_at + REGISTER_WITHIN
    if at is not None and at <= begun_by:
        return at < session.started_at - REGISTER_WITHIN
    if session.charging is not False or session.period_at is None or flows(reading):
        return True
    return session.period_at > begun_by
