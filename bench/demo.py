"""`make demo`: a node in a database of its own, and simulated chargers on it. Ctrl-C ends both.

Uses only what anybody can use: `voltrio serve`, the admin API and `voltrio simulate`.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import httpx

from bench.machine import free_ports
from bench.programs import RUNNING
from engine.simulator import SimulationSettings

START_TIMEOUT: Final = 300.0  # seconds; the first start makes the database
STOP_TIMEOUT: Final = 60.0
DATA: Final = Path("var/demo")
KEPT_TOKEN: Final = "demo-token"  # noqa: S105 - a file's name
WELCOME: Final = """\
{stations} simulated chargers on {ocpp}. While they charge, in another terminal:

  export VOLTRIO_SERVER={http} VOLTRIO_TOKEN={token}
  {voltrio} station list
  {voltrio} session tail
  {voltrio} call SIM-0001 RemoteStartTransaction '{{"idTag":"TAG-0001","connectorId":1}}'

  Metrics: {http}/metrics   Log of the node: {log}
  Ctrl-C ends both.
"""


class Node:
    """`voltrio serve` on free ports."""

    def __init__(self, data: Path) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self._token_file = data / KEPT_TOKEN
        self.log = data / "serve.log"
        ocpp, http, manage = free_ports(3)
        self.ocpp = f"ws://127.0.0.1:{ocpp}/ocpp"
        self.http = f"http://127.0.0.1:{http}"
        ports = ["--ocpp-port", str(ocpp), "--http-port", str(http), "--manage-port", str(manage)]
        command = [sys.executable, "-m", "api.cli", "serve", "--data", str(data), *ports]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VOLTRIO_")}
        self.log.touch(mode=0o600)  # the first start prints a token
        with self.log.open("wb") as output:
            # Ctrl-C is for the simulation; the node is told afterwards.
            self._process = subprocess.Popen(
                command, stdout=output, stderr=output, env=environment, start_new_session=True
            )

    def token(self) -> str:
        """Wait until the node is ready; its admin token, which is printed at the first start only."""
        deadline = time.monotonic() + START_TIMEOUT
        while RUNNING not in self.log.read_text():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"The node did not start:\n{self.log.read_text()}")
            time.sleep(0.1)
        found = re.search(r"VOLTRIO_TOKEN=(\S+)", self.log.read_text())
        if found is not None:
            self._token_file.touch(mode=0o600)
            self._token_file.write_text(found[1])
        return self._token_file.read_text()

    def stop(self) -> None:
        """In order: chargers are told, the database writes its checkpoint."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(STOP_TIMEOUT)


def register(server: str, token: str, identities: Sequence[str], tags: Sequence[str]) -> None:
    """Make stations (profile 0: without a password) and id tags known. What is known already stays."""
    headers = {"Authorization": f"Bearer {token}"}
    base = f"{server}/admin-api/v1"
    with httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=30.0) as client:
        for identity in identities:
            answer = client.post("/stations", json={"identity": identity, "securityProfile": 0})
            if answer.status_code != httpx.codes.CONFLICT:
                answer.raise_for_status()
        for tag in tags:
            client.post("/id-tags", json={"uid": tag}).raise_for_status()


def simulate(settings: SimulationSettings) -> int:
    """Run the simulation with its live table until Ctrl-C; its exit code."""
    command = [sys.executable, "-m", "api.cli", "simulate", "--url", settings.url]
    command += ["--stations", str(settings.stations), "--speed", str(settings.speed)]
    if settings.duration is not None:
        command += ["--duration", str(settings.duration)]
    process = subprocess.Popen(command)
    while True:
        with suppress(KeyboardInterrupt):  # the simulation has got it too, and ends in order
            return process.wait()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.demo", description=__doc__)
    parser.add_argument("--stations", type=int, default=20)
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds per second")
    parser.add_argument("--duration", type=float, help="seconds; until Ctrl-C if absent")
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    print("Starting PostgreSQL and the node …", flush=True)
    node = Node(options.data)
    code = 0
    try:
        token = node.token()
        settings = SimulationSettings(
            url=node.ocpp, stations=options.stations, speed=options.speed, duration=options.duration
        )
        register(node.http, token, settings.identities(), settings.tags)
        words = {"ocpp": node.ocpp, "http": node.http, "token": token, "log": node.log}
        voltrio = Path(sys.executable).with_name("voltrio")
        print(WELCOME.format(stations=settings.stations, voltrio=voltrio, **words), flush=True)
        code = simulate(settings)
    except KeyboardInterrupt:
        print("Interrupted.")
    finally:
        print("Stopping the node …", flush=True)
        node.stop()
    sys.exit(code)


if __name__ == "__main__":
    main()
