"""One client's connection: its requests one after the other, each read, handed over, answered.

A request that came behind another one waits in the buffer until that one is answered, and no more is received
meanwhile than the buffer may hold. Between two requests others run.
"""

from __future__ import annotations

import math
from typing import Final

import structlog
import trio

from api.http import wire
from api.http.channel import Channel
from api.http.exchange import Body, Exchange
from api.http.head import HeadReader
from api.http.house import House
from api.http.message import Address, Disconnected, Headers, Refusal, Request
from api.http.turns import HANDSHAKE, Turns
from engine.limits import Place

log = structlog.get_logger(__name__)

LINGER: Final = 2.0  # seconds for a client to take our last words
PIECE: Final = 65_536  # bytes of an answer that are sent at once
UNREAD: Final = 65_536  # bytes of a body nobody wanted that are read to save the connection
BUG: Final = "Something went wrong here; the node's log says what."


class Connection:
    """`run` serves a client until it leaves, or has to."""

    __slots__ = (
        "_client", "_heads", "_idle", "_nothing", "_owed", "_place", "_secure", "buffer", "channel", "due",
        "house", "owner", "waiting",
    )  # fmt: skip

    def __init__(
        self, channel: Channel, house: House, place: Place, client: Address, server: Address, *, secure: bool
    ) -> None:
        self.channel = channel
        self.house = house
        self.buffer = bytearray()
        self.waiting = True  # for a request: nobody loses anything if it ends now
        self.due = math.inf  # Trio's time by which the client must have done what it is waited for
        self._place = place
        self.owner = "" if house.turns is None else house.turns.owner(client[0])  # whose turns it takes
        self._client = client[0]
        self._idle = True  # as its place knows it
        self._owed = False  # a request has begun to come, and no answer to go
        self._secure = secure
        self._heads = HeadReader(client, server, secure=secure)
        self._nothing = Body(0, self)  # of requests without a body

    async def run(self) -> None:
        """Never raises but Cancelled."""
        self.house.connections.add(self)
        try:
            if self.house.turns is not None and self.owner:
                await self._wait_for_turn(self.house.turns, (), HANDSHAKE if self._secure else 1)
            self.due = self.house.now + self.house.limits.head_timeout
            await self.channel.open()
            while await self._next():
                self.due = self.house.now + self.house.limits.idle_timeout
            self.due = self.house.now + LINGER
            self.waiting = True
            await self.channel.finish()
        except Disconnected:
            pass
        except Refusal as refusal:
            self.channel.part(self._refusal(refusal) if not self._secure else b"")
        except Exception:
            log.exception("an HTTP connection failed")
        finally:
            self.house.connections.discard(self)
            self.channel.close()
            self.buffer.clear()
            self._place.leave()

    def look(self, now: float) -> None:
        """End it if its client is late; let it give way to others while it only waits."""
        if self.waiting and not self._idle:
            self._idle = True
            self._place.idle()
        if now >= self.due:
            late = Refusal(408, "the request did not come in time")
            self.channel.part(self._refusal(late) if self._owed else b"")

    async def send(self, data: bytes) -> None:
        """Send a piece of an answer, which the client has to take."""
        self._owed = False
        patience = self.house.limits.write_timeout
        if len(data) <= PIECE:
            self.due = self.house.now + patience
            await self.channel.send(data)
        else:
            rest = memoryview(data)
            for start in range(0, len(data), PIECE):
                self.due = self.house.now + patience
                await self.channel.send(rest[start : start + PIECE])
        self.due = math.inf

    async def _next(self) -> bool:
        """Serve one request; whether there may be another."""
        try:
            head = await self._head()
            if head is None:
                return False
            request = self._heads.parse(head)
            exchange = Exchange(request, self._body(request), self)
        except Refusal as refusal:
            await self._refuse(refusal)
            return False
        try:
            return await self._answered(exchange)
        finally:
            if exchange.body.size:
                self.house.release(self.owner, exchange.body.size)

    async def _answered(self, exchange: Exchange) -> bool:
        """Have it answered; whether another one may follow. Raises Disconnected."""
        request = exchange.request
        try:
            if self.house.turns is not None:
                await self._wait_for_turn(self.house.turns, request.headers)
            await self.house.serve(exchange)
        except Refusal as refusal:
            await self._refuse(refusal, exchange)
            return False
        except Disconnected:
            raise
        except Exception:
            log.exception("a request failed", method=request.method, path=request.path)
            await self._refuse(Refusal(500, BUG), exchange)
            return False
        if not exchange.ended:
            raise Disconnected("there is no answer, or it has no end")
        return exchange.keep_alive and (exchange.body.done or await self._is_read(exchange.body))

    async def _wait_for_turn(self, turns: Turns, headers: Headers, number: int = 1) -> None:
        """Raises Refusal where it would take too long."""
        owner = self.owner or turns.behind(self._client, headers)
        wait = turns.take(owner, trio.current_time(), number)
        if wait > 0:
            await trio.sleep(wait)

    async def _head(self) -> bytes | None:
        """The next request's head, None when the client is gone. Raises Refusal."""
        heads, buffer = self._heads, self.buffer
        head = heads.cut(buffer) if buffer else None
        if head is not None:
            self._owed = True
            self.due = math.inf
            await trio.lowlevel.checkpoint()  # nothing was waited for: it is others' turn
            return head
        self.waiting = True
        while head is None:
            if buffer and not self._owed:
                self._owed = True
                self.due = min(self.due, self.house.now + self.house.limits.head_timeout)
            data = await self.channel.receive()
            if not data:
                return None
            buffer += data
            head = heads.cut(buffer)
        self.waiting = False
        self._owed = True
        self.due = math.inf
        if self._idle:
            self._idle = False
            self._place.busy()
        return head

    def _body(self, request: Request) -> Body:
        length, limit = request.body_length, self.house.limits.body
        if length is not None and length > limit:
            raise Refusal(413, f"a body has at most {limit} bytes")
        body = self._nothing if length == 0 else Body(length, self, expected=request.expects_continue)
        request.read = body.read
        return body

    async def _is_read(self, body: Body) -> bool:
        """Read on to the end of the body if that is near; whether the next request can be found."""
        left = UNREAD
        try:
            while left > 0 and not body.done:
                left -= len(await body.piece())
        except (Refusal, Disconnected):
            return False
        return body.done

    async def _refuse(self, refusal: Refusal, exchange: Exchange | None = None) -> None:
        """Answer, if there is no answer yet, and let it be the last one."""
        if exchange is None or not exchange.status:
            bare = exchange is not None and exchange.request.method == "HEAD"
            await self.send(self._refusal(refusal, bare=bare))

    def _refusal(self, refusal: Refusal, *, bare: bool = False) -> bytes:
        self.house.noted(refusal.status)
        response = self.house.refused(refusal.status, refusal.message)
        framing = b"%bcontent-length: %d\r\nconnection: close\r\n" % (
            self.house.dates.line(),
            len(response.body),
        )
        head = wire.head(refusal.status, (*response.headers, *refusal.headers), framing)
        return head if bare else head + response.body
