"""Charging stations of OCPP 2.0.1 and 2.1 written with the PyPI package `ocpp`, against the real program."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import httpx
import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from ocpp.routing import on

from tests.e2e.peers import PATIENT, credentials
from tests.e2e.program import Program
from tests.patience import PATIENCE

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TAG = "04E2E201"
TOKEN = {"id_token": TAG, "type": "ISO14443"}
EVSE = {"id": 1, "connector_id": 1}
CASES = {"v201": "ocpp2.0.1", "v21": "ocpp2.1"}


def stamp(minutes: float = 0) -> str:
    return (NOON + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


class Commands:
    """What a station was asked, and what it answers: accepted, unless told otherwise."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.arrived = asyncio.Event()
        self.answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {}

    def answer(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((action, payload))
        self.arrived.set()
        return self.answers.get(action, lambda _: {"status": "Accepted"})(payload)

    async def waited_for(self, action: str) -> dict[str, Any]:
        """The payload of the first request of that action, as soon as there is one."""
        while True:
            for asked, payload in self.asked:
                if asked == action:
                    return payload
            self.arrived.clear()
            async with asyncio.timeout(PATIENCE):
                await self.arrived.wait()


ANSWERED = (
    "CertificateSigned",
    "GetBaseReport",
    "GetLog",
    "GetTransactionStatus",
    "GetVariables",
    "InstallCertificate",
    "RequestStartTransaction",
    "RequestStopTransaction",
    "Reset",
    "SetChargingProfile",
    "SetVariables",
    "TriggerMessage",
    "UpdateFirmware",
)


def charger_of(module: ModuleType, identity: str, socket: Any, commands: Commands) -> Any:
    """A charge point of the package's class that answers from `commands`."""

    def answering(action: str) -> Any:
        result = getattr(module.call_result, action)

        async def handler(self: Any, **payload: Any) -> Any:
            return result(**commands.answer(action, payload))

        handler.__name__ = f"on_{action}"  # the package finds its handlers by their names
        return on(action)(handler)

    methods = {f"on_{action}": answering(action) for action in ANSWERED}
    return type("Charger", (module.ChargePoint,), methods)(identity, socket, PATIENCE)


@dataclass
class Station:
    """A connected charger of one version."""

    charger: Any
    call: Any
    commands: Commands

    async def ask(self, action: str, **payload: Any) -> Any:
        """The answer to a request; a CALLERROR fails the test."""
        return await self.charger.call(getattr(self.call, action)(**payload), suppress=False)

    async def boot(self) -> None:
        answer = await self.ask(
            "BootNotification",
            charging_station={"model": "M", "vendor_name": "V", "firmware_version": "2"},
            reason="PowerUp",
        )
        assert answer.status == "Accepted"

    async def event(
        self, kind: str, seq_no: int, transaction: dict[str, Any], minutes: float, trigger: str, **more: Any
    ) -> Any:
        return await self.ask(
            "TransactionEvent",
            event_type=kind,
            timestamp=stamp(minutes),
            trigger_reason=trigger,
            seq_no=seq_no,
            transaction_info=transaction,
            **more,
        )


@asynccontextmanager
async def connected(program: Program, version: str, identity: str, password: str) -> AsyncIterator[Station]:
    module = importlib.import_module(f"ocpp.{version}")
    async with websockets.connect(
        f"{program.ocpp}/{identity}",
        subprotocols=[websockets.Subprotocol(CASES[version])],
        additional_headers=credentials(identity, password),
        **PATIENT,
    ) as socket:
        commands = Commands()
        charger = charger_of(module, identity, socket, commands)
        reading = asyncio.create_task(charger.start())
        try:
            yield Station(charger, module.call, commands)
        finally:
            reading.cancel()


@pytest.fixture(params=CASES)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", autouse=True)
def tag(program: Program) -> None:
    program.request("POST", "/id-tags", json={"uid": TAG})


Scenario = Callable[[Station], Awaitable[None]]


@pytest.fixture
def play(program: Program, version: str) -> Callable[[str, Scenario], str]:
    """Runs a scenario with a station that is registered for it, booted; gives its identity."""

    def play(name: str, scenario: Scenario) -> str:
        identity = f"{name}-{version}"
        password = program.add_station(identity)

        async def main() -> None:
            async with connected(program, version, identity, password) as station:
                await station.boot()
                await scenario(station)

        asyncio.run(main())
        return identity

    return play


async def in_thread(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    return await asyncio.to_thread(function, *arguments, **named)


def command(program: Program, identity: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
    answer = program.request(
        "POST", f"/stations/{identity}/call", json={"action": action, "payload": payload}
    )
    return dict(answer.json()["payload"])


def reading(energy_kwh: float, minutes: float, context: str = "Sample.Periodic") -> dict[str, Any]:
    return {
        "timestamp": stamp(minutes),
        "sampled_value": [
            {
                "value": energy_kwh,
                "context": context,
                "measurand": "Energy.Active.Import.Register",
                "unit_of_measure": {"unit": "kWh"},
            },
            {
                "value": 74,
                "context": context,
                "measurand": "Power.Active.Import",
                "unit_of_measure": {"unit": "W", "multiplier": 2},
            },
        ],
    }


def test_a_session_from_boot_to_end(program: Program, play: Any) -> None:
    async def charge(station: Station) -> None:
        await station.ask(
            "StatusNotification",
            timestamp=stamp(),
            connector_status="Occupied",
            evse_id=1,
            connector_id=1,
        )
        authorized = await station.ask("Authorize", id_token=TOKEN)
        assert authorized.id_token_info["status"] == "Accepted"
        tx = {"transaction_id": "T-1", "charging_state": "EVConnected"}
        started = await station.event(
            "Started",
            0,
            tx,
            0,
            "Authorized",
            evse=EVSE,
            id_token=TOKEN,
            meter_value=[reading(1.0, 0, "Transaction.Begin")],
        )
        assert started.id_token_info["status"] == "Accepted"
        for number, minutes in ((1, 5), (2, 10)):
            tx = {"transaction_id": "T-1", "charging_state": "Charging"}
            value = reading(1.0 + 0.6 * number, minutes)
            await station.event("Updated", number, tx, minutes, "MeterValuePeriodic", meter_value=[value])
        live = await in_thread(program.rows, "/sessions", station=station.charger.id)
        assert [(s["status"], s["energyWh"], s["powerW"]) for s in live] == [("active", 1_200, 7_400)]
        tx = {"transaction_id": "T-1", "charging_state": "Idle", "stopped_reason": "Local"}
        await station.event(
            "Ended",
            3,
            tx,
            12,
            "StopAuthorized",
            id_token=TOKEN,
            meter_value=[reading(2.5, 12, "Transaction.End")],
        )

    identity = play("SESSION", charge)
    (session,) = program.rows("/sessions", station=identity)
    assert (session["status"], session["reason"], session["energyWh"]) == ("finished", "local", 1_500)
    assert (session["transactionId"], session["idTag"]) == ("T-1", TAG)
    rows = program.rows(f"/sessions/{session['id']}/meter-values")
    assert [row["energyWh"] for row in rows] == [0, 600, 1_200, 1_500]
    (connector,) = program.request("GET", f"/stations/{identity}").json()["connectors"]
    assert connector["evseNumber"] == connector["connectorNumber"] == 1


def test_an_offline_transaction_comes_late_twice_and_in_disorder(program: Program, play: Any) -> None:
    async def deliver(station: Station) -> None:
        def tx(state: str, **more: Any) -> dict[str, Any]:
            return {"transaction_id": "T-2", "charging_state": state, **more}

        end = tx("Idle", stopped_reason="EVDisconnected")
        events = [
            ("Started", 0, tx("Charging"), 0, "CablePluggedIn", {"evse": EVSE, "id_token": TOKEN}),
            ("Updated", 1, tx("Charging"), 5, "MeterValuePeriodic", {"meter_value": [reading(3.5, 5)]}),
            (
                "Ended",
                2,
                end,
                9,
                "EVCommunicationLost",
                {"meter_value": [reading(4.0, 9, "Transaction.End")]},
            ),
        ]
        events[0][5]["meter_value"] = [reading(3.0, 0, "Transaction.Begin")]
        for kind, number, info, minutes, trigger, more in (events[2], events[0], *events[::-1]):
            await station.event(kind, number, info, minutes, trigger, offline=True, **more)

    identity = play("OFFLINE", deliver)
    (session,) = program.rows("/sessions", station=identity)
    assert (session["status"], session["energyWh"], session["offline"]) == ("finished", 1_000, True)
    assert session["reason"] == "ev_disconnected"
    assert len(program.rows(f"/sessions/{session['id']}/meter-values")) == 3


def test_an_unknown_token_is_refused_and_its_transaction_kept(program: Program, play: Any) -> None:
    unknown = {"id_token": "NOBODY", "type": "ISO14443"}

    async def charge(station: Station) -> None:
        authorized = await station.ask("Authorize", id_token=unknown)
        assert authorized.id_token_info["status"] in {"Invalid", "Unknown"}
        started = await station.event(
            "Started", 0, {"transaction_id": "T-3"}, 0, "Authorized", evse=EVSE, id_token=unknown
        )
        assert started.id_token_info["status"] in {"Invalid", "Unknown"}

    identity = play("UNKNOWN", charge)
    assert [s["idTag"] for s in program.rows("/sessions", station=identity)] == ["NOBODY"]


def test_started_and_stopped_from_afar(program: Program, play: Any) -> None:
    async def charge(station: Station) -> None:
        identity = station.charger.id
        start = {"idToken": {"idToken": TAG, "type": "ISO14443"}, "remoteStartId": 4711, "evseId": 1}
        answer = await in_thread(command, program, identity, "RequestStartTransaction", start)
        assert answer["status"] == "Accepted"
        asked = await station.commands.waited_for("RequestStartTransaction")
        tx = {"transaction_id": "T-4", "remote_start_id": asked["remote_start_id"]}
        await station.event("Started", 0, tx, 0, "RemoteStart", evse=EVSE, id_token=asked["id_token"])
        stop = {"transactionId": "T-4"}
        answer = await in_thread(command, program, identity, "RequestStopTransaction", stop)
        assert answer["status"] == "Accepted"
        tx = {"transaction_id": "T-4", "stopped_reason": "Remote"}
        await station.event("Ended", 1, tx, 3, "RemoteStop")

    identity = play("REMOTE", charge)
    (session,) = program.rows("/sessions", station=identity)
    assert (session["status"], session["reason"], session["idTag"]) == ("finished", "remote", TAG)


def entry(component: str, variable: str, value: str, **more: Any) -> dict[str, Any]:
    return {
        "component": {"name": component},
        "variable": {"name": variable, **more},
        "variable_attribute": [{"value": value, "mutability": "ReadWrite"}],
        "variable_characteristics": {"data_type": "string", "supports_monitoring": False},
    }


def test_a_report_in_parts_becomes_the_configuration(program: Program, play: Any) -> None:
    async def report(station: Station) -> None:
        wanted = {"requestId": 11, "reportBase": "FullInventory"}
        await in_thread(command, program, station.charger.id, "GetBaseReport", wanted)
        asked = await station.commands.waited_for("GetBaseReport")
        parts = [
            entry("OCPPCommCtrlr", "HeartbeatInterval", "300"),
            entry("DeviceDataCtrlr", "ItemsPerMessage", "2", instance="SetVariables"),
        ]
        for number, part in enumerate(parts):
            await station.ask(
                "NotifyReport",
                request_id=asked["request_id"],
                generated_at=stamp(),
                seq_no=number,
                tbc=number == 0,
                report_data=[part],
            )

    identity = play("REPORT", report)
    reported = program.request("GET", f"/stations/{identity}/configuration").json()["reported"]
    assert {row["name"]: row["value"] for row in reported} == {
        "DeviceDataCtrlr/ItemsPerMessage;SetVariables": "2",
        "OCPPCommCtrlr/HeartbeatInterval": "300",
    }


def manage(program: Program, path: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{program.manage}{path}", json=body, trust_env=False, timeout=PATIENCE)


def test_settings_go_out_in_as_many_messages_as_it_takes(program: Program, play: Any) -> None:
    def set_variables(payload: dict[str, Any]) -> dict[str, Any]:
        return {
            "set_variable_result": [
                {
                    "attribute_status": "Rejected" if one["variable"]["name"] == "C" else "Accepted",
                    "component": one["component"],
                    "variable": one["variable"],
                }
                for one in payload["set_variable_data"]
            ]
        }

    async def configure(station: Station) -> None:
        identity = station.charger.id
        station.commands.answers["SetVariables"] = set_variables
        limit = entry("DeviceDataCtrlr", "ItemsPerMessage", "2", instance="SetVariables")
        await station.ask("NotifyReport", request_id=1, generated_at=stamp(), seq_no=0, report_data=[limit])
        body = {"Ctrlr/A": "1", "Ctrlr;i;1/B": "2", "Ctrlr/C;x": "3"}
        answer = await in_thread(manage, program, f"/cs/{identity}/reconfigure", body)
        assert answer.status_code == 200
        async with asyncio.timeout(PATIENCE):
            while any(  # noqa: ASYNC110 - another process works, and its answer is all there is to wait on
                s["status"] == "Pending" for s in await in_thread(requested, program, identity)
            ):
                await asyncio.sleep(0.05)
        asked = [p["set_variable_data"] for a, p in station.commands.asked if a == "SetVariables"]
        assert sorted(len(data) for data in asked) == [1, 2]
        (second,) = [one for data in asked for one in data if one["variable"]["name"] == "B"]
        assert second["component"] == {"name": "Ctrlr", "instance": "i", "evse": {"id": 1}}

    identity = play("VARIABLES", configure)
    assert {s["name"]: s["status"] for s in requested(program, identity)} == {
        "Ctrlr/A": "Accepted",
        "Ctrlr;i;1/B": "Accepted",
        "Ctrlr/C;x": "Rejected",
    }


def requested(program: Program, identity: str) -> list[dict[str, Any]]:
    return list(program.request("GET", f"/stations/{identity}/configuration").json()["requested"])


def signing_request(identity: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Voltrio"),
            x509.NameAttribute(NameOID.COMMON_NAME, identity),
        ]
    )
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def test_a_certificate_is_triggered_signed_and_installed(program: Program, play: Any) -> None:
    async def renew(station: Station) -> None:
        identity = station.charger.id
        body = {"trigger": "SignChargingStationCertificate"}
        assert (await in_thread(manage, program, f"/cs/{identity}/trigger", body)).status_code == 200
        asked = await station.commands.waited_for("TriggerMessage")
        assert asked["requested_message"] == "SignChargingStationCertificate"
        answer = await station.ask("SignCertificate", csr=signing_request(identity))
        assert answer.status == "Accepted"
        signed = await station.commands.waited_for("CertificateSigned")
        chain = x509.load_pem_x509_certificates(signed["certificate_chain"].encode())
        (name,) = chain[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        assert name.value == identity
        chain[0].verify_directly_issued_by(chain[1])
        wanted = {
            "certificates": [
                {"type": "V2G", "certificate": chain[1].public_bytes(serialization.Encoding.PEM).decode()}
            ]
        }
        answer = await in_thread(manage, program, f"/cs/{identity}/certificates", wanted)
        assert answer.status_code == 200
        installed = await station.commands.waited_for("InstallCertificate")
        assert installed["certificate_type"] == "V2GRootCertificate"

    play("CERTIFICATE", renew)


def test_firmware_and_logs(program: Program, play: Any) -> None:
    async def maintain(station: Station) -> None:
        identity = station.charger.id
        firmware = {"location": "https://x.example/fw", "retrieveDateTime": stamp()}
        update = {"requestId": 5, "firmware": firmware}
        answer = await in_thread(command, program, identity, "UpdateFirmware", update)
        assert answer["status"] == "Accepted"
        for status in ("Downloading", "Installed"):
            await station.ask("FirmwareStatusNotification", status=status, request_id=5)
        log = {"remoteLocation": "https://x.example/logs"}
        wanted = {"logType": "DiagnosticsLog", "requestId": 6, "log": log}
        answer = await in_thread(command, program, identity, "GetLog", wanted)
        assert answer["status"] == "Accepted"
        for status in ("Uploading", "Uploaded"):
            await station.ask("LogStatusNotification", status=status, request_id=6)
        shown = (await in_thread(program.request, "GET", f"/stations/{identity}")).json()
        assert (shown["firmwareVersion"], shown["networkProtocol"]) == ("2", CASES[version_of(identity)])
        assert [shown[name].casefold() for name in ("firmwareStatus", "logStatus")] == [
            "installed",
            "uploaded",
        ]

    play("UPKEEP", maintain)


def version_of(identity: str) -> str:
    return identity.rpartition("-")[2]


def test_charging_profiles_go_out_as_they_came(program: Program, play: Any) -> None:
    profile = {
        "id": 7,
        "stackLevel": 0,
        "chargingProfilePurpose": "ChargingStationMaxProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [
            {
                "id": 1,
                "startSchedule": stamp(),
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8.1}],
            }
        ],
    }

    async def limit(station: Station) -> None:
        answer = await in_thread(manage, program, f"/cs/{station.charger.id}/setchargingprofile", profile)
        assert answer.status_code == 200, answer.text
        asked = await station.commands.waited_for("SetChargingProfile")
        assert asked["evse_id"] == 0
        period = asked["charging_profile"]["charging_schedule"][0]["charging_schedule_period"][0]
        assert period["limit"] == 8.1

    play("PROFILE", limit)


def test_a_station_that_reconnects_is_asked_about_its_transaction(program: Program, version: str) -> None:
    identity = f"AGAIN-{version}"
    password = program.add_station(identity)

    async def come_and_go() -> None:
        async with connected(program, version, identity, password) as station:
            await station.boot()
            tx = {"transaction_id": "T-9", "charging_state": "Charging"}
            await station.event("Started", 0, tx, 0, "Authorized", evse=EVSE, id_token=TOKEN)
        async with connected(program, version, identity, password) as station:
            station.commands.answers["GetTransactionStatus"] = lambda _: {
                "messages_in_queue": True,
                "ongoing_indicator": False,
            }
            await station.ask("Heartbeat")
            asked = await station.commands.waited_for("GetTransactionStatus")
            assert asked == {"transaction_id": "T-9"}
            tx = {"transaction_id": "T-9", "stopped_reason": "PowerLoss"}
            await station.event("Ended", 1, tx, 4, "AbnormalCondition", offline=True)

    asyncio.run(come_and_go())
    (session,) = program.rows("/sessions", station=identity)
    assert (session["status"], session["offline"]) == ("finished", True)
