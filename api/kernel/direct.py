"""Operations without a framework: each answers at one path; all other paths are the application's.

A request costs a tenth of one that goes through the application. For what is asked often, or must be answered
when nothing else works.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl

from werkzeug.exceptions import HTTPException, MethodNotAllowed

from api.http.exchange import Exchange
from api.http.house import Serve
from api.http.message import Handler, Request, Response
from api.kernel.answers import CORRELATION, HEADERS, correlate
from api.kernel.auth import Client
from api.kernel.operations import Asked, Operation, failed
from api.kernel.problems import Render
from engine.errors import VoltrioError

ALWAYS: Final = tuple((name.lower().encode(), value.encode()) for name, value in HEADERS.items())
_CORRELATION: Final = CORRELATION.lower().encode()


def handler(operation: Operation, render: Render) -> Handler:
    """The operation as a function of a request."""

    async def handle(request: Request) -> Response:
        correlation = correlate((request.header(_CORRELATION) or b"").decode("latin-1"))
        try:
            answer = await operation.perform(_asked(request))
        except (VoltrioError, HTTPException) as error:
            answer = failed(error, render, method=request.method, path=request.path)
        return finished(answer, correlation)

    return handle


def finished(answer: Response, correlation: str) -> Response:
    """An answer with what every answer carries; what it says itself holds."""
    said = {name for name, _ in answer.headers}
    more = tuple(pair for pair in ALWAYS if pair[0] not in said)
    return Response(
        answer.status, answer.body, (*answer.headers, *more, (_CORRELATION, correlation.encode()))
    )


def _asked(request: Request) -> Asked:
    query = parse_qsl(request.query.decode("ascii"), keep_blank_values=True)
    return Asked(
        client=Client(request.client[0], request.headers),
        query=dict(reversed(query)),  # of a name that stands twice the first counts, as in Quart
        body=request.read,
    )


def site(operations: Iterable[Operation], render: Render, otherwise: Serve) -> Serve:
    """What answers at the paths of `operations`, and `otherwise`."""
    table: dict[str, dict[str, Handler]] = {}
    for operation in operations:
        methods = table.setdefault(operation.route.rule, {})
        methods[operation.route.method] = handler(operation, render)
        if operation.route.method == "GET":
            methods["HEAD"] = methods["GET"]

    async def serve(exchange: Exchange) -> None:
        request = exchange.request
        methods = table.get(request.path)
        if methods is None:
            await otherwise(exchange)
        elif request.method in methods:
            await exchange.respond(await methods[request.method](request))
        else:
            error = MethodNotAllowed(valid_methods=methods)
            answer = failed(error, render, method=request.method, path=request.path)
            await exchange.respond(finished(answer, correlate("")))

    return serve
