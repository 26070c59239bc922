"""What happens on TransactionEvent (2.x E01 to E13), and what the station is told that it costs.

The two versions differ in members that are not used here. What the events mean is said in
`engine.domain.session`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from engine.domain.authorization import Decision
from engine.domain.changes import Json, SessionMerged
from engine.domain.lookups import Lookup, NewIds, PendingFor, PriceNow, StoredEvents, TokensOf
from engine.domain.session import amend, events, fold
from engine.domain.session.amend import Known
from engine.domain.session.assign import chosen
from engine.domain.session.close import with_session
from engine.domain.session.facts import RANKS, Event, EventKey, Value, fingerprint
from engine.domain.session.opening import before, begun
from engine.domain.session.order import measured_values
from engine.domain.starting import PendingKey, is_other, key_of_tag
from engine.domain.state import ChargePoint, Policy, Price, Session, SessionStatus, StationNumber
from engine.ocpp.blocks.authorization.authorize_v2x import (
    decide_v2x,
    id_token_info_v2x,
    looked_up,
    pending_key_v2x,
    uid_of,
)
from engine.ocpp.blocks.payloads_2x import response_to, sibling_of
from engine.ocpp.blocks.transactions.running_cost import Cost, CostHook, cost_so_far
from engine.ocpp.blocks.transactions.stored_events import StoredEvent, decode
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v21, v201
from engine.ocpp.rpc import Code
from engine.ocpp.step import Facts, Message, Needs, Outcome, Refusal
from engine.ocpp.vocabulary import CHARGING_STATES, STOP_REASONS

TransactionEvent: TypeAlias = v201.TransactionEvent | v21.TransactionEvent
Step: TypeAlias = Callable[[ChargePoint, TransactionEvent, Facts, datetime], Outcome]
_encode = msgspec.json.Encoder().encode


def event_of(request: TransactionEvent | StoredEvent, content: int = 0) -> Event:
    """The message in the words that the versions share; `content` is its fingerprint."""
    info, evse, token = request.transaction_info, request.evse or None, request.id_token or None
    if evse is not None and evse.id <= StationNumber:
        evse = None  # no transaction is the station's as a whole: it is not known where it is
    return Event(
        transaction_id=info.transaction_id,
        seq_no=request.seq_no,
        at=request.timestamp,
        kind=request.event_type,
        trigger=request.trigger_reason,
        content=content,
        offline=request.offline or False,
        evse_number=evse.id if evse else None,
        connector_number=evse.connector_id or None if evse else None,
        id_tag=uid_of(token) if token else None,
        charging_state=CHARGING_STATES.get(info.charging_state or ""),
        reservation_id=_given(request.reservation_id),
        remote_start_id=_given(info.remote_start_id),
        stopped_reason=STOP_REASONS.get(info.stopped_reason or ""),
        values=[Value(at=v.timestamp, samples=v.sampled_value) for v in request.meter_value or ()],
    )


def _impossible(request: TransactionEvent) -> str | None:
    if not request.transaction_info.transaction_id:
        return "transactionInfo.transactionId must not be empty"
    if request.evse and request.evse.id <= StationNumber:
        return "evse.id must be greater than 0"
    return None


def _given(number: Any) -> int | None:
    return number if isinstance(number, int) else None


def transaction_event_needs_v2x(cp: ChargePoint, request: TransactionEvent) -> Needs:
    """Nothing for an event behind all others that brings no token: the hot path reads nothing."""
    token = request.id_token or None
    uids = looked_up(cp, token) if token else ()
    number = request.transaction_info.transaction_id
    session = cp.sessions.get(number)
    asked = _pending_key(session, request)
    goes_on = session is not None and _goes_on(session, request)
    # What else is or was on its EVSE is asked when it ends, and when its EVSE is told.
    ends = request.event_type == "Ended" or (
        session is not None and session.evse_number == StationNumber and bool(request.evse)
    )
    if goes_on and not ends and asked is None and not (token and uid_of(token)):
        return ()
    starts = bool(uids) and (session is None or session.id_tag is None) and _may_start(request)
    needs: list[Lookup[Any]] = [TokensOf(uids, starts=starts)]
    if asked is not None:
        needs.append(PendingFor(asked))
    if session is None or not goes_on:
        key = _key(session, request, fingerprint(_told(request)))
        return [*needs, StoredEvents(key), PriceNow(), NewIds(1, session=True)]
    if ends:
        needs.append(StoredEvents(_key(session, request, 0, session_id=session.id)))
    return [*needs, NewIds(1)]


def _pending_key(session: Session | None, request: TransactionEvent) -> PendingKey | None:
    """The remote start that an event names, unless it is what its session began with.

    A station that leaves its number out names it by the tag that it was told (F01, F02).
    """
    named = _given(request.transaction_info.remote_start_id)
    tag = uid_of(request.id_token) if request.id_token else None
    key = pending_key_v2x(tag, named)
    if key is not None:
        begun_by = () if session is None else (session.id, session.remote_start_id)
        return None if key.number in begun_by else key
    if tag is None or (session is not None and session.id_tag is not None) or not _may_start(request):
        return None
    evse_number = request.evse.id if request.evse else StationNumber
    return key_of_tag(tag, max(evse_number, StationNumber), request.timestamp)


def _may_start(request: TransactionEvent) -> bool:
    return fold.brings_tag(event_of(request))


def _told(request: TransactionEvent) -> bytes:
    """What makes an event the same one: all but whether it waited, which a second telling may say anew."""
    return _encode(request if request.offline is UNSET else replace(request, offline=UNSET))


def _key(
    session: Session | None, request: TransactionEvent, content: int, session_id: int | None = None
) -> EventKey:
    named = max(request.evse.id, StationNumber) if request.evse else StationNumber
    return EventKey(
        transaction_id=request.transaction_info.transaction_id,
        seq_no=request.seq_no,
        at=request.timestamp,
        kind=request.event_type,
        content=content,
        evse_number=named if session is None else session.evse_number or named,
        begin=None if session is None else session.started_at,
        values_at=()
        if session_id is not None
        else tuple({value.timestamp for value in request.meter_value or ()}),
        session_id=session_id,
    )


def _goes_on(session: Session, request: TransactionEvent) -> bool:
    """Whether an event extends an open session. A start may be that of another one under its id."""
    kind = request.event_type
    return kind != "Started" and not (kind == "Ended" and session.unfolded) and _is_behind(session, request)


def _is_behind(session: Session, request: TransactionEvent) -> bool:
    place = (request.seq_no, request.timestamp, RANKS[request.event_type])
    return fold.is_behind(session, place, [value.timestamp for value in request.meter_value or ()])


def transaction_event_v2x(costs: CostHook = cost_so_far) -> Step:
    """The step of TransactionEvent; `costs` says what goes into `totalCost` and `updatedPersonalMessage`."""

    def step(cp: ChargePoint, request: TransactionEvent, facts: Facts, now: datetime) -> Outcome:
        """Folds the event into its session (2.0.1 E01–E13); it is always acknowledged, in any order.

        Only a strict policy refuses what cannot be true, a transaction without an id or of no EVSE. Otherwise
        the id is one that is used again and again, and the EVSE is not known.
        """
        if cp.settings.policy is Policy.STRICT and (wrong := _impossible(request)):
            return Outcome(
                state=cp, reply=Refusal(code=Code.PROPERTY_CONSTRAINT_VIOLATION, description=wrong)
            )
        payload = _encode(request)
        event = event_of(request, fingerprint(payload if request.offline is UNSET else _told(request)))
        opened = cp.sessions.get(event.transaction_id)
        goes_on = opened is not None and _goes_on(opened, request)
        history, pending = facts.of(StoredEvents), facts.of(PendingFor)
        stored = None if goes_on else chosen(history, event, now)
        session = opened if goes_on else None
        if stored is not None:
            same = opened is not None and opened.id == stored.session.id
            session = opened if same else stored.session
        price = _price(session, facts)
        decision = _decided(cp, request, session, facts, now)
        known = Known(
            decision=decision,
            payload=Json(payload),
            history=history,
            stored=stored,
            new_ids=facts.of(NewIds),
            now=now,
            pending=pending,
        )
        if session is None:
            state, session, changes = events.begin(cp, event, measured_values(event.values), known)
        elif stored is None:
            state, session, changes = events.append(cp, session, event, measured_values(event.values), known)
        else:
            before = [event_of(decode(text), content) for text, content in stored.events]
            state, session, changes = events.refold(cp, session, before, event, known)
        if session.price != price:  # it is no event's, so it is not folded with them
            state, session = _priced(state, session, price)
        if pending is not None and is_other(pending, session):
            # F01: asked for while its transaction was going on already.
            changes = [SessionMerged(id=pending.id), *changes]
        return Outcome(
            state=state,
            reply=_answer(request, decision, costs(state, session, now), now),
            changes=changes,
        )

    return step


def _price(session: Session | None, facts: Facts) -> Price | None:
    """The session's own; of one that begins the price when it was asked for, else the price now."""
    if session is not None:
        return session.price
    pending = facts.of(PendingFor)
    return facts.of(PriceNow) if pending is None else pending.price


