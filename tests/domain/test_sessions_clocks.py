"""A transaction told with a wrong clock does not keep its EVSE, in whichever words it is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from engine.domain.state import ChargePoint, Token
from engine.ocpp import v16 as v16_protocol
from engine.ocpp import v201 as v201_protocol
from engine.ocpp.messages import v16, v201
from engine.ocpp.step import Handler
from tests.domain.simulated_store import Store

V16 = v16_protocol.PROTOCOL.inbound["StartTransaction"]
V201 = v201_protocol.PROTOCOL.inbound["TransactionEvent"]
ALONE = Token(
    id=1,
    uid="TAG",
    group_id=None,
    status="enabled",
    valid=True,
    expires_at=None,
    user_id=5,
    user_enabled=True,
    max_active_sessions=1,
    active_sessions=0,
)


def start_v16(at: datetime) -> v16.StartTransaction:
    return v16.StartTransaction(connector_id=1, id_tag="TAG", meter_start=1_000, timestamp=at)


def start_v201(at: datetime) -> v201.TransactionEvent:
    return v201.TransactionEvent(
        event_type="Started",
        timestamp=at,
        trigger_reason="Authorized",
        seq_no=0,
        transaction_info=v201.Transaction(transaction_id=at.isoformat()),
        evse=v201.EVSE(id=1, connector_id=1),
        id_token=v201.IdToken(id_token="TAG", type="ISO14443"),
    )


@pytest.mark.parametrize("wrong", [datetime(2099, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)])
@pytest.mark.parametrize(
    ("version", "handler", "start", "verdict"),
    [
        ("ocpp1.6", V16, start_v16, lambda reply: reply.id_tag_info.status),
        ("ocpp2.0.1", V201, start_v201, lambda reply: reply.id_token_info.status),
    ],
    ids=["1.6", "2.0.1"],
)
def test_a_running_session_told_from_a_queue_takes_the_evse_from_one_of_a_wrong_clock(
    *,
    cp: ChargePoint,
    now: datetime,
    version: str,
    handler: Handler,
    start: Callable[[datetime], Any],
    verdict: Callable[[Any], str],
    wrong: datetime,
) -> None:
    store = Store(replace(cp, version=version, sessions={}), {"TAG": ALONE})
    store.handle(handler, start(wrong), now)
    begun = now - timedelta(minutes=30)
    reply = store.handle(handler, start(begun), now + timedelta(minutes=1))
    [running] = store.cp.sessions.values()
    assert (running.started_at, running.review) == (begun, ())
    assert verdict(reply) == "Accepted"  # the tag's one session is this one
