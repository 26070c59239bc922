"""A session between begin and end: samples, boots, statuses; one that was closed and goes on all the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from engine.domain.changes import Change, SessionReopened
from engine.domain.metering.live import absorb
from engine.domain.metering.readings import Measured
from engine.domain.session.close import close_missing, reviewed, with_session, without_stop_codes
from engine.domain.session.opening import began_beside, on_evse
from engine.domain.session.review import CLOSED_BY_US, Review
from engine.domain.state import ChargePoint, Session, SessionStatus
from engine.domain.vocabulary import HardwareStatus

# Connector states in which a transaction goes on (OCPP 1.6 §4.9).
_GOES_ON: Final = frozenset(
    {HardwareStatus.CHARGING, HardwareStatus.SUSPENDED_EV, HardwareStatus.SUSPENDED_EVSE}
)
# Closed by us for a reason that the charger may refute by going on.
_MAY_GO_ON: Final = (Review.MISSING_STOP_AFTER_BOOT, Review.NOT_ONGOING)


def add_samples(
    cp: ChargePoint, session: Session, values: Sequence[Measured], now: datetime
) -> tuple[ChargePoint, list[Change]]:
    """Folds meter values, oldest first, into their session, open or closed; none may have been stored before.

    A session that we closed after a boot goes on if a later value comes and its EVSE is free; otherwise what
    we said about its end is corrected. A session that has its stop keeps its totals.
    """
    after, changes = absorb(cp, session, values, now)
    if session.status is not SessionStatus.FINISHED:
        changes += reviewed(session, after.review, now)
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
    reopened = SessionReopened(id=after.id, last_updated_at=now)
    return with_session(cp, after), after, [reopened, *reviewed(session, after.review, now)]


def _corrected(
    cp: ChargePoint, before: Session, after: Session, now: datetime
) -> tuple[ChargePoint, Session, list[Change]]:
    """The end we gave a session, moved by samples that came later."""
    ended = before.stopped_at or before.started_at
    newest = after.metering.last_sample_at or ended
    newer = [
        since
        for s in on_evse(cp, after.evse_number)
        if (since := began_beside(s, after)) >= began_beside(after, s)
    ]
    bound = min(newer, default=max(ended, newest))
    same_end = min(newest, bound) == ended >= after.started_at
    if same_end and before.metering.energy_wh == after.metering.energy_wh:
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
        and not on_evse(cp, after.evse_number)
        and after.transaction_id not in cp.sessions
    )


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
