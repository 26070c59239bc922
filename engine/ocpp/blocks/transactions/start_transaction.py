"""StartTransaction (OCPP 1.6): told live, late, twice, or after its own stop.

Every one is acknowledged: a transaction that has begun cannot be refused (§4.8). What a start means is said
in `engine.domain.session`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from engine.domain.lookups import (
    LooseSince,
    NewIds,
    PendingFor,
    SessionOfStart,
    TokensOf,
)
from engine.domain.metering.readings import Measured
from engine.domain.session import events, opening
from engine.domain.session.amend import Known
from engine.domain.session.assign import resolved, start_key, stop_of_start
from engine.domain.session.facts import Event
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


def _event_v16(request: v16.StartTransaction) -> Event:
    # In OCPP 1.6 a connector is an EVSE of its own.
    return Event(
        transaction_id="",
        seq_no=None,
        kind="Started",
        evse_number=request.connector_id,
        connector_number=1,
        id_tag=request.id_tag,
        meter_wh=request.meter_start,
        at=request.timestamp,
        reservation_id=request.reservation_id or None,
    )


def start_transaction_needs_v16(cp: ChargePoint, request: v16.StartTransaction) -> Needs:
    """The tag, the session that this start made before or was asked for, ids for what is new."""
    start = _event_v16(request)
    return (
        TokensOf((request.id_tag,), starts=True),
        SessionOfStart(start_key(start)),
        PendingFor(key_of_tag(request.id_tag, request.connector_id, start.at)),
        LooseSince(request.connector_id, start.at),
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
    start = _event_v16(request)
    again = facts.of(SessionOfStart)
    if again is not None:
        own = _counted(request.id_tag, [again] if again.status is not SessionStatus.FINISHED else [])
        decision = decide_v16(cp, request.id_tag, facts, now, uncounted=own, start=(start.at, again))
        reply = v16.StartTransactionResponse(
            id_tag_info=id_tag_info_v16(decision), transaction_id=int(again.transaction_id)
        )
        return Outcome(state=cp, reply=reply)
    pending = facts.of(PendingFor)
    over = opening.before(cp, request.connector_id, opening.begun(start.at, now))
    own = _counted(request.id_tag, over) + (pending is not None and pending.counts(request.id_tag))
    decision = decide_v16(cp, request.id_tag, facts, now, uncounted=own, start=(start.at, None))
    known = Known(decision=decision, new_ids=facts.of(NewIds), now=now, pending=pending)
    start = replace(start, transaction_id=str(known.session_id))
    orphan = stop_of_start(cp, start)
    cp, session, changes = events.begin(cp, start, _taken_over_v16(request, orphan, facts), known)
    if orphan is not None:
        cp = replace(cp, orphans=tuple(o for o in cp.orphans if o.id != orphan.id))
        stop = _stop_v16.decode(orphan.payload)
        cp, ending = finish_v16(cp, session, stop, Facts(), now, reconciled=True)
        changes += [*ending, resolved(orphan, session, now)]
    reply = v16.StartTransactionResponse(id_tag_info=id_tag_info_v16(decision), transaction_id=session.id)
    return Outcome(state=cp, reply=reply, changes=changes)


def _taken_over_v16(request: v16.StartTransaction, orphan: Orphan | None, facts: Facts) -> list[Measured]:
    """What its connector measured since a start that is told late belonged to no session until now."""
    values = [
        v16.MeterValue(timestamp=at, sampled_value=decoded)
        for at, samples in facts.of(LooseSince)
        if (orphan is None or at <= orphan.timestamp) and (decoded := _decoded_v16(samples)) is not None
    ]
    return [
        one
        for one in measured_v16(None, values, frozenset())
        if one.reading.register_wh is None or one.reading.register_wh >= request.meter_start
    ]


def _decoded_v16(samples: str) -> list[v16.SampledValue] | None:
    """None for what the station told when it spoke OCPP 2.x."""
    try:
        return _samples_v16.decode(samples)
    except msgspec.ValidationError:
        return None


def _counted(id_tag: str, open_sessions: list[Session]) -> int:
    tag = id_tag.casefold()
    return sum(s.id_tag is not None and s.id_tag.casefold() == tag for s in open_sessions)


HANDLERS: Final = (handler(v16.StartTransaction, start_transaction_v16, needs=start_transaction_needs_v16),)
