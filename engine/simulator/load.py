"""Bare chargers in thousands, for benchmarks and storms: a raw socket, one reading task, latencies by action.

They know just enough OCPP 1.6 to boot, charge and obey, and check nothing: believable chargers are
`simulate`'s work. Answers to the server's calls are made at once, so that its round trips measure the server.
"""

from __future__ import annotations

import base64
import socket as sockets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec
import trio

from engine.simulator.ledger import Entry, Sample
from ext.envelope import CALL, CALLERROR, call_text, result_text, split
from ext.websocket import CLOSE, PING, PONG, TEXT, VIOLATION, FrameReader, frame

RECEIVE: Final = 8_192
MAX_MESSAGE: Final = 1 << 20
ACCEPTED: Final = b'{"status":"Accepted"}'
ANSWERS: Final[Mapping[str, bytes]] = {  # to the server's calls; ACCEPTED for all others
    "GetConfiguration": b"{}",
    "GetDiagnostics": b"{}",
    "GetLocalListVersion": b'{"listVersion":0}',
    "UnlockConnector": b'{"status":"Unlocked"}',
    "UpdateFirmware": b"{}",
}
BOOT: Final = b'{"chargePointVendor":"Voltaris","chargePointModel":"Load","firmwareVersion":"1.0"}'
RECONNECT_AFTER: Final = (0.2, 2.0)  # seconds, drawn evenly


class Lost(ConnectionError):
    """The connection ended, was refused, or the server answered a call with a CALLERROR."""


class Latencies:
    """Seconds from call to answer, by action."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}

    def add(self, action: str, seconds: float) -> None:
        self._seconds.setdefault(action, []).append(seconds)

    def count(self, action: str) -> int:
        return len(self._seconds.get(action, ()))

    def percentile(self, action: str, percent: float) -> float:
        """The value that `percent` of the calls did not exceed; not a number without calls."""
        values = sorted(self._seconds.get(action, ()))
        if not values:
            return float("nan")
        return values[min(len(values) - 1, int(len(values) * percent / 100.0))]


class Target(msgspec.Struct, frozen=True):
    """Where bare chargers connect: an IPv4 address, and a path to which the identity is appended."""

    host: str
    port: int
    path: str = "/ocpp"
    password: str | None = None

    @classmethod
    def from_url(cls, url: str, password: str | None = None) -> Target:
        """From ws://host:port/path; TLS is not spoken here."""
        parts = urlsplit(url)
        if parts.scheme != "ws" or not parts.hostname:
            raise ValueError(f"{url!r} is not a ws:// address")
        return cls(parts.hostname, parts.port or 80, parts.path.rstrip("/"), password)

    def upgrade(self, identity: str) -> bytes:
        """The request that opens a WebSocket for this identity."""
        lines = [
            f"GET {self.path}/{quote(identity, safe='')} HTTP/1.1",
            f"Host: {self.host}:{self.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dm9sdHJpbyBsb2FkIGtleQ==",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: ocpp1.6",
        ]
        if self.password is not None:
            token = base64.b64encode(f"{identity}:{self.password}".encode()).decode()
            lines.append(f"Authorization: Basic {token}")
        return "\r\n".join([*lines, "", ""]).encode()


class Call:
    """Our call that waits; settled without an answer when the connection ends."""

    __slots__ = ("answer", "id", "settled")

    def __init__(self, id_: str) -> None:
        self.id = id_
        self.answer: bytes | None = None
        self.settled = trio.Event()


