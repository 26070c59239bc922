"""Functional block transactions: starts and stops, told live, late, twice, out of order or with the wrong id.

Every one is acknowledged: a transaction that happened cannot be refused (OCPP 1.6 §4.8, §4.10). What they
mean is said in `engine.domain.session`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from engine.domain.authorization import recorded
from engine.domain.changes import Change, SessionReviewed
from engine.domain.drivers import awaited, presented
from engine.domain.lookups import (
    Lookup,
    LooseSince,
    NeighboursOf,
    NewIds,
    PendingFor,
    SamplesSince,
    SessionOfStart,
    SessionOfTransaction,
    TokensOf,
)
from engine.domain.metering.live import absorb
from engine.domain.session import assign, close, course, opening
from engine.domain.session.assign import (
    ORPHANS_KEPT,
    STOP,
    is_kept,
    kept,
    resolved,
    session_of_stop,
    stop_of_start,
)
from engine.domain.session.facts import Start, Stop
from engine.domain.session.review import Review, held
from engine.domain.starting import key_of_tag
from engine.domain.state import ChargePoint, Orphan, Session, SessionStatus
from engine.ocpp.blocks.authorization.authorize_v16 import decide_v16, id_tag_info_v16
from engine.ocpp.blocks.metering.meter_values import earliest_v16, late_since_v16, measured_v16
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v16
from engine.ocpp.step import Facts, Message, Needs, Outcome
from engine.ocpp.vocabulary import STOP_REASONS

_stop_v16 = msgspec.json.Decoder(v16.StopTransaction)
_samples_v16 = msgspec.json.Decoder(list[v16.SampledValue])


# --- start -------------------------------------------------------------------------------------------------


def _start_v16(request: v16.StartTransaction) -> Start:
    # In OCPP 1.6 a connector is an EVSE of its own.
    return Start(
        evse_number=request.connector_id,
        connector_number=1,
        id_tag=request.id_tag,
        meter_wh=request.meter_start,
        at=request.timestamp,
        reservation_id=request.reservation_id or None,
    )


def start_transaction_needs_v16(cp: ChargePoint, request: v16.StartTransaction) -> Needs:
    """The tag, the session that this start made before or was asked for, ids for what is new."""
    start = _start_v16(request)
    return (
        TokensOf((request.id_tag,), starts=True),
        SessionOfStart(assign.start_key(start)),
        PendingFor(key_of_tag(request.id_tag, start.evse_number, start.at)),
        LooseSince(start.evse_number, start.at),
        NewIds(1, session=True),
    )


def start_transaction_v16(
    cp: ChargePoint, request: v16.StartTransaction, facts: Facts, now: datetime
) -> Outcome:
    """Records a transaction that has begun and judges its tag (OCPP 1.6 §4.8).

    The verdict does not undo the start: the charge point stops by itself if StopTransactionOnInvalidId says
    so. A session that was asked for remotely begins with it: it has its number and its authorization.
    A start told again gets its first transaction id, and a fresh verdict that does not count itself.
    """
    start = _start_v16(request)
    again = facts.of(SessionOfStart)
    if again is not None:
        own = _counted(request.id_tag, [again] if again.status is not SessionStatus.FINISHED else [])
        decision = decide_v16(cp, request.id_tag, facts, now, uncounted=own, start=(start.at, again))
        reply = v16.StartTransactionResponse(
            id_tag_info=id_tag_info_v16(decision), transaction_id=int(again.transaction_id)
        )
        return Outcome(state=cp, reply=reply)
    session_id, authorization_id = facts.of(NewIds)
    pending = facts.of(PendingFor)
    own = _counted(request.id_tag, opening.superseded(cp, start, now))
    if pending is not None:
        session_id = pending.id
        own += pending.counts(request.id_tag)
    decision = decide_v16(cp, request.id_tag, facts, now, uncounted=own, start=(start.at, None))
    changes: list[Change] = []
    if pending is not None and decision.accepted:
        driver = awaited(pending, accepted=True, authorization_id=authorization_id)
    else:
        driver = presented(request.id_tag, decision, authorization_id)
        changes += recorded(
            cp,
            decision,
            id=authorization_id,
            id_tag=request.id_tag,
            evse_number=start.evse_number,
            now=now,
        )
    orphan = stop_of_start(cp, start)
    cp, session, begun = opening.begin(cp, start, driver, session_id=session_id, now=now)
    changes += begun
    cp, session, taken = _taken_over_v16(cp, session, orphan, facts, now)
    changes += taken
    if orphan is not None:
        cp, ending = _adopt_v16(cp, session, orphan, now)
        changes += ending
    reply = v16.StartTransactionResponse(id_tag_info=id_tag_info_v16(decision), transaction_id=session_id)
    return Outcome(state=cp, reply=reply, changes=changes)


def _taken_over_v16(
    cp: ChargePoint, session: Session, orphan: Orphan | None, facts: Facts, now: datetime
) -> tuple[ChargePoint, Session, list[Change]]:
    """What its connector measured since a start that is told late belonged to no session until now."""
    values = [
        v16.MeterValue(timestamp=at, sampled_value=decoded)
        for at, samples in facts.of(LooseSince)
        if (orphan is None or at <= orphan.timestamp) and (decoded := _decoded_v16(samples)) is not None
    ]
    measured = [
        one
        for one in (measured_v16(session, values, frozenset()) if values else ())
        if one.reading.register_wh is None or one.reading.register_wh >= session.meter_start_wh
    ]
    if not measured:
        return cp, session, []
    cp, changes = course.add_samples(cp, session, measured, now)
    return cp, cp.sessions.get(session.transaction_id, session), changes


def _decoded_v16(samples: str) -> list[v16.SampledValue] | None:
    """None for what the station told when it spoke OCPP 2.x."""
    try:
        return _samples_v16.decode(samples)
    except msgspec.ValidationError:
        return None


def _counted(id_tag: str, open_sessions: list[Session]) -> int:
    tag = id_tag.casefold()
    return sum(s.id_tag is not None and s.id_tag.casefold() == tag for s in open_sessions)


def _adopt_v16(
    cp: ChargePoint, session: Session, orphan: Orphan, now: datetime
) -> tuple[ChargePoint, list[Change]]:
    """Ends a session whose stop was told before its start."""
    cp = replace(cp, orphans=tuple(o for o in cp.orphans if o.id != orphan.id))
    request = _stop_v16.decode(orphan.payload)
    cp, changes = _finish_v16(cp, session, request, Facts(), now, Review.RECONCILED)
    return cp, [*changes, resolved(orphan, session, now)]


# --- stop --------------------------------------------------------------------------------------------------


def stop_transaction_needs_v16(cp: ChargePoint, request: v16.StopTransaction) -> Needs:
    """The tag, the sessions before and after its own, and samples of its data that may be stored already."""
    number, data = request.transaction_id, request.transaction_data or []
    needs: list[Lookup[Any]] = [TokensOf((request.id_tag,))] if request.id_tag else []
    session = cp.sessions.get(str(number))
    if session is None:
        needs.append(NewIds(1))
        session = None if number > 0 else _meant_v16(cp, request)
    if session is not None:
        since = late_since_v16(session, data)
        needs += [NeighboursOf(session.id), *(() if since is None else (SamplesSince(session.id, since),))]
    elif number > 0:
        needs += [SessionOfTransaction(str(number)), NeighboursOf(number)]
        needs += [SamplesSince(number, earliest_v16(data))] if data else []
    return needs


def stop_transaction_v16(
    cp: ChargePoint, request: v16.StopTransaction, facts: Facts, now: datetime
) -> Outcome:
    """Ends a transaction (OCPP 1.6 §4.10), whatever its id says; the charge point is always acknowledged.

    Told again, it changes nothing. The stop of a session that we had closed without it corrects that session.
    """
    reply = v16.StopTransactionResponse()
    if request.id_tag:
        reply = v16.StopTransactionResponse(
            id_tag_info=id_tag_info_v16(decide_v16(cp, request.id_tag, facts, now))
        )
    session = cp.sessions.get(str(request.transaction_id)) or facts.of(SessionOfTransaction)
    if session is not None:
        if session.status is SessionStatus.FINISHED and not session.closed_by_us:
            if session.meter_stop_wh is None:
                # Released without its stop: final, but what the charger says is not lost.
                return _keep(cp, _orphan_v16(request, facts.of(NewIds)[0]), reply, now)
            return _again_v16(cp, session, request, facts, reply, now)
        cp, changes = _finish_v16(cp, session, request, facts, now)
        return Outcome(state=cp, reply=reply, changes=changes)
    orphan = _orphan_v16(request, facts.of(NewIds)[0])
    session = _meant_v16(cp, request)
    if session is not None:
        cp, changes = _finish_v16(cp, session, request, facts, now, Review.RECONCILED)
        # The row, resolved at once, is what recognises this stop when it is told again.
        return Outcome(
            state=cp, reply=reply, changes=[*changes, kept(cp, orphan, now), resolved(orphan, session, now)]
        )
    return _keep(cp, orphan, reply, now)


def _again_v16(  # noqa: PLR0917 - all that a stop is answered with
    cp: ChargePoint,
    session: Session,
    request: v16.StopTransaction,
    facts: Facts,
    reply: Message,
    now: datetime,
) -> Outcome:
    """A second stop of a session. One that says something else changes nothing and is kept for a person."""
    stop = _ended_v16(session, request)
    same = (stop.meter_wh, max(stop.at, session.started_at)) == (session.meter_stop_wh, session.stopped_at)
    if same or not facts.of(NewIds):
        return Outcome(state=cp, reply=reply)
    orphan = _orphan_v16(request, facts.of(NewIds)[0])
    review = held(session.review, Review.OTHER_STOP)
    changes: list[Change] = [kept(cp, orphan, now), resolved(orphan, session, now)]
    if stop.meter_wh != session.meter_stop_wh and review != session.review:
        changes.append(SessionReviewed(id=session.id, review=review, at=now))
    return Outcome(state=cp, reply=reply, changes=changes)


def _keep(cp: ChargePoint, orphan: Orphan, reply: Message, now: datetime) -> Outcome:
    if is_kept(cp, orphan):
        return Outcome(state=cp, reply=reply)
    orphans = (*cp.orphans, orphan)[-ORPHANS_KEPT:]
    return Outcome(state=replace(cp, orphans=orphans), reply=reply, changes=[kept(cp, orphan, now)])


def _meant_v16(cp: ChargePoint, request: v16.StopTransaction) -> Session | None:
    return session_of_stop(
        cp,
        id_tag=request.id_tag or None,
        meter_wh=request.meter_stop,
        at=request.timestamp,
        numbered=request.transaction_id > 0,
    )


def _finish_v16(
    cp: ChargePoint,
    session: Session,
    request: v16.StopTransaction,
    facts: Facts,
    now: datetime,
    *codes: Review,
) -> tuple[ChargePoint, list[Change]]:
    changes: list[Change] = []
    if request.transaction_data:
        values = measured_v16(session, request.transaction_data, facts.of(SamplesSince))
        session, changes = absorb(cp, session, values, now)
    stop = _ended_v16(session, request)
    cp, _, ending = close.finish(cp, session, stop, now, *codes, neighbours=facts.of(NeighboursOf))
    return cp, changes + ending


def _ended_v16(session: Session, request: v16.StopTransaction) -> Stop:
    """A register below zero is none: then the session ends with the last one that it showed."""
    return Stop(
        at=request.timestamp,
        meter_wh=session.metering.register_wh if request.meter_stop < 0 else request.meter_stop,
        reason=STOP_REASONS[request.reason] if request.reason else None,
        id_tag=request.id_tag or None,
        certain=request.meter_stop >= 0,
    )


def _orphan_v16(request: v16.StopTransaction, orphan_id: int) -> Orphan:
    return Orphan(
        id=orphan_id,
        action=STOP,
        transaction_id=str(request.transaction_id),
        connector_number=None,
        id_tag=request.id_tag or None,
        meter_wh=request.meter_stop,
        timestamp=request.timestamp,
        reason=STOP_REASONS.get(request.reason or ""),
        payload=msgspec.json.encode(request),
    )


HANDLERS: Final = (
    handler(v16.StartTransaction, start_transaction_v16, needs=start_transaction_needs_v16),
    handler(v16.StopTransaction, stop_transaction_v16, needs=stop_transaction_needs_v16),
)
