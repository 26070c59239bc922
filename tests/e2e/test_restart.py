"""What chargers see when the node is stopped in order and comes back, or its database does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from engine.store.cluster import Cluster
from engine.store.embedded import cluster
from tests.conftest import data_folder
from tests.e2e.peers import dial, take
from tests.e2e.program import Program, running
from tests.patience import PATIENCE

START = {"connectorId": 1, "idTag": "TAG", "meterStart": 100, "timestamp": "2026-03-01T12:00:00Z"}
BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}


def come(program: Program, identity: str, password: str) -> ClientConnection:
    return dial(program.ocpp, identity, password)


def ask(socket: ClientConnection, action: str, payload: object) -> dict[str, object]:
    socket.send(json.dumps([2, "1", action, payload]))
    kind, _, answer = take(socket)
    assert kind == 3
    return answer  # type: ignore[no-any-return] # whatever JSON says


def until_closed(socket: ClientConnection) -> Iterator[str]:
    with suppress(ConnectionClosed):
        while True:
            yield str(socket.recv(PATIENCE))


def test_sigterm_closes_with_1012_and_a_session_goes_on_after_the_restart() -> None:
    with data_folder() as folder, running(folder / "a node") as program:
        program.request("POST", "/id-tags", json={"uid": "TAG"})
        password = program.add_station("CP1")
        with come(program, "CP1", password) as socket:
            ask(socket, "BootNotification", BOOT)
            socket.send(json.dumps([2, "9", "StartTransaction", START]))
            assert program.stop() == 0
            answers = [json.loads(text) for text in until_closed(socket)]
            assert socket.protocol.close_code == 1012
        program.start()
        with come(program, "CP1", password) as socket:
            # Answered or not, it is the same transaction, and its charger may go on without a boot.
            number = ask(socket, "StartTransaction", START)["transactionId"]
            assert all(answer[2]["transactionId"] == number for answer in answers)
            stop = {"transactionId": number, "meterStop": 350, "timestamp": "2026-03-01T12:30:00Z"}
            ask(socket, "StopTransaction", stop)
        (session,) = program.rows("/sessions")
        assert (session["status"], session["energyWh"], session["powerW"]) == ("finished", 250, None)


@pytest.fixture
def own_server() -> Iterator[Cluster]:
    """A PostgreSQL of the user's: nobody but the user starts it again."""
    with data_folder() as folder:
        server = cluster(folder)
        server.start()
        yield server
        server.stop()


def test_without_its_database_the_node_is_not_ready_and_sends_chargers_away(own_server: Cluster) -> None:
    with data_folder() as folder, running(folder, "--database", own_server.dsn("postgres")) as program:
        password = program.add_station("CP1")
        with come(program, "CP1", password) as socket:
            ask(socket, "BootNotification", BOOT)
            own_server.stop()
            health = httpx.get(f"{program.http}/health/ready", trust_env=False, timeout=PATIENCE)
            assert (health.status_code, health.json()["status"]) == (503, "unavailable")
            assert httpx.get(f"{program.http}/health/live", trust_env=False, timeout=PATIENCE).is_success
            assert "currentTime" in ask(socket, "Heartbeat", {})  # who is here stays, and is not lied to
            socket.send(json.dumps([2, "late", "StartTransaction", START]))
            with pytest.raises(InvalidStatus) as refused:
                come(program, "CP2", password).close()
            assert refused.value.response.status_code == 503
            assert int(refused.value.response.headers["Retry-After"]) >= 1
            own_server.start()
            kind, message_id, answer = take(socket)
            assert (kind, message_id) == (3, "late")  # its answer waited for the commit
        sessions = program.rows("/sessions")
        assert [int(session["id"]) for session in sessions] == [answer["transactionId"]]


def test_a_second_node_on_the_same_data_is_refused() -> None:
    with data_folder() as folder, running(folder / "one") as program:
        ports = ("--ocpp-port", "0", "--http-port", "0", "--manage-port", "0")
        second = program.cli("serve", "--data", str(folder / "one"), *ports)
        assert (second.returncode, "Traceback" in second.stderr) == (2, False)
        assert f"another node (process {program.pid}) runs on the data folder" in second.stderr
        assert (program.data / "node.lock").read_text() == f"{program.pid}\n"
        program.kill()
        program.start()  # what a killed node held is free


def test_a_second_node_on_the_same_ports_says_which() -> None:
    with data_folder() as folder, running(folder / "one") as program:
        for flag, port in (("--ocpp-port", program.ocpp_port), ("--http-port", program.http_port)):
            ports = {"--ocpp-port": "0", "--http-port": "0", "--manage-port": "0", flag: str(port)}
            flags = [word for pair in ports.items() for word in pair]
            second = program.cli("serve", "--data", str(folder / "two"), *flags)
            assert (second.returncode, "Traceback" in second.stderr) == (1, False)
            assert f"127.0.0.1:{port}" in second.stderr
            assert flag in second.stderr
        assert program.request("GET", "/stations").status_code == 200  # the first one still works