class LoadCharger:
    """One bare charger. `connect`, then `read` in its own task, and `call` from others."""

    __slots__ = (
        "_connection",
        "_mask",
        "_out",
        "_reader",
        "_sending",
        "_sequence",
        "_turn",
        "called",
        "connected",
        "dice",
        "identity",
        "latencies",
        "meter",
        "target",
    )

    def __init__(self, target: Target, identity: str, latencies: Latencies) -> None:
        self.target = target
        self.identity = identity
        self.dice = Random(identity)
        self.meter = self.dice.randrange(1_000, 1_000_000)
        self.connected = False
        self.called = 0  # calls of the server that were answered
        self.latencies = latencies
        self._mask = self.dice.randbytes(4)
        self._connection: sockets.socket | None = None
        self._reader = FrameReader(MAX_MESSAGE, client=True)
        self._turn = trio.Lock()  # one call is out at a time
        self._sending = trio.Lock()
        self._sequence = 0
        self._out: Call | None = None

    async def connect(self) -> None:
        """Open the WebSocket. Raises Lost, with the status line if the server refused."""
        connection = sockets.socket(sockets.AF_INET, sockets.SOCK_STREAM)
        connection.setblocking(False)
        connection.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
        self._connection = connection
        self._reader = FrameReader(MAX_MESSAGE, client=True)
        try:
            await self._open(connection)
            await self._send(self.target.upgrade(self.identity))
            head = b""
            while b"\r\n\r\n" not in head:
                head += await self._receive(connection)
            head, _, rest = head.partition(b"\r\n\r\n")
            status = head.split(b"\r\n", 1)[0].decode("latin-1")
            if " 101 " not in f"{status} ":
                raise Lost(status)
            await self._take(rest)
            self.connected = True
        except (OSError, trio.ClosedResourceError) as error:
            raise Lost(str(error)) from error
        finally:
            if not self.connected:
                self.close()

    def close(self) -> None:
        """Drop the connection without a word; a waiting call fails."""
        connection, self._connection, self.connected = self._connection, None, False
        if connection is not None:
            trio.lowlevel.notify_closing(connection.fileno())
            connection.close()
        if self._out is not None:
            self._out.settled.set()

    async def read(self) -> None:
        """Receive until the connection ends."""
        connection = self._connection
        if connection is None:
            return
        with suppress(OSError, trio.ClosedResourceError):
            try:
                while True:
                    await self._take(await self._receive(connection))
            finally:
                self.close()

    async def call(self, action: str, payload: bytes, timeout: float = 30.0) -> bytes:
        """The payload of the answer. Raises Lost, also where no answer comes in time."""
        async with self._turn:
            if not self.connected:
                raise Lost("not connected")
            self._sequence += 1
            call = self._out = Call(f"{self._sequence:x}")
            began = trio.current_time()
            try:
                await self._send(frame(TEXT, call_text(call.id, action, payload), self._mask))
                with trio.move_on_after(timeout):
                    await call.settled.wait()
            finally:
                self._out = None
        if call.answer is None:
            raise Lost(f"{action}: no answer")
        self.latencies.add(action, trio.current_time() - began)
        return call.answer

    async def boot(self) -> None:
        await self.call("BootNotification", BOOT)

    async def status(self, status: str, connector: int = 1) -> None:
        payload = {"connectorId": connector, "errorCode": "NoError", "status": status, "timestamp": stamp()}
        await self.call("StatusNotification", msgspec.json.encode(payload))

    # The socket.

    async def _open(self, connection: sockets.socket) -> None:
        try:
            connection.connect((self.target.host, self.target.port))
        except BlockingIOError:
            await trio.lowlevel.wait_writable(connection.fileno())
        error = connection.getsockopt(sockets.SOL_SOCKET, sockets.SO_ERROR)
        if error:
            raise OSError(error, "connect")

    async def _receive(self, connection: sockets.socket) -> bytes:
        while True:
            await trio.lowlevel.wait_readable(connection.fileno())
            try:
                data = connection.recv(RECEIVE)
            except BlockingIOError:
                continue
            if not data:
                raise Lost("closed by the server")
            return data

    async def _send(self, data: bytes) -> None:
        async with self._sending:
            view = memoryview(data)
            while view:
                if self._connection is None:
                    raise Lost("not connected")
                try:
                    view = view[self._connection.send(view) :]
                except BlockingIOError:
                    await trio.lowlevel.wait_writable(self._connection.fileno())
                except OSError as error:
                    raise Lost(str(error)) from error

    async def _take(self, data: bytes) -> None:
        for opcode, payload in self._reader.read_all(data):
            if opcode == TEXT:
                kind, message_id, action, body = split(payload)
                if kind == CALL:
                    self.called += 1
                    text = result_text(message_id, ANSWERS.get(action, ACCEPTED))
                    await self._send(frame(TEXT, text, self._mask))
                elif self._out is not None and message_id == self._out.id:
                    if kind == CALLERROR:
                        raise Lost(f"{action}: {body.decode()}")
                    self._out.answer = body
                    self._out.settled.set()
            elif opcode == PING:
                await self._send(frame(PONG, payload, self._mask))
            elif opcode in (CLOSE, VIOLATION):
                raise Lost(f"closed: {payload!r}")


