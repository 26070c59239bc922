"""`voltrio demo`, from nothing to a node that is down again."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from api.cli.serve import RUNNING
from tests.patience import PATIENCE, look_until

STATIONS = 3


class Demo:
    """The command in a process of its own, with what it has printed."""

    def __init__(self, data: Path, output: Path) -> None:
        self._output = output
        command = [sys.executable, "-m", "api.cli", "demo", "--data", str(data), "--stations", str(STATIONS)]
        with output.open("w") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=file)

    @property
    def printed(self) -> str:
        return self._output.read_text()

    def has_come(self) -> bool:
        """Whether it says where it is, and all its chargers are connected there; or it has ended."""
        if self.process.poll() is not None:
            return True
        http = re.search(r"VOLTRIO_SERVER=(\S+)\n", self.printed)
        token = re.search(r"VOLTRIO_TOKEN=(vt_\S+)\n", self.printed)
        if http is None or token is None:
            return False
        headers = {"Authorization": f"Bearer {token[1]}"}
        listing = httpx.get(f"{http[1]}/admin-api/v1/stations", headers=headers, timeout=PATIENCE)
        return sum(row["connected"] for row in listing.json()["data"]) == STATIONS

    def stop(self) -> int:
        """As Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)


def test_the_demo_runs_twice_on_the_same_data(data: Path) -> None:
    for number in range(2):
        demo = Demo(data / "demo", data / f"{number}.txt")
        look_until(demo.has_come, lambda demo=demo: demo.printed)
        assert demo.stop() == 0, demo.printed
        assert f"{STATIONS} simulated chargers on ws://127.0.0.1:" in demo.printed
        assert "0 protocol errors" in demo.printed
    assert not (data / "demo" / "postgres" / "postmaster.pid").exists()


def test_a_second_demo_on_the_same_data_says_so_and_leaves_the_first_alone(data: Path) -> None:
    first = Demo(data / "demo", data / "first.txt")
    look_until(first.has_come, lambda: first.printed)
    second = Demo(data / "demo", data / "second.txt")
    assert second.process.wait(PATIENCE) == 1
    assert "The node did not start. another node (process " in second.printed
    assert "Stopping" not in second.printed
    assert RUNNING in (data / "demo" / "serve.log").read_text()
    assert first.stop() == 0, first.printed
