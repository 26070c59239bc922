"""Applications behind ASGI: what they are told, what becomes of their answers, and how they live and die."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing
from quart import Response, request
from quart_trio import QuartTrio
from trio.testing import MockClock

from api.http.asgi import Message, Receive, Send, asgi, lifespan
from api.http.house import Limits

from .conftest import Open
from .test_connection import SHORT, get, post

Answer = Callable[[Any, Receive, Send], Awaitable[None]]
START = {"type": "http.response.start", "status": 200, "headers": [(b"X-A", b"b")]}


def body(data: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def echo(scope: Any, receive: Receive, send: Send) -> None:
    """The body, backwards, in one piece."""
    data = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        data += message["body"]
        if not message["more_body"]:
            break
    await send(START)
    await send(body(data[::-1]))


async def test_the_scope(open_client: Open) -> None:
    scopes: list[Any] = []

    async def note(scope: Any, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await echo(scope, receive, send)

    client = open_client(asgi(note))
    await client.send(get("/a%20b?c=d", "X: y"))
    await client.answer()
    (scope,) = scopes
    assert (scope["type"], scope["http_version"], scope["method"], scope["scheme"]) == (
        "http", "1.1", "GET", "http",
    )  # fmt: skip
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a b", b"/a%20b", b"c=d")
    assert scope["headers"] == [(b"host", b"a"), (b"x", b"y")]
    assert (scope["client"], scope["server"]) == (("192.0.2.7", 50_000), ("127.0.0.1", 80))


async def test_bodies_and_answers(open_client: Open) -> None:
    client = open_client(asgi(echo))
    await client.send(*(bytes([byte]) for byte in post(b"abc")))
    head, data = await client.answer()
    assert (head.splitlines()[1], data) == (b"X-A: b", b"cba")
    await client.send(get("/", "Connection: close"))
    assert (await client.rest()).endswith(b"content-length: 0\r\nconnection: close\r\n\r\n")


async def test_an_answer_in_pieces_goes_out_piece_by_piece(open_client: Open) -> None:
    step = trio.Event()

    async def stream(scope: Any, receive: Receive, send: Send) -> None:
        await send(START)
        await send(body(b"one", more=True))
        await step.wait()
        await send(body(b"two", more=True))
        await send(body(b""))

    client = open_client(asgi(stream))
    await client.send(get())
    assert (await client.read()).endswith(b"3\r\none\r\n")
    step.set()
    assert await client.read() == b"3\r\ntwo\r\n0\r\n\r\n"


async def test_a_length_that_the_application_announces(open_client: Open) -> None:
    async def announced(scope: Any, receive: Receive, send: Send) -> None:
        await send({**START, "headers": [(b"Content-Length", b"6")]})
        if scope["method"] == "HEAD":
            await send(body(b""))
        else:
            await send(body(b"abc", more=True))
            await send(body(b"def"))

    client = open_client(asgi(announced))
    await client.send(get())
    head, data = await client.answer()
    assert (head.count(b"ength"), data) == (1, b"abcdef")
    await client.send(get(method="HEAD"))
    assert b"content-length: 6\r\n" in await client.read()


async def test_a_sender_waits_for_the_client_to_read(open_client: Open) -> None:
    sent: list[int] = []

    async def flood(scope: Any, receive: Receive, send: Send) -> None:
        await send(START)
        for number in range(100):
            await send(body(b"x" * 10_000, more=True))
            sent.append(number)
        await send(body(b""))

    client = open_client(asgi(flood))
    await client.send(get("/", "Connection: close"))
    await trio.testing.wait_all_tasks_blocked()
    assert len(sent) < 50
    await client.rest()
    assert len(sent) == 100


async def test_an_application_is_told_that_the_client_has_left(open_client: Open) -> None:
    told: list[str] = []
    done = trio.Event()

    async def wait(scope: Any, receive: Receive, send: Send) -> None:
        await receive()
        told.append((await receive())["type"])
        told.append((await receive())["type"])
        with pytest.raises(OSError):  # noqa: PT011 - ASGI asks for no more
            await send(START)
        done.set()

    client = open_client(asgi(wait))
    await client.send(get() + get("/next"))
    client.leave()
    await done.wait()
    assert told == ["http.disconnect"] * 2
    assert await client.rest() == b""


async def test_what_comes_while_an_application_works_is_the_next_request(open_client: Open) -> None:
    go = trio.Event()

    async def watch(scope: Any, receive: Receive, send: Send) -> None:
        await receive()

        async def answer() -> None:
            await go.wait()
            await send(START)
            await send(body(scope["path"].encode()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer)
            assert (await receive())["type"] == "http.disconnect"  # the answer is given: nothing else comes

    client = open_client(asgi(watch))
    await client.send(get("/1"))
    await client.send(get("/2") + get("/3"))
    go.set()
    assert [(await client.answer())[1] for _ in range(3)] == [b"/1", b"/2", b"/3"]


async def test_requests_that_come_meanwhile_are_kept_within_bounds(open_client: Open) -> None:
    async def never(scope: Any, receive: Receive, send: Send) -> None:
        await receive()
        await receive()

    client = open_client(asgi(never))
    await client.send(get())
    taken, most = 0, 2_000_000
    with contextlib.suppress(BlockingIOError):
        while taken < most:
            taken += client.sock.send(get("/more") * 100)
            await trio.testing.wait_all_tasks_blocked()
    assert taken < most / 2


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (get("/", "Content-Length: 1001", method="POST"), b"413"),
        (get("/", "Transfer-Encoding: chunked", method="POST") + b"3e9\r\n" + b"x" * 1_001, b"413"),
        (get("/", "Transfer-Encoding: chunked", method="POST") + b"x\r\n", b"400"),
    ],
)
async def test_bodies_that_are_refused(open_client: Open, sent: bytes, status: bytes) -> None:
    client = open_client(asgi(echo), SHORT)
    await client.send(sent)
    assert (await client.answer())[0].startswith(b"HTTP/1.1 " + status)


async def test_a_body_that_does_not_come(open_client: Open, autojump_clock: MockClock) -> None:
    client = open_client(asgi(echo), SHORT)
    await client.send(post(b"abc")[:-1])
    assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


async def crash(scope: Any, receive: Receive, send: Send) -> None:
    raise ZeroDivisionError


async def silent(scope: Any, receive: Receive, send: Send) -> None:
    pass


async def half(scope: Any, receive: Receive, send: Send) -> None:
    await send(START)
    await send(body(b"half", more=True))


async def crash_in_a_nursery(scope: Any, receive: Receive, send: Send) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(crash, scope, receive, send)


@pytest.mark.parametrize("application", [crash, silent, crash_in_a_nursery])
async def test_an_application_that_fails_is_500(open_client: Open, application: Answer) -> None:
    client = open_client(asgi(application))
    await client.send(get() + get())
    data = await client.rest()
    assert data.startswith(b"HTTP/1.1 500")
    assert data.count(b"HTTP/1.1") == 1


async def test_an_answer_without_an_end_ends_the_connection(open_client: Open) -> None:
    client = open_client(asgi(half))
    await client.send(get() + get())
    data = await client.rest()
    assert data.endswith(b"4\r\nhalf\r\n")


# --- lifespan ---------------------------------------------------------------------------------------------


class Living:
    """An application that notes its life."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.seen: list[str] = []

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        assert scope["type"] == "lifespan"
        for phase in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{phase}"
            self.seen.append(phase)
            if phase == self.fails:
                await send({"type": f"lifespan.{phase}.failed", "message": "no disk"})
                return
            await send({"type": f"lifespan.{phase}.complete"})