def stamp(at: datetime | None = None) -> str:
    """Now, as OCPP writes it, in whole milliseconds."""
    return (at or now()).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now() -> datetime:
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def sampled(meter_wh: int) -> list[dict[str, str]]:
    """The five samples of one reading."""
    return [
        {"value": str(meter_wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
        {"value": "11040.0", "measurand": "Power.Active.Import", "unit": "W"},
        {"value": "16.00", "measurand": "Current.Import", "phase": "L1", "unit": "A"},
        {"value": "230.1", "measurand": "Voltage", "phase": "L1-N", "unit": "V"},
        {"value": "57.5", "measurand": "SoC", "location": "EV", "unit": "Percent"},
    ]


class Reliable:
    """A charger that reconnects by itself and repeats transaction messages until they are answered."""

    def __init__(self, charger: LoadCharger, call_timeout: float = 30.0) -> None:
        self.charger = charger
        self.ledger: list[Entry] = []
        self.losses = 0
        self._ready = trio.Event()  # booted on this connection
        self._timeout = call_timeout

    async def ready(self) -> None:
        """Wait until the charger is connected and booted."""
        await self._ready.wait()

    async def keep_connected(self) -> None:
        """Connect, boot, tell the status, stay; again after every loss. Never returns."""
        while True:
            try:
                await self.charger.connect()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self.charger.read)
                    await self.charger.boot()
                    await self.charger.status("Available")
                    self._ready.set()
            except* Lost:
                self.charger.close()
            self.losses += 1
            self._ready = trio.Event()
            await trio.sleep(self.charger.dice.uniform(*RECONNECT_AFTER))

    async def deliver(self, action: str, payload: bytes) -> bytes:
        """Send until it is answered, over as many connections as that takes, and time the whole."""
        began = trio.current_time()
        while True:
            await self.ready()
            try:
                answer = await self.charger.call(action, payload, self._timeout)
            except Lost:
                await trio.sleep(self.charger.dice.uniform(*RECONNECT_AFTER))
            else:
                self.charger.latencies.add(f"{action} delivered", trio.current_time() - began)
                return answer

    async def transaction(self, id_tag: str, samples: int, interval: float, connector: int = 1) -> Entry:
        """Start, report `samples` readings `interval` seconds apart, stop; all acknowledged."""
        charger = self.charger
        entry = Entry(
            identity=charger.identity,
            connector=connector,
            id_tag=id_tag,
            started=now(),
            meter_start=charger.meter,
            samples=[],
        )
        self.ledger.append(entry)
        start = {"connectorId": connector, "idTag": id_tag, "meterStart": entry.meter_start}
        answer = await self._say("StartTransaction", start | {"timestamp": stamp(entry.started)})
        entry.transaction_id, entry.start_acknowledged = answer["transactionId"], True
        for _ in range(samples):
            await trio.sleep(interval)
            charger.meter += charger.dice.randrange(1, 200)
            sample = Sample(timestamp=now(), context="Sample.Periodic", energy_wh=charger.meter)
            entry.samples.append(sample)
            value = {"timestamp": stamp(sample.timestamp), "sampledValue": sampled(charger.meter)}
            ids = {"connectorId": connector, "transactionId": entry.transaction_id}
            await self._say("MeterValues", ids | {"meterValue": [value]})
            sample.acknowledged = True
        entry.stopped, entry.meter_stop, entry.reason = now(), charger.meter, "Local"
        stop = {"transactionId": entry.transaction_id, "meterStop": entry.meter_stop, "idTag": id_tag}
        await self._say("StopTransaction", stop | {"timestamp": stamp(entry.stopped)})
        entry.stop_acknowledged = True
        return entry

    async def _say(self, action: str, payload: Mapping[str, Any]) -> Any:
        return msgspec.json.decode(await self.deliver(action, msgspec.json.encode(payload)))


class Storm(msgspec.Struct, frozen=True):
    """What a reconnect storm took, seconds: until all were booted; StartTransaction by percentile."""

    all_booted: float
    start_p50: float
    start_p99: float
    losses: int


async def storm(target: Target, identities: Sequence[str], id_tag: str, call_timeout: float = 60.0) -> Storm:
    """All chargers connect at once, boot, and run a transaction each; returns when all have ended theirs."""
    latencies = Latencies()
    group = [Reliable(LoadCharger(target, identity, latencies), call_timeout) for identity in identities]
    began, last_boot = trio.current_time(), 0.0

    async def take_part(reliable: Reliable) -> None:
        nonlocal last_boot
        async with trio.open_nursery() as nursery:
            nursery.start_soon(reliable.keep_connected)
            await reliable.ready()
            last_boot = trio.current_time()
            await reliable.transaction(id_tag, samples=1, interval=0.1)
            nursery.cancel_scope.cancel()
        reliable.charger.close()

    async with trio.open_nursery() as nursery:
        for reliable in group:
            nursery.start_soon(take_part, reliable)
    return Storm(
        all_booted=last_boot - began,
        start_p50=latencies.percentile("StartTransaction delivered", 50),
        start_p99=latencies.percentile("StartTransaction delivered", 99),
        losses=sum(reliable.losses for reliable in group),
    )
