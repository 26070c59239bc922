"""The kernel: dependencies by name, JSON in and out, errors by table, bounds."""

from typing import Annotated, Any, cast

import msgspec
import pytest
import structlog.testing
import trio
from msgspec import Meta

from api.http.message import Response
from api.kernel import operations
from api.kernel.auth import Client, bearer, is_secret, unauthorized
from api.kernel.doors import door_of
from api.kernel.operations import Operation, Route, Rules
from api.kernel.problems import Problem, invalid
from api.kernel.sites import Site, site
from engine import errors
from engine.domain.caller import Caller, CallerKind
from engine.node import Node
from engine.settings import Settings

TESTER = Caller("tester", CallerKind.API_TOKEN)


class Item(msgspec.Struct):
    name: Annotated[str, Meta(min_length=1)]
    sizes: list[int] = []


class Page(msgspec.Struct):
    limit: Annotated[int, Meta(ge=1)] = 10


async def echo(node: Node, name: str, body: Item, query: Page, caller: Caller) -> object:
    return {"node": node, "name": name, "body": body, "limit": query.limit, "actor": caller.actor}


async def nothing(node: Node) -> None:
    return None


async def own_response(node: Node) -> Response:
    return Response(200, b"text", ((b"content-type", b"text/plain"),))


async def slow(node: Node) -> None:
    await trio.sleep(3_600)


async def broken(node: Node) -> None:
    raise ZeroDivisionError("a bug")


async def fails(node: Node, name: str) -> None:
    raise {
        "NotFound": errors.NotFound("no such item"),
        "Conflict": errors.Conflict("it exists"),
        "Invalid": errors.Invalid("no good", {"name": ["too long"]}),
        "Offline": errors.Offline("gone"),
        "CallTimeout": errors.CallTimeout("silent"),
        "NotSupported": errors.NotSupported("no such thing"),
        "CallRefused": errors.CallRefused("NotSupported", "no", {"a": 1}),
        "QueueFull": errors.QueueFull("full"),
        "StoreError": errors.StoreError("away"),
    }[name]


ROUTES = (
    Route("POST", "/items/<name>", echo, status=201),
    Route("DELETE", "/items/<name>", fails, status=204),
    Route("GET", "/nothing", nothing, status=204),
    Route("GET", "/text", own_response),
    Route("GET", "/slow", slow, limit=5.0),
    Route("GET", "/broken", broken),
)


async def guard(node: Node, client: Client) -> Caller:
    if not is_secret(bearer(client) or "", "s3cret"):
        raise unauthorized("wrong token")
    return TESTER


def render(problem: Problem) -> tuple[int, object]:
    return problem.status, {"message": problem.message, "errors": problem.fields}


@pytest.fixture
def app() -> Site:
    node, rules = cast("Node", "the node"), Rules(guard=guard)
    operations = [Operation(route, node, rules, "/v1") for route in ROUTES]
    return site(operations, door_of(Settings(), "127.0.0.1"), render)


@pytest.fixture
def client(app: Site, ask: Any) -> Any:
    return ask(app, Authorization="Bearer s3cret")


async def test_dependencies_arrive_by_name(client: Any) -> None:
    answer = await client.post(
        "/v1/items/a%20b?limit=3&other=x", content=b'{"name":"n","sizes":[1],"unknown":1}'
    )
    assert answer.status_code == 201
    assert answer.json() == {
        "node": "the node",
        "name": "a b",
        "body": {"name": "n", "sizes": [1]},
        "limit": 3,
        "actor": "tester",
    }
    assert answer.headers["Content-Type"] == "application/json"


async def test_none_is_an_empty_body_and_a_response_passes(client: Any) -> None:
    answer = await client.get("/v1/nothing")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await client.get("/v1/text")).text == "text"


