"""A session that is asked for over HTTP: pending, then begun by the station, refused by it, or expired."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection

from tests.conftest import data_folder
from tests.e2e.peers import dial, take
from tests.e2e.program import Program, running
from tests.patience import PATIENCE

BOOT = {
    "ocpp1.6": {"chargePointVendor": "V", "chargePointModel": "M"},
    "ocpp2.0.1": {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}},
}
BOOT["ocpp2.1"] = BOOT["ocpp2.0.1"]


@pytest.fixture(scope="module")
def impatient() -> Iterator[Program]:
    """A node of which a session that was asked for expires soon."""
    with data_folder() as folder, running(folder / "node", "--remote-start-timeout", "1") as started:
        yield started


@pytest.fixture(params=sorted(BOOT))
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Station:
    """A charge point written with `websockets`, and somebody who asks it to begin."""

    def __init__(self, program: Program, identity: str, version: str, socket: ClientConnection) -> None:
        self.program = program
        self.identity = identity
        self.version = version
        self.socket = socket
        self._people = ThreadPoolExecutor(1)

    def ask(self, action: str, payload: dict[str, Any]) -> Any:
        self.socket.send(json.dumps([2, "1", action, payload]))
        kind, _, answer = take(self.socket)
        assert kind == 3, answer
        return answer

    def asked_to_start(self, **body: Any) -> tuple[Any, Any, Future[httpx.Response]]:
        """The id and the payload of the request that came, and what the asker will be told."""
        told = self._people.submit(
            self.program.request, "POST", "/sessions", json={"station": self.identity, **body}
        )
        _, message_id, _, payload = take(self.socket)
        return message_id, payload, told

    def called(self, action: str, payload: dict[str, Any]) -> tuple[Any, Any, Future[httpx.Response]]:
        """The same for a request in OCPP's own words."""
        body = {"action": action, "payload": payload}
        told = self._people.submit(self.program.request, "POST", f"/stations/{self.identity}/call", json=body)
        _, message_id, _, request = take(self.socket)
        return message_id, request, told

    def answer(self, message_id: str, status: str) -> None:
        self.socket.send(json.dumps([3, message_id, {"status": status}]))

    def start(self, request: dict[str, Any]) -> str:
        """Tell of the transaction that was asked for; the status of its tag."""
        now = datetime.now(UTC).isoformat()
        if self.version == "ocpp1.6":
            payload = {"connectorId": 1, "idTag": request["idTag"], "meterStart": 5, "timestamp": now}
            return str(self.ask("StartTransaction", payload)["idTagInfo"]["status"])
        event = {
            "eventType": "Started",
            "timestamp": now,
            "triggerReason": "RemoteStart",
            "seqNo": 0,
            "transactionInfo": {"transactionId": "T1", "remoteStartId": request["remoteStartId"]},
            "evse": {"id": 1, "connectorId": 1},
            "idToken": request["idToken"],
        }
        return str(self.ask("TransactionEvent", event)["idTokenInfo"]["status"])

    def session(self, number: int) -> Any:
        return self.program.request("GET", f"/sessions/{number}").json()


@contextmanager
def booted(program: Program, name: str, version: str) -> Iterator[Station]:
    """A connected charge point whose boot was accepted."""
    identity = f"{name}-{version}"
    password = program.add_station(identity)
    with dial(program.ocpp, identity, password, version=version) as socket:
        station = Station(program, identity, version, socket)
        assert station.ask("BootNotification", BOOT[version])["status"] == "Accepted"
        yield station


@pytest.fixture
def station(program: Program, version: str, request: pytest.FixtureRequest) -> Iterator[Station]:
    with booted(program, request.function.__name__[-36:], version) as station:
        yield station


