"""Boots and the device model of OCPP 2.x over a real connection and the real store (B01, B02, B05, B07)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from engine.errors import Invalid
from engine.metrics import Metrics
from engine.ocpp.blocks.payloads_2x import made_for
from engine.points import Registry, serve_chargers
from engine.settings import Settings
from engine.store import open_store
from engine.store.repositories.stations import StationPatch
from tests.plans import EVERYBODY

BOOT = {"reason": "PowerUp", "chargingStation": {"model": "M", "vendorName": "V"}}
NOON = "2026-03-01T12:00:00Z"
EVENT = {
    "eventType": "Started",
    "timestamp": NOON,
    "triggerReason": "CablePluggedIn",
    "seqNo": 0,
    "transactionInfo": {"transactionId": "tx-1"},
}


def variable(component: str, name: str, value: str, instance: str | None = None) -> dict[str, Any]:
    named = {"name": name} if instance is None else {"name": name, "instance": instance}
    return {
        "component": {"name": component},
        "variable": named,
        "variableAttribute": [{"value": value, "mutability": "ReadOnly"}],
        "variableCharacteristics": {"dataType": "string", "supportsMonitoring": False},
    }


def part(number: int, more: bool, *data: dict[str, Any]) -> dict[str, Any]:
    members: dict[str, Any] = {"requestId": 7, "generatedAt": NOON, "seqNo": number, "tbc": more}
    return {**members, "reportData": list(data)} if data else members


@pytest.fixture(params=["ocpp2.0.1", "ocpp2.1"])
def version(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def real(settings: Settings, start: Any) -> AsyncIterator[Any]:
    """A whole node without HTTP, with an accepted station and one that nobody accepted yet."""
    metrics = Metrics()
    async with open_store(settings, metrics) as store:
        await store.stations.add(EVERYBODY, "CP1", StationPatch(security_profile=0))
        pending = StationPatch(security_profile=0, registration_status="pending")
        await store.stations.add(EVERYBODY, "CP2", pending)
        registry = Registry(settings, store, metrics)
        async with trio.open_nursery() as nursery:
            (address,) = await nursery.start(serve_chargers, settings, store, registry, metrics)
            port = int(address.split(":")[2].partition("/")[0])
            yield start.site(store, registry, [port], nursery)
            nursery.cancel_scope.cancel()


async def test_a_pending_station_may_report_and_do_nothing_else(real: Any, version: str) -> None:
    async with real.connect("CP2", subprotocols=[version]) as ws:
        assert (await real.ask(ws, "BootNotification", BOOT))[2]["status"] == "Pending"
        refused = await real.ask(ws, "TransactionEvent", EVENT, "2")
        assert (refused[0], refused[2]) == (4, "SecurityError")  # B02.FR.09
        unasked = await real.ask(ws, "NotifyReport", part(0, False), "3")
        assert (unasked[0], unasked[2]) == (4, "SecurityError")
        request = made_for(version, "GetBaseReport", request_id=7, report_base="FullInventory")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(real.call, "CP2", request)
            _, number, _, _ = await real.take(ws)
            await ws.send_message(json.dumps([3, number, {"status": "Accepted"}]))
        assert await real.ask(ws, "NotifyReport", part(0, False), "4") == [3, "4", {}]


async def test_a_device_model_is_asked_for_kept_and_obeyed(real: Any, version: str) -> None:
    async with real.connect(subprotocols=[version]) as ws:
        await real.ask(ws, "BootNotification", BOOT)
        request = made_for(version, "GetBaseReport", request_id=7, report_base="FullInventory")
        answers: list[Any] = []

        async def ask() -> None:
            answers.append(await real.call("CP1", request))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            _, number, action, payload = await real.take(ws)
            assert (action, payload) == ("GetBaseReport", {"requestId": 7, "reportBase": "FullInventory"})
            await ws.send_message(json.dumps([3, number, {"status": "Accepted"}]))
        assert answers[0].status == "Accepted"
        limit = variable("DeviceDataCtrlr", "ItemsPerMessage", "1", "SetVariables")
        assert await real.ask(ws, "NotifyReport", part(0, True, limit), "2") == [3, "2", {}]
        power = variable("ChargingStation", "Model", "M")
        assert await real.ask(ws, "NotifyReport", part(1, False, power), "3") == [3, "3", {}]
        assert real.registry.state("CP1").reports == {}
    async with real.connect(subprotocols=[version]) as ws:
        await real.ask(ws, "BootNotification", BOOT)
        # What it said of its limits outlives the connection.
        data = [
            made_for(
                version,
                "SetVariableData",
                attribute_value="1",
                component=made_for(version, "Component", name="C"),
                variable=made_for(version, "Variable", name=name),
            )
            for name in ("A", "B")
        ]
        with pytest.raises(Invalid, match="takes 1 in one message"):
            await real.call("CP1", made_for(version, "SetVariables", set_variable_data=data))


async def test_connectors_are_known_by_evse_and_number(real: Any, version: str) -> None:
    async with real.connect(subprotocols=[version]) as ws:
        await real.ask(ws, "BootNotification", BOOT)
        for connector, status in ((1, "Occupied"), (2, "Unavailable")):
            told = {"timestamp": NOON, "connectorStatus": status, "evseId": 2, "connectorId": connector}
            assert await real.ask(ws, "StatusNotification", told, str(connector)) == [3, str(connector), {}]
    async with real.connect(subprotocols=[version]) as ws:
        await real.ask(ws, "BootNotification", BOOT)
        connectors = real.registry.state("CP1").connectors
        assert {key: one.status for key, one in connectors.items()} == {
            (2, 1): "occupied",
            (2, 2): "unavailable",
        }
