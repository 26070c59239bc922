"""`voltrio serve` that is asked to end before it runs."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PATIENCE, look_until

NO_PORTS = ("--ocpp-port", "0", "--http-port", "0", "--manage-port", "0")


BACKGROUND = ("/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh")  # as a shell starts what goes on without it


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("start", [(), BACKGROUND], ids=["foreground", "background"])
def test_a_start_that_is_interrupted_ends_in_order(
    data: Path, start: tuple[str, ...], number: signal.Signals
) -> None:
    """SIGTERM has a handler by then: without one, the first process of a container would go on."""
    output, folder = data / "output.txt", data / "var"
    command = [*start, sys.executable, "-m", "api.cli", "serve", "--data", str(folder), *NO_PORTS]
    with output.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    look_until(lambda: (folder / "postgres").exists() or process.poll() is not None, output.read_text)
    process.send_signal(number)
    assert process.wait(PATIENCE) == 0, output.read_text()
    assert "Traceback" not in output.read_text()
    assert not (folder / "postgres" / "postmaster.pid").exists()
