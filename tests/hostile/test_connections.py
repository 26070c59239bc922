"""Who has not logged in is in nobody's way: silent connections, half requests, passwords all at once."""

from __future__ import annotations

import base64
import itertools
import os
import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
import trio

from tests.conftest import data_folder
from tests.e2e.program import running
from tests.hostile.harness import Scale, Site

OPEN_FILES = 1_024  # of the node, as many systems have it
SILENT = 1_500  # connections held at once
KNOCKING = 16  # tasks that open them
PASSWORD = "0123456789abcdef"
PASSWORDS = 1_500
FAILURES = 10  # that may come from an address within a minute (auth_failures)
OUTCOMES = ("accepted", "crowded_out", "full", "left")
MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def small() -> Iterator[Site]:
    """A node that may open few files."""
    with data_folder() as folder, running(folder / "node", open_files=OPEN_FILES) as program:
        yield Site(program)


def postmaster(site: Site) -> int:
    return int((site.program.data / "postgres" / "postmaster.pid").read_text().split()[0])


async def knock(site: Site, count: int, held: list[trio.SocketStream], words: bytes) -> None:
    """Open connections that say `words` and nothing more; hold the newest `count` of them."""
    while True:
        stream = await trio.open_tcp_stream(site.target.host, site.target.port)
        held.append(stream)
        if len(held) > count:
            await trio.aclose_forcefully(held.pop(0))
        try:
            await stream.send_all(words)
        except trio.BrokenResourceError:
            await trio.lowlevel.checkpoint()


async def flood(site: Site, count: int, words: bytes = b"") -> None:
    """For ever."""
    held: list[trio.SocketStream] = []
    try:
        async with trio.open_nursery() as nursery:
            for _ in range(KNOCKING):
                nursery.start_soon(knock, site, count, held, words)
    finally:
        for stream in held:
            stream.socket.close()


@pytest.mark.parametrize(
    "words", [b"", b"GET /ocpp/X HTTP/1.1\r\nHost: x\r\nX-Slow: "], ids=["silent", "slow"]
)
async def test_connections_that_do_not_log_in_hold_up_nobody(small: Site, scale: Scale, words: bytes) -> None:
    """Also with a limit of files that they alone would exceed: the node and PostgreSQL live."""
    database = postmaster(small)
    small.forget_peak()
    before = small.peak
    async with small.crowd(scale.good) as crowd:
        await crowd.goes_on_during(partial(flood, small, SILENT, words), rounds=3 * scale.times)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood, small, SILENT, words)
            for _ in range(10 * scale.times):  # newcomers get in beside it
                async with small.attacker():
                    pass
            nursery.cancel_scope.cancel()
    outcomes = {name: small.metric("voltrio_ocpp_connections_total", outcome=name) for name in OUTCOMES}
    print(f"{(small.peak - before) / MEBIBYTE:.0f} MiB more than before; {outcomes}")
    assert small.peak - before < 100 * MEBIBYTE
    assert postmaster(small) == database
    assert small.metric("voltrio_task_failures_total") == 0


async def test_a_node_that_may_open_no_more_files_goes_on(small: Site, scale: Scale) -> None:
    """Its reserve is gone too: nobody new gets in, nobody else is lost, and nothing ends."""
    database = postmaster(small)

    async def attack() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(flood, small, 500)
            while '"task failed"' not in small.program.output.read_text():  # noqa: ASYNC110 - another process
                await trio.sleep(0.05)
            await crowd.rounds(2 * scale.times)
            nursery.cancel_scope.cancel()

    async with small.crowd(scale.good) as crowd:
        with no_more_files(small.program.pid):
            await attack()
        async with small.attacker():
            pass
    assert small.metric("voltrio_ocpp_connections_total", outcome="full") > 0
    assert postmaster(small) == database


async def test_of_passwords_that_come_all_at_once_few_are_judged(small: Site, scale: Scale) -> None:
    """Whoever is not judged is told to come back, or had to give way."""
    small.program.add_station("GUESSED", password=PASSWORD)
    answers: Counter[str] = Counter()

    async def guess(password: str) -> None:
        credentials = base64.b64encode(f"GUESSED:{password}".encode()).decode()
        request = small.target.upgrade("GUESSED")
        async with await trio.open_tcp_stream(small.target.host, small.target.port) as stream:
            try:
                await stream.send_all(request[:-2] + f"Authorization: Basic {credentials}\r\n\r\n".encode())
                answer = await stream.receive_some()
            except trio.BrokenResourceError:
                answer = b""
            answers[answer[9:12].decode()] += 1

    async with small.crowd(scale.good), trio.open_nursery() as nursery:
        for number in range(PASSWORDS):
            nursery.start_soon(guess, f"wrong password {number:04}")
    print(dict(answers))
    assert answers["401"] <= FAILURES
    assert sum(answers[answer] for answer in ("401", "429", "503", "")) == PASSWORDS


@contextmanager
def no_more_files(pid: int) -> Iterator[None]:
    """While the block runs the process may open no files but in the place of one that it closes."""
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    taken = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    most = next(number for number in itertools.count() if number not in taken)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
