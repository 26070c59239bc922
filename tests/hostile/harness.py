"""A node under attack: good chargers that go on charging, and sockets that do whatever an attacker likes.

What is asserted is counted, never timed: every message of a good charger is answered, the database has what
their ledgers have, and a good charger comes to the end of its transactions while the attack still goes on.
Figures are printed (`pytest -rP`), for people.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Final

import msgspec
import trio

from engine.simulator.load.bare import BOOT, LoadCharger, Lost
from engine.simulator.load.latencies import Latencies
from engine.simulator.load.reliable import Reliable
from engine.simulator.load.target import Target
from engine.store.background import plain_errors
from ext.envelope import call_text
from ext.websocket import TEXT, frame
from tests.e2e.program import Program
from tests.e2e.test_kill import disagreements

PATIENCE: Final = 30.0  # seconds that a good charger waits for an answer before it counts it as lost
SAMPLES: Final = 3  # of one transaction
INTERVAL: Final = 0.02  # seconds between two of them
TAG: Final = "GOOD"
MASK: Final = b"\x01\x02\x03\x04"

_numbers = count(1)


class Scale(msgspec.Struct, frozen=True):
    """How large an attack is: as many good chargers, and so many times what it takes to hurt."""

    good: int
    times: int


SMALL: Final = Scale(good=20, times=1)
LONG: Final = Scale(good=200, times=10)


class Good(Reliable):
    """A charger that loses nothing by itself: whatever has to be sent again is a loss."""

    def __init__(self, target: Target, identity: str, latencies: Latencies) -> None:
        super().__init__(LoadCharger(target, identity, latencies), PATIENCE)
        self.lost: list[str] = []
        self.finished = 0  # transactions

    async def deliver(self, action: str, payload: bytes) -> bytes:
        while True:
            await self.ready()
            try:
                return await self.charger.call(action, payload, PATIENCE)
            except Lost as loss:
                self.lost.append(f"{self.charger.identity}: {action}: {loss}")
                self.charger.close()
                await trio.sleep(INTERVAL)


class Crowd:
    """The good chargers. Each is in one transaction after the other while the block lasts."""

    def __init__(self, good: list[Good], latencies: Latencies) -> None:
        self.good = good
        self.latencies = latencies
        self._progress = trio.Event()
        self._leaving = False

    @property
    def lost(self) -> list[str]:
        connections = [
            f"{one.charger.identity}: a connection" for one in self.good for _ in range(one.losses)
        ]
        return connections + [loss for one in self.good for loss in one.lost]

    async def rounds(self, number: int) -> None:
        """Return when each of them has ended so many more transactions than now."""
        goals = [one.finished + number for one in self.good]
        while any(one.finished < goal for one, goal in zip(self.good, goals, strict=True)):
            await self._progress.wait()

    async def goes_on_during(self, attack: Callable[[], Awaitable[None]], rounds: int = 2) -> None:
        """Each of them ends so many transactions while `attack` goes on: it must not be over before."""

        async def attacking() -> None:
            await attack()
            raise AssertionError(f"the attack was over before all had ended {rounds} transactions")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(attacking)
            await self.rounds(rounds)
            nursery.cancel_scope.cancel()

    def figures(self, of: str = "MeterValues") -> str:
        p50, p99 = (self.latencies.percentile(of, percent) * 1e3 for percent in (50, 99))
        return f"{len(self.good)} good chargers, {of}: p50 {p50:.1f} ms, p99 {p99:.1f} ms"

    async def charge(self, one: Good) -> None:
        """The life of one of them, until `leave`."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.keep_connected)
            while not self._leaving:
                await one.transaction(TAG, SAMPLES, INTERVAL)
                one.finished += 1
                self._progress.set()
                self._progress = trio.Event()
            nursery.cancel_scope.cancel()
        one.charger.close()

    def leave(self) -> None:
        """Each ends the transaction it is in."""
        self._leaving = True


