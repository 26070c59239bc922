"""ASGI applications on this server: HTTP and lifespan (asgi.readthedocs.io, version 3.0); no WebSocket.

The body comes piece by piece when the application asks for it, and what it sends is on its way before it may
send more.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import trio

from api.http.exchange import Exchange
from api.http.house import Serve
from api.http.message import Disconnected, Headers, Refusal

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]  # scope, receive, send

ASGI: Final = {"version": "3.0", "spec_version": "2.4"}
SHUTDOWN: Final = 5.0  # seconds for an application to end


def asgi(application: Application) -> Serve:
    """What answers requests by asking the application."""

    def serve(exchange: Exchange) -> Awaitable[None]:
        return _Call(exchange).run(application)

    return serve


@asynccontextmanager
async def lifespan(application: Application) -> AsyncIterator[None]:
    """The application's life: begun before, and ended after, what is done within. Raises what it failed with.

    No cancellation around it cuts its end short: requests that are still served may need the application.
    """
    asking, asked = trio.open_memory_channel[Message](2)
    answering, answers = trio.open_memory_channel[Message](2)

    living = trio.CancelScope(shield=True)

    async def live() -> None:
        with living, answering:
            await application({"type": "lifespan", "asgi": ASGI, "state": {}}, asked.receive, answering.send)

    async def phase(name: str) -> None:
        asking.send_nowait({"type": f"lifespan.{name}"})
        answer = await answers.receive()
        if answer["type"] != f"lifespan.{name}.complete":
            raise RuntimeError(f"the application failed at its {name}: {answer.get('message', '')}")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(live)
        try:
            await phase("startup")
            try:
                yield
            finally:
                with trio.CancelScope(shield=True, deadline=trio.current_time() + SHUTDOWN):
                    await phase("shutdown")
        finally:
            living.cancel()


class _Call:
    """One request to an application."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._head: tuple[int, Headers] | None = None  # waits for the first piece of the body
        self._failure: Refusal | Disconnected | None = None  # why the application was told of a disconnect
        self._all_given = False  # of the request's body
        self._watch: trio.CancelScope | None = None  # of who waits for the client to leave

    async def run(self, application: Application) -> None:
        request = self._exchange.request
        scope = {
            "type": "http",
            "asgi": ASGI,
            "http_version": request.version,
            "method": request.method,
            "scheme": "https" if request.secure else "http",
            "path": request.path,
            "raw_path": request.raw_path,
            "query_string": request.query,
            "root_path": "",
            "headers": request.headers,
            "client": request.client,
            "server": request.server,
            "extensions": {},
        }
        try:
            await application(scope, self._receive, self._send)
        except* Disconnected:
            self._failure = self._failure or Disconnected()
        if self._failure is not None and not self._exchange.ended:
            raise self._failure
        if not self._exchange.ended:
            raise RuntimeError("the application gave no answer, or none with an end")

    async def _receive(self) -> Message:
        exchange = self._exchange
        if self._failure is None and not exchange.ended:
            try:
                if not self._all_given:
                    piece = await exchange.body.piece()
                    self._all_given = exchange.body.done
                    return {"type": "http.request", "body": piece, "more_body": not self._all_given}
                with trio.CancelScope() as self._watch:
                    await exchange.departure()
                    self._failure = Disconnected()
            except (Refusal, Disconnected) as error:
                self._failure = error
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._failure is not None:
            raise Disconnected
        if message["type"] == "http.response.start":
            self._head = (message["status"], message.get("headers", ()))
            return
        data, more = message.get("body", b""), message.get("more_body", False)
        if self._head is None:
            await self._exchange.write(data, more=more)
        else:
            status, headers = self._head
            self._head = None
            if more or self._exchange.request.method == "HEAD":
                await self._exchange.begin(status, headers, _said(headers), data, more=more)
            else:
                await self._exchange.answer(status, headers, data)
        if not more and self._watch is not None:
            self._watch.cancel()


def _said(headers: Headers) -> int | None:
    """The Content-Length that an application announces."""
    return next((int(value) for name, value in headers if name.lower() == b"content-length"), None)
