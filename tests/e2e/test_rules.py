"""Rules of OCPP 1.6 seen from outside: who may charge, what is told late, what is unknown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from tests.e2e.peers import dial, take
from tests.e2e.program import Program
from tests.patience import PATIENCE

NOW = datetime.now(UTC).replace(microsecond=0)


def stamp(minutes: float = 0) -> str:
    return (NOW + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


class Charger:
    """One connection; `calls` are the commands that came, each answered from `answers`."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = count(1)
        self.calls: list[tuple[str, Any]] = []
        self.answers: dict[str, Any] = {}

    def ask(self, action: str, **payload: Any) -> Any:
        """The payload of the answer, or the code of a CALLERROR."""
        number = str(next(self._ids))
        self._socket.send(json.dumps([2, number, action, payload]))
        while True:
            answer = self.receive()
            if answer is not None and answer[1] == number:
                return answer[2]

    def receive(self) -> list[Any] | None:
        """The next message; a command is answered and gives None."""
        message: list[Any] = take(self._socket)
        if message[0] != 2:
            return message
        self.calls.append((message[2], message[3]))
        self._socket.send(json.dumps([3, message[1], self.answers.get(message[2], {"status": "Accepted"})]))
        return None

    def boot(self) -> str:
        return str(self.ask("BootNotification", chargePointVendor="V", chargePointModel="M")["status"])

    def start(self, tag: str, connector: int = 1, meter: int = 0, minutes: float = 0) -> Any:
        return self.ask(
            "StartTransaction", connectorId=connector, idTag=tag, meterStart=meter, timestamp=stamp(minutes)
        )

    def stop(self, number: int, meter: int, minutes: float) -> Any:
        return self.ask("StopTransaction", transactionId=number, meterStop=meter, timestamp=stamp(minutes))


@contextmanager
def charger(program: Program, identity: str, **body: Any) -> Iterator[Charger]:
    """A charge point that is registered the first time."""
    if identity not in [station["identity"] for station in program.rows("/stations")]:
        program.add_station(identity, securityProfile=0, **body)
    with dial(program.ocpp, identity) as socket:
        yield Charger(socket)


@pytest.fixture(scope="module")
def tags(program: Program) -> None:
    past = (NOW - timedelta(days=1)).isoformat()
    for tag in (
        {"uid": "RULE-OPEN", "groupId": "FLEET"},
        {"uid": "RULE-ONCE", "maxActiveSessions": 1},
        {"uid": "RULE-BLOCKED", "status": "disabled"},
        {"uid": "RULE-EXPIRED", "expireAt": past},
    ):
        program.request("POST", "/id-tags", json=tag)


def status(answer: Any) -> str:
    return str(answer["idTagInfo"]["status"])


def test_who_may_charge(program: Program, tags: None) -> None:
    with charger(program, "RULE-1") as one:
        assert one.boot() == "Accepted"
        told = one.ask("Authorize", idTag="rule-open")["idTagInfo"]
        assert (told["status"], told["parentIdTag"]) == ("Accepted", "FLEET")
        assert status(one.ask("Authorize", idTag="RULE-BLOCKED")) == "Blocked"
        assert status(one.ask("Authorize", idTag="RULE-EXPIRED")) == "Expired"
        assert status(one.ask("Authorize", idTag="RULE-NOBODY")) == "Invalid"
        first = one.start("RULE-ONCE")
        assert status(first) == "Accepted"
        assert status(one.start("RULE-ONCE", connector=2)) == "ConcurrentTx"
        one.stop(first["transactionId"], 10, 5)
        assert status(one.start("RULE-ONCE", connector=1, minutes=6)) == "ConcurrentTx"  # connector 2 goes on
    (on_two,) = (s for s in program.rows("/sessions", station="RULE-1") if s["evseNumber"] == 2)
    with charger(program, "RULE-1") as one:
        one.stop(int(on_two["transactionId"]), 10, 7)
        (on_one,) = (s for s in program.rows("/sessions", station="RULE-1") if s["status"] == "active")
        one.stop(int(on_one["transactionId"]), 10, 7)
        assert status(one.start("RULE-ONCE", minutes=8)) == "Accepted"


