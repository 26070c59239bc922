"""kill -9 of the node and of PostgreSQL while stations of OCPP 2.x tell their transactions in any order.

An event is told until it is acknowledged, and now and then once more. At the end every transaction has one
session, with the energy and the times of its station, and every sample once.
"""

from __future__ import annotations

import contextlib
import json
import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from websockets.exceptions import WebSocketException

from tests.e2e.peers import dial, take
from tests.e2e.program import Program, running
from tests.e2e.test_kill import PASSWORD, kill_between_messages
from tests.patience import LOOK, PATIENCE

STATIONS = 8
KILLS = 5
EVENTS_BETWEEN = 40  # at most
TRANSACTIONS = 3  # of each station, at least
BOOT = {"reason": "PowerUp", "chargingStation": {"model": "M", "vendorName": "V"}}


@dataclass
class Transaction:
    """What its station knows of it. All its events are acknowledged when `done`."""

    number: str
    started_at: datetime
    events: list[dict[str, Any]] = field(default_factory=list)
    first_wh: int = 0
    last_wh: int = 0
    stopped_at: datetime | None = None
    done: bool = False


class Station:
    """One station, in a thread of its own: transactions one after the other on EVSE 1."""

    def __init__(self, program: Program, identity: str, enough: threading.Event) -> None:
        self.identity = identity
        self.transactions: list[Transaction] = []
        self._program = program
        self._enough = enough
        self._rng = random.Random(identity)
        self._clock = datetime.now(UTC).replace(microsecond=0) - timedelta(days=20)
        self._register = 1_000
        self._link: Any = None
        self._stack = contextlib.ExitStack()
        self._calls = 0

    def run(self) -> None:
        while len(self.transactions) < TRANSACTIONS or not self._enough.is_set():
            transaction = self._next()
            self.transactions.append(transaction)
            queue = list(transaction.events)
            if self._rng.random() < 0.6:
                self._rng.shuffle(queue)
            for event in queue:
                self._tell(event)
                if self._rng.random() < 0.2:
                    self._tell(self._rng.choice(queue[: queue.index(event) + 1]))
            transaction.done = True
        self._stack.close()

    def _next(self) -> Transaction:
        number = f"{self.identity}-{len(self.transactions)}"
        self._clock += timedelta(minutes=5)
        one = Transaction(number, self._clock, first_wh=self._register)
        count = self._rng.randint(2, 6)
        for n in range(count + 1):
            kind = "Started" if n == 0 else "Ended" if n == count else "Updated"
            event: dict[str, Any] = {
                "eventType": kind,
                "timestamp": self._clock.isoformat(),
                "triggerReason": "MeterValuePeriodic",
                "seqNo": n,
                "transactionInfo": {"transactionId": number, "chargingState": "Charging"},
                "meterValue": [
                    {"timestamp": self._clock.isoformat(), "sampledValue": [{"value": self._register}]}
                ],
            }
            if n == 0:
                event["evse"] = {"id": 1, "connectorId": 1}
            one.events.append(event)
            one.last_wh, one.stopped_at = self._register, self._clock
            self._clock += timedelta(minutes=1)
            self._register += self._rng.randint(1, 180)
        return one

    def _tell(self, event: dict[str, Any]) -> None:
        """Until it is acknowledged, over as many connections as that takes."""
        while True:
            try:
                if self._link is None:
                    self._link = self._connected()
                if self._ask("TransactionEvent", event)[0] == 3:
                    return
            except (OSError, TimeoutError, WebSocketException):
                self._stack.close()
                self._link = None
                self._enough.wait(LOOK)  # the node may be down

    def _connected(self) -> Any:
        link = dial(self._program.ocpp, self.identity, PASSWORD, version="ocpp2.0.1", close_timeout=0.1)
        self._link = self._stack.enter_context(link)
        self._ask("BootNotification", BOOT)
        return self._link

    def _ask(self, action: str, payload: dict[str, Any]) -> list[Any]:
        self._calls += 1
        number = str(self._calls)
        self._link.send(json.dumps([2, number, action, payload]))
        while True:
            message: list[Any] = take(self._link)
            if message[0] == 2:  # it asks about a transaction that is open there
                answer = {"ongoingIndicator": True, "messagesInQueue": True}
                self._link.send(json.dumps([3, message[1], answer]))
            elif message[1] == number:
                return message


def faults(program: Program, station: Station) -> list[str]:
    """What the database and a station do not agree on."""
    sessions = program.rows("/sessions", station=station.identity)
    found = {session["transactionId"]: session for session in sessions}
    wrong = [] if len(found) == len(sessions) else [f"{station.identity}: a transaction has two sessions"]
    for one in station.transactions:
        session = found.get(one.number)
        if session is None or session["status"] != "finished":
            wrong.append(f"{one.number} is not finished")
            continue
        if session["energyWh"] != one.last_wh - one.first_wh:
            wrong.append(
                f"{one.number}: {session['energyWh']} Wh, the station says {one.last_wh - one.first_wh}"
            )
        times = [datetime.fromisoformat(session[name]) for name in ("startedAt", "stoppedAt")]
        if times != [one.started_at, one.stopped_at]:
            wrong.append(f"{one.number}: from {times[0]} to {times[1]}")
        stored = Counter(row["timestamp"] for row in program.rows(f"/sessions/{session['id']}/meter-values"))
        if len(stored) != len(one.events) or set(stored.values()) != {1}:
            wrong.append(f"{one.number}: {sum(stored.values())} values of {len(one.events)}")
    return wrong


def test_no_event_is_lost_or_counted_twice(data: Path) -> None:
    with running(data / "node") as program:
        enough = threading.Event()
        stations = [Station(program, f"EV-{n:02}", enough) for n in range(STATIONS)]
        for station in stations:
            program.add_station(station.identity, password=PASSWORD)
        threads = [threading.Thread(target=station.run, daemon=True) for station in stations]
        for thread in threads:
            thread.start()
        kill_between_messages(program, KILLS, EVENTS_BETWEEN, random.Random(5))
        enough.set()
        for thread in threads:
            thread.join(PATIENCE)
        transactions = [one for station in stations for one in station.transactions]
        assert all(one.done for one in transactions), "a station did not come to its end"
        wrong = [fault for station in stations for fault in faults(program, station)]
        assert not wrong, f"after {KILLS} kills and {len(transactions)} transactions:\n" + "\n".join(
            wrong[:40]
        )
