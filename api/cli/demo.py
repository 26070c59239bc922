"""`voltrio demo`: a node in a database of its own, and simulated chargers on it. Ctrl-C ends both.

It uses only what anybody can use: `voltrio serve`, `voltrio token create`, the admin API and the simulator.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click
import httpx

from api.cli.client import Client, Failure
from api.cli.serve import RUNNING, program
from api.cli.simulate import mix_option
from engine.simulator import SimulationSettings, run

START_TIMEOUT: Final = 300.0  # seconds; the first start makes the database
STOP_TIMEOUT: Final = 60.0
KEPT_TOKEN: Final = "demo-token"  # noqa: S105 - a file's name
# What `serve` prints of where it listens.
ADDRESSES: Final = re.compile(
    rf"{re.escape(RUNNING)}\s+Chargers \(OCPP\) +(\S+)/<identity>\n\s+HTTP API +(\S+)/admin-api/v1\n"
)
TOKEN_NAME: Final = "demo"  # noqa: S105
WELCOME: Final = """\
{stations} simulated chargers on {ocpp}. In another terminal:

  export VOLTRIO_SERVER={http}
  export VOLTRIO_TOKEN={token}
  {voltrio} station list
  {voltrio} session start SIM-0001 --tag TAG-0001
  {voltrio} session tail

Metrics: {http}/metrics   Log: {log}
Ctrl-C ends both.
"""


class DemoNode:
    """`voltrio serve` on ports that the system chooses, as a process of its own."""

    def __init__(self, data: Path) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self.data = data
        self.log = data / "serve.log"
        ports = ["--ocpp-port=0", "--http-port=0", "--manage-port=0"]
        self.log.touch(mode=0o600)
        self._logged = self.log.stat().st_size  # before; another demo may be writing
        with self.log.open("ab") as output:
            # Ctrl-C is for the simulation; the node is stopped after it.
            self._process = subprocess.Popen(
                [*VOLTRIO, "serve", "--data", str(data), *ports],
                stdout=output, stderr=output, env=_environment(), start_new_session=True,
            )  # fmt: skip

    def wait_until_it_runs(self) -> tuple[str, str]:
        """Where chargers connect to, and where the HTTP API is."""
        deadline = time.monotonic() + START_TIMEOUT
        while (addresses := ADDRESSES.search(self._said())) is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"The node did not start. {self._said().strip().removeprefix('Error: ')}")
            time.sleep(0.1)  # another process starts: its output is the only sign
        return addresses[1], addresses[2]

    def _said(self) -> str:
        return self.log.read_bytes()[self._logged :].decode()

    def token(self) -> str:
        """An admin token: the one of an earlier demo on these data, or a new one."""
        file = self.data / KEPT_TOKEN
        if not file.exists():
            command = [*VOLTRIO, "token", "create", TOKEN_NAME, "--json", "--data", str(self.data)]
            made = subprocess.run(command, stdout=subprocess.PIPE, env=_environment(), check=True)
            file.touch(mode=0o600)
            file.write_text(json.loads(made.stdout)["secret"])
        return file.read_text()

    def stop(self) -> None:
        """In order: chargers are asked to come back, the database writes its checkpoint."""
        if self._process.poll() is None:
            click.echo("Stopping the node …")
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(STOP_TIMEOUT)


VOLTRIO: Final = (sys.executable, "-m", "api.cli")


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("VOLTRIO_")}


def register(client: Client, identities: Sequence[str], tags: Sequence[str]) -> None:
    """Make stations (profile 0: without a password) and id tags known. What is known already stays."""
    for identity in identities:
        try:
            client.post("/stations", {"identity": identity, "securityProfile": 0})
        except Failure as failure:
            if failure.status != httpx.codes.CONFLICT:
                raise
    for tag in tags:
        client.post("/id-tags", {"uid": tag})


@click.command(short_help="Show a node at work, with simulated chargers.")
@click.option(
    "--stations", type=click.IntRange(1, 1_000), default=20, show_default=True, help="How many chargers."
)
@mix_option("1.6=40,2.0.1=40,2.1=20")
@click.option(
    "--speed",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="Simulated seconds per second.",
)
@click.option(
    "--duration", type=click.FloatRange(0, min_open=True), help="Seconds to run; else until Ctrl-C."
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/demo"),
    show_default=True,
    help="Folder of the demo's own database.",
)
def demo(data: Path, **options: Any) -> None:
    """Show a node at work: simulated chargers of all OCPP versions in a database of their own."""
    click.echo("Starting PostgreSQL and the node …")
    node = DemoNode(data)
    try:
        ocpp, http = node.wait_until_it_runs()
        token = node.token()
        settings = SimulationSettings(url=ocpp, **options)
        client = Client(http, token)
        register(client, settings.identities(), settings.tags)
        client.close()
        words = {"ocpp": ocpp, "http": http, "token": token, "log": node.log}
        code = run(settings, WELCOME.format(stations=settings.stations, voltrio=program(), **words))
    except KeyboardInterrupt:
        click.echo("Interrupted.")
        code = 0
    finally:
        node.stop()
    raise SystemExit(code)
