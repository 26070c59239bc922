"""Operations at their paths: from a request to an answer, without a framework."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from api.http.exchange import Exchange
from api.http.house import Serve
from api.http.message import Request, Response
from api.kernel.answers import CORRELATION, HEADERS, correlate
from api.kernel.auth import Client
from api.kernel.operations import Asked, Operation, failed
from api.kernel.problems import Render
from api.kernel.router import Router, Variables
from engine.errors import VoltrioError

ALWAYS: Final = tuple((name.lower().encode(), value.encode()) for name, value in HEADERS.items())
_CORRELATION: Final = CORRELATION.lower().encode()


def site(operations: Iterable[Operation], render: Render) -> Serve:
    """What answers at the paths of the operations."""
    router = Router[dict[str, Operation]]()
    by_rule: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        methods = by_rule.setdefault(operation.rule, {})
        methods[operation.route.method] = operation
        if operation.route.method == "GET":
            methods["HEAD"] = operation
    for rule, methods in by_rule.items():
        router.add(rule, methods)

    async def serve(exchange: Exchange) -> None:
        request = exchange.request
        correlation = correlate((request.header(_CORRELATION) or b"").decode("latin-1"))
        try:
            operation, variables = _found(router, request)
            answer = await operation.perform(_asked(request, variables))
        except (VoltrioError, HTTPException) as error:
            answer = failed(error, render, method=request.method, path=request.path)
        await exchange.respond(finished(answer, correlation))

    return serve


def _found(router: Router[dict[str, Operation]], request: Request) -> tuple[Operation, Variables]:
    """Raises NotFound, MethodNotAllowed."""
    found = router.find(request.path)
    if found is None:
        raise NotFound
    methods, variables = found
    if request.method not in methods:
        raise MethodNotAllowed(valid_methods=methods)
    return methods[request.method], variables


def finished(answer: Response, correlation: str) -> Response:
    """An answer with what every answer carries; what it says itself holds."""
    said = {name for name, _ in answer.headers}
    more = tuple(pair for pair in ALWAYS if pair[0] not in said)
    return Response(
        answer.status, answer.body, (*answer.headers, *more, (_CORRELATION, correlation.encode()))
    )


def _asked(request: Request, variables: Variables) -> Asked:
    query = parse_qsl(request.query.decode("ascii"), keep_blank_values=True)
    return Asked(
        client=Client(request.client[0], request.headers),
        query=dict(reversed(query)),  # of a name that stands twice the first counts
        body=request.read,
        variables=variables,
    )