def _priced(state: ChargePoint, session: Session, price: Price | None) -> tuple[ChargePoint, Session]:
    priced = replace(session, price=price)
    held = state.sessions.get(session.transaction_id)
    return (state if held is None or held.id != session.id else with_session(state, priced)), priced


def _decided(
    cp: ChargePoint, request: TransactionEvent, session: Session | None, facts: Facts, now: datetime
) -> Decision | None:
    """The verdict on the event's token, if it brings one (2.0.1 E03, E05, E07).

    A remote start that it names answers for itself, unless it came too late.
    """
    token, pending = request.id_token or None, facts.of(PendingFor)
    if token is None:
        late = pending is not None and not pending.allows(begun(request.timestamp, now))
        return amend.TOO_LATE if late else None
    event = event_of(request)
    if not fold.brings_tag(event):
        return decide_v2x(cp, token, facts, now, over=session)
    going = [] if session is None or session.status is SessionStatus.FINISHED else [session]
    over = [s for s in before(cp, event.evse_number or 0, begun(event.at, now)) if s not in going]
    tag = token.id_token.casefold()
    uncounted = sum((s.id_tag or "").casefold() == tag for s in (*going, *over))
    if pending is not None:
        uncounted += pending.counts(token.id_token)
    return decide_v2x(cp, token, facts, now, uncounted=uncounted, start=(event.at, session))


def _answer(
    request: TransactionEvent, decision: Decision | None, cost: Cost | None, now: datetime
) -> Message:
    message = None if cost is None else cost.message
    told = sibling_of(request, "MessageContent", format="UTF8", content=message) if message else UNSET
    return response_to(
        request,
        total_cost=UNSET if cost is None else float(cost.total),  # 2.0.1 I02, I03
        id_token_info=UNSET if decision is None else id_token_info_v2x(request, decision, now),
        updated_personal_message=told,
    )


HANDLERS: Final = (
    handler(v201.TransactionEvent, transaction_event_v2x(), needs=transaction_event_needs_v2x),
)
