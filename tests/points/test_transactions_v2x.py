"""Transactions of OCPP 2.x over a real connection and the real store: nothing is lost when it breaks off."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from engine.metrics import Metrics
from engine.points import Registry, serve_chargers
from engine.settings import Settings
from engine.store import open_store
from engine.store.invariants import violations
from engine.store.readings import METER_VALUES, PERIODS, SESSIONS, TRANSACTION_EVENTS
from engine.store.repositories.stations import StationPatch
from tests.plans import EVERYBODY, found, put_tag

VERSIONS = ("ocpp2.0.1", "ocpp2.1")
BOOT = {"reason": "PowerUp", "chargingStation": {"model": "M", "vendorName": "V"}}
TOKEN = {"idToken": "TAG", "type": "ISO14443"}


def event(seq: int, kind: str, minute: int, register: float | None = None, **more: Any) -> dict[str, Any]:
    at = f"2026-03-01T12:{minute:02}:00Z"
    info = {"transactionId": "tx-1", **more.pop("info", {})}
    told: dict[str, Any] = {
        "eventType": kind, "timestamp": at, "triggerReason": "Trigger", "seqNo": seq,
        "transactionInfo": info, **more,
    }  # fmt: skip
    if register is not None:
        told["meterValue"] = [{"timestamp": at, "sampledValue": [{"value": register}]}]
    return told


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def real(settings: Settings, start: Any) -> AsyncIterator[Any]:
    """A whole node without HTTP, with a station and a tag."""
    metrics = Metrics()
    async with open_store(settings, metrics) as store:
        await store.stations.add(EVERYBODY, "CP1", StationPatch(security_profile=0))
        await put_tag(store, "TAG")
        registry = Registry(settings, store, metrics)
        async with trio.open_nursery() as nursery:
            (address,) = await nursery.start(serve_chargers, settings, store, registry, metrics)
            port = int(address.split(":")[2].partition("/")[0])
            yield start.site(store, registry, [port], nursery)
            assert await violations(store) == []
            nursery.cancel_scope.cancel()


async def test_a_transaction_goes_on_over_connections_in_any_order(real: Any, version: str) -> None:
    async with real.connect(subprotocols=[version]) as ws:
        await real.ask(ws, "BootNotification", BOOT)
        started = event(0, "Started", 0, 1_000, evse={"id": 1, "connectorId": 2}, idToken=TOKEN)
        answer = await real.ask(ws, "TransactionEvent", started, "1")
        assert answer == [3, "1", {"idTokenInfo": {"status": "Accepted"}}]
        assert (await real.ask(ws, "TransactionEvent", started, "2"))[2]["idTokenInfo"][
            "status"
        ] == "Accepted"
        charging = event(2, "Updated", 20, 3_000, info={"chargingState": "Charging"})
        assert await real.ask(ws, "TransactionEvent", charging, "3") == [3, "3", {}]
        (session,) = await found(real.store, SESSIONS)
        assert (session.status, session.energy_wh, session.charging_state) == ("active", 2_000, "charging")
        assert (session.evse_number, session.connector_number, session.id_tag) == (1, 2, "TAG")
        assert session.id_tag_id is not None
    async with real.connect(subprotocols=[version]) as ws:
        late = event(1, "Updated", 10, 2_000, offline=True)
        assert await real.ask(ws, "TransactionEvent", late, "4") == [3, "4", {}]
        ended = event(3, "Ended", 30, 4_500, info={"stoppedReason": "EVDisconnected"}, offline=True)
        assert await real.ask(ws, "TransactionEvent", ended, "5") == [3, "5", {}]
        assert await real.ask(ws, "TransactionEvent", late, "6") == [3, "6", {}]
        assert real.registry.state("CP1").sessions == {}
    (session,) = await found(real.store, SESSIONS)
    assert (session.status, session.reason, session.energy_wh) == ("finished", "ev_disconnected", 3_500)
    assert not session.review
    events = await found(real.store, TRANSACTION_EVENTS, session_id=session.id)
    assert [(e.seq_no, e.offline) for e in events] == [
        (0, False), (1, True), (2, False), (3, True)
    ]  # fmt: skip
    assert len(await found(real.store, METER_VALUES, session_id=session.id)) == 4
    (period,) = await found(real.store, PERIODS, session_id=session.id)
    assert (period.charging_state, period.energy_start_wh, period.energy_stop_wh) == (
        "charging",
        2_000,
        3_500,
    )


async def test_a_station_that_is_back_is_asked_about_what_is_open(real: Any, version: str) -> None:
    async with real.connect(subprotocols=[version]) as ws:
        await real.ask(ws, "BootNotification", BOOT)
        await real.ask(ws, "TransactionEvent", event(0, "Started", 0, 1_000, evse={"id": 1}))
    async with real.connect(subprotocols=[version]) as ws:
        await real.ask(ws, "Heartbeat", {})
        _, number, action, payload = await real.take(ws)
        assert (action, payload) == ("GetTransactionStatus", {"transactionId": "tx-1"})
        await ws.send_message(json.dumps([3, number, {"ongoingIndicator": False, "messagesInQueue": False}]))
        await real.until(lambda: not real.registry.state("CP1").sessions)
        # Its end was not lost after all.
        assert (await real.ask(ws, "TransactionEvent", event(1, "Ended", 9, 1_700), "2"))[0] == 3
    (session,) = await found(real.store, SESSIONS)
    assert (session.status, session.energy_wh, session.review) == ("finished", 700, [])
