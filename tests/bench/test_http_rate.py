"""The load generator for HTTP, and the row that comes of it."""

from __future__ import annotations

import subprocess
from functools import partial

import pytest
import trio

from api.http.exchange import Exchange
from api.http.house import House, Limits
from api.http.message import Response
from api.http.server import Server
from bench import http_rate
from bench.report import Maker
from engine.limits import Places
from engine.points.sockets import listen


async def loaded(status: int, *, depth: int = 1) -> tuple[http_rate.Turn, int]:
    """What a short turn against a server of ours counted, and what that answered."""
    answered = 0

    async def serve(exchange: Exchange) -> None:
        nonlocal answered
        answered += 1
        await exchange.respond(Response(status, b"x" * 400))

    (sock,) = await listen("127.0.0.1", 0)
    async with trio.open_nursery() as nursery:
        server = Server(House(serve, Limits()), Places(lambda: 100, 100))
        await nursery.start(server.run, [sock])
        port = sock.getsockname()[1]
        try:
            turn = await trio.to_thread.run_sync(partial(http_rate.load, port, 4, 0.05, depth=depth))
        finally:
            nursery.cancel_scope.cancel()
    return turn, answered


@pytest.mark.parametrize("depth", [1, 8])
async def test_each_answer_is_counted_once(depth: int) -> None:
    turn, answered = await loaded(200, depth=depth)
    assert turn.answers == answered > 0
    assert turn.answers % depth == 0
    assert 0 < turn.p50_ms <= turn.p99_ms


async def test_a_wrong_answer_is_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.RaisesGroup(subprocess.CalledProcessError):
        await loaded(404)
    assert "not 200: HTTP/1.1 404" in capfd.readouterr().err


def test_rows_compare_like_with_like(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = iter(range(1, 100))

    def load(port: int, connections: int, seconds: float) -> http_rate.Turn:
        return http_rate.Turn(answers=next(turns) * 100, seconds=1.0, p50_ms=1.0, p99_ms=1.0)

    class Running:
        def __init__(self, program: object) -> None:
            pass

        def __enter__(self) -> tuple[int, int]:
            return 1, 2

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(http_rate, "load", load)
    monkeypatch.setattr(http_rate.programs, "running", Running)
    rows = list(http_rate.measure(Maker(), seconds=1.0, rounds=1, connections=32))
    assert [row.peer for row in rows] == [
        "Voltrio", "uvicorn", "Hypercorn on Trio", "Voltrio", "uvicorn", "Hypercorn on Trio",
        "Voltrio", "Hypercorn on Trio",
    ]  # fmt: skip
    assert all("32 connections" in row.name for row in rows)