async def test_a_life() -> None:
    application = Living()
    async with lifespan(application):
        assert application.seen == ["startup"]
    assert application.seen == ["startup", "shutdown"]


async def test_a_life_ends_in_order_when_it_is_cancelled() -> None:
    application = Living()
    with trio.CancelScope() as scope:
        async with lifespan(application):
            scope.cancel()
            await trio.sleep_forever()
    assert application.seen == ["startup", "shutdown"]


@pytest.mark.parametrize("phase", ["startup", "shutdown"])
async def test_a_life_that_fails(phase: str) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match="no disk")):
        async with lifespan(Living(phase)):
            pass


# --- Quart ------------------------------------------------------------------------------------------------


@pytest.fixture
def quart() -> QuartTrio:
    app = QuartTrio("test")

    @app.post("/echo")
    async def echo() -> Response:
        return Response(await request.get_data())

    @app.get("/stream")
    async def stream() -> Response:
        async def pieces() -> Any:
            for number in range(3):
                yield b"%d" % number

        return Response(pieces())

    return app


async def test_quart(open_client: Open, quart: QuartTrio) -> None:
    async with lifespan(quart):
        client = open_client(asgi(quart))
        await client.send(get("/echo") + get("/echo", "Content-Length: 3", method="POST") + b"abc")
        head, _ = await client.answer()
        assert b"405" in head
        head, data = await client.answer()
        assert (b"200 OK" in head, data) == (True, b"abc")
        await client.send(get("/stream", "Connection: close"))
        data = await client.rest()
        assert data.endswith(b"1\r\n0\r\n1\r\n1\r\n1\r\n2\r\n0\r\n\r\n")


async def test_a_client_that_leaves_stops_quart(open_client: Open, quart: QuartTrio) -> None:
    begun, ended = trio.Event(), trio.Event()

    @quart.get("/wait")
    async def wait() -> str:
        try:
            begun.set()
            await trio.sleep_forever()
        finally:
            ended.set()
        return ""

    client = open_client(asgi(quart), Limits())
    await client.send(get("/wait"))
    await begun.wait()
    client.leave()
    await ended.wait()
    assert await client.rest() == b""
