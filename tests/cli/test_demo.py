"""`voltrio demo`, from nothing to a node that is down again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_demo_runs_twice_on_the_same_data(data: Path) -> None:
    command = [sys.executable, "-m", "api.cli", "demo", "--data", str(data / "demo"), "--stations", "3"]
    for _ in range(2):
        done = subprocess.run([*command, "--duration", "2"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "3 simulated chargers on ws://127.0.0.1:" in done.stdout
        assert "0 protocol errors" in done.stdout
        assert "VOLTRIO_TOKEN=vt_" in done.stdout
    assert not (data / "demo" / "postgres" / "postmaster.pid").exists()
