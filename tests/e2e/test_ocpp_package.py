"""A charge point written with the PyPI package `ocpp` over `websockets`, against the real program."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action, RegistrationStatus, RemoteStartStopStatus

from tests.e2e.peers import PATIENT, credentials
from tests.e2e.program import Program
from tests.patience import PATIENCE

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def stamp(minutes: float = 0) -> str:
    return (NOON + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


class Charger(ChargePoint):  # type: ignore[misc]
    """Answers commands and remembers them."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.commands: list[tuple[str, dict[str, Any]]] = []

    @on(Action.remote_start_transaction)
    def remote_start(self, **payload: Any) -> call_result.RemoteStartTransaction:
        self.commands.append(("RemoteStartTransaction", payload))
        return call_result.RemoteStartTransaction(status=RemoteStartStopStatus.accepted)

    @on(Action.get_configuration)
    def get_configuration(self, **payload: Any) -> call_result.GetConfiguration:
        self.commands.append(("GetConfiguration", payload))
        return call_result.GetConfiguration(
            configuration_key=[{"key": "HeartbeatInterval", "readonly": False, "value": "300"}]
        )


@asynccontextmanager
async def connected(program: Program, identity: str, password: str) -> AsyncIterator[Charger]:
    async with websockets.connect(
        f"{program.ocpp}/{identity}",
        subprotocols=[websockets.Subprotocol("ocpp1.6")],
        additional_headers=credentials(identity, password),
        **PATIENT,
    ) as socket:
        charger = Charger(identity, socket, PATIENCE)
        reading = asyncio.create_task(charger.start())
        try:
            yield charger
        finally:
            reading.cancel()


