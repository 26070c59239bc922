"""Applications to compare HTTP servers with: one that costs nothing, and the same with Quart-Trio."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from quart import Response
from quart_trio import QuartTrio

BODY: Final = b"x" * 400
KIND: Final = "text/plain"

Receive: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
Send: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]


async def empty(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """The same answer to everything."""
    if scope["type"] == "lifespan":
        for phase in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})
        return
    headers = [(b"content-type", KIND.encode()), (b"content-length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


def quart() -> QuartTrio:
    """The same with a framework, at `/`."""
    app = QuartTrio("bench")

    @app.get("/")
    async def root() -> Response:
        return Response(BODY, content_type=KIND)

    return app


APPLICATIONS: Final[Mapping[str, Callable[[], Application]]] = {"empty": lambda: empty, "quart": quart}
