"""A bare WebSocket echo server on the product's handshake, poller and codec: `python -m bench.echo --port P`.

For conformance suites, and as a figure of its own: what codec and Trio can do without OCPP. Every message
goes back whole, in the type it came in. A connection is read again only when its echo has left, so a peer
which does not read holds up nobody else and fills nothing but its own socket.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import socket
from functools import partial

import trio
from trio.lowlevel import wait_readable, wait_writable

from engine.points.handshake import Handshake, Rejection, accept, refuse
from engine.points.poller import Poller
from ext.websocket import BINARY, CLOSE, PING, PONG, TEXT, VIOLATION, Deflate, FrameReader, frame

RECEIVE = 65_536  # bytes
HANDSHAKE_TIMEOUT = 20.0  # seconds
LINGER = 5.0  # seconds for the peer to close after our close frame
BACKLOG = 4_096


async def serve(
    host: str,
    port: int,
    max_size: int,
    takeover: bool,
    *,
    task_status: trio.TaskStatus[tuple[str, int]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Echo on `host`:`port` (0: the system chooses) until cancelled. Reports the address it listens on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    poller = Poller()
    with socket.create_server((host, port), family=family, backlog=BACKLOG) as listener:
        listener.setblocking(False)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(poller.run)
            task_status.started(listener.getsockname()[:2])
            while True:
                await wait_readable(listener)
                try:
                    peer, _ = listener.accept()
                except (BlockingIOError, ConnectionError):
                    continue
                except OSError as error:
                    if error.errno not in (errno.EMFILE, errno.ENFILE):
                        raise
                    await trio.sleep(0.1)
                    continue
                peer.setblocking(False)
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                nursery.start_soon(_connection, peer, poller, max_size, takeover)


async def _connection(peer: socket.socket, poller: Poller, max_size: int, takeover: bool) -> None:
    with peer, contextlib.suppress(ConnectionError):
        upgraded = None
        with trio.move_on_after(HANDSHAKE_TIMEOUT):
            upgraded = await _handshake(peer, takeover)
        if upgraded is not None:
            deflate, leftover = upgraded
            reader = FrameReader(max_size, deflate=deflate)
            if await _answer(peer, reader.read_all(leftover), deflate):
                await _Echo(peer, poller, reader, deflate).run()
            await _linger(peer)


async def _handshake(peer: socket.socket, takeover: bool) -> tuple[Deflate | None, bytes] | None:
    handshake = Handshake()
    while (request := handshake.receive(await _receive(peer))) is None:
        pass
    if isinstance(request, Rejection):
        await _send(peer, refuse(request))
        return None
    subprotocol = request.subprotocols[0] if request.subprotocols else None
    accepted = accept(request, subprotocol, takeover=takeover)
    await _send(peer, accepted.response)
    return accepted.deflate, request.leftover


class _Echo:
    """One connection. Short texts are echoed right in the poller's call, the rest by the task it wakes."""

    __slots__ = ("_deflate", "_left", "_peer", "_poller", "_reader", "_task")

    def __init__(
        self, peer: socket.socket, poller: Poller, reader: FrameReader, deflate: Deflate | None
    ) -> None:
        self._peer = peer
        self._poller = poller
        self._reader = reader
        self._deflate = deflate
        self._task = trio.lowlevel.current_task()
        self._left: tuple[bytes | None, bytes] = (None, b"")  # for the task to do

    async def run(self) -> None:
        """Until the peer closed, or broke the protocol and was told so. Raises ConnectionError."""
        while True:
            received, unsent = await self._wait()
            await _send(self._peer, unsent)
            if received is None:
                continue
            if not received or not await _answer(self._peer, self._reader.read_all(received), self._deflate):
                return

    async def _wait(self) -> tuple[bytes | None, bytes]:
        """What was received (b"": the end, None: it is answered already) and what is still to be sent."""
        number = self._peer.fileno()
        self._poller.watch(number, self._ready)

        def abort(_: object) -> trio.lowlevel.Abort:
            self._poller.forget(number)
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)
        return self._left

    def _wake(self, received: bytes | None, unsent: bytes = b"") -> None:
        self._poller.forget(self._peer.fileno())
        self._left = (received, unsent)
        trio.lowlevel.reschedule(self._task)

    def _ready(self) -> None:
        try:
            data = self._peer.recv(RECEIVE)
            text = None if self._deflate else self._reader.sole_text(data)
            if text is None:
                self._wake(data)
                return
            reply = frame(TEXT, text)
            sent = _try_send(self._peer, reply)
            if sent < len(reply):
                self._wake(None, reply[sent:])
        except BlockingIOError:
            return
        except ConnectionError:
            self._wake(b"")


async def _answer(peer: socket.socket, events: list[tuple[int, bytes]], deflate: Deflate | None) -> bool:
    """False once the connection is over."""
    for opcode, payload in events:
        if opcode in (TEXT, BINARY):
            if deflate is None:
                await _send(peer, frame(opcode, payload))
            else:
                await _send(peer, frame(opcode, deflate.compress(payload), rsv1=True))
        elif opcode == PING:
            await _send(peer, frame(PONG, payload))
        elif opcode in (CLOSE, VIOLATION):
            await _send(peer, frame(CLOSE, payload))
            return False
    return True


async def _receive(peer: socket.socket) -> bytes:
    while True:
        await wait_readable(peer)
        with contextlib.suppress(BlockingIOError):
            return peer.recv(RECEIVE)


def _try_send(peer: socket.socket, data: bytes | memoryview) -> int:
    try:
        return peer.send(data)
    except BlockingIOError:
        return 0


async def _send(peer: socket.socket, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        sent = _try_send(peer, rest)
        if sent == 0:
            await wait_writable(peer)
        rest = rest[sent:]


async def _linger(peer: socket.socket) -> None:
    """Let our close frame arrive: closing over unread data would reset the connection (RFC 6455 §7.1.1)."""
    with trio.move_on_after(LINGER), contextlib.suppress(OSError):
        peer.shutdown(socket.SHUT_WR)
        while await _receive(peer):
            pass


async def _main(host: str, port: int, max_size: int, takeover: bool) -> None:
    async with trio.open_nursery() as nursery:
        name, bound = await nursery.start(partial(serve, host, port, max_size, takeover))
        print(f"echo on ws://{f'[{name}]' if ':' in name else name}:{bound}", flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.echo", description="A bare WebSocket echo server.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 lets the system choose")
    parser.add_argument("--max-size", type=int, default=16 * 1024 * 1024, help="largest message, bytes")
    parser.add_argument("--takeover", action="store_true", help="keep deflate contexts between messages")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        trio.run(_main, options.host, options.port, options.max_size, options.takeover)


if __name__ == "__main__":
    main()
