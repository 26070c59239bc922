"""How a charging session ends: by its real stop, or by us when its stop is missing; and what ends with it.

A session that was closed without its stop keeps billing on hold and accepts one real stop as a correction;
every other closed session is final.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from engine.domain.changes import (
    Change,
    ChargingPeriodClosed,
    ChargingProfileChanged,
    SessionClosed,
    SessionReviewed,
    SessionStopAsked,
    StationRemoved,
)
from engine.domain.metering import verify
from engine.domain.metering.verify import Ending
from engine.domain.notifications import Notification, publish
from engine.domain.plausibility import settings_of
from engine.domain.pricing import Billed
from engine.domain.session.facts import Neighbour, Stop
from engine.domain.session.review import CLOSED_BY_US, Review, Reviews, held, without
from engine.domain.state import ChargePoint, Session, SessionStatus
from engine.domain.vocabulary import SessionReason

_REASON_OF: Final = {
    Review.MISSING_STOP: SessionReason.NEW_START_TRANSACTION_RECEIVED,
    Review.MISSING_STOP_AFTER_BOOT: SessionReason.REBOOT,
    Review.NOT_ONGOING: SessionReason.OTHER,
    Review.STATION_REMOVED: SessionReason.OTHER,
}


class SessionStartStop(Notification, frozen=True, kw_only=True, tag="session.start.stop.notification"):
    """`meter_stop` repeats the start's reading while there is none."""

    session_id: int
    charge_point_id: int
    evse_number: int
    action: Literal["start", "stop"]
    id_tag: str | UnsetType = UNSET
    started_at_timestamp: datetime
    meter_start: int
    meter_stop: int
    stopped_at_timestamp: datetime | UnsetType = UNSET
    energy_consumed: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    last_updated_at: datetime


def announced(
    cp: ChargePoint, session: Session, now: datetime, action: Literal["start", "stop"], **more: Any
) -> Change:
    """The notification that a session has begun or ended."""
    news = SessionStartStop(
        session_id=session.id,
        charge_point_id=cp.id,
        evse_number=session.evse_number,
        action=action,
        id_tag=session.id_tag or UNSET,
        started_at_timestamp=session.started_at,
        meter_start=session.meter_start_wh,
        last_updated_at=now,
        **more,
    )
    return publish(news, f"session:{session.id}", cp.operator_id, now)


def finish(
    cp: ChargePoint,
    session: Session,
    stop: Stop,
    now: datetime,
    *codes: Review,
    neighbours: Sequence[Neighbour] = (),
) -> tuple[ChargePoint, Session, list[Change]]:
    """Closes a session by its real stop; corrects one that we had closed without it. `codes`: further doubts.

    The session is returned as it is billed: its end, its final totals, and why it is held. Of `neighbours`
    the later one may be held or released by what is known of this one now.

    After a boot the queued stop is the expected one, so it lifts the hold; after another start it is not.
    """
    settings = settings_of(cp, session.evse_number)
    ending = Ending(session=session, stop=stop, settings=settings, now=now, neighbours=neighbours)
    review = held(without_stop_codes(session.review), *codes, *verify.doubts(ending))
    cp, closed, changes = _close(
        cp,
        replace(session, metering=verify.settled(ending), meter_stop_wh=stop.meter_wh, review=review),
        reason=stop.reason or _untold(session),
        at=max(stop.at, session.started_at),
        stop_id_tag=stop.id_tag,
        now=now,
    )
    return cp, closed, [*changes, *_later_reviewed(ending)]


def _later_reviewed(ending: Ending) -> list[Change]:
    """The hold of the session after this one, which ended first as far as we were told.

    Where this one is now known to have begun at another time, also of that which came after it there: it
    follows the one before it now.
    """
    around = ending.neighbours
    later = {one: verify.overlaps(one, ending) for one in around if not (one.earlier or one.left)}
    behind = {one.id for one in later}
    before = [one.registers for one in around if one.left and one.earlier]
    for one in around:
        if one.left and not one.earlier and one.id not in behind:
            later[one] = any(verify.share_energy(registers, one.registers) for registers in before)
    changes: list[Change] = []
    for one, twice in later.items():
        if Review.BILLED_BEFORE in one.released:
            continue
        review = (held if twice else without)(one.review, Review.BILLED_BEFORE)
        changes += reviewed(one, review, ending.now)
    return changes


def reviewed(before: Session | Neighbour, review: Reviews, now: datetime) -> list[Change]:
    """The row of a session that is held for other reasons now; nothing where they are the same."""
    if review == before.review:
        return []
    return [SessionReviewed(id=before.id, review=review, last_updated_at=now)]