def meter_value(energy_wh: int, minutes: float) -> dict[str, Any]:
    return {
        "timestamp": stamp(minutes),
        "sampled_value": [
            {"value": str(energy_wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
            {"value": "7.4", "measurand": "Power.Active.Import", "unit": "kW"},
            {"value": "55", "measurand": "SoC", "unit": "Percent"},
        ],
    }


@pytest.fixture(scope="module")
def tag(program: Program) -> str:
    program.request("POST", "/id-tags", json={"uid": "04E2E001"})
    return "04E2E001"


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(coroutine)


async def boot(charger: Charger) -> None:
    answer = await charger.call(call.BootNotification(charge_point_model="M", charge_point_vendor="V"))
    assert answer.status == RegistrationStatus.accepted


def test_a_charging_session_from_boot_to_bill(program: Program, tag: str) -> None:
    password = program.add_station("OCPP-1")

    async def charge() -> int:
        async with connected(program, "OCPP-1", password) as charger:
            await boot(charger)
            await charger.call(
                call.StatusNotification(
                    connector_id=1, error_code="NoError", status="Preparing", timestamp=stamp()
                )
            )
            authorized = await charger.call(call.Authorize(id_tag=tag))
            assert authorized.id_tag_info["status"] == "Accepted"
            started = await charger.call(
                call.StartTransaction(connector_id=1, id_tag=tag, meter_start=1_000, timestamp=stamp())
            )
            number = int(started.transaction_id)
            for minute, energy in ((5, 1_600), (10, 2_200)):
                await charger.call(
                    call.MeterValues(
                        connector_id=1, transaction_id=number, meter_value=[meter_value(energy, minute)]
                    )
                )
            live = await asyncio.to_thread(lambda: program.request("GET", f"/sessions/{number}").json())
            assert (live["status"], live["energyWh"], live["powerW"], live["socPercent"]) == (
                "active",
                1_200,
                7_400,
                55,
            )
            await charger.call(
                call.StopTransaction(
                    meter_stop=2_500, timestamp=stamp(12), transaction_id=number, reason="Local"
                )
            )
            return number

    number = asyncio.run(charge())
    session = program.request("GET", f"/sessions/{number}").json()
    assert (session["status"], session["reason"], session["energyWh"]) == ("finished", "local", 1_500)
    assert len(program.rows(f"/sessions/{number}/meter-values")) == 2


def test_an_unknown_tag_is_invalid_but_its_transaction_is_kept(program: Program) -> None:
    password = program.add_station("OCPP-2")

    async def charge() -> None:
        async with connected(program, "OCPP-2", password) as charger:
            await boot(charger)
            authorized = await charger.call(call.Authorize(id_tag="NOBODY"))
            assert authorized.id_tag_info["status"] == "Invalid"
            started = await charger.call(
                call.StartTransaction(connector_id=1, id_tag="NOBODY", meter_start=0, timestamp=stamp())
            )
            assert started.transaction_id > 0
            assert started.id_tag_info["status"] == "Invalid"

    run(charge())
    assert [s["idTag"] for s in program.rows("/sessions", station="OCPP-2")] == ["NOBODY"]


def test_a_repeated_start_and_stop_make_one_session(program: Program, tag: str) -> None:
    password = program.add_station("OCPP-3")
    start = call.StartTransaction(connector_id=1, id_tag=tag, meter_start=10, timestamp=stamp())

    async def charge() -> None:
        numbers = []
        for _ in range(2):  # the first answer got lost; the charger reconnects and repeats
            async with connected(program, "OCPP-3", password) as charger:
                await boot(charger)
                numbers.append((await charger.call(start)).transaction_id)
        assert numbers[0] == numbers[1]
        stop = call.StopTransaction(meter_stop=110, timestamp=stamp(9), transaction_id=numbers[0])
        for _ in range(2):
            async with connected(program, "OCPP-3", password) as charger:
                await charger.call(stop)

    run(charge())
    (session,) = program.rows("/sessions", station="OCPP-3")
    assert (session["status"], session["energyWh"]) == ("finished", 100)


def test_commands_get_the_chargers_real_answer(program: Program) -> None:
    password = program.add_station("OCPP-4")

    async def charge() -> None:
        async with connected(program, "OCPP-4", password) as charger:
            await boot(charger)
            answer = await asyncio.to_thread(
                lambda: program.request(
                    "POST",
                    "/stations/OCPP-4/call",
                    json={"action": "GetConfiguration", "payload": {"key": ["HeartbeatInterval"]}},
                ).json()
            )
            assert answer["payload"]["configurationKey"][0]["value"] == "300"
            shown = await asyncio.to_thread(
                program.cli,
                "call",
                "OCPP-4",
                "RemoteStartTransaction",
                '{"idTag": "04E2E001", "connectorId": 1}',
            )
            assert shown.returncode == 0, shown.stderr
            assert "Accepted" in shown.stdout
            unsupported = await asyncio.to_thread(program.cli, "call", "OCPP-4", "ClearCache", "{}")
            assert unsupported.returncode != 0
            assert "NotImplemented" in unsupported.stderr + unsupported.stdout
            assert [name for name, _ in charger.commands] == ["GetConfiguration", "RemoteStartTransaction"]

    run(charge())
    offline = program.cli("call", "OCPP-4", "ClearCache", "{}")
    assert offline.returncode != 0


def test_a_wrong_password_is_refused_before_the_upgrade(program: Program) -> None:
    program.add_station("OCPP-5")

    async def knock() -> None:
        with pytest.raises(websockets.InvalidStatus) as refusal:
            async with connected(program, "OCPP-5", "wrong"):
                pass
        assert refusal.value.response.status_code == 401

    run(knock())


def test_the_management_api_registers_and_reconfigures(program: Program) -> None:
    password = "a password of enough length"
    import hashlib

    digest = base64.b64encode(hashlib.sha256(password.encode()).digest()).decode()
    registered = httpx.post(
        f"{program.manage}/cs/OCPP-6",
        json={"securityProfile": 0, "base64SHA256Password": digest},
        trust_env=False,
        timeout=PATIENCE,
    )
    assert registered.status_code == 201

    async def come() -> None:
        async with connected(program, "OCPP-6", password) as charger:
            await charger.call(call.BootNotification(charge_point_model="M", charge_point_vendor="V"))

    run(come())
    assert "OCPP-6" in [s["identity"] for s in program.rows("/stations")]
