"""Turns: how long one waits, who is told to come back, and that all of it is bounded."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from api.http.exchange import Exchange
from api.http.message import Refusal, Response
from api.http.turns import KNOWN, PATIENCE, Turns
from engine.points.proxies import Proxies

from .conftest import Open
from .test_connection import get

OWN = "192.0.2.1"


def test_a_second_s_worth_at_once_and_then_at_the_rate() -> None:
    turns = Turns(10.0)
    assert [turns.take(OWN, 100.0) for _ in range(10)] == [0.0] * 10
    assert [round(turns.take(OWN, 100.0), 6) for _ in range(3)] == [0.1, 0.2, 0.3]
    assert turns.take("192.0.2.2", 100.0) == 0.0
    assert turns.take(OWN, 102.0) == 0.0


def test_who_would_wait_too_long_is_told_when_to_come_back() -> None:
    turns = Turns(10.0)
    waits = [turns.take(OWN, 0.0) for _ in range(int(10 * PATIENCE) + 10)]
    assert waits[-1] == pytest.approx(PATIENCE)
    for _ in range(3):
        with pytest.raises(Refusal) as refusal:
            turns.take(OWN, 0.0)
        assert (refusal.value.status, refusal.value.headers) == (429, ((b"retry-after", b"11"),))
    assert turns.take(OWN, PATIENCE * 2) == 0.0  # what was refused took nothing


def test_addresses_are_remembered_within_bounds() -> None:
    turns = Turns(1.0)
    for number in range(KNOWN + 10):
        turns.take(str(number), 0.0)
    assert len(turns._even) == KNOWN
    assert turns.take("0", 0.0) == 0.0
    assert turns.take(str(KNOWN), 0.0) > 0


def test_whose_turns_they_are() -> None:
    turns = Turns(1.0, Proxies(("10.0.0.0/8",)))
    assert turns.owner("192.0.2.1") == "192.0.2.1"
    assert turns.owner("2001:db8::1") == turns.owner("2001:db8::2") == "2001:db8::/64"
    assert turns.owner("10.1.2.3") == ""
    assert turns.behind("10.1.2.3", [(b"x-forwarded-for", b"192.0.2.9")]) == "192.0.2.9"
    assert turns.behind("10.1.2.3", []) == "10.1.2.3"


async def test_a_client_that_floods_waits_and_others_do_not(
    open_client: Open, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    served: list[tuple[str, float]] = []

    async def note(exchange: Exchange) -> None:
        served.append((exchange.request.path, trio.current_time()))
        await exchange.respond(Response(204))

    turns = Turns(10.0)
    began = trio.current_time()
    flood = open_client(note, turns=turns)
    nursery.start_soon(flood.rest)
    await flood.send(get("/flood") * 30)
    other = open_client(note, turns=turns, address="192.0.2.99")
    await other.send(get("/other"))
    await trio.sleep(5)
    assert next(at for path, at in served if path == "/other") == pytest.approx(began, abs=0.2)
    times = [at - began for path, at in served if path == "/flood"]
    assert len(times) == 30
    assert times[9] == pytest.approx(0, abs=0.2)
    assert times[-1] == pytest.approx(2.0, abs=0.2)


async def test_a_flood_without_end_is_429_and_closed(open_client: Open, autojump_clock: MockClock) -> None:
    turns = Turns(1.0)
    early = open_client(turns=turns)
    await early.send(b"GET")
    for _ in range(10):
        turns.take("192.0.2.7", trio.current_time())
    await early.send(get()[3:])
    late = open_client(turns=turns)  # a connection takes a turn, too
    for client in (early, late):
        data = await client.rest()
        assert data.startswith(b"HTTP/1.1 429 ")
        assert b"retry-after: " in data
