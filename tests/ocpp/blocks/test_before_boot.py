"""What a station may send before its boot is accepted (OCPP 2.x B02.FR.02, FR.09, B03.FR.07)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from msgspec.structs import replace

from engine.domain.state import ChargePoint, Registration
from engine.ocpp import rpc
from engine.ocpp.blocks.before_boot import CAN_BE_ASKED
from engine.ocpp.step import Facts, Refusal
from engine.ocpp.versions import PROTOCOLS


@pytest.fixture
def pending(station: ChargePoint) -> ChargePoint:
    return replace(station, registration=Registration.PENDING, booted=False)


def answered(
    cp: ChargePoint, action: str, words: Any, now: datetime, status: str, **members: Any
) -> ChargePoint:
    """The state after the station answered a request of ours."""
    command = PROTOCOLS[cp.version].outbound[action]
    assert command.answered is not None
    request = getattr(words, action)(**members)
    return command.answered(cp, request, getattr(words, f"{action}Response")(status=status), now).state


def told(cp: ChargePoint, request: Any, now: datetime) -> Any:
    """What a message is answered."""
    handler = PROTOCOLS[cp.version].inbound[type(request).__name__]
    assert handler.before_boot
    if handler.needs is not None and handler.needs(cp, request):
        raise AssertionError("it looks something up")
    return handler.step(cp, request, Facts(), now).reply


def status(words: Any, now: datetime) -> Any:
    return words.StatusNotification(timestamp=now, connector_status="Available", evse_id=1, connector_id=1)


def refused(reply: Any) -> bool:
    return isinstance(reply, Refusal) and reply.code == rpc.Code.SECURITY_ERROR


@pytest.mark.proves("2.x", "Heartbeat")
def test_nothing_is_taken_unasked(pending: ChargePoint, words: Any, now: datetime) -> None:
    assert refused(told(pending, status(words, now), now))
    assert refused(told(pending, words.Heartbeat(), now))
    event = words.TransactionEvent(
        event_type="Started",
        timestamp=now,
        trigger_reason="Authorized",
        seq_no=0,
        transaction_info=words.Transaction(transaction_id="t"),
        id_token=words.IdToken(id_token="TAG", type="ISO14443"),
    )
    assert refused(told(pending, event, now))


@pytest.mark.proves("2.x", "TriggerMessage")
def test_what_was_asked_for_is_taken(pending: ChargePoint, words: Any, now: datetime) -> None:
    asked = {"requested_message": "StatusNotification"}
    rejected = answered(pending, "TriggerMessage", words, now, "Rejected", **asked)
    assert refused(told(rejected, status(words, now), now))
    state = answered(pending, "TriggerMessage", words, now, "Accepted", **asked)
    assert told(state, status(words, now), now) == words.StatusNotificationResponse()
    assert refused(told(state, words.Heartbeat(), now))


@pytest.mark.parametrize(
    ("action", "members", "message"),
    [
        ("GetBaseReport", {"request_id": 1, "report_base": "FullInventory"}, "NotifyReport"),
        ("GetReport", {"request_id": 1}, "NotifyReport"),
        ("TriggerMessage", {"requested_message": "MeterValues"}, "MeterValues"),
        ("TriggerMessage", {"requested_message": "SignV2GCertificate"}, "SignCertificate"),
    ],
)
def test_a_request_lets_its_result_in(
    pending: ChargePoint, words: Any, now: datetime, *, action: str, members: dict[str, Any], message: str
) -> None:
    assert answered(pending, action, words, now, "Accepted", **members).asked == {message}
    assert message in CAN_BE_ASKED


@pytest.mark.proves("2.x", "TriggerMessage")
def test_an_accepted_station_is_not_watched(station: ChargePoint, words: Any, now: datetime) -> None:
    state = answered(station, "TriggerMessage", words, now, "Accepted", requested_message="Heartbeat")
    assert state.asked == frozenset()
    assert told(state, status(words, now), now) == words.StatusNotificationResponse()


@pytest.mark.proves("2.x", "Heartbeat")
def test_a_rejected_station_sends_nothing(pending: ChargePoint, words: Any, now: datetime) -> None:
    rejected = replace(pending, registration=Registration.REJECTED, asked=frozenset({"Heartbeat"}))
    assert refused(told(rejected, words.Heartbeat(), now))  # B03.FR.07
    assert refused(told(replace(rejected, booted=True), words.Heartbeat(), now))
