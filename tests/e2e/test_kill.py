"""kill -9 of the node and of PostgreSQL while chargers are in transactions; then the accounts must agree.

The chargers speak all versions and keep a ledger of what was acknowledged to them. At the end, every
acknowledged start, sample and stop is in the database once, and the energy of every finished session is what
its charger measured.
"""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.simulator import ledger
from tests.e2e.program import Program, running
from tests.patience import PATIENCE

PASSWORD = "sixteen bytes or more"
TAGS = [f"TAG-{n:04d}" for n in range(1, 6)]


LONG = 3_600.0  # seconds that a simulation may last; whoever starts it ends it
ABOUT_TRANSACTIONS = {"StartTransaction", "MeterValues", "StopTransaction", "TransactionEvent"}


@contextmanager
def simulating(url: str, stations: int, file: Path) -> Iterator[subprocess.Popen[str]]:
    """Chargers of all versions in a rough life, an hour a minute, until they are asked to come to an end."""
    command = [sys.executable, "-m", "api.cli", "simulate", "--no-table", "--url", url]
    command += ["--stations", str(stations), "--password", PASSWORD, "--life", "rough", "--speed", "60"]
    command += ["--mix", "1.6=50,2.0.1=40,2.1=10", "--duration", str(LONG), "--seed", "11"]
    with subprocess.Popen(
        [*command, "--ledger", str(file)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as simulator:
        try:
            yield simulator
        finally:
            simulator.kill()


def answered(program: Program) -> float:
    """Messages about transactions that this run of the node has answered well; 0 where it does not say."""
    with contextlib.suppress(httpx.TransportError):
        return sum(
            sample.value
            for family in text_string_to_metric_families(program.metrics())
            for sample in family.samples
            if sample.name == "voltrio_ocpp_messages_total"
            and sample.labels["action"] in ABOUT_TRANSACTIONS
            and (sample.labels["direction"], sample.labels["outcome"]) == ("in", "ok")
        )
    return 0.0


def kill_between_messages(program: Program, kills: int, most: int, rng: random.Random) -> None:
    """Kill the node or its database so many times, each after a random number of messages, `most` at most."""
    for _ in range(kills):
        wanted = answered(program) + rng.randint(1, most)
        program.wait_until(lambda wanted=wanted: answered(program) >= wanted)
        if rng.random() < 0.5:
            program.wait_until(program.kill_database)
        else:
            program.kill()
            program.start()
    program.wait_until(program.is_ready)  # the database may have been the last to go


def disagreements(program: Program, entries: list[ledger.Entry]) -> list[str]:
    """What the database and the chargers' ledgers do not agree on."""
    wrong: list[str] = []
    by_station: dict[str, list[ledger.Entry]] = {}
    for entry in entries:
        by_station.setdefault(entry.identity, []).append(entry)
    for identity, own in by_station.items():
        sessions = program.rows("/sessions", station=identity)
        starts = Counter(
            (s["connectorNumber"], s["idTag"], s["startedAt"], s["meterStartWh"]) for s in sessions
        )
        wrong += [f"{identity}: start {key} stored {n} times" for key, n in starts.items() if n > 1]
        found = {s["transactionId"]: s for s in sessions}
        for entry in own:
            if entry.start_acknowledged:
                session = found.get(str(entry.transaction_id))
                where = f"{identity}, transaction {entry.transaction_id}"
                wrong += [f"{where}: {text}" for text in faults(program, entry, session)]
    return wrong


def faults(program: Program, entry: ledger.Entry, session: dict[str, Any] | None) -> Iterator[str]:
    """What is wrong with the session of a transaction whose start was acknowledged."""
    if session is None:
        yield "not stored"
        return
    if session["meterStartWh"] != entry.meter_start:
        yield f"starts at {session['meterStartWh']} Wh, the charger at {entry.meter_start}"
    if entry.stop_acknowledged and session["status"] != "finished":
        yield f"its stop was acknowledged, but it is {session['status']}"
    if entry.stop_acknowledged and session["energyWh"] != entry.energy_wh:
        yield f"{session['energyWh']} Wh, the charger says {entry.energy_wh}"
    rows = program.rows(f"/sessions/{session['id']}/meter-values")
    stored = Counter(datetime.fromisoformat(row["timestamp"]) for row in rows)
    for sample in entry.samples:
        if sample.acknowledged and stored[sample.timestamp] != 1:
            yield f"the acknowledged sample of {sample.timestamp} is stored {stored[sample.timestamp]} times"


def kill_test(data: Path, stations: int, kills: int) -> None:
    with running(data / "node") as program:
        for tag in TAGS:
            program.request("POST", "/id-tags", json={"uid": tag})
        for n in range(1, stations + 1):
            program.add_station(f"SIM-{n:04d}", password=PASSWORD)
        with simulating(program.ocpp, stations, data / "ledger.jsonl") as simulator:
            kill_between_messages(program, kills, 2 * stations, random.Random(7))
            program.wait_until(lambda: finished(program) >= stations or simulator.poll() is not None)
            simulator.terminate()
            output, _ = simulator.communicate(timeout=PATIENCE)
        assert simulator.returncode == 0, output
        entries = ledger.read(data / "ledger.jsonl")
        stopped = sum(entry.stop_acknowledged for entry in entries)
        kinds = {type(entry.transaction_id) for entry in entries if entry.stop_acknowledged}
        assert kinds == {int, str}, "only one of OCPP 1.6 and 2.x finished transactions"
        assert stopped >= stations / 2, f"too little happened to prove anything: {stopped} transactions"
        wrong = disagreements(program, entries)
        told = sum(sample.acknowledged for entry in entries for sample in entry.samples)
        print(
            f"{stations} stations, {kills} kills, {len(entries)} transactions, {stopped} of them ended and "
            f"{told} samples acknowledged, {len(wrong)} disagreements"
        )
        print(output.splitlines()[-2:])
        assert not wrong, f"after {kills} kills and {len(entries)} transactions:\n" + "\n".join(wrong[:40])


def finished(program: Program) -> int:
    return len(program.rows("/sessions", status="finished"))


def test_nothing_acknowledged_is_lost_or_doubled(data: Path) -> None:
    kill_test(data, stations=20, kills=6)


@pytest.mark.soak
def test_nothing_acknowledged_is_lost_or_doubled_at_large(data: Path) -> None:
    kill_test(data, stations=200, kills=60)
