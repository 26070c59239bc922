"""A session as its events make it (OCPP 2.x), in the charger's order (seqNo), never that of arrival.

An event behind all others extends the session; for any other one the session is folded anew from its whole
history. Both are the same steps, so what a session is depends on which events are known and on nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Final

import msgspec
from msgspec.structs import replace

from engine.domain.changes import Change, ChargingPeriodOpened, Json
from engine.domain.metering.live import measure
from engine.domain.metering.readings import Measured
from engine.domain.metering.timeline import REGISTER_WITHIN, flipped
from engine.domain.metering.verify import register_at_end
from engine.domain.plausibility import clock_is_wrong
from engine.domain.session.facts import Event, Value, position
from engine.domain.session.order import (
    clock_set,
    measured_values,
    newest_time,
    set_within,
    values_by_number,
    values_by_time,
)
from engine.domain.session.review import Review, held, without
from engine.domain.state import ChargePoint, Metering, Session, SessionStatus, StationNumber
from engine.domain.vocabulary import ChargingState

_encode = msgspec.json.Encoder().encode
# triggerReasons under which a tag is presented to end the transaction, not to begin it.
_TO_STOP: Final = frozenset({"StopAuthorized", "Deauthorized"})
_FIRST_CONNECTOR: Final = 1


def brings_tag(event: Event) -> bool:
    """Whether its tag is one that charges, not one that ends."""
    return event.id_tag is not None and event.kind != "Ended" and event.trigger not in _TO_STOP


def is_behind(session: Session, place: tuple[int, datetime, int], times: Sequence[datetime]) -> bool:
    """Whether an event comes behind all that was folded into a session, so that no history is needed.

    `place` is its number, time and rank, `times` those of its meter values.
    """
    if session.position is None or place <= session.position[:3] or set_within(place[1], times):
        return False
    if place[1] < session.started_at and Review.CLOCK_DRIFT not in session.review:
        return False  # it may be of a transaction before it, under the same id
    return session.told_at is None or not times or min(times) > session.told_at


def replay(cp: ChargePoint, session_id: int, events: Sequence[Event], now: datetime) -> tuple[Session, Json]:
    """The session as its events, in their order, leave it while it is open; and its charging periods as JSON.

    Meter values count by their own time: each is folded with the first event that tells a later one. Where
    the clock was set in between, they count with the event that told them.
    """
    session = new_session(session_id, events[0], now)
    changes: list[Change] = []
    events = _up_to_its_end(cp, session_id, events, now)
    by_number, drifted = clock_set(events, now)
    if drifted:
        session = replace(session, review=held(session.review, Review.CLOCK_DRIFT))
    for event, values in values_by_number(events) if by_number else values_by_time(events):
        session = extend(cp, session, event, values, now=now, changes=changes)
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
    _, known = register_at_end(session, measured_values(end.values), end.at)
    by_number, _ = clock_set(events, now)

    def belongs(value: Value) -> bool:
        if not known and abs(value.at - end.at) <= REGISTER_WITHIN:
            return True
        return value.at <= end.at and not by_number

    return [
        *upto,
        *(replace(e, charging_state=None, values=[v for v in e.values if belongs(v)]) for e in late),
    ]


def new_session(session_id: int, event: Event, now: datetime) -> Session:
    """As it is before its first event is folded in; a start of OCPP 1.6 has its register."""
    metering = Metering()
    if event.meter_wh is not None:
        known_at = None if clock_is_wrong(event.at, now) else event.at
        metering = Metering(register_wh=event.meter_wh, register_at=known_at)
    return Session(
        id=session_id,
        transaction_id=event.transaction_id,
        evse_number=event.evse_number or StationNumber,  # until an event names it
        connector_number=_FIRST_CONNECTOR,
        status=SessionStatus.ACTIVE,
        started_at=event.at,
        received_at=now,
        meter_start_wh=event.meter_wh or 0,
        metering=metering,
        offline=event.offline,
        review=() if event.kind == "Started" else (Review.MISSING_START,),
    )


def extend(
    cp: ChargePoint,
    session: Session,
    event: Event,
    values: Sequence[Measured],
    *,
    now: datetime,
    changes: list[Change],
) -> Session:
    place = session.position if event.seq_no is None else position(event)
    if session.charging is False and place and session.position and place[0] > session.position[0] + 1:
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
        position=place,
        told_at=newest_time(event, session.told_at),
        charging_state=charging_state,
        charging=charging,
        period_at=period_at,
        rebooted_at=marked_rebooted(session, event),
    )
    return session if event.kind == "Updated" and not _names(event) else _named(session, event, now)


def _registers(session: Session, values: Iterable[Measured]) -> int:
    series = session.metering.series
    return sum(measured.reading.register_in(series) is not None for measured in values)


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


def marked_rebooted(session: Session, event: Event) -> datetime | None:
    rebooted_at = session.rebooted_at
    return rebooted_at if rebooted_at is not None and event.at <= rebooted_at else None


def _periods(opened: Iterable[ChargingPeriodOpened]) -> Json:
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
    return Json(_encode(rows))
