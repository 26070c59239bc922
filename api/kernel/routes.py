"""From a table of routes to a Quart application: JSON in and out, errors by table, bounds on size and time.

A handler is `async def handler(node, …)`; its other parameters are its dependencies, by name: the variables
of the rule, `body` (the JSON body, decoded into the annotated type), `query` (the query string, likewise),
`actor` (who asks). What it returns is the response's JSON; None is an empty body. It knows nothing of HTTP.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, get_type_hints

import msgspec
import structlog
import trio
from quart import Response, g, request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import BaseConverter

from api.kernel import reading
from api.kernel.problems import Problem, Render, TooSlowError, of_http, of_ours
from engine.errors import NotSupported, VoltrioError
from engine.node import Node

MAX_BODY: Final = 1_048_576  # bytes
BODY_TIMEOUT: Final = 20.0  # seconds for a request's body to arrive
TIME_LIMIT: Final = 30.0  # seconds for a handler
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
CORRELATION: Final = "X-Correlation-Id"
NOWHERE: Final = "There is nothing at this address. An identity has no slash, however it is written."
PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")

ENCODER: Final = msgspec.json.Encoder(decimal_format="number")

log = structlog.get_logger(__name__)

Guard = Callable[[Node], Awaitable[str]]  # who asks; raises Unauthorized or Forbidden


class Route(msgspec.Struct, frozen=True):
    """One operation. `limit` is its time limit in seconds; None where it keeps its own."""

    method: str
    rule: str
    handler: Callable[..., Awaitable[object]]
    status: int = 200
    limit: float | None = TIME_LIMIT


def create_app(name: str, render: Render, max_body: int = MAX_BODY) -> QuartTrio:
    """An application without routes; `render` says how errors look, `max_body` is in bytes."""
    app = QuartTrio(name, static_folder=None)
    app.config |= {
        "MAX_CONTENT_LENGTH": max_body,
        "BODY_TIMEOUT": BODY_TIMEOUT,
        "PROVIDE_AUTOMATIC_OPTIONS": False,
    }

    async def ours(error: VoltrioError) -> Response:
        problem = of_ours(error)
        if problem.status >= 500:
            # That a charge point has no such thing is no failure of ours.
            tell = log.info if isinstance(error, NotSupported) else log.error
            tell("request failed", path=request.path, method=request.method, error=str(error))
        return _rendered(problem, render)

    async def http(error: HTTPException) -> Response:
        problem = of_http(error)
        if isinstance(error, NotFound):
            problem = msgspec.structs.replace(problem, message=NOWHERE)
        return _rendered(problem, render)

    app.url_map.converters["text"] = Text
    app.url_map.merge_slashes = False  # two slashes may stand in a value, which a redirect would change
    app.register_error_handler(VoltrioError, ours)
    app.register_error_handler(HTTPException, http)
    app.before_request(_correlate)
    app.after_request(_finish)
    return app


class Text(BaseConverter):
    """The rest of a path whatever is in it: base64 may begin with a slash, which `path` does not take."""

    regex = ".+"
    part_isolating = False


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters behind the path."""


def mount(
    app: QuartTrio,
    node: Node,
    prefix: str,
    routes: Sequence[Route],
    guard: Guard,
    *,
    strict: bool = False,
    needs_body: bool = False,
) -> None:
    """Add `routes` under `prefix`; every request must pass `guard` first, unknown methods included.

    With `strict` a query string is refused where the handler takes none. No body at all stands for an empty
    object, unless the handler `needs_body`.
    """
    for route in routes:
        app.add_url_rule(
            prefix + route.rule,
            endpoint=f"{route.method} {prefix}{route.rule}",
            view_func=_view(route, node, guard, strict=strict, needs_body=needs_body),
            methods=[route.method],
        )


def _view(
    route: Route, node: Node, guard: Guard, *, strict: bool, needs_body: bool
) -> Callable[..., Awaitable[Response]]:
    hints = get_type_hints(route.handler, include_extras=True)
    decoder = msgspec.json.Decoder(hints["body"]) if "body" in hints else None
    nothing = b"" if decoder is None or needs_body else _without_body(decoder)
    query = hints.get("query", NoQuery if strict else None)
    limit = float("inf") if route.limit is None else route.limit

    async def view(**given: Any) -> Response:
        with trio.move_on_after(limit):
            actor = await guard(node)
            reading.address(given)
            if "actor" in hints:
                given["actor"] = actor
            if decoder is not None:
                given["body"] = reading.body(decoder, await _body() or nothing)
            if query is not None:
                asked = reading.query(query, request.args.to_dict())
                given |= {"query": asked} if "query" in hints else {}
            return _reply(route.status, await route.handler(node, **given))
        raise TooSlowError(f"not done within {route.limit:g} s; is the database reachable? See /health/ready")

    return view


def _without_body(decoder: msgspec.json.Decoder[Any]) -> bytes:
    """What no body at all stands for: an object without members, where none of them is needed."""
    try:
        decoder.decode(b"{}")
    except msgspec.ValidationError:
        return b""
    return b"{}"


async def _body() -> bytes:
    return await request.get_data(cache=False, as_text=False, parse_form_data=False)


def _reply(status: int, result: object) -> Response:
    if isinstance(result, Response):
        return result
    if result is None:
        empty = Response(b"", status)
        del empty.headers["Content-Type"]  # of nothing there is no kind
        return empty
    return Response(ENCODER.encode(result), status, content_type="application/json")


def _rendered(problem: Problem, render: Render) -> Response:
    status, body = render(problem)
    response = _reply(status, body)
    response.headers.update(problem.headers)
    return response


async def _correlate() -> None:
    """Take the caller's correlation id when it is a short plain word, else make one."""
    given = request.headers.get(CORRELATION, "")
    g.correlation_id = given if PLAIN_WORD.fullmatch(given) else uuid.uuid4().hex
    structlog.contextvars.bind_contextvars(correlation_id=g.correlation_id)


async def _finish(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers[CORRELATION] = g.correlation_id
    return response
