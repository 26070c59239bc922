"""However one client misbehaves at the HTTP port, chargers charge on, and other clients are answered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import trio

from engine.settings import Settings
from engine.store.background import plain_errors
from tests.hostile.harness import LONG, PATIENCE, Scale, Site

MEBIBYTE = 1 << 20
MEMORY = 96 * MEBIBYTE  # more than before, whatever comes
ROUNDS = 2
GOOD_ADDRESS = "127.0.0.2"  # the attacker has 127.0.0.1
AT_ONCE = 50  # connections that an attacker uses for floods
PIECE = 65_536

HOST = b"Host: 127.0.0.1\r\n"
ALIVE = b"GET /health/live HTTP/1.1\r\n" + HOST + b"\r\n"
METRICS = b"GET /metrics HTTP/1.1\r\n" + HOST + b"\r\n"
WRONG = b"GET /admin-api/v1/stations HTTP/1.1\r\n" + HOST + b"Authorization: Bearer x\r\n\r\n"
POST = b"POST /admin-api/v1/stations HTTP/1.1\r\n" + HOST

Attack = Callable[[Site], Awaitable[None]]


async def connected(site: Site, source: str = "127.0.0.1") -> trio.SocketStream:
    sock = trio.socket.socket()
    try:
        await sock.bind((source, 0))
        await sock.connect(("127.0.0.1", site.program.http_port))
    except BaseException:
        sock.close()
        raise
    return trio.SocketStream(sock)


@asynccontextmanager
async def connection(site: Site) -> AsyncIterator[trio.SocketStream]:
    """One of an attacker's: that the node ends it is no error, and it comes again."""
    stream = await connected(site)
    with suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
        async with stream:
            yield stream


async def again_and_again(
    site: Site, number: int, one: Callable[[trio.SocketStream], Awaitable[None]]
) -> None:
    """So many connections at a time on which `one` is done, for ever."""

    async def repeat() -> None:
        while True:
            with suppress(OSError):
                async with connection(site) as stream:
                    await one(stream)

    async with trio.open_nursery() as nursery:
        for _ in range(number):
            nursery.start_soon(repeat)


async def drain(stream: trio.SocketStream) -> None:
    while await stream.receive_some(PIECE):
        pass


def flood(request: bytes) -> Attack:
    """The same request as fast as it is taken, answers read."""

    async def one(stream: trio.SocketStream) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(drain, stream)
            while True:
                await stream.send_all(request * (PIECE // len(request)))

    return lambda site: again_and_again(site, AT_ONCE, one)


def deaf(request: bytes) -> Attack:
    """The same, answers not read."""

    async def one(stream: trio.SocketStream) -> None:
        while True:
            await stream.send_all(request * (PIECE // len(request)))

    return lambda site: again_and_again(site, AT_ONCE, one)


def stuck(begin: bytes, *, number: int = Settings().max_http_connections) -> Attack:
    """As many connections as the port takes, each with the begin of a request that never ends."""

    async def one(stream: trio.SocketStream) -> None:
        await stream.send_all(begin)
        await drain(stream)

    return lambda site: again_and_again(site, number, one)


def hit_and_run(what: bytes) -> Attack:
    """Connect, say it, leave, as fast as that goes."""

    async def one(stream: trio.SocketStream) -> None:
        await stream.send_all(what)

    return lambda site: again_and_again(site, AT_ONCE, one)


# Small ones in `make check`, all of them in `make soak`.
FEW: dict[str, Attack] = {
    "requests": flood(ALIVE),
    "half heads": stuck(b"GET / HTTP/1.1\r\nX-Slow: "),
    "half bodies": stuck(POST + b"Content-Length: 1000000\r\n\r\n" + b"x" * 200_000, number=400),
    "tiny chunks": flood(POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 9_000 + b"0\r\n\r\n"),
    "connections": hit_and_run(b""),
}
MORE: dict[str, Attack] = {
    "metrics": flood(METRICS),
    "wrong tokens": flood(WRONG),
    "answers not read": deaf(METRICS),
    "idle connections": stuck(b""),
    "huge heads": flood(b"GET / HTTP/1.1\r\nX: " + b"y" * 40_000),
    "garbage": flood(bytes(range(256)) * 16),
    "resets within bodies": hit_and_run(POST + b"Content-Length: 100\r\n\r\nx"),
}


class Visitor:
    """A client that asks as a good one does: one request after the other, on a new connection each."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.answered = 0
        body = b'{"uid": "VISITOR"}'
        self._requests = (
            b"GET /health/ready HTTP/1.0\r\n\r\n",
            b"POST /admin-api/v1/id-tags HTTP/1.0\r\nAuthorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b"
            % (site.program.token.encode(), len(body), body),
        )

    async def visit(self) -> None:
        while True:
            for request in self._requests:
                with trio.fail_after(PATIENCE):
                    answer = await self._ask(request)
                assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 201 ")), answer
                self.answered += 1

    async def _ask(self, request: bytes) -> bytes:
        async with await connected(self._site, GOOD_ADDRESS) as stream:
            await stream.send_all(request)
            return b"".join([piece async for piece in stream])


@pytest.mark.parametrize("attack", FEW.values(), ids=FEW)
async def test_one_client_misbehaves(site: Site, scale: Scale, attack: Attack) -> None:
    await others_go_on(site, scale, attack)


@pytest.mark.soak
@pytest.mark.parametrize("attack", MORE.values(), ids=MORE)
async def test_one_client_misbehaves_in_other_ways(site: Site, attack: Attack) -> None:
    await others_go_on(site, LONG, attack)


async def others_go_on(site: Site, scale: Scale, attack: Attack) -> None:
    """Chargers charge and a good client is answered while the attack goes on, within bounds of memory."""
    site.forget_peak()
    before = site.peak
    visitor = Visitor(site)

    async def attacked() -> None:
        with plain_errors():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(attack, site)
                nursery.start_soon(visitor.visit)

    async with site.crowd(scale.good) as crowd:
        await crowd.goes_on_during(attacked, ROUNDS * scale.times)
    assert visitor.answered
    assert site.peak - before < MEMORY
    print(f"{visitor.answered} visits; {(site.peak - before) / MEBIBYTE:.0f} MiB more")
