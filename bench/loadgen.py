"""Compiles and drives the load generator, `loadgen.c`: thousands of chargers in a process of their own."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

import msgspec

from bench import machine

SOURCE: Final = Path(__file__).with_name("loadgen.c")
PREFIX: Final = "BENCH"
PASSWORD: Final = "0123456789abcdef"  # noqa: S105 - of stations that exist for a minute
ID_TAG: Final = f"{PREFIX}TAG"

Mode = Literal["ocpp", "plain", "echo"]
Version = Literal["1.6", "2.0.1", "2.1"]
Action = Literal["Heartbeat", "MeterValues", "TransactionEvent(Updated)"]  # the last two: 1.6 and 2.x


class Latency(msgspec.Struct, frozen=True):
    """From call to answer, by action."""

    count: int
    per_second: float
    mean_ms: float
    p50_ms: float
    p99_ms: float
    max_ms: float


class Report(msgspec.Struct, frozen=True):
    """What one command came to. `booted_after`: seconds until the last boot was accepted."""

    command: str
    seconds: float
    losses: int  # connections that ended though nobody asked for it
    refused: int  # 503, boots and starts that were not accepted
    call_errors: int
    calls_answered: int
    settled: int
    booted_after: float
    latency: dict[str, Latency]
    error: str | None


class Transaction(msgspec.Struct, frozen=True):
    """What the server acknowledged of one transaction; `meter_stop` None: it runs. Wh."""

    identity: str
    transaction_id: str
    meter_start: int
    meter_stop: int | None


class LoadError(Exception):
    """The load generator could not do what it was told, or the server answered wrongly."""


def identities(count: int) -> list[str]:
    """What the chargers call themselves."""
    return [f"{PREFIX}{number:05d}" for number in range(count)]


def compiled(source: Path) -> Path:
    """The program beside its source, compiled if that is newer. Raises CalledProcessError."""
    program = source.with_suffix("")
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["cc", "-O2", "-std=gnu11", "-o", str(program), str(source)], check=True)
    return program


class LoadGenerator:
    """`connections` chargers for the server on `port`. Commands block until all of them are done."""

    def __init__(
        self,
        port: int,
        connections: int,
        mode: Mode = "ocpp",
        password: str = PASSWORD,
        version: Version = "1.6",
    ) -> None:
        command = [str(compiled(SOURCE)), str(port), str(connections), PREFIX, password, mode, version]
        self._process = subprocess.Popen(
            machine.kept_to(machine.LOAD_CORES, command), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.connections = connections

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """All chargers vanish."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def open(self, rate: float = 500.0) -> Report:
        """Connect, boot and tell a status, `rate` chargers a second."""
        return self._do(f"open {rate}")

    def start(self, transactions: int) -> Report:
        """Have so many transactions begun on each charger."""
        return self._do(f"start {transactions}")

    def run(self, action: Action, seconds: float) -> Report:
        """Send it in a closed loop; raises LoadError if one is answered wrongly."""
        report = self._do(f"run {action} {seconds}")
        if report.call_errors or report.losses:
            raise LoadError(
                f"{report.call_errors} CALLERRORs and {report.losses} losses in a run of {action}"
            )
        return report

    def cut(self, transactions: int) -> Report:
        """Break all connections at once; all come back and have so many transactions."""
        return self._do(f"cut {transactions}")

    def expect_loss(self, transactions: int) -> None:
        """The clock starts: the server is about to break all connections. `outcome` has the rest."""
        self._tell(f"lose {transactions}")

    def outcome(self) -> Report:
        """Wait for the end of the command that was begun."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise LoadError(f"the load generator ended with code {self._process.wait()}; see above")
        report = msgspec.json.decode(line, type=Report)
        if report.error is not None:
            raise LoadError(f"{report.command}: {report.error} ({report.settled} of {self.connections} done)")
        return report

    def stop(self) -> Report:
        """End all transactions."""
        return self._do("stop")

    def ledger(self, folder: Path) -> list[Transaction]:
        """All transactions whose start was acknowledged."""
        file = folder / f"ledger-{time.monotonic_ns()}.txt"
        self._do(f"ledger {file}")
        rows = [line.split() for line in file.read_text().splitlines()]
        file.unlink()
        return [
            Transaction(identity, number, int(start), int(stop) if int(stop) >= 0 else None)
            for identity, number, start, stop in rows
        ]

    def _do(self, command: str) -> Report:
        self._tell(command)
        return self.outcome()

    def _tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n".encode())
        self._process.stdin.flush()
