"""The servers that are measured, each a process on the server's core: Voltrio as it is, and its peers."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
import trio

from bench import machine
from bench.loadgen import ID_TAG, PASSWORD, Mode, identities
from engine.domain.caller import Caller, CallerKind
from engine.metrics import Metrics
from engine.settings import Settings
from engine.store import Store, editings, open_store
from engine.store.edit import Edit
from engine.store.editing import Kind
from engine.store.repositories.stations import StationPatch

CALLER: Final = Caller("bench", CallerKind.NODE)
START_TIMEOUT: Final = 120.0  # seconds
STOP_TIMEOUT: Final = 60.0  # seconds
RUNNING: Final = "Voltrio is running."  # what it prints when all listeners are up
# The load generator's chargers send as fast as they are answered, which no charger may do over time.
BOUNDLESS: Final = ("--message-rate", "1e9", "--data-rate", "1e12")
AT_ONCE: Final = 10  # registrations at a time
DATA: Final = Path("var")  # on a real disk, where a commit costs what it costs


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A program that listens at `--port`."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()


class Peer(Program, frozen=True, kw_only=True):
    """One to compare with; `mode`: what its answers to chargers look like to the load generator."""

    mode: Mode


OCPP: Final = Peer(name="ocpp + websockets", module="bench.peers.ocpp_central", mode="ocpp")
OCPP_V201: Final = Peer(name="ocpp + websockets", module="bench.peers.ocpp_central_v201", mode="ocpp")
TRIO_WEBSOCKET: Final = Peer(
    name="trio-websocket, no validation", module="bench.peers.trio_websocket_central", mode="ocpp"
)
ECHO: Final = Peer(name="echo on Voltrio's listener", module="bench.echo", mode="echo")
PICOWS: Final = Peer(name="picows + uvloop echo", module="bench.peers.picows_echo", mode="plain")


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now; a program that is started again has to keep its own."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def running(program: Program) -> Iterator[tuple[int, int]]:
    """It, listening; (process id, port)."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", program.module, "--port", str(port), *program.arguments]
    process = _spawn(command, Path(os.devnull))
    try:
        _wait(process, Path(os.devnull), lambda: _listens(port))
        yield process.pid, port
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT)


class Voltrio:
    """`voltrio serve` with default settings, but for what one charger may send.

    Its embedded PostgreSQL works on the load generator's core.
    """

    def __init__(self, data: Path) -> None:
        self.data = data
        self.ocpp_port, self.http_port, self._manage_port = free_ports(3)
        self.token = ""
        self._log = data / "serve.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Return when chargers can connect."""
        command = [sys.executable, "-m", "api.cli", "serve", "--data", str(self.data)]
        command += ["--ocpp-port", str(self.ocpp_port), "--http-port", str(self.http_port)]
        command += ["--manage-port", str(self._manage_port), *BOUNDLESS]
        before = len(self._said())
        self._process = _spawn(command, self._log)
        _wait(self._process, self._log, lambda: RUNNING in self._said()[before:])
        machine.keep_family_to(machine.LOAD_CORES, self._postmaster())
        self.token = (self.data / "first-token").read_text().strip()

    def _said(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def stop(self) -> None:
        """As a service manager does; PostgreSQL stops too."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(STOP_TIMEOUT)
            self._process = None

    def kill(self) -> None:
        """kill -9 of the node; PostgreSQL goes on."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(STOP_TIMEOUT)

    def _postmaster(self) -> int:
        return int((self.data / "postgres" / "postmaster.pid").read_text().split()[0])


@contextmanager
def data_folder() -> Iterator[Path]:
    """A folder for a database, gone afterwards."""
    DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=DATA, ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


@contextmanager
def voltrio(stations: int) -> Iterator[Voltrio]:
    """A running installation with so many registered stations (security profile 1) and one id tag."""
    with data_folder() as data:
        trio.run(_register, data, identities(stations))
        program = Voltrio(data)
        try:
            program.start()
            yield program
        finally:
            program.stop()


async def _register(data: Path, names: Sequence[str]) -> None:
    digest = hashlib.sha256(PASSWORD.encode()).digest()
    patch = StationPatch(security_profile=1, password_sha256=digest)
    waiting = iter(names)

    async def work(store: Store) -> None:
        for name in waiting:
            await store.stations.register(CALLER, name, patch)

    async with open_store(Settings(data=str(data)), Metrics()) as store:
        await store.write(Edit(caller=CALLER, editing=editings.ID_TAGS, kind=Kind.SET, new={"uid": ID_TAG}))
        async with trio.open_nursery() as nursery:
            for _ in range(AT_ONCE):
                nursery.start_soon(work, store)


def _spawn(command: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VOLTRIO_")}
    with output.open("ab") as file:
        return subprocess.Popen(
            machine.kept_to(machine.SERVER_CORES, command), stdout=file, stderr=file, env=environment
        )


def _listens(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 1.0).close()
        return True
    return False


def _wait(process: subprocess.Popen[bytes], log: Path, ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} does not start ({process.poll()}):\n{log.read_text()}")
        time.sleep(0.05)
