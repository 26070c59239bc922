"""Two nodes on one database, as programs: chargers move between them, and what is late is refused."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from engine.store.cluster import Cluster
from engine.store.embedded import cluster
from tests.conftest import data_folder
from tests.e2e.peers import dial, take
from tests.e2e.program import Program, two_nodes
from tests.patience import PATIENCE

BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
START = {"connectorId": 1, "idTag": "TAG", "meterStart": 100, "timestamp": "2026-03-01T12:00:00Z"}
END = {"meterStop": 350, "timestamp": "2026-03-01T12:30:00Z"}


@pytest.fixture
def server() -> Iterator[Cluster]:
    with data_folder() as folder:
        own = cluster(folder)
        own.start()
        yield own
        own.stop()


@pytest.fixture
def pair(server: Cluster) -> Iterator[tuple[Program, Program]]:
    with data_folder() as folder, two_nodes(folder, server.dsn("postgres")) as nodes:
        yield nodes


def ask(socket: ClientConnection, action: str, payload: object) -> dict[str, Any]:
    socket.send(json.dumps([2, "1", action, payload]))
    kind, _, answer = take(socket)
    assert kind == 3
    return answer  # type: ignore[no-any-return] # whatever JSON says


def closing(socket: ClientConnection) -> tuple[int | None, list[str]]:
    """The close code, and what was said before."""
    heard = []
    with suppress(ConnectionClosed):
        while True:
            heard.append(str(socket.recv(PATIENCE)))
    return socket.protocol.close_code, heard


def gauge(program: Program, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", program.metrics(), re.MULTILINE)
    assert found is not None
    return float(found[1])


def status(program: Program, identity: str) -> str:
    return str(program.request("GET", f"/stations/{identity}").json()["networkStatus"])


def test_a_charger_moves_and_is_billed_once(pair: tuple[Program, Program]) -> None:
    one, other = pair
    one.wait_until(lambda: gauge(one, "voltrio_nodes") == 2)
    one.request("POST", "/id-tags", json={"uid": "TAG", "maxActiveSessions": 1})
    passwords = {identity: one.add_station(identity) for identity in ("CP1", "CP2")}
    with (
        dial(one.ocpp, "CP1", passwords["CP1"]) as old,
        dial(other.ocpp, "CP2", passwords["CP2"]) as neighbour,
    ):
        ask(old, "BootNotification", BOOT)
        ask(neighbour, "BootNotification", BOOT)
        number = ask(old, "StartTransaction", START)["transactionId"]
        # The limit of the tag holds at the other node too.
        assert ask(neighbour, "StartTransaction", START)["idTagInfo"]["status"] == "ConcurrentTx"
        with dial(other.ocpp, "CP1", passwords["CP1"]) as new:
            assert ask(new, "StartTransaction", START)["transactionId"] == number
            assert closing(old)[0] == 1008
            ask(new, "StopTransaction", {"transactionId": number, **END})
            # A node that is started anew touches nobody's chargers but its own.
            assert one.stop() == 0
            one.start()
            assert (status(one, "CP1"), status(one, "CP2")) == ("available", "available")
    finished = [row for row in one.rows("/sessions") if row["status"] == "finished"]
    assert [(row["id"], row["energyWh"]) for row in finished] == [(number, 250)]


def test_a_node_that_wakes_up_late_writes_nothing_more(pair: tuple[Program, Program]) -> None:
    one, other = pair
    one.request("POST", "/id-tags", json={"uid": "TAG"})
    password = one.add_station("CP1")
    with dial(one.ocpp, "CP1", password) as old:
        ask(old, "BootNotification", BOOT)
        number = ask(old, "StartTransaction", START)["transactionId"]
        os.kill(one.pid, signal.SIGSTOP)
        try:
            old.send(json.dumps([2, "late", "StartTransaction", {**START, "connectorId": 2}]))
            with dial(other.ocpp, "CP1", password) as new:
                ask(new, "StopTransaction", {"transactionId": number, **END})
                os.kill(one.pid, signal.SIGCONT)
                assert closing(old) == (1008, [])
                assert status(one, "CP1") == "available"
        finally:
            os.kill(one.pid, signal.SIGCONT)
    rows = other.rows("/sessions")
    assert [(row["id"], row["status"], row["energyWh"]) for row in rows] == [(number, "finished", 250)]