@pytest.mark.parametrize(
    "token", ["", "Bearer", "Bearer wrong", "Basic s3cret", "Bearer s3cre", "Bearer s3cret2"]
)
async def test_the_guard_comes_first(client: Any, token: str) -> None:
    answer = await client.post("/v1/items/a", content=b"not json", headers={"Authorization": token})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].lower().startswith("bearer")
    assert answer.json()["message"] == "wrong token"


@pytest.mark.parametrize(
    ("body", "status", "fields"),
    [
        (b"", 400, set()),
        (b"{", 400, set()),
        (b"\xff", 400, set()),
        (b"[]", 422, {"body"}),
        (b"{}", 422, {"name"}),
        (b'{"name":""}', 422, {"name"}),
        (b'{"name":"n","sizes":[1,"x"]}', 422, {"sizes[1]"}),
        (b'{"name":"' + b"x" * 2_000_000 + b'"}', 413, set()),
    ],
)
async def test_bad_bodies(client: Any, body: bytes, status: int, fields: set[str]) -> None:
    answer = await client.post("/v1/items/a", content=body)
    assert answer.status_code == status
    assert set(answer.json()["errors"]) == fields


async def test_bad_query(client: Any) -> None:
    answer = await client.post("/v1/items/a?limit=0", content=b'{"name":"n"}')
    assert (answer.status_code, set(answer.json()["errors"])) == (422, {"limit"})


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("NotFound", 404),
        ("Conflict", 409),
        ("Invalid", 422),
        ("Offline", 424),
        ("CallTimeout", 408),
        ("CallRefused", 406),
        ("NotSupported", 501),
        ("QueueFull", 429),
        ("StoreError", 503),
    ],
)
async def test_errors_by_table(client: Any, name: str, status: int) -> None:
    answer = await client.delete(f"/v1/items/{name}")
    assert answer.status_code == status
    assert answer.json()["message"]
    assert ("Retry-After" in answer.headers) == (status in {429, 503})


@pytest.mark.parametrize(("name", "level"), [("NotSupported", "info"), ("StoreError", "error")])
async def test_what_a_station_cannot_do_is_no_error_of_ours(
    client: Any, name: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = structlog.testing.CapturingLogger()
    monkeypatch.setattr(operations, "log", log)
    await client.delete(f"/v1/items/{name}")
    assert [call.method_name for call in log.calls] == [level]


async def test_unknown_addresses_and_methods(client: Any) -> None:
    assert (await client.get("/v1/elsewhere")).json()["message"]
    assert (await client.get("/v1/elsewhere")).status_code == 404
    wrong = await client.put("/v1/nothing")
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["Allow"]


async def test_a_bug_is_500_and_tells_nothing(client: Any) -> None:
    answer = await client.get("/v1/broken")
    assert answer.status_code == 500
    assert "a bug" not in answer.text
    assert answer.json()["message"]


async def test_requests_end_in_time(client: Any, autojump_clock: trio.testing.MockClock) -> None:
    answer = await client.get("/v1/slow")
    assert answer.status_code == 503
    assert trio.current_time() < 10


async def test_every_answer_has_security_headers_and_a_correlation_id(client: Any) -> None:
    for answer in (
        await client.get("/v1/nothing"),
        await client.get("/nowhere"),
        await client.get("/v1/broken"),
    ):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert len(answer.headers["X-Correlation-Id"]) == 32


@pytest.mark.parametrize(("given", "kept"), [("abc-1", True), ("a b", False), ("x" * 65, False), ("", False)])
async def test_the_caller_may_name_the_correlation(client: Any, given: str, kept: bool) -> None:
    answer = await client.get("/v1/nothing", headers={"X-Correlation-Id": given})
    assert (answer.headers["X-Correlation-Id"] == given) is kept


def test_msgspec_s_message_is_taken_apart() -> None:
    error = invalid(msgspec.ValidationError("Expected `int`, got `str` - at `$.evses[0].uid`"))
    assert error.fields == {"evses[0].uid": ["must be a whole number, not text"]}
    assert invalid(msgspec.ValidationError("Odd")).fields == {"body": ["Odd"]}
