"""Voltrio as a program: started, spoken to, and killed from outside, on ports and data of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.patience import PATIENCE, look_until
from tests.ports import claimed

MOST_ROWS = 500  # on one page of a listing
# The node waits for its peers as long as the tests do: they share a machine with it.
PATIENT = [f"--{name}-timeout={PATIENCE:.0f}" for name in ("call", "handshake", "ping")]


def client(address: str | None = None) -> httpx.Client:
    """An HTTP client that keeps no connection."""
    limits = httpx.Limits(max_keepalive_connections=0)
    transport = httpx.HTTPTransport(local_address=address, limits=limits)
    return httpx.Client(trust_env=False, timeout=PATIENCE, transport=transport)


class Program:
    """One installation: a data folder and ports that stay the same over restarts.

    `open_files`: no more files than that may the node open, sockets included.
    """

    def __init__(self, data: Path, *flags: str, open_files: int | None = None) -> None:
        self.data = data
        self.flags = flags
        self._open_files = open_files
        self.ocpp_port, self.http_port, self.manage_port = claimed(3)
        self.token = ""
        self.output = data / "serve.log"
        self._process: subprocess.Popen[bytes] | None = None
        # One client, because each makes a TLS context; no connection of it outlives a kill.
        self._client = client()
        data.mkdir(parents=True, exist_ok=True)

    def speak_from(self, address: str) -> None:
        """Ask over HTTP from another address of this machine, where 127.0.0.1 is an attacker's."""
        self._client.close()
        self._client = client(address)

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def manage(self) -> str:
        return f"http://127.0.0.1:{self.manage_port}/api/v0"

    @property
    def ocpp(self) -> str:
        return f"ws://127.0.0.1:{self.ocpp_port}/ocpp"

    def start(self) -> None:
        """Start the node and wait until it is ready; the first start also reads the first admin token."""
        command = [sys.executable, "-m", "api.cli", "serve", "--data", str(self.data), "--log-format", "json"]
        command += ["--ocpp-port", str(self.ocpp_port), "--http-port", str(self.http_port)]
        command += ["--manage-port", str(self.manage_port), *PATIENT, *self.flags]
        if self._open_files is not None:
            command = ["/bin/sh", "-c", 'ulimit -n "$0" && exec "$@"', str(self._open_files), *command]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("VOLTRIO_")}
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        self.wait_until(self.is_ready)
        if not self.token:
            self.wait_until(self._has_left_its_token)

    def is_ready(self) -> bool:
        """Whether it and its database serve requests."""
        with contextlib.suppress(httpx.TransportError):
            return self._client.get(f"{self.http}/health/ready").status_code == 200
        return False

    def _has_left_its_token(self) -> bool:
        with contextlib.suppress(FileNotFoundError):
            self.token = (self.data / "first-token").read_text().strip()
        return bool(self.token)

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Look until it is so; the program must not end meanwhile."""
        process = self._process
        assert process is not None

        def is_so() -> object:
            assert process.poll() is None, self.output.read_text()
            return condition()

        look_until(is_so, self.output.read_text)

    def stop(self) -> int:
        """SIGTERM, as a service manager would; the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(PATIENCE)

    def kill(self) -> None:
        """kill -9 of the node alone; PostgreSQL goes on."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE)

    def kill_database(self) -> bool:
        """kill -9 of the PostgreSQL postmaster that serves this data folder; False while none runs."""
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError, IndexError):
            pid = int((self.data / "postgres" / "postmaster.pid").read_text().split()[0])
            os.kill(pid, signal.SIGKILL)
            return True
        return False

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """A request to the admin API with the admin token; 2xx or AssertionError."""
        response = self._client.request(
            method,
            f"{self.http}/admin-api/v1{path}",
            headers={"Authorization": f"Bearer {self.token}"},
            **arguments,
        )
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response

    def metrics(self) -> str:
        """What the node counts, in Prometheus' text format."""
        return self._client.get(f"{self.http}/metrics").text

    def rows(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All rows of an admin listing."""
        return list(self._pages(path, query | {"limit": MOST_ROWS}))

    def _pages(self, path: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        cursor: Any = None
        while True:
            page = self.request("GET", path, params=query | ({"cursor": cursor} if cursor else {})).json()
            yield from page["data"]
            cursor = page["nextCursor"]
            if cursor is None:
                return

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A `voltrio` command against this node."""
        environment = os.environ | {
            "VOLTRIO_SERVER": self.http,
            "VOLTRIO_TOKEN": self.token,
            "COLUMNS": "200",
        }
        return subprocess.run(
            [sys.executable, "-m", "api.cli", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def add_station(self, identity: str, **body: Any) -> str:
        """Register a charge point; its password ("" for profile 0)."""
        added = self.request("POST", "/stations", json={"identity": identity, **body}).json()
        return str(added.get("password") or "")


@contextlib.contextmanager
def running(data: Path, *flags: str, open_files: int | None = None) -> Iterator[Program]:
    """A started Program that is stopped at the end, whatever happens."""
    program = Program(data, *flags, open_files=open_files)
    program.start()
    try:
        yield program
    finally:
        if program.running:
            program.stop()


@contextlib.contextmanager
def two_nodes(folder: Path, database: str) -> Iterator[tuple[Program, Program]]:
    """Two running installations that share a database."""
    address = ("--database", database)
    with running(folder / "one", *address) as one:
        other = Program(folder / "other", *address)
        other.token = one.token  # it is the database's
        other.start()
        try:
            yield one, other
        finally:
            other.stop()
