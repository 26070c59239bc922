"""A bare WebSocket echo server on the product's handshake and frame codec: `python -m bench.echo --port P`.

For conformance suites, and as a figure of its own: what the codec and Trio can do without OCPP. Every message
goes back whole, in the type it came in. A connection is read again only when its echo has left, so a peer
which does not read holds up nobody else and fills nothing but its own socket.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import socket
from collections.abc import Callable
from functools import partial

import trio
from trio.lowlevel import wait_readable, wait_writable

from engine.points.handshake import Handshake, Rejection, accept, refuse
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
    with socket.create_server((host, port), family=family, backlog=BACKLOG) as listener:
        listener.setblocking(False)
        async with trio.open_nursery() as nursery:
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
                nursery.start_soon(_connection, peer, max_size, takeover)


async def _connection(peer: socket.socket, max_size: int, takeover: bool) -> None:
    with peer, contextlib.suppress(ConnectionError):
        with trio.move_on_after(HANDSHAKE_TIMEOUT):
            upgraded = await _handshake(peer, takeover)
            if upgraded is None:
                return
        if upgraded is not None:
            deflate, leftover = upgraded
            await _echo(peer, FrameReader(max_size, deflate=deflate), deflate, leftover)
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


async def _echo(peer: socket.socket, reader: FrameReader, deflate: Deflate | None, data: bytes) -> None:
    """Until the peer closed, or broke the protocol and was told so."""
    sole_text, receive, send = reader.sole_text, peer.recv, peer.send
    while True:
        text = sole_text(data)
        if text is not None and deflate is None:
            reply = frame(TEXT, text)
            sent = _try_send(send, reply)
            if sent < len(reply):
                await _send(peer, reply[sent:])
        elif not await _answer(peer, reader.feed(data), deflate):
            return
        await wait_readable(peer)
        try:
            data = receive(RECEIVE)
        except BlockingIOError:
            data = b""
            continue
        if not data:
            return


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


def _try_send(send: Callable[[bytes], int], data: bytes) -> int:
    try:
        return send(data)
    except BlockingIOError:
        return 0


async def _send(peer: socket.socket, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[peer.send(rest) :]
        except BlockingIOError:
            await wait_writable(peer)


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
