"""Minutes of charging, reconnecting and power cuts: the node's memory must stop growing."""

from __future__ import annotations

import time

import psutil
import pytest

from tests.conftest import data_folder
from tests.e2e.program import Program, running
from tests.e2e.test_kill import PASSWORD, TAGS, simulating
from tests.patience import PATIENCE

STATIONS = 200
LOOKS = 144
LOOK_EVERY = 5.0  # seconds
WARM_UP = 0.25  # of the time: caches fill, the allocator finds its size
GROWTH = 1.05  # of the second half of the rest over the first


def resident(program: Program) -> int:
    """Bytes of the node alone; PostgreSQL bounds its own."""
    return int(psutil.Process(program.pid).memory_info().rss)


@pytest.mark.soak
def test_memory_is_bounded() -> None:
    with data_folder() as folder, running(folder / "node", "--log-level", "error") as program:
        for tag in TAGS:
            program.request("POST", "/id-tags", json={"uid": tag})
        for n in range(1, STATIONS + 1):
            program.add_station(f"SIM-{n:04d}", password=PASSWORD)
        sizes: list[int] = []
        with simulating(program.ocpp, STATIONS, folder / "ledger.jsonl") as simulator:
            for _ in range(LOOKS):
                time.sleep(LOOK_EVERY)  # the load's duration is the test's input
                sizes.append(resident(program))
            simulator.terminate()
            output, _ = simulator.communicate(timeout=PATIENCE)
        assert simulator.returncode == 0, output
        assert program.rows("/sessions", station="SIM-0001")
    warm = sizes[int(len(sizes) * WARM_UP) :]
    half = len(warm) // 2
    before, after = max(warm[:half]), max(warm[half:])
    megabytes = [round(size / 2**20) for size in sizes]
    print(f"resident, MB, every {LOOK_EVERY:g} s: {megabytes}")
    assert after <= before * GROWTH, megabytes
