"""One client's connection: its requests one after the other, each read, handed over, answered.

A request that came behind another one waits in the buffer until that one is answered, and no more is received
meanwhile than the buffer may hold. Between two requests others run.

A connection says by when its client must have done something (`due`); `House.watch` looks at all of them once
a second and ends those that are late, so that nothing is timed for a single request.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn, TypeAlias

import msgspec
import structlog
import trio

from api.http import wire
from api.http.body import Chunked, Decoder, Sized
from api.http.channel import Channel
from api.http.head import MAX_HEAD, HeadReader
from api.http.message import Address, Disconnected, Headers, Refusal, Request, Response, plain
from api.http.turns import HANDSHAKE, Turns
from engine.limits import Place

log = structlog.get_logger(__name__)

TICK: Final = 1.0  # seconds between two looks at all connections
LINGER: Final = 2.0  # seconds for a client to take our last words
PIECE: Final = 65_536  # bytes of an answer that are sent at once
UNREAD: Final = 65_536  # bytes of a body nobody wanted that are read to save the connection
BUG: Final = "Something went wrong here; the node's log says what."


class Limits(msgspec.Struct, frozen=True):
    """Bounds of one connection. Times in seconds, of which a second more may pass; sizes in bytes."""

    body: int = 1_048_576
    head_timeout: float = 10.0  # from the connection, or from a request's first byte, to the end of its head
    body_timeout: float = 20.0  # for a body
    idle_timeout: float = 30.0  # between two requests
    write_timeout: float = 30.0  # for a client to take a piece of its answer (PIECE)
    bodies: int = 67_108_864  # of all connections' requests together, while they are served


class House:
    """What the connections of one server share."""

    __slots__ = (
        "bodies", "connections", "dates", "draining", "limits", "noted", "now", "refused", "serve", "turns",
    )  # fmt: skip

    def __init__(
        self,
        serve: Serve,
        limits: Limits,
        *,
        refused: Callable[[int, str], Response] = plain,
        noted: Callable[[int], None] = lambda _: None,
        turns: Turns | None = None,
        dates: wire.Dates | None = None,
    ) -> None:
        self.serve = serve
        self.limits = limits
        self.refused = refused  # how an answer looks that the server itself gives
        self.noted = noted  # told the status of each answer
        self.turns = turns  # None: nobody waits
        self.dates = dates or wire.Dates()
        self.connections: set[Connection] = set()
        self.draining = False
        self.bodies = 0  # bytes of bodies that are held
        self.now = 0.0  # Trio's time at the last look

    async def watch(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> NoReturn:
        """Look at all connections again and again; to be started before the first one comes."""
        self.now = trio.current_time()
        task_status.started()
        while True:
            await trio.sleep(TICK)
            self.now = trio.current_time()
            for connection in list(self.connections):
                connection.look(self.now)

    def drain(self) -> None:
        """Answer what has been asked, and nothing more."""
        self.draining = True
        for connection in list(self.connections):
            if connection.waiting:
                connection.channel.close()


class Body:
    """The body of the present request."""

    __slots__ = ("_connection", "_decoder", "_due", "_expected", "size")

    def __init__(self, length: int | None, connection: Connection, *, expected: bool = False) -> None:
        self._decoder: Decoder = Chunked() if length is None else Sized(length)
        self._expected = expected
        self._connection = connection
        self._due: float | None = None  # it begins with the first look at it
        self.size = 0  # bytes of it that came

    @property
    def done(self) -> bool:
        return self._decoder.done

    @property
    def awaited(self) -> bool:
        """Whether the client still waits to be told to send it; then nobody knows if it will."""
        return self._expected and not self.done

    async def read(self) -> bytes:
        """All of it. Raises Refusal, Disconnected."""
        pieces: list[bytes] = []
        while piece := await self.piece():
            pieces.append(piece)
        return b"".join(pieces)

    async def piece(self) -> bytes:
        """The next piece, b"" behind the last. Raises Refusal, Disconnected."""
        connection, house = self._connection, self._connection.house
        while not self._decoder.done:
            data = self._decoder.take(connection.buffer)
            self.size += len(data)
            house.bodies += len(data)
            if self.size > house.limits.body:
                raise Refusal(413, f"a body has at most {house.limits.body} bytes")
            if house.bodies > house.limits.bodies:
                raise Refusal(503, "too much is being sent here at this moment")
            if data:
                return data
            if not self._decoder.done:
                await self._more()
        return b""

    async def _more(self) -> None:
        connection = self._connection
        if self._due is None:
            self._due = connection.house.now + connection.house.limits.body_timeout
        connection.due = self._due
        if self._expected:  # RFC 9110 §10.1.1
            self._expected = False
            await connection.channel.send(wire.CONTINUE)
        data = await connection.channel.receive()
        connection.due = math.inf
        if not data:
            raise Disconnected("it left within a body, or did not send it in time")
        connection.buffer += data


class Exchange:
    """A request and its answer: whole with `respond`, or begun, written and ended."""

    __slots__ = ("_connection", "_left", "_mode", "also", "body", "ended", "keep_alive", "request", "status")

    def __init__(self, request: Request, body: Body, connection: Connection) -> None:
        self.request = request
        self.body = body
        self.keep_alive = request.keep_alive
        self.also: Headers = ()  # of the answer, whoever gives it
        self.status = 0  # of the answer; 0: it has not begun
        self.ended = False
        self._connection = connection
        self._mode = ""  # how the body is framed: sized, chunked, until the end, none
        self._left = 0  # bytes of a sized one that are still to come

    async def respond(self, response: Response) -> None:
        """The whole answer."""
        await self.answer(response.status, response.headers, response.body)

    async def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """The whole answer, in parts."""
        if self.status:
            raise RuntimeError("this request has an answer")
        framing = self._framing(status, len(body))
        head = wire.head(status, (*headers, *self.also) if self.also else headers, framing)
        self.status = status
        self.ended = True
        await self._connection.send(head if self._mode == "none" else head + body)

    async def begin(
        self, status: int, headers: Headers, length: int | None, first: bytes = b"", *, more: bool = False
    ) -> None:
        """Send the head and the first piece of the body; `length` None: not known beforehand."""
        if self.status:
            raise RuntimeError("this request has an answer")
        framing = self._framing(status, length)
        head = wire.head(status, (*headers, *self.also), framing)
        self.status = status
        await self._send(head, first, more=more)

    async def write(self, data: bytes, *, more: bool = True) -> None:
        """Send another piece of the body, the last one unless there are `more`."""
        if not self.status or self.ended:
            raise RuntimeError("an answer is written between its begin and its end")
        await self._send(b"", data, more=more)

    async def departure(self) -> None:
        """Wait until the client leaves. What it sends meanwhile is kept, up to the size of a head."""
        buffer = self._connection.buffer
        while len(buffer) < MAX_HEAD:
            data = await self._connection.channel.receive()
            if not data:
                return
            buffer += data
        await trio.sleep_forever()

    def _framing(self, status: int, length: int | None) -> bytes:
        house = self._connection.house
        house.noted(status)
        framing = house.dates.line()
        if house.draining or self.body.awaited:
            self.keep_alive = False
        if status in wire.WITHOUT_BODY:
            self._mode = "none"
        elif length is not None:
            self._mode, self._left = "sized", length
            framing += b"content-length: %d\r\n" % length
        elif self.request.version == "1.1":
            self._mode = "chunked"
            framing += b"transfer-encoding: chunked\r\n"
        else:
            self._mode = "until the end"
            self.keep_alive = False
        if self.request.method == "HEAD":
            self._mode = "none"
        return framing if self.keep_alive else framing + b"connection: close\r\n"

    async def _send(self, head: bytes, data: bytes, *, more: bool) -> None:
        if self._mode == "none":
            data = b""
        elif self._mode == "sized":
            self._left -= len(data)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("a body of another length than was said")
        elif self._mode == "chunked":
            data = (wire.chunk(data) if data else b"") + (b"" if more else wire.LAST_CHUNK)
        self.ended = not more
        if head or data:
            await self._connection.send(head + data)


Serve: TypeAlias = Callable[[Exchange], Awaitable[None]]


class Connection:
    """`run` serves a client until it leaves, or has to."""

    __slots__ = (
        "_client", "_heads", "_idle", "_nothing", "_owed", "_owner", "_place", "_secure", "buffer", "channel",
        "due", "house", "waiting",
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
        self._client = client[0]
        self._owner = house.turns.owner(client[0]) if house.turns is not None else ""
        self._idle = True  # as its place knows it
        self._owed = False  # a request has begun to come, and no answer to go
        self._secure = secure
        self._heads = HeadReader(client, server, secure=secure)
        self._nothing = Body(0, self)  # of requests without a body

    async def run(self) -> None:
        """Never raises but Cancelled."""
        self.house.connections.add(self)
        try:
            self.due = self.house.now + self.house.limits.head_timeout
            if self._secure and self.house.turns is not None:
                await self._wait_for_turn(self.house.turns, (), HANDSHAKE)
            await self.channel.open()
            while await self._next():
                self.due = self.house.now + self.house.limits.idle_timeout
            self.due = self.house.now + LINGER
            self.waiting = True
            await self.channel.finish()
        except (Disconnected, Refusal):
            pass
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
            if self._owed:
                self.channel.tell(self._refusal(Refusal(408, "the request did not come in time")))
            self.channel.close()

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
            self.house.bodies -= exchange.body.size

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
        owner = self._owner or turns.behind(self._client, headers)
        wait = turns.take(owner, trio.current_time(), number)
        if wait > 0:
            await trio.sleep(wait)

    async def _head(self) -> bytes | None:
        """The next request's head, None when the client is gone. Raises Refusal."""
        heads, buffer = self._heads, self.buffer
        head = heads.cut(buffer) if buffer else None
        if head is not None:
            self._owed = True
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
