"""One bare charger of OCPP 1.6: a raw socket, a reading task, one call out at a time."""

from __future__ import annotations

import socket as sockets
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Final

import msgspec
import trio

from engine.simulator.load.latencies import Latencies
from engine.simulator.load.target import Target
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


class Lost(ConnectionError):
    """The connection ended, was refused, or the server answered a call with a CALLERROR."""


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
