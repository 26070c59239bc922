"""Functional block metering: meter values during, after and outside transactions.

What they mean is said in `engine.domain.metering` and `engine.domain.session`; here they are assigned to
their session, and samples that are stored already are left out.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import datetime
from typing import Final

import msgspec

from engine.domain.changes import Json
from engine.domain.lookups import SamplesSince, SessionOfTransaction
from engine.domain.metering.readings import Measured, identity, loose_row, merged
from engine.domain.session import course
from engine.domain.session.assign import session_on_evse
from engine.domain.session.review import Review
from engine.domain.state import ChargePoint, Session
from engine.ocpp.blocks.payloads_2x import response_to
from engine.ocpp.declaration import handler
from engine.ocpp.messages import v16, v21, v201
from engine.ocpp.step import Facts, Needs, Outcome
from ext.metering import read, read_numbers

_encode = msgspec.json.Encoder().encode
_ANSWER_V16 = v16.MeterValuesResponse()


def meter_values_needs_v16(cp: ChargePoint, request: v16.MeterValues) -> Needs:
    """Nothing for values newer than all before: the hot path reads nothing."""
    session = _open_session_v16(cp, request)
    number = request.transaction_id
    if session is not None:
        since = late_since_v16(session, request.meter_value)
        return () if since is None else (SamplesSince(session.id, since),)
    if isinstance(number, int) and number > 0:
        # In 1.6 the transaction's id is its session's: a closed session's samples are asked for in one go.
        since = earliest_v16(request.meter_value)
        return SessionOfTransaction(str(number)), SamplesSince(number, since)
    return ()


def meter_values_v16(cp: ChargePoint, request: v16.MeterValues, facts: Facts, now: datetime) -> Outcome:
    """Stores meter values and folds them into their session (OCPP 1.6 §4.7).

    A transaction id that is unknown here gives way to the connector: what it measured while a session was
    open belongs to that session. Values without any session are kept as the connector's own.
    """
    session = _open_session_v16(cp, request) or facts.of(SessionOfTransaction)
    if session is None:
        session = session_on_evse(cp, request.connector_id, earliest_v16(request.meter_value))
    values = measured_v16(session, request.meter_value, facts.of(SamplesSince))
    if session is None:
        rows = [loose_row(cp, request.connector_id, m, now) for m in values]
        return Outcome(state=cp, reply=_ANSWER_V16, changes=rows)
    cp, changes = course.add_samples(cp, session, values, now)
    return Outcome(state=cp, reply=_ANSWER_V16, changes=changes)


def _open_session_v16(cp: ChargePoint, request: v16.MeterValues) -> Session | None:
    number = request.transaction_id
    if isinstance(number, int) and number > 0:
        return cp.sessions.get(str(number))
    # No id, or one that was never given (offline chargers say 0 or -1).
    return session_on_evse(cp, request.connector_id, earliest_v16(request.meter_value))


def earliest_v16(values: Sequence[v16.MeterValue]) -> datetime:
    """The oldest time stamp; `values` is not empty."""
    return values[0].timestamp if len(values) == 1 else min(v.timestamp for v in values)


def late_since_v16(session: Session, values: Sequence[v16.MeterValue]) -> datetime | None:
    """The oldest time stamp if some samples of it may be stored already, else None."""
    if not values:
        return None
    since = earliest_v16(values)
    if Review.CLOCK_DRIFT in session.review:
        return since  # a stamp of the future may be told again: it is never behind
    last = session.metering.last_sample_at
    return None if last is None or since > last else since


def measured_v16(
    session: Session | None, values: Sequence[v16.MeterValue], stored: Set[tuple[datetime, str]]
) -> list[Measured]:
    """Meter values, oldest first, without the samples in `stored` and without what the message says twice."""
    last = None if session is None else session.metering.last_sample_at
    if len(values) == 1 and not stored and (last is None or values[0].timestamp > last):
        value = values[0]
        reading, samples = read(value.sampled_value), Json(_encode(value.sampled_value))
        return [Measured(at=value.timestamp, reading=reading, samples=samples, disputed=reading.disputed)]
    return merged(((value.timestamp, value.sampled_value) for value in values), stored, identity, read)


# --- OCPP 2.x ----------------------------------------------------------------------------------------------


def meter_values_v2x(
    cp: ChargePoint, request: v201.MeterValues | v21.MeterValues, facts: Facts, now: datetime
) -> Outcome:
    """Stores meter values that belong to no transaction (J01.FR.18); those of one come with its events (J02).

    EVSE 0 is the main meter (J01.FR.03, FR.04). What is told again is stored once.
    """
    rows = [
        loose_row(
            cp,
            request.evse_id,
            Measured(
                at=v.timestamp,
                reading=read_numbers(v.sampled_value),
                samples=Json(_encode(v.sampled_value)),
            ),
            now,
        )
        for v in request.meter_value
    ]
    return Outcome(state=cp, reply=response_to(request), changes=rows)


HANDLERS: Final = (
    handler(v16.MeterValues, meter_values_v16, needs=meter_values_needs_v16, before_boot=True),
    handler(v201.MeterValues, meter_values_v2x),
)
