"""One client: its requests one after the other, what it does wrong, and how long it may take."""

from __future__ import annotations

import contextlib
import socket

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from api.http import connection
from api.http.channel import PlainChannel
from api.http.connection import Connection
from api.http.exchange import Exchange
from api.http.house import House, Limits
from api.http.message import Disconnected, Refusal, Response
from api.http.wire import Dates
from engine.limits import Places

from .conftest import HERE, THERE, TODAY, Client, Open, serve_echo

DATE = b"date: Tue, 14 Nov 2023 22:13:20 GMT"
SHORT = Limits(body=1_000, head_timeout=10, body_timeout=20, idle_timeout=30, write_timeout=40)


def get(path: str = "/", *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"{method} {path} HTTP/{version}\r\nHost: a\r\n{lines}\r\n".encode()


def post(body: bytes, *headers: str) -> bytes:
    return get("/", *headers, f"Content-Length: {len(body)}", method="POST") + body


# --- answers ----------------------------------------------------------------------------------------------


async def test_an_answer_byte_by_byte(open_client: Open) -> None:
    client = open_client()
    await client.send(get("/a?b", "Connection: close"))
    assert await client.rest() == (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n" + DATE + b"\r\ncontent-length: 9\r\n"
        b"connection: close\r\n\r\nGET /a b "
    )


async def test_requests_one_after_the_other(open_client: Open) -> None:
    client = open_client()
    for number in range(3):
        await client.send(get(f"/{number}"))
        head, body = await client.answer()
        assert b"connection" not in head
        assert body == b"GET /%d  " % number
    await client.send(post(b"abc"))
    assert (await client.answer())[1] == b"POST /  abc"


async def test_pipelined_requests_are_answered_in_order(open_client: Open) -> None:
    client = open_client()
    await client.send(get("/1") + post(b"two") + get("/3") + get("/4", "Connection: close") + get("/5"))
    answers = [(await client.answer())[1] for _ in range(4)]
    assert answers == [b"GET /1  ", b"POST /  two", b"GET /3  ", b"GET /4  "]
    assert await client.rest() == b""


async def test_a_client_that_never_waits_leaves_others_their_turn(open_client: Open) -> None:
    order: list[str] = []

    async def note(exchange: Exchange) -> None:
        order.append(exchange.request.path)
        await exchange.respond(Response(204))

    greedy, other = open_client(note), open_client(note)
    greedy.sock.send(get("/greedy") * 50)
    other.sock.send(get("/other"))
    await trio.testing.wait_all_tasks_blocked()
    assert order.index("/other") < 5
    assert len(order) > 10


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_the_end_of_a_connection_that_is_not_kept(open_client: Open, version: str) -> None:
    client = open_client()
    header = "Connection: keep-alive" if version == "1.0" else "Connection: close"
    await client.send(get("/", header, version=version))
    assert b"connection: close" in (await client.answer())[0]
    assert await client.rest() == b""


async def test_head_has_the_headers_and_no_body(open_client: Open) -> None:
    client = open_client()
    await client.send(get("/", method="HEAD") + get("/", "Connection: close"))
    data = await client.rest()
    first, _, second = data.partition(b"\r\n\r\n")
    assert b"content-length: 8" in first  # "HEAD /  "
    assert second.startswith(b"HTTP/1.1 200 OK")
    assert second.endswith(b"GET /  ")


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_that_have_no_body(open_client: Open, status: int) -> None:
    async def empty(exchange: Exchange) -> None:
        await exchange.respond(Response(status, b"not sent"))

    client = open_client(empty)
    await client.send(get() + get("/", "Connection: close"))
    data = await client.rest()
    assert data.count(b"HTTP/1.1 ") == 2
    assert b"content-length" not in data
    assert data.endswith(b"\r\n\r\n")


async def test_an_answer_in_pieces_of_unknown_number(open_client: Open) -> None:
    async def pieces(exchange: Exchange) -> None:
        await exchange.begin(200, (), None, b"one", more=True)
        await exchange.write(b"")
        await exchange.write(b"three")
        await exchange.write(b"", more=False)

    client = open_client(pieces)
    await client.send(get())
    head = await client.read()
    assert b"transfer-encoding: chunked" in head
    assert b"content-length" not in head
    assert head.endswith(b"\r\n\r\n3\r\none\r\n5\r\nthree\r\n0\r\n\r\n")
    await client.send(get(version="1.0"))
    data = await client.rest()
    assert b"chunked" not in data
    assert data.endswith(b"\r\n\r\nonethree")


async def test_an_answer_in_pieces_of_known_length(open_client: Open) -> None:
    async def pieces(exchange: Exchange) -> None:
        await exchange.begin(200, (), 6, b"abc", more=True)
        await exchange.write(b"def", more=False)

    client = open_client(pieces)
    await client.send(get())
    assert (await client.answer())[1] == b"abcdef"


@pytest.mark.parametrize("second", [b"de", b"defg"])
async def test_an_answer_of_another_length_than_it_said_ends_the_connection(
    open_client: Open, second: bytes
) -> None:
    async def lies(exchange: Exchange) -> None:
        await exchange.begin(200, (), 6, b"abc", more=True)
        await exchange.write(second, more=False)

    client = open_client(lies)
    await client.send(get() + get())
    data = await client.rest()
    assert data.count(b"HTTP/1.1") == 1
    assert data.endswith(b"\r\n\r\nabc")


async def test_a_bug_is_500_tells_nothing_and_ends_the_connection(open_client: Open) -> None:
    async def broken(_: Exchange) -> None:
        raise ZeroDivisionError("a secret")

    client = open_client(broken)
    await client.send(get() + get())
    data = await client.rest()
    assert data.startswith(b"HTTP/1.1 500 ")
    assert data.count(b"HTTP/1.1") == 1
    assert b"secret" not in data


async def test_no_answer_and_two_answers_are_bugs(open_client: Open) -> None:
    async def silent(_: Exchange) -> None:
        pass

    async def twice(exchange: Exchange) -> None:
        await exchange.respond(Response(200))
        await exchange.respond(Response(200))

    client = open_client(silent)
    await client.send(get())
    assert await client.rest() == b""
    client = open_client(twice)
    await client.send(get())
    assert (await client.rest()).count(b"HTTP/1.1") == 1


async def test_a_header_with_a_line_end_is_a_bug(open_client: Open) -> None:
    async def injected(exchange: Exchange) -> None:
        await exchange.respond(Response(200, b"", ((b"x", b"a\r\nset-cookie: b"),)))

    client = open_client(injected)
    await client.send(get())
    data = await client.rest()
    assert data.startswith(b"HTTP/1.1 500")
    assert b"set-cookie" not in data


async def test_the_server_s_own_answers_are_in_the_application_s_form(open_client: Open) -> None:
    noted: list[int] = []
    client = open_client(
        refused=lambda status, message: Response(status, message.encode(), ((b"x-form", b"own"),)),
        noted=noted.append,
    )
    await client.send(get() + b"FOO / HTTP/1.1\r\n\r\n")
    data = await client.rest()
    assert b"HTTP/1.1 501 Not Implemented\r\nx-form: own\r\n" in data
    assert noted == [200, 501]


# --- bodies -----------------------------------------------------------------------------------------------


async def test_bodies_arrive_in_pieces(open_client: Open) -> None:
    client = open_client()
    await client.send(*(bytes([byte]) for byte in post(b"abc")))
    assert (await client.answer())[1] == b"POST /  abc"
    chunked = (
        get("/", "Transfer-Encoding: chunked", method="POST") + b"2\r\nab\r\n1;x\r\nc\r\n0\r\nT: y\r\n\r\n"
    )
    await client.send(*(bytes([byte]) for byte in chunked))
    assert (await client.answer())[1] == b"POST /  abc"


async def test_a_body_that_is_too_large(open_client: Open) -> None:
    for request in (
        get("/", "Content-Length: 1001", method="POST"),
        get("/", "Transfer-Encoding: chunked", method="POST") + b"3e9\r\n" + b"x" * 1_001,
    ):
        client = open_client(limits=SHORT)
        await client.send(request)
        head, _ = await client.answer()
        assert head.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close" in head
        client.leave()
        assert await client.rest() == b""


async def test_what_still_comes_is_taken_so_that_the_answer_is_read(open_client: Open) -> None:
    """A socket that is closed with bytes unread resets the connection, and the answer with it."""
    client = open_client(limits=SHORT)
    await client.send(get("/", "Content-Length: 500000", method="POST") + b"x" * 500_000)
    client.leave()
    assert (await client.rest()).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("rest", [b"x\r\n", b"5\r\nabcdefg", b"2\r\nab\n0\r\n\r\n", b"ffffffffff\r\n"])
async def test_a_malformed_body_is_400_and_nothing_behind_it_is_read(open_client: Open, rest: bytes) -> None:
    client = open_client()
    await client.send(get("/", "Transfer-Encoding: chunked", method="POST") + rest + get("/smuggled"))
    client.leave()
    data = await client.rest()
    assert data.startswith(b"HTTP/1.1 400 ")
    assert data.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("size", [10, 50_000, 200_000])
async def test_a_body_that_nobody_reads_is_skipped_or_ends_the_connection(
    open_client: Open, size: int
) -> None:
    async def uninterested(exchange: Exchange) -> None:
        await exchange.respond(Response(200, exchange.request.path.encode()))

    client = open_client(uninterested)
    await client.send(post(b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n".ljust(size)))
    await client.send(get("/next"))
    client.leave()
    data = await client.rest()
    assert b"/smuggled" not in data
    assert (b"/next" in data) is (size <= connection.UNREAD)


async def test_100_continue(open_client: Open) -> None:
    client = open_client()
    await client.send(get("/", "Expect: 100-continue", "Content-Length: 3", method="POST"))
    assert await client.read() == b"HTTP/1.1 100 Continue\r\n\r\n"
    await client.send(b"abc")
    assert (await client.answer())[1] == b"POST /  abc"
    await client.send(post(b"abc", "Expect: 100-continue"))  # it did not wait
    assert (await client.answer())[1] == b"POST /  abc"


async def test_who_waits_for_100_continue_in_vain_may_send_or_not(open_client: Open) -> None:
    """Nobody knows what comes next, so nothing is read."""

    async def refuse(exchange: Exchange) -> None:
        await exchange.respond(Response(401))

    client = open_client(refuse)
    await client.send(get("/", "Expect: 100-continue", "Content-Length: 3", method="POST"))
    head, _ = await client.answer()
    assert b"401" in head
    assert b"connection: close" in head


@pytest.mark.parametrize("limits", [Limits(bodies=1_000), Limits(bodies_of_one=1_000)], ids=["all", "one"])
async def test_bodies_of_all_connections_together_are_bounded(nursery: trio.Nursery, limits: Limits) -> None:
    house = House(serve_echo, limits, dates=Dates(lambda: TODAY))
    clients = []
    for _ in range(2):
        ours, theirs = socket.socketpair()
        place = Places(lambda: 1, 1).take("a", lambda: None)
        assert place is not None
        one = Connection(PlainChannel(ours), house, place, THERE, HERE, secure=False)
        nursery.start_soon(one.run)
        clients.append(Client(theirs))
    first, second = clients
    await first.send(post(b"x" * 900)[:-1])
    await second.send(post(b"x" * 200))
    assert (await second.answer())[0].startswith(b"HTTP/1.1 503 ")
    await first.send(b"x")
    assert (await first.answer())[0].startswith(b"HTTP/1.1 200 ")
    house.hold("", 1_000)  # all of it is free again
    for client in clients:
        client.sock.close()
    nursery.cancel_scope.cancel()


# --- time -------------------------------------------------------------------------------------------------


async def drip(client: Client, piece: bytes, every: float = 0.9) -> float:
    """Send it again and again until the server has ended the connection; seconds that this took."""
    began = trio.current_time()
    with contextlib.suppress(OSError):
        while True:
            await client.send(piece)
            await trio.sleep(every)
    return trio.current_time() - began


async def ends_after(client: Client) -> tuple[float, bytes]:
    """Seconds until the server ends the connection, and its last words."""
    began = trio.current_time()
    data = await client.rest()
    return trio.current_time() - began, data


async def test_a_client_that_says_nothing(open_client: Open, autojump_clock: MockClock) -> None:
    seconds, data = await ends_after(open_client(limits=SHORT))
    assert SHORT.head_timeout <= seconds <= SHORT.head_timeout + 2
    assert data == b""


async def test_an_idle_connection(open_client: Open, autojump_clock: MockClock) -> None:
    client = open_client(limits=SHORT)
    await client.send(get())
    await client.answer()
    seconds, data = await ends_after(client)
    assert SHORT.idle_timeout <= seconds <= SHORT.idle_timeout + 2
    assert data == b""


@pytest.mark.parametrize("begin", [b"G", b"GET / HTTP/1.1\r\nHost: a\r\nX: "])
async def test_a_head_that_drips(open_client: Open, autojump_clock: MockClock, begin: bytes) -> None:
    client = open_client(limits=SHORT)
    await client.send(begin)
    assert SHORT.head_timeout <= await drip(client, b"y") <= SHORT.head_timeout + 3
    assert b"HTTP/1.1 408 " in await client.read()


async def test_empty_lines_keep_nothing_open(open_client: Open, autojump_clock: MockClock) -> None:
    assert await drip(open_client(limits=SHORT), b"\r\n") <= SHORT.head_timeout + 3


async def test_a_body_that_drips(open_client: Open, autojump_clock: MockClock) -> None:
    client = open_client(limits=SHORT)
    await client.send(get("/", "Content-Length: 900", method="POST"))
    assert SHORT.body_timeout <= await drip(client, b"y") <= SHORT.body_timeout + 3
    assert b"HTTP/1.1 408 " in await client.read()


async def test_an_answer_that_nobody_reads(open_client: Open, autojump_clock: MockClock) -> None:
    ended = trio.Event()

    async def large(exchange: Exchange) -> None:
        try:
            await exchange.respond(Response(200, b"x" * 10_000_000))
        except Disconnected:
            ended.set()
            raise

    client = open_client(large, SHORT)
    began = trio.current_time()
    await client.send(get())
    await ended.wait()
    assert SHORT.write_timeout <= trio.current_time() - began <= SHORT.write_timeout + 2


async def test_a_large_answer_that_is_read_slowly(open_client: Open, autojump_clock: MockClock) -> None:
    async def pieces(exchange: Exchange) -> None:
        await exchange.begin(200, (), 1_000_000, b"x" * 100_000, more=True)
        for number in range(9):
            await exchange.write(b"x" * 100_000, more=number < 8)

    client = open_client(pieces, SHORT)
    await client.send(get("/", "Connection: close"))
    size = 0
    while piece := await client.read():
        size += len(piece)
        await trio.sleep(1)
    assert size > 1_000_000


async def test_so_may_one_whose_request_came_behind_another(
    open_client: Open, autojump_clock: MockClock
) -> None:
    async def slow(exchange: Exchange) -> None:
        await trio.sleep(1_000)
        await exchange.respond(Response(200, exchange.request.path.encode()))

    client = open_client(slow, SHORT)
    await client.send(get("/1") + get("/2"))
    assert [(await client.answer())[1] for _ in range(2)] == [b"/1", b"/2"]


async def test_a_handler_may_take_its_time(open_client: Open, autojump_clock: MockClock) -> None:
    async def slow(exchange: Exchange) -> None:
        body = await exchange.request.read()
        await trio.sleep(1_000)
        await exchange.respond(Response(200, body))

    client = open_client(slow, SHORT)
    await client.send(post(b"abc"))
    assert (await client.answer())[1] == b"abc"


async def test_last_words_are_not_waited_for_in_vain(open_client: Open, autojump_clock: MockClock) -> None:
    client = open_client()
    await client.send(get("/", "Connection: close"))
    await client.answer()
    assert await drip(client, b"x", 0.5) <= connection.LINGER + 2


# --- clients that leave -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [b"", b"GET", get()[:-2], post(b"abc")[:-1]])
async def test_a_client_that_leaves_in_between_is_no_error(open_client: Open, sent: bytes) -> None:
    client = open_client()
    await client.send(sent)
    client.leave()
    assert await client.rest() == b""


async def test_half_a_connection_gets_its_answer(open_client: Open) -> None:
    client = open_client()
    await client.send(get())
    client.leave()
    assert (await client.rest()).endswith(b"GET /  ")


async def test_a_handler_s_refusal(open_client: Open) -> None:
    async def refuse(_: Exchange) -> None:
        raise Refusal(429, "not so fast")

    client = open_client(refuse)
    await client.send(get())
    data = await client.rest()
    assert data.startswith(b"HTTP/1.1 429 ")
    assert data.endswith(b"not so fast\n")


# --- wherever the bytes are cut ---------------------------------------------------------------------------


def answered(pieces: list[bytes]) -> bytes:
    """All that a client gets that sends these pieces and then no more."""

    async def talk() -> bytes:
        ours, theirs = socket.socketpair()
        house = House(serve_echo, Limits(), dates=Dates(lambda: TODAY))
        place = Places(lambda: 1, 1).take("a", lambda: None)
        assert place is not None
        client = Client(theirs)
        async with trio.open_nursery() as nursery:
            one = Connection(PlainChannel(ours), house, place, THERE, HERE, secure=False)
            nursery.start_soon(one.run)
            try:
                await client.send(*pieces)
                client.leave()
            except OSError:
                pass  # it was refused before it had said everything
            data = await client.rest()
        theirs.close()
        return data

    return trio.run(talk)


STREAM = (
    get("/a%20b?c", "X: y")
    + post(b"one")
    + b"\r\n"
    + get("/", "Transfer-Encoding: chunked", method="POST")
    + b"3\r\ntwo\r\n4;e=1\r\nthre\r\n1\r\ne\r\n0\r\nT: x\r\n\r\n"
    + get("/", method="HEAD")
    + get("/last", "Connection: close")
)


def test_cut_at_every_byte() -> None:
    whole = answered([STREAM])
    assert whole.count(b"HTTP/1.1 200 OK") == 5
    assert whole.endswith(b"GET /last  ")
    for cut in range(1, len(STREAM)):
        assert answered([STREAM[:cut], STREAM[cut:]]) == whole
    assert answered([bytes([byte]) for byte in STREAM]) == whole


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(STREAM) - 1), st.binary(min_size=1, max_size=3), st.integers(1, 400))
def test_a_fault_is_the_same_fault_wherever_it_is_cut(place: int, fault: bytes, size: int) -> None:
    stream = STREAM[:place] + fault + STREAM[place + len(fault) :]
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert answered(pieces) == answered([stream])
