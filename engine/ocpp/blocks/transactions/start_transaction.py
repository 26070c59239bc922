"""StartTransaction (OCPP 1.6): told live, late, twice, or after its own stop.

Every one is acknowledged: a transaction that has begun cannot be refused (§4.8). What a start means is said
in `engine.domain.session`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from engine.domain.authorization import recorded
from engine.domain.changes import Change
from engine.domain.drivers import awaited, presented
from engine.domain.lookups import (
    LooseSince,
    NewIds,
    PendingFor,
    SessionOfStart,
    TokensOf,
)
from engine.domain.session import assign, course, opening
from engine.domain.session.assign import (
    resolved,
    stop_of_start,
)
from engine.domain.session.facts import Start
from engine.domain.session.review import Review
from engine.domain.starting import key_of_tag
from engine.domain.state import ChargePoint, Orphan, Session, SessionStatus
from engine.ocpp.blocks.authorization.authorize_v16 import decide_v16, id_tag_info_v16
from engine.ocpp.blocks.metering.meter_values import measured_v16
from engine.ocpp.blocks.transactions.stop_transaction import finish_v16
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v16
from engine.ocpp.step import Facts, Needs, Outcome

_stop_v16 = msgspec.json.Decoder(v16.StopTransaction)
_samples_v16 = msgspec.json.Decoder(list[v16.SampledValue])


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
    cp, changes = finish_v16(cp, session, request, Facts(), now, Review.RECONCILED)
    return cp, [*changes, resolved(orphan, session, now)]


HANDLERS: Final = (handler(v16.StartTransaction, start_transaction_v16, needs=start_transaction_needs_v16),)
