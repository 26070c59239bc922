"""kill -9 of the node and of PostgreSQL while chargers are in transactions; then the accounts must agree.

The chargers speak all versions and keep a ledger of what was acknowledged to them. At the end, every
acknowledged start, sample and stop is in the database once, and the energy of every finished session is what
its charger measured.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from engine.simulator import ledger
from tests.e2e.program import Program, running

PASSWORD = "sixteen bytes or more"
TAGS = [f"TAG-{n:04d}" for n in range(1, 6)]


def start_simulator(program: Program, stations: int, seconds: float, file: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "api.cli", "simulate", "--no-table", "--url", program.ocpp]
    command += [
        "--stations",
        str(stations),
        "--password",
        PASSWORD,
        "--life",
        "rough",
        "--mix",
        "1.6=50,2.0.1=40,2.1=10",
        "--speed",
        "60",
    ]
    command += ["--duration", str(seconds), "--seed", "11", "--ledger", str(file)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def kill_now_and_then(program: Program, seconds: float, rng: random.Random) -> int:
    """Kill the node or its database at random moments; how often."""
    kills, end = 0, time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, rng.uniform(1.0, 4.0)))  # the moment of death is the test's input
        if rng.random() < 0.5:
            kills += program.kill_database()
        else:
            program.kill()
            program.start()
            kills += 1
    return kills


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


def kill_test(data: Path, stations: int, seconds: float) -> None:
    rng = random.Random(7)
    with running(data / "node") as program:
        for tag in TAGS:
            program.request("POST", "/id-tags", json={"uid": tag})
        for n in range(1, stations + 1):
            program.add_station(f"SIM-{n:04d}", password=PASSWORD)
        simulator = start_simulator(program, stations, seconds, data / "ledger.jsonl")
        kills = kill_now_and_then(program, seconds, rng)
        output, _ = simulator.communicate(timeout=seconds + 300)
        assert simulator.returncode == 0, output
        entries = ledger.read(data / "ledger.jsonl")
        stopped = sum(entry.stop_acknowledged for entry in entries)
        kinds = {type(entry.transaction_id) for entry in entries if entry.stop_acknowledged}
        assert kinds == {int, str}, "only one of OCPP 1.6 and 2.x finished transactions"
        assert kills >= 2
        assert stopped >= stations / 2, f"too little happened to prove anything: {stopped} transactions"
        wrong = disagreements(program, entries)
        told = sum(sample.acknowledged for entry in entries for sample in entry.samples)
        print(
            f"{stations} stations, {kills} kills, {len(entries)} transactions, {stopped} of them ended and "
            f"{told} samples acknowledged, {len(wrong)} disagreements"
        )
        print(output.splitlines()[-2:])
        assert not wrong, f"after {kills} kills and {len(entries)} transactions:\n" + "\n".join(wrong[:40])


def test_nothing_acknowledged_is_lost_or_doubled(data: Path) -> None:
    kill_test(data, stations=20, seconds=20)


@pytest.mark.soak
def test_nothing_acknowledged_is_lost_or_doubled_at_large(data: Path) -> None:
    kill_test(data, stations=200, seconds=180)
