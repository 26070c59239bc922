"""From a table of routes to a Quart application: what operations need of requests, and answers by table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from quart import Response, g, request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from api.http import message
from api.kernel.answers import CORRELATION, HEADERS, correlate
from api.kernel.auth import Client
from api.kernel.operations import Asked, Operation, Route, Rules, failed
from api.kernel.problems import Render
from engine.errors import VoltrioError
from engine.node import Node

MAX_BODY: Final = 1_048_576  # bytes
BODY_TIMEOUT: Final = 20.0  # seconds for a request's body to arrive


class Text(BaseConverter):
    """The rest of a path whatever is in it: base64 may begin with a slash, which `path` does not take."""

    regex = ".+"
    part_isolating = False


def create_app(name: str, render: Render, max_body: int = MAX_BODY) -> QuartTrio:
    """An application without routes; `render` says how errors look, `max_body` is in bytes."""
    app = QuartTrio(name, static_folder=None)
    app.config |= {
        "MAX_CONTENT_LENGTH": max_body,
        "BODY_TIMEOUT": BODY_TIMEOUT,
        "PROVIDE_AUTOMATIC_OPTIONS": False,
    }

    async def failure(error: VoltrioError | HTTPException) -> Response:
        return _quart(failed(error, render, method=request.method, path=request.path))

    app.url_map.converters["text"] = Text
    app.url_map.merge_slashes = False  # two slashes may stand in a value, which a redirect would change
    app.register_error_handler(VoltrioError, failure)
    app.register_error_handler(HTTPException, failure)
    app.before_request(_correlate)
    app.after_request(_finish)
    return app


def mount(app: QuartTrio, node: Node, prefix: str, routes: Sequence[Route], rules: Rules) -> None:
    """Add `routes` under `prefix`; every request must pass the guard first, unknown methods included."""
    for route in routes:
        app.add_url_rule(
            prefix + route.rule,
            endpoint=f"{route.method} {prefix}{route.rule}",
            view_func=_view(Operation(route, node, rules)),
            methods=[route.method],
        )


def _view(operation: Operation) -> Callable[..., Awaitable[Response]]:
    async def view(**variables: Any) -> Response:
        asked = Asked(
            client=Client(request.remote_addr or "", list(request.scope["headers"])),
            query=request.args.to_dict(),
            body=_body,
            variables=variables,
        )
        return _quart(await operation.perform(asked))

    return view


async def _body() -> bytes:
    return await request.get_data(cache=False, as_text=False, parse_form_data=False)


def _quart(answer: message.Response) -> Response:
    response = Response(answer.body, answer.status)
    del response.headers["Content-Type"]
    for name, value in answer.headers:
        response.headers[name.decode()] = value.decode("latin-1")
    return response


async def _correlate() -> None:
    g.correlation_id = correlate(request.headers.get(CORRELATION, ""))


async def _finish(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers[CORRELATION] = g.correlation_id
    return response
