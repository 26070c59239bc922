"""Voltrio's HTTP server alone: with a plain function, or with the ASGI applications that its peers serve."""

from __future__ import annotations

import argparse
from contextlib import AsyncExitStack

import trio

from api.cli.serve import calm_collector
from api.http.asgi import asgi, lifespan
from api.http.exchange import Exchange
from api.http.house import House, Limits, Serve
from api.http.message import Request, Response
from api.http.server import Server
from bench.peers.asgi_apps import APPLICATIONS, BODY, KIND
from engine.limits import Places
from engine.points.sockets import listen

HEADERS = ((b"content-type", KIND.encode()),)
PLACES = 10_000


async def answer(_: Request) -> Response:
    return Response(200, BODY, HEADERS)


async def plain(exchange: Exchange) -> None:
    await exchange.respond(await answer(exchange.request))


async def main(port: int, app: str) -> None:
    """Serve until terminated."""
    async with AsyncExitStack() as stack:
        serve: Serve = plain
        if app != "plain":
            application = APPLICATIONS[app]()
            await stack.enter_async_context(lifespan(application))
            serve = asgi(application)
        server = Server(House(serve, Limits()), Places(lambda: PLACES, PLACES))
        calm_collector()
        await server.run(await listen("127.0.0.1", port))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--app", choices=["plain", *APPLICATIONS], default="plain")
    options = parser.parse_args()
    trio.run(main, options.port, options.app)
