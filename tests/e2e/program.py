"""Voltrio as a program: started, spoken to, and killed from outside, on ports and data of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

START_TIMEOUT = 120.0  # seconds; the first start initialises a database on what may be a slow machine
STOP_TIMEOUT = 60.0
MOST_ROWS = 500  # on one page of a listing


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


class Program:
    """One installation: a data folder and ports that stay the same over restarts."""

    def __init__(self, data: Path, *flags: str) -> None:
        self.data = data
        self.flags = flags
        self.ocpp_port, self.http_port, self.manage_port = free_ports(3)
        self.token = ""
        self.output = data / "serve.log"
        self._process: subprocess.Popen[bytes] | None = None
        # One client, because each makes a TLS context; no connection of it outlives a kill.
        self._client = httpx.Client(
            trust_env=False, timeout=30.0, limits=httpx.Limits(max_keepalive_connections=0)
        )
        data.mkdir(parents=True, exist_ok=True)

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
        command += ["--manage-port", str(self.manage_port), *self.flags]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("VOLTRIO_")}
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        self.wait_until(self._is_ready)
        if not self.token:
            self.wait_until((self.data / "first-token").exists)
            self.token = (self.data / "first-token").read_text().strip()

    def _is_ready(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return self._client.get(f"{self.http}/health/ready").status_code == 200
        return False

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Look until it is so; the program must not end meanwhile."""
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self.output.read_text()
            if condition():
                return
            # Another process becomes ready: there is nothing to wait on but the answer itself.
            time.sleep(0.05)
        raise AssertionError(f"not ready in time:\n{self.output.read_text()}")

    def stop(self) -> int:
        """SIGTERM, as a service manager would; the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(STOP_TIMEOUT)

    def kill(self) -> None:
        """kill -9 of the node alone; PostgreSQL goes on."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(STOP_TIMEOUT)

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
        )

    def add_station(self, identity: str, **body: Any) -> str:
        """Register a charge point; its password ("" for profile 0)."""
        added = self.request("POST", "/stations", json={"identity": identity, **body}).json()
        return str(added.get("password") or "")


@contextlib.contextmanager
def running(data: Path, *flags: str) -> Iterator[Program]:
    """A started Program that is stopped at the end, whatever happens."""
    program = Program(data, *flags)
    program.start()
    try:
        yield program
    finally:
        if program.running:
            program.stop()
