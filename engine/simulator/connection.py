"""The WebSocket under a charger's link (trio-websocket): dial, upgrade, run, close. All that can go wrong on
this way ends as LinkLost or Refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import trio
from trio_websocket import ConnectionRejected, WebSocketConnection, wrap_client_stream

from engine.simulator.address import Address
from engine.simulator.link import Handling, Link, LinkLost, Refused

E = TypeVar("E", bound=Exception)

HANDSHAKE_TIMEOUT: Final = 20.0
CLOSE_TIMEOUT: Final = 2.0


class Tap(trio.abc.Stream):
    """The byte stream under the WebSocket: tells when it ends during the upgrade, and can be cut."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.upgraded = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        with self._telling():
            data = await self._stream.receive_some(max_bytes)
        if not data and not self.upgraded:
            raise LinkLost("connection ended during the upgrade")
        return bytes(data)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        with self._telling():
            await self._stream.send_all(data)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """The WebSocket would wait for ever for an upgrade on a broken stream."""
        try:
            yield
        except trio.BrokenResourceError as error:
            if self.upgraded:
                raise
            raise LinkLost(f"connection broke during the upgrade: {error.__cause__ or error}") from error

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def cut(self) -> None:
        """End it without a word, as a power cut does."""
        await trio.aclose_forcefully(self._stream)


def _root(error: BaseException) -> str:
    """What went wrong at the bottom: a failed TLS handshake is the cause, a failed address is in a group."""
    inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error.__cause__
    return _root(inner) if inner is not None else str(error)


async def converse(
    where: Address,
    subprotocol: str,
    owner: Handling,
    call_timeout: float,
    body: Callable[[Link], Awaitable[None]],
) -> None:
    """Connect, run `body` beside the receiver, close. Raises LinkLost or Refused if that ends too early."""
    try:
        with trio.fail_after(HANDSHAKE_TIMEOUT):
            tap = Tap(await where.dial())
    except (OSError, trio.BrokenResourceError, trio.TooSlowError) as error:
        raise LinkLost(f"cannot connect: {_root(error) or 'no answer in time'}") from error
    ending: LinkLost | Refused | None = None
    try:
        async with trio.open_nursery() as nursery:
            socket = await _upgrade(nursery, where, tap, subprotocol)
            if socket.subprotocol != subprotocol:
                owner.complain("subprotocol", f"asked for {subprotocol}, got {socket.subprotocol}", "")
            await _talk(Link(socket, tap.cut, owner, call_timeout), socket, body)
            nursery.cancel_scope.cancel()
    except* LinkLost as lost:
        ending = _first(lost)
    except* ConnectionRejected as rejected:
        first = _first(rejected)
        ending = Refused(first.status_code, first.body)
    finally:
        await trio.aclose_forcefully(tap)
    if ending is not None:
        raise ending


async def _upgrade(nursery: trio.Nursery, where: Address, tap: Tap, subprotocol: str) -> WebSocketConnection:
    try:
        with trio.fail_after(HANDSHAKE_TIMEOUT):
            socket = await wrap_client_stream(
                nursery,
                tap,  # type: ignore[arg-type]  # its annotation is narrower than its documentation: any Stream will do
                where.host,
                where.resource,
                subprotocols=[subprotocol],
                extra_headers=list(where.headers),
            )
    except trio.TooSlowError:
        raise LinkLost("the upgrade took too long") from None
    tap.upgraded = True
    return socket


async def _talk(link: Link, socket: WebSocketConnection, body: Callable[[Link], Awaitable[None]]) -> None:
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(link.run)
            await body(link)
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(deadline=trio.current_time() + CLOSE_TIMEOUT, shield=True):
            await socket.aclose()


def _first(group: ExceptionGroup[E]) -> E:
    """The first plain exception of a group of one kind."""
    first: E | ExceptionGroup[E] = group
    while isinstance(first, ExceptionGroup):
        first = first.exceptions[0]
    return first
