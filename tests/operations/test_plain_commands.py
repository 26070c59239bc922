"""Commands without a rule of their own go out as they were asked for, and their answers come back whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import trio

from engine.ocpp.messages import v16, v21
from engine.ocpp.versions import PROTOCOLS

TOKEN = v21.IdToken(id_token="TAG-1", type="Central")


async def asked(start: Any, version: str, request: Any, answer: Any) -> tuple[Any, Any]:
    """What the station was sent, and what the caller got."""
    got: list[Any] = []
    async with (
        start(PROTOCOLS) as site,
        site.connect(subprotocols=[version]) as ws,
        trio.open_nursery() as nursery,
    ):

        async def call() -> None:
            got.append(await site.call("CP1", request))

        nursery.start_soon(call)
        _, message_id, action, payload = await site.take(ws)
        assert action == type(request).__name__
        await ws.send_message(json.dumps([3, message_id, answer]))
    return payload, got[0]


@pytest.mark.proves("1.6", "RemoteStopTransaction")
@pytest.mark.parametrize("status", ["Accepted", "Rejected"])
async def test_a_stop_of_1_6(start: Any, status: Any) -> None:
    sent, got = await asked(start, "ocpp1.6", v16.RemoteStopTransaction(transaction_id=7), {"status": status})
    assert sent == {"transactionId": 7}
    assert got == v16.RemoteStopTransactionResponse(status=status)


@pytest.mark.proves("1.6", "GetInstalledCertificateIds")
async def test_installed_certificates_of_1_6(start: Any) -> None:
    hashes = {"hashAlgorithm": "SHA256", "issuerNameHash": "ab", "issuerKeyHash": "cd", "serialNumber": "1"}
    sent, got = await asked(
        start,
        "ocpp1.6",
        v16.GetInstalledCertificateIds(certificate_type="CentralSystemRootCertificate"),
        {"status": "Accepted", "certificateHashData": [hashes]},
    )
    assert sent == {"certificateType": "CentralSystemRootCertificate"}
    assert [one.serial_number for one in got.certificate_hash_data] == ["1"]


@pytest.mark.proves("2.1", "AFRRSignal")
async def test_a_signal_of_the_grid(start: Any) -> None:
    moment = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    sent, got = await asked(
        start, "ocpp2.1", v21.AFRRSignal(timestamp=moment, signal=-3), {"status": "Accepted"}
    )
    assert sent == {"timestamp": "2026-03-01T12:00:00Z", "signal": -3}
    assert got == v21.AFRRSignalResponse(status="Accepted")


@pytest.mark.proves("2.1", "NotifyWebPaymentStarted", way="out")
async def test_a_payment_on_the_web(start: Any) -> None:
    sent, got = await asked(start, "ocpp2.1", v21.NotifyWebPaymentStarted(evse_id=1, timeout=60), {})
    assert sent == {"evseId": 1, "timeout": 60}
    assert got == v21.NotifyWebPaymentStartedResponse()


@pytest.mark.proves("2.1", "RequestBatterySwap")
async def test_a_swap_of_batteries(start: Any) -> None:
    sent, got = await asked(
        start, "ocpp2.1", v21.RequestBatterySwap(id_token=TOKEN, request_id=9), {"status": "Rejected"}
    )
    assert sent == {"idToken": {"idToken": "TAG-1", "type": "Central"}, "requestId": 9}
    assert got == v21.RequestBatterySwapResponse(status="Rejected")