def close_missing(
    cp: ChargePoint, session: Session, code: Review, *, bound: datetime, now: datetime
) -> tuple[ChargePoint, Session, list[Change]]:
    """Closes a session whose stop is missing: it ended with its last sample, else at `bound`, never after it.

    `code` is one of CLOSED_BY_US and gives the reason; the energy is what the samples told.
    """
    ended = min(session.metering.last_sample_at or bound, bound)
    return _close(
        cp,
        replace(session, review=held(session.review, code)),
        reason=_REASON_OF[code],
        at=max(ended, session.started_at),
        stop_id_tag=None,
        now=now,
    )


def station_removed(cp: ChargePoint, now: datetime) -> tuple[ChargePoint, list[Change]]:
    """The station is taken out of service: what runs there has ended, and no stop will come."""
    changes: list[Change] = [StationRemoved(id=cp.id, at=now)]
    for session in cp.sessions.values():
        cp, _, closing = close_missing(cp, session, Review.STATION_REMOVED, bound=now, now=now)
        changes += closing
    return cp, changes


def billed(session: Session) -> Billed:
    """What the amount of a session depends on."""
    return Billed(
        energy_wh=session.metering.energy_wh,
        started_at=session.started_at,
        start_received_at=session.received_at or session.started_at,
        stopped_at=session.stopped_at,
        stop_received_at=session.stop_received_at,
        clock_was_wrong=Review.CLOCK_DRIFT in (*session.review, *session.released),
        waived=session.waived is not None,
    )


def stop_asked(
    cp: ChargePoint, transaction_id: str, now: datetime
) -> tuple[ChargePoint, tuple[SessionStopAsked, ...]]:
    """The charger has agreed to end a transaction."""
    session = cp.sessions.get(transaction_id)
    if session is None:
        return cp, ()
    return with_session(cp, replace(session, stop_asked_at=now)), (
        SessionStopAsked(id=session.id, stop_asked_at=now),
    )


def _untold(session: Session) -> SessionReason:
    """The reason of an end that tells none: it may be left out where it is Local (1.6 §6.49, 2.0.1 part 2).

    Chargers leave it out too where they were asked to stop.
    """
    return SessionReason.LOCAL if session.stop_asked_at is None else SessionReason.REMOTE


def without_stop_codes(review: Reviews) -> Reviews:
    """`review` without what a missing stop has put there."""
    return without(review, *CLOSED_BY_US)


def _close(
    cp: ChargePoint,
    session: Session,
    *,
    reason: SessionReason,
    at: datetime,
    stop_id_tag: str | None,
    now: datetime,
) -> tuple[ChargePoint, Session, list[Change]]:
    energy_wh = session.metering.energy_wh
    changes: list[Change] = [
        SessionClosed(
            id=session.id,
            status=SessionStatus.FINISHED,
            reason=reason,
            stopped_at=at,
            meter_stop_wh=session.meter_stop_wh,
            energy_wh=energy_wh,
            stop_id_tag=stop_id_tag,
            stop_received_at=now,
            review=session.review,
        )
    ]
    if session.charging is not None:
        changes.append(ChargingPeriodClosed(session_id=session.id, stopped_at=at, energy_wh=energy_wh))
    meter_stop = session.metering.register_wh if session.meter_stop_wh is None else session.meter_stop_wh
    news = announced(
        cp,
        session,
        now,
        "stop",
        meter_stop=session.meter_start_wh if meter_stop is None else meter_stop,
        stopped_at_timestamp=at,
        energy_consumed=energy_wh,
        reason=reason.public,
    )
    cp, cleared = _end_profiles(without_session(cp, session), session, now)
    closed = replace(session, status=SessionStatus.FINISHED, stopped_at=at, stop_received_at=now)
    return cp, closed, [*changes, *cleared, news]


def _end_profiles(cp: ChargePoint, session: Session, now: datetime) -> tuple[ChargePoint, list[Change]]:
    # OCPP 1.6 §3.13.1: a TxProfile ends with its transaction.
    ended = [p for p in cp.charging_profiles if p.transaction_id == session.transaction_id]
    if not ended:
        return cp, []
    left = tuple(p for p in cp.charging_profiles if p.transaction_id != session.transaction_id)
    return replace(cp, charging_profiles=left), [
        ChargingProfileChanged(
            charge_point_id=cp.id,
            evse_number=p.evse_number,
            profile_id=p.profile_id,
            purpose=p.purpose,
            stack_level=p.stack_level,
            profile=p.profile,
            active=False,
            at=now,
        )
        for p in ended
    ]


def with_session(cp: ChargePoint, session: Session) -> ChargePoint:
    """`cp` with `session` open in this state."""
    return replace(cp, sessions={**cp.sessions, session.transaction_id: session})


def without_session(cp: ChargePoint, session: Session) -> ChargePoint:
    """`cp` without `session` among the open ones."""
    if all(s.id != session.id for s in cp.sessions.values()):
        return cp
    return replace(cp, sessions={k: s for k, s in cp.sessions.items() if s.id != session.id})