class Attacker:
    """A connection that was let in. What comes back is read and counted, unless `deaf`."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.received = 0  # bytes
        self.closed = trio.Event()  # by the node

    async def send(self, data: bytes) -> None:
        """Raw bytes; the node may have closed."""
        try:
            await self.stream.send_all(data)
        except trio.BrokenResourceError:
            self.closed.set()
            await trio.lowlevel.checkpoint()

    async def flood(self, data: bytes, times: int) -> None:
        """The same bytes again and again, as fast as they are taken."""
        for _ in range(times):
            await self.send(data)

    async def listen(self) -> None:
        try:
            while data := await self.stream.receive_some(65_536):
                self.received += len(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        self.closed.set()


class Site:
    """The node and what can be seen of it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.target = Target.from_url(program.ocpp)
        self._known_tag = False

    def stations(self, number: int) -> list[str]:
        """New charge points without a password."""
        if not self._known_tag:
            self.program.request("POST", "/id-tags", json={"uid": TAG})
            self._known_tag = True
        identities = [f"H{next(_numbers):05d}" for _ in range(number)]
        for identity in identities:
            self.program.add_station(identity, securityProfile=0)
        return identities

    @asynccontextmanager
    async def crowd(self, number: int) -> AsyncIterator[Crowd]:
        """Good chargers, all of them at work. When the block ends nothing of theirs may be lost."""
        latencies = Latencies()
        good = [Good(self.target, identity, latencies) for identity in self.stations(number)]
        crowd = Crowd(good, latencies)
        with plain_errors():
            async with trio.open_nursery() as nursery:
                for one in good:
                    nursery.start_soon(crowd.charge, one)
                await crowd.rounds(1)
                yield crowd
                crowd.leave()
        print(crowd.figures())
        assert not crowd.lost, f"{len(crowd.lost)} lost: {crowd.lost[:10]}"
        assert self.program.running
        wrong = disagreements(self.program, [entry for one in good for entry in one.ledger])
        assert not wrong, "\n".join(wrong[:40])

    @asynccontextmanager
    async def attacker(
        self,
        identity: str | None = None,
        *,
        deaf: bool = False,
        headers: str = "",
        version: str = "ocpp1.6",
    ) -> AsyncIterator[Attacker]:
        """A connection of a charge point; `headers` go with the upgrade, each with its CRLF."""
        if identity is None:
            (identity,) = self.stations(1)
        with plain_errors():
            stream = await self._upgraded(identity, headers, version)
            async with stream, trio.open_nursery() as nursery:
                attacker = Attacker(stream)
                if not deaf:
                    nursery.start_soon(attacker.listen)
                yield attacker
                nursery.cancel_scope.cancel()

    async def _upgraded(self, identity: str, headers: str, version: str) -> trio.SocketStream:
        stream = await trio.open_tcp_stream(self.target.host, self.target.port)
        request = self.target.upgrade(identity).replace(b"ocpp1.6", version.encode())
        await stream.send_all(request[:-2] + headers.encode() + b"\r\n")
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += await stream.receive_some(1)
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        return stream

    def metric(self, name: str, **labels: str) -> float:
        """One value of /metrics; 0 where it is not there (yet)."""
        wanted = {f'{key}="{value}"' for key, value in labels.items()}
        for line in self.program.metrics().splitlines():
            found = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
            if found and wanted <= set((found[1] or "").split(",")):
                return float(found[2])
        return 0.0

    def forget_peak(self) -> None:
        """`peak` begins anew."""
        Path(f"/proc/{self.program.pid}/clear_refs").write_text("5")

    @property
    def peak(self) -> int:
        """The most memory that the node has held at one time, bytes."""
        status = Path(f"/proc/{self.program.pid}/status").read_text()
        (kibibytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
        return int(kibibytes) * 1024


def text_frame(text: bytes) -> bytes:
    """A client's text frame."""
    return frame(TEXT, text, MASK)


def call_frame(message_id: str, action: str, payload: bytes) -> bytes:
    """A client's CALL."""
    return text_frame(call_text(message_id, action, payload))


BOOT_FRAME: Final = call_frame("boot", "BootNotification", BOOT)
