"""StopTransaction (OCPP 1.6): told live, late, twice, before its start, or with an id that is not its own.

Every one is acknowledged: a transaction that has ended cannot be refused (§4.10). What a stop means is said
in `engine.domain.session`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from engine.domain.changes import Change
from engine.domain.lookups import (
    Lookup,
    NeighboursOf,
    NewIds,
    SamplesSince,
    SessionOfTransaction,
    TokensOf,
)
from engine.domain.session import events
from engine.domain.session.amend import Known
from engine.domain.session.assign import (
    ORPHANS_KEPT,
    STOP,
    is_kept,
    kept,
    resolved,
    session_of_stop,
)
from engine.domain.session.close import reviewed
from engine.domain.session.facts import Event, History
from engine.domain.session.review import Review, held
from engine.domain.state import ChargePoint, Orphan, Session, SessionStatus
from engine.ocpp.blocks.authorization.authorize_v16 import decide_v16, id_tag_info_v16
from engine.ocpp.blocks.metering.meter_values import earliest_v16, late_since_v16, measured_v16
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v16
from engine.ocpp.step import Facts, Message, Needs, Outcome
from engine.ocpp.vocabulary import STOP_REASONS


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
        cp, changes = finish_v16(cp, session, request, facts, now)
        return Outcome(state=cp, reply=reply, changes=changes)
    orphan = _orphan_v16(request, facts.of(NewIds)[0])
    session = _meant_v16(cp, request)
    if session is not None:
        cp, changes = finish_v16(cp, session, request, facts, now, reconciled=True)
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
    meter_wh = session.metering.register_wh if request.meter_stop < 0 else request.meter_stop
    at = max(request.timestamp, session.started_at)
    same = (meter_wh, at) == (session.meter_stop_wh, session.stopped_at)
    if same or not facts.of(NewIds):
        return Outcome(state=cp, reply=reply)
    orphan = _orphan_v16(request, facts.of(NewIds)[0])
    changes: list[Change] = [kept(cp, orphan, now), resolved(orphan, session, now)]
    if meter_wh != session.meter_stop_wh:
        changes += reviewed(session, held(session.review, Review.OTHER_STOP), now)
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


def finish_v16(
    cp: ChargePoint,
    session: Session,
    request: v16.StopTransaction,
    facts: Facts,
    now: datetime,
    *,
    reconciled: bool = False,
) -> tuple[ChargePoint, list[Change]]:
    """Closes a session by its StopTransaction, with the meter values in it.

    `reconciled`: it does not name the session.
    """
    end = Event(
        transaction_id=session.transaction_id,
        seq_no=None,
        at=request.timestamp,
        kind="Ended",
        meter_wh=request.meter_stop,
        id_tag=request.id_tag or None,
        stopped_reason=STOP_REASONS[request.reason] if request.reason else None,
    )
    if reconciled:
        session = replace(session, review=held(session.review, Review.RECONCILED))
    values = measured_v16(session, request.transaction_data or (), facts.of(SamplesSince))
    known = Known(now=now, history=History(neighbours={session.id: facts.of(NeighboursOf)}))
    cp, _, changes = events.append(cp, session, end, values, known)
    return cp, changes


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


HANDLERS: Final = (handler(v16.StopTransaction, stop_transaction_v16, needs=stop_transaction_needs_v16),)