def test_a_transaction_kept_offline_is_told_with_its_own_time(program: Program, tags: None) -> None:
    with charger(program, "RULE-2") as one:
        one.boot()
        number = one.start("RULE-OPEN", meter=500, minutes=-180)["transactionId"]
        one.ask(
            "MeterValues",
            connectorId=1,
            transactionId=number,
            meterValue=[{"timestamp": stamp(-150), "sampledValue": [{"value": "1500"}]}],
        )
        one.stop(number, 2_500, -120)
        # A stop of a transaction that nobody started here is acknowledged, or it would come for ever.
        assert one.stop(987_654_321, 9_999, -60) in ({}, {"idTagInfo": {"status": "Accepted"}})
    (session,) = program.rows("/sessions", station="RULE-2")
    assert (session["status"], session["energyWh"], session["offline"]) == ("finished", 2_000, True)
    assert datetime.fromisoformat(session["startedAt"]) == NOW - timedelta(minutes=180)
    assert datetime.fromisoformat(session["stoppedAt"]) == NOW - timedelta(minutes=120)


def test_another_chargers_transaction_cannot_be_stopped(program: Program, tags: None) -> None:
    with charger(program, "RULE-3") as victim, charger(program, "RULE-4") as other:
        victim.boot()
        other.boot()
        number = victim.start("RULE-OPEN")["transactionId"]
        other.stop(number, 1_000_000, 1)
        assert program.request("GET", f"/sessions/{number}").json()["status"] == "active"


def test_unknown_vendors_and_unknown_messages(program: Program) -> None:
    with charger(program, "RULE-5") as one:
        one.boot()
        assert one.ask("DataTransfer", vendorId="nobody")["status"] == "UnknownVendorId"
        assert one.ask("Nonsense") == "NotImplemented"


def test_nothing_is_asked_after_a_boot_unless_it_is_switched_on(program: Program) -> None:
    with charger(program, "RULE-6") as one:
        one.boot()
        # What is asked after a boot is asked before an answer to what comes behind it.
        one.ask("Heartbeat")
        one.ask("Heartbeat")
        assert one.calls == []
    with charger(program, "RULE-7", settings={"read_configuration_after_boot": True}) as one:
        one.answers["GetConfiguration"] = {"configurationKey": [], "unknownKey": []}
        one.boot()
        one.receive()
        assert [action for action, _ in one.calls] == ["GetConfiguration"]


def test_pending_until_somebody_accepts_it(program: Program, tags: None) -> None:
    with charger(program, "RULE-8", registrationStatus="pending") as one, ThreadPoolExecutor(1) as people:
        assert one.boot() == "Pending"
        assert one.start("RULE-OPEN") == "SecurityError"
        accepting = people.submit(program.request, "POST", "/stations/RULE-8/accept")
        one.receive()
        assert one.calls == [("TriggerMessage", {"requestedMessage": "BootNotification"})]
        assert accepting.result(PATIENCE).json()["triggered"] is True
        assert one.boot() == "Accepted"
        assert status(one.start("RULE-OPEN")) == "Accepted"


def test_a_reservation_is_made_used_up_and_gone(program: Program, tags: None) -> None:
    with charger(program, "RULE-9") as one, ThreadPoolExecutor(1) as people:
        one.boot()
        reserve = {"connectorId": 1, "expiryDate": stamp(60), "idTag": "RULE-OPEN", "reservationId": 7}
        made = people.submit(program.cli, "call", "RULE-9", "ReserveNow", json.dumps(reserve))
        one.receive()
        assert made.result(PATIENCE).returncode == 0
        started = one.ask(
            "StartTransaction",
            connectorId=1,
            idTag="RULE-OPEN",
            meterStart=0,
            timestamp=stamp(),
            reservationId=7,
        )
        assert status(started) == "Accepted"
        again = people.submit(program.cli, "call", "RULE-9", "CancelReservation", '{"reservationId": 7}')
        one.answers["CancelReservation"] = {"status": "Rejected"}
        one.receive()
        assert again.result(PATIENCE).returncode == 0
        assert one.calls[-1] == ("CancelReservation", {"reservationId": 7})
