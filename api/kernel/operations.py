"""An operation as its route declares it: who may, what it is given, how long it may take.

A handler is `async def handler(node, …)`; its other parameters are its dependencies, by name: the variables
of the rule, `body` (the JSON body, decoded into the annotated type), `query` (the query string, likewise),
`caller` (who asks) and `client` (from where, with which headers). What it returns is the answer's JSON, None
an empty body, a `Response` itself. Neither it nor what is here knows a framework.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias, get_type_hints

import msgspec
import structlog
import trio
from werkzeug.exceptions import Forbidden, HTTPException, NotFound

from api.http.message import Response
from api.kernel import reading
from api.kernel.auth import Client
from api.kernel.problems import Problem, Render, TooSlowError, of_http, of_ours
from engine.domain.caller import Caller
from engine.errors import NotSupported, VoltrioError
from engine.node import Node

TIME_LIMIT: Final = 30.0  # seconds for a handler
JSON: Final = (b"content-type", b"application/json")
NOWHERE: Final = "There is nothing at this address. An identity has no slash, however it is written."
ENCODER: Final = msgspec.json.Encoder(decimal_format="number")

log = structlog.get_logger(__name__)

Guard: TypeAlias = Callable[[Node, Client], Awaitable[Caller]]  # who asks; raises Unauthorized, Forbidden


class Route(msgspec.Struct, frozen=True):
    """One operation. `limit` is its time limit in seconds; None where it keeps its own.

    `body`, `query` and `answers` are the types of what comes and goes where the handler's annotations do not
    say so; `summary` says what it does where its docstring does not. `prepared` is done to a query before it
    is read.
    """

    method: str
    rule: str
    handler: Callable[..., Awaitable[object]]
    status: int = 200
    limit: float | None = TIME_LIMIT
    body: Any = None
    query: Any = None
    prepared: Callable[[Mapping[str, str]], Mapping[str, Any]] | None = None
    answers: Any = None
    summary: str = ""
    permission: str | None = None


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for all operations of an interface.

    With `strict` a query string is refused where the handler takes none. No body at all stands for an empty
    object, unless handlers `need_body`.
    """

    guard: Guard
    strict: bool = False
    need_body: bool = False


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request, taken apart."""

    client: Client
    query: Mapping[str, str]
    body: Callable[[], Awaitable[bytes]]
    variables: Mapping[str, Any] = {}


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No parameters behind the path."""


class Operation:
    """A route under its interface's rules."""

    def __init__(self, route: Route, node: Node, rules: Rules, prefix: str = "") -> None:
        hints = get_type_hints(route.handler, include_extras=True)
        self.route = route
        self.rule = prefix + route.rule
        self._node = node
        self._guard = rules.guard
        self._wants_caller = "caller" in hints
        self._wants_client = "client" in hints
        self._wants_query = "query" in hints
        self.query = route.query or hints.get("query", NoQuery if rules.strict else None)
        self.body = route.body or hints.get("body")
        self.answers = route.answers or hints.get("return")
        self._decoder = msgspec.json.Decoder(self.body) if self.body is not None else None
        self._nothing = b""
        if self._decoder is not None and not rules.need_body:
            self._nothing = _without_body(self._decoder)
        self._limit = float("inf") if route.limit is None else route.limit

    async def perform(self, asked: Asked) -> Response:
        """Raises VoltrioError, HTTPException."""
        given = dict(asked.variables)
        with trio.move_on_after(self._limit):
            caller = await self._guard(self._node, asked.client)
            if self.route.permission is not None and not caller.may(self.route.permission):
                raise Forbidden("This action is unauthorized.")
            reading.address(given)
            if self._wants_caller:
                given["caller"] = caller
            if self._wants_client:
                given["client"] = asked.client
            if self._decoder is not None:
                given["body"] = reading.body(self._decoder, await asked.body() or self._nothing)
            if self.query is not None:
                prepared = self.route.prepared
                query = reading.query(self.query, prepared(asked.query) if prepared else asked.query)
                given |= {"query": query} if self._wants_query else {}
            return reply(self.route.status, await self.route.handler(self._node, **given))
        raise TooSlowError(f"not done within {self._limit:g} s; is the database reachable? See /health/ready")


def _without_body(decoder: msgspec.json.Decoder[Any]) -> bytes:
    """What no body at all stands for: an object without members, where none of them is needed."""
    try:
        decoder.decode(b"{}")
    except msgspec.ValidationError:
        return b""
    return b"{}"


def reply(status: int, result: object) -> Response:
    """A handler's result as an answer, which ends with a line break; of nothing there is no kind."""
    if isinstance(result, Response):
        return result
    return Response(status) if result is None else Response(status, ENCODER.encode(result) + b"\n", (JSON,))


def failed(error: VoltrioError | HTTPException, render: Render, *, method: str, path: str) -> Response:
    """An error as an answer, in the interface's form; those of ours alone are logged."""
    if isinstance(error, HTTPException):
        problem = of_http(error)
        if isinstance(error, NotFound):
            problem = msgspec.structs.replace(problem, message=NOWHERE)
    else:
        problem = of_ours(error)
        if problem.status >= 500:
            # That a charge point has no such thing is no failure of ours.
            tell = log.info if isinstance(error, NotSupported) else log.error
            tell("request failed", path=path, method=method, error=str(error))
    return rendered(problem, render)


def rendered(problem: Problem, render: Render) -> Response:
    status, body = render(problem)
    headers = ((name.lower().encode(), value.encode("latin-1")) for name, value in problem.headers.items())
    return Response(status, ENCODER.encode(body) + b"\n", (JSON, *headers))
