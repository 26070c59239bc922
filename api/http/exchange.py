"""A request and its answer: the body as it comes in, the answer as it goes out, and how both are framed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import trio

from api.http import wire
from api.http.body import Chunked, Decoder, Sized
from api.http.head import MAX_HEAD
from api.http.message import Disconnected, Headers, Refusal, Request, Response

if TYPE_CHECKING:
    from api.http.connection import Connection


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
            house.hold(connection.owner, len(data))
            if self.size > house.limits.body:
                raise Refusal(413, f"a body has at most {house.limits.body} bytes")
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