def test_it_pends_until_the_station_begins(station: Station) -> None:
    message_id, request, told = station.asked_to_start(evseNumber=1)
    (pending,) = station.program.rows("/sessions", station=station.identity)
    assert (pending["status"], pending["transactionId"], pending["evseNumber"]) == ("pending", None, 1)
    station.answer(message_id, "Accepted")
    answer = told.result(PATIENCE).json()
    assert (answer["verdict"], answer["sessionId"]) == ("accepted", pending["id"])
    assert station.start(request) == "Accepted"
    (running,) = station.program.rows("/sessions", station=station.identity)
    assert (running["id"], running["status"], running["idTag"]) == (
        pending["id"],
        "active",
        f"*{pending['id']:07d}",
    )


def test_it_fails_when_the_station_refuses(station: Station) -> None:
    message_id, _, told = station.asked_to_start()
    station.answer(message_id, "Rejected")
    answer = told.result(PATIENCE).json()
    assert answer["verdict"] == "rejected"
    session = station.session(answer["sessionId"])
    assert (session["status"], session["reason"], session["energyWh"]) == ("failed", "rejected", 0)
    stop = station.program.cli("session", "stop", str(session["id"]))
    assert stop.returncode == 1
    assert "is failed" in stop.stderr


def test_it_expires_when_the_station_does_not_begin(impatient: Program, version: str) -> None:
    with booted(impatient, "LATE", version) as station:
        message_id, request, told = station.asked_to_start(idTag="SOMEBODY", evseNumber=1)
        station.answer(message_id, "Accepted")
        number = told.result(PATIENCE).json()["sessionId"]
        impatient.wait_until(lambda: station.session(number)["status"] == "expired")
        assert station.session(number)["reason"] == "timeout"
        # The station begins all the same: that is recorded, but nobody answers for the tag any longer.
        assert station.start(request) != "Accepted"


TOKENS = {"Central": "CHOSEN-BY-US", "NoAuthorization": "", "DirectPayment": "PSP-7"}
WORDED = [("ocpp1.6", ""), *(("ocpp2.0.1", one) for one in ("Central", "NoAuthorization"))]
WORDED += [("ocpp2.1", one) for one in TOKENS]


@pytest.mark.parametrize(("version", "kind"), WORDED)
def test_a_start_in_our_own_words_is_never_answered_with_unknown(
    program: Program, version: str, kind: str
) -> None:
    with booted(program, f"WORDS{kind}", version) as station:
        if version == "ocpp1.6":
            action, payload = "RemoteStartTransaction", {"idTag": "CHOSEN-BY-US", "connectorId": 1}
        else:
            token = {"idToken": TOKENS[kind], "type": kind}
            action, payload = (
                "RequestStartTransaction",
                {"idToken": token, "remoteStartId": 3161, "evseId": 1},
            )
        message_id, request, told = station.called(action, payload)
        if version != "ocpp1.6":
            authorized = station.ask("Authorize", {"idToken": request["idToken"]})
            assert authorized["idTokenInfo"]["status"] == "Accepted"
        station.answer(message_id, "Accepted")
        assert told.result(PATIENCE).json()["payload"]["status"] == "Accepted"
        assert station.start(request) == "Accepted"
        (running,) = program.rows("/sessions", station=station.identity)
        assert (running["status"], running["evseNumber"]) == ("active", 1)


def test_the_command_line_starts_and_stops(station: Station) -> None:
    with ThreadPoolExecutor(1) as people:
        said = people.submit(station.program.cli, "session", "start", station.identity, "--evse", "1")
        _, message_id, _, request = take(station.socket)
        station.answer(message_id, "Accepted")
        result = said.result(PATIENCE)
        assert result.returncode == 0, result.stderr
        assert station.start(request) == "Accepted"
        (running,) = station.program.rows("/sessions", station=station.identity)
        assert f"session {running['id']} is pending" in result.stdout
        said = people.submit(station.program.cli, "session", "stop", str(running["id"]))
        _, message_id, action, payload = take(station.socket)
        station.answer(message_id, "Accepted")
        assert said.result(PATIENCE).returncode == 0
        assert (action, str(payload["transactionId"])) == (
            "RemoteStopTransaction" if station.version == "ocpp1.6" else "RequestStopTransaction",
            running["transactionId"],
        )
