"""Operations without a framework are the same operations."""

from __future__ import annotations

from typing import Annotated, Any, cast

import msgspec
import pytest
import trio
from msgspec import Meta

from api.http.message import Response
from api.kernel.auth import Client, bearer, unauthorized
from api.kernel.doors import door_of
from api.kernel.operations import Operation, Route, Rules
from api.kernel.problems import Problem
from api.kernel.sites import site
from engine.domain.caller import Caller, CallerKind
from engine.errors import Conflict
from engine.node import Node
from engine.settings import Settings

TESTER = Caller("tester", CallerKind.API_TOKEN, permissions=frozenset({"things.view"}))


class Item(msgspec.Struct):
    name: Annotated[str, Meta(min_length=1)]


class Page(msgspec.Struct):
    limit: Annotated[int, Meta(ge=1)] = 10


async def echo(node: Node, body: Item, query: Page, caller: Caller, client: Client) -> object:
    return {"name": body.name, "limit": query.limit, "actor": caller.actor, "x": client.header(b"x")}


async def conflict(node: Node) -> None:
    raise Conflict("it exists")


async def slow(node: Node) -> None:
    await trio.sleep(3_600)


async def broken(node: Node) -> None:
    raise ZeroDivisionError("a bug")


async def own(node: Node) -> Response:
    return Response(200, b"text", ((b"content-type", b"text/plain"), (b"cache-control", b"max-age=5")))


async def nothing(node: Node) -> None:
    return None


async def guard(node: Node, client: Client) -> Caller:
    if bearer(client) != "s3cret":
        raise unauthorized("wrong token")
    return TESTER


def render(problem: Problem) -> tuple[int, object]:
    return problem.status, {"message": problem.message, "errors": problem.fields}


ROUTES = (
    Route("POST", "/echo", echo, status=201),
    Route("GET", "/conflict", conflict),
    Route("GET", "/slow", slow, limit=5.0),
    Route("GET", "/own", own),
    Route("GET", "/nothing", nothing, status=204),
    Route("GET", "/broken", broken),
    Route("GET", "/allowed", nothing, status=204, permission="things.view"),
    Route("GET", "/denied", nothing, status=204, permission="things.delete"),
)


@pytest.fixture
def client(ask: Any) -> Any:
    node, rules = cast("Node", "the node"), Rules(guard=guard, strict=True)
    operations = [Operation(route, node, rules) for route in ROUTES]
    return ask(site(operations, door_of(Settings(), "127.0.0.1"), render), Authorization="Bearer s3cret")


async def test_dependencies(client: Any) -> None:
    answer = await client.post("/echo?limit=3", content=b'{"name":"n"}', headers={"X": "y"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (201, "application/json")
    assert answer.json() == {"name": "n", "limit": 3, "actor": "tester", "x": "y"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/echo", b"{", 400),
        ("POST", "/echo", b"\xff", 400),
        ("POST", "/echo", b'{"name":""}', 422),
        ("POST", "/echo?limit=0", b'{"name":"n"}', 422),
        ("POST", "/echo?limit=2&limit=x", b'{"name":"n"}', 201),  # of two the first counts
        ("POST", "/echo", b'{"name":"' + b"x" * 2_000_000 + b'"}', 413),
        ("GET", "/conflict", b"", 409),
        ("GET", "/conflict?odd=1", b"", 422),
        ("GET", "/echo", b"", 405),
        ("GET", "/nowhere", b"", 404),
        ("GET", "/own", b"", 200),
        ("HEAD", "/own", b"", 200),
        ("GET", "/nothing", b"", 204),
        ("GET", "/allowed", b"", 204),
        ("GET", "/denied", b"", 403),
    ],
)
async def test_statuses(client: Any, method: str, path: str, body: bytes, status: int) -> None:
    answer = await client.request(method, path, content=body)
    assert answer.status_code == status
    if answer.is_error:
        assert answer.json()["message"]


async def test_the_guard_comes_first(client: Any) -> None:
    answer = await client.post("/echo", content=b"{", headers={"Authorization": "Bearer wrong"})
    assert (answer.status_code, answer.headers["WWW-Authenticate"].lower()[:6]) == (401, "bearer")


async def test_requests_end_in_time(client: Any, autojump_clock: trio.testing.MockClock) -> None:
    answer = await client.get("/slow")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


async def test_a_bug_is_500_and_tells_nothing(client: Any) -> None:
    answer = await client.get("/broken")
    assert answer.status_code == 500
    assert "a bug" not in answer.text


async def test_what_every_answer_carries(client: Any) -> None:
    answer = await client.get("/own", headers={"X-Correlation-Id": "abc"})
    assert answer.headers["X-Correlation-Id"] == "abc"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "max-age=5"  # what an operation says itself holds
