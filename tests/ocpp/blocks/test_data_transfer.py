"""DataTransfer and its vendor hooks (OCPP 1.6 §4.3, §5.6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pytest

from engine.domain.changes import EventPublished, LocalListVersionRead
from engine.domain.state import ChargePoint
from engine.ocpp.blocks.data_transfer.transfer_data import (
    MAX_DATA,
    VendorAnswer,
    check_data_transfer_v16,
    data_transfer_v16,
)
from engine.ocpp.messages import v16
from engine.ocpp.step import Facts
from engine.ocpp.v16 import protocol


def echo(cp: ChargePoint, data: str | None, now: datetime) -> VendorAnswer:
    return VendorAnswer(
        data=data,
        changes=(
            LocalListVersionRead(charge_point_id=cp.id, local_list_version=1, local_list_version_at=now),
        ),
        calls=(v16.GetConfiguration(),),
    )


def refuse(cp: ChargePoint, data: str | None, now: datetime) -> VendorAnswer:
    return VendorAnswer(status="Rejected")


STEP = data_transfer_v16({"com.Acme": {"Echo": echo, "": refuse}})


@pytest.mark.proves("1.6", "DataTransfer", way="in")
@pytest.mark.parametrize(
    ("vendor", "message", "status"),
    [
        ("com.acme", "Echo", "Accepted"),
        ("COM.ACME", "eCHO", "Accepted"),
        ("com.acme", msgspec.UNSET, "Rejected"),
        ("com.acme", "Other", "UnknownMessageId"),
        ("org.other", "Echo", "UnknownVendorId"),
    ],
)
def test_answers_by_vendor_and_message(
    cp: ChargePoint, now: datetime, vendor: str, message: Any, status: str
) -> None:
    outcome = STEP(cp, v16.DataTransfer(vendor_id=vendor, message_id=message, data="x"), Facts(), now)
    assert isinstance(outcome.reply, v16.DataTransferResponse)
    assert outcome.reply.status == status
    assert [c.type for c in outcome.changes if isinstance(c, EventPublished)] == [
        "chargePoint.dataTransferReceived"
    ]


@pytest.mark.proves("1.6", "DataTransfer", way="in")
def test_a_hook_decides_data_changes_and_calls(cp: ChargePoint, now: datetime) -> None:
    request = v16.DataTransfer(vendor_id="com.acme", message_id="Echo", data="hello")
    outcome = STEP(cp, request, Facts(), now)
    assert outcome.reply == v16.DataTransferResponse(status="Accepted", data="hello")
    assert (
        LocalListVersionRead(charge_point_id=12, local_list_version=1, local_list_version_at=now)
        in outcome.changes
    )
    assert list(outcome.calls) == [v16.GetConfiguration()]


@pytest.mark.proves("1.6", "DataTransfer", way="in")
def test_empty_data_is_not_absent_data(cp: ChargePoint, now: datetime) -> None:
    request = v16.DataTransfer(vendor_id="com.acme", message_id="Echo", data="")
    assert STEP(cp, request, Facts(), now).reply == v16.DataTransferResponse(status="Accepted", data="")


def test_the_event_carries_the_message(cp: ChargePoint, now: datetime) -> None:
    request = v16.DataTransfer(vendor_id="org.other", message_id="M", data="{}")
    [event] = data_transfer_v16({})(cp, request, Facts(), now).changes
    assert isinstance(event, EventPublished)
    assert msgspec.json.decode(event.payload) == {
        "notification": "chargePoint.dataTransferReceived",
        "chargePointId": 12,
        "vendorId": "org.other",
        "messageId": "M",
        "data": "{}",
    }


def test_data_beyond_the_bound_is_rejected_and_not_kept(cp: ChargePoint, now: datetime) -> None:
    fits = v16.DataTransfer(vendor_id="com.acme", message_id="Echo", data="x" * MAX_DATA)
    assert STEP(cp, fits, Facts(), now).changes
    outcome = STEP(cp, msgspec.structs.replace(fits, data="x" * (MAX_DATA + 1)), Facts(), now)
    assert outcome.reply == v16.DataTransferResponse(status="Rejected")
    assert not outcome.changes


def test_hooks_are_given_when_the_tables_are_composed(cp: ChargePoint, now: datetime) -> None:
    handler = protocol({"com.acme": {"Echo": echo}}).inbound["DataTransfer"]
    request = v16.DataTransfer(vendor_id="com.acme", message_id="Echo", data="x")
    assert handler.step(cp, request, Facts(), now).reply == v16.DataTransferResponse(
        status="Accepted", data="x"
    )


@pytest.mark.proves("1.6", "DataTransfer", way="out")
@pytest.mark.parametrize(
    ("members", "count"),
    [
        ({"vendor_id": "com.acme"}, 0),
        ({"vendor_id": ""}, 1),
        ({"vendor_id": "com.acme", "data": "x" * (MAX_DATA + 1)}, 1),
    ],
)
def test_what_may_be_sent(cp: ChargePoint, now: datetime, members: dict[str, Any], count: int) -> None:
    assert len(check_data_transfer_v16(v16.DataTransfer(**members), cp, now)) == count
