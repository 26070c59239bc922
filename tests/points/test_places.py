"""Connections that have not logged in: bounded in number and time, and in nobody's way."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import trio

from engine.points import sockets
from engine.points.sockets import Acceptor, Spare


@contextmanager
def silent(port: int, count: int, address: str = "127.0.0.1") -> Iterator[list[socket.socket]]:
    """Connections that say nothing."""
    with ExitStack() as stack:
        made = []
        for _ in range(count):
            one = stack.enter_context(socket.socket())
            one.bind((address, 0))
            one.connect(("127.0.0.1", port))
            made.append(one)
        yield made


def slow(store: Any) -> tuple[trio.Event, trio.Event]:
    """The first is set when somebody is looked up, who then waits for the second."""
    asked, gate, look_up = trio.Event(), trio.Event(), store.reader.look_up

    async def slowly(identity: str) -> Any:
        asked.set()
        await gate.wait()
        return await look_up(identity)

    store.reader.look_up = slowly
    return asked, gate


async def test_a_charge_point_gets_in_beside_a_flood_of_silent_connections(start: Any) -> None:
    async with start(max_waiting=10) as site:
        with silent(site.ports[0], 50):
            await site.until(lambda: site.metrics.connections[("crowded_out",)] == 40)
            async with site.connect("CP1") as ws:
                assert (await site.ask(ws, "Heartbeat", {}))[0] == 3
                assert site.metrics.gauges["voltrio_ocpp_waiting"][1]() <= 10
        await site.until(lambda: site.metrics.gauges["voltrio_ocpp_waiting"][1]() == 0)


async def test_an_address_crowds_out_its_own_connections_only(start: Any) -> None:
    async with start(max_waiting=10, max_waiting_per_address=4) as site:
        with silent(site.ports[0], 3, "127.0.0.2") as others, silent(site.ports[0], 20):
            await site.until(lambda: site.metrics.connections[("crowded_out",)] == 16)
            for one in others:
                one.setblocking(False)
                with pytest.raises(BlockingIOError):  # still open
                    one.recv(1)


async def test_behind_a_proxy_the_client_is_counted(start: Any, store: Any) -> None:
    proxied = "X-Forwarded-For: 192.0.2.1"
    async with start(max_waiting_per_address=1, trusted_proxies=("127.0.0.1",)) as site:
        asked, gate = slow(store)
        with silent(site.ports[0], 5):
            stream = await trio.open_tcp_stream("127.0.0.1", site.ports[0])
            await stream.send_all(site.request("CP1", proxied))
            await asked.wait()
            status, headers, _ = await site.http(site.request("CP2", proxied))
            assert status == 503
            assert "Retry-After" in headers
            gate.set()
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 101 ")
            await stream.aclose()
            assert site.metrics.connections[("crowded_out",)] == 0


async def test_where_everybody_is_being_served_the_next_one_is_told_to_come_back(
    start: Any, store: Any
) -> None:
    async with start(max_waiting=1) as site:
        asked, gate = slow(store)
        first = await trio.open_tcp_stream("127.0.0.1", site.ports[0])
        await first.send_all(site.request("CP1"))
        await asked.wait()
        status, headers, _ = await site.http(b"")
        assert status == 503
        assert "Retry-After" in headers
        assert site.metrics.connections[("full",)] == 1
        gate.set()
        assert (await first.receive_some()).startswith(b"HTTP/1.1 101 ")
        await first.aclose()


async def test_two_that_log_in_at_once_do_not_both_get_the_last_room(start: Any, store: Any) -> None:
    async with start(max_connections=1) as site:
        asking, gate, load = trio.Event(), trio.Event(), store.reader.load

        async def slowly(*asked: Any) -> Any:
            asking.set()
            await gate.wait()
            return await load(*asked)

        store.reader.load = slowly
        stream = await trio.open_tcp_stream("127.0.0.1", site.ports[0])
        await stream.send_all(site.request("CP1"))
        await asking.wait()
        status, _, _ = await site.http(site.request("CP2"))
        assert status == 503
        gate.set()
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 101 ")
        await stream.aclose()


async def test_who_has_no_password_is_not_told_that_a_node_is_full(start: Any, store: Any) -> None:
    """Else the answers of a full node would tell which identities exist."""
    store.add("SAFE", profile=1, password_sha256=bytes(32))
    async with start(max_connections=1) as site, site.connect("CP1"):
        assert (await site.http(site.request("SAFE")))[0] == 401
        assert (await site.http(site.request("NOBODY")))[0] == 401


@contextmanager
def no_descriptors() -> Iterator[None]:
    """None are left, for this process, while the block runs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        highest = max(int(name) for name in os.listdir("/proc/self/fd"))
        while (filler := os.dup(0)) <= highest:
            stack.callback(os.close, filler)
        os.close(filler)
        resource.setrlimit(resource.RLIMIT_NOFILE, (filler, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_without_descriptors_newcomers_are_closed_and_others_served(site: Any) -> None:
    async with site.connect("CP1") as ws:
        with ExitStack() as stack:
            newcomers = [stack.enter_context(socket.socket()) for _ in range(5)]
            with no_descriptors():
                for one in newcomers:
                    one.connect(("127.0.0.1", site.ports[0]))
                await site.until(lambda: site.metrics.connections[("full",)] == len(newcomers))
                assert (await site.ask(ws, "Heartbeat", {}))[0] == 3
        async with site.connect("CP2") as later:
            assert (await site.ask(later, "Heartbeat", {}))[0] == 3


def test_the_spare_descriptor_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        spare = Spare()
        assert not spare.turn_away(listening)  # nobody is there
        with socket.create_connection(listening.getsockname()):
            while not spare.turn_away(listening):
                pass
        monkeypatch.setattr(sockets, "NULL", "/nowhere")
        assert not spare.turn_away(listening)  # it cannot be had again now
        monkeypatch.undo()
        assert not spare.turn_away(listening)
        assert spare._held is not None
        spare.close()


async def test_a_connection_that_cannot_be_taken_in_is_closed_and_the_next_one_is_not(nursery: Any) -> None:
    taken: list[socket.socket] = []
    faults: list[Exception] = [ValueError("a bug"), OSError(errno.EINVAL, "it left")]

    def take_in(sock: socket.socket, peer: object) -> None:
        if faults:
            raise faults.pop()
        taken.append(sock)

    acceptor = Acceptor(lambda: None)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        nursery.start_soon(acceptor.run, listening, take_in)
        port = listening.getsockname()[1]
        for _ in range(2):
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                assert await stream.receive_some() == b""
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            while not taken:
                await trio.lowlevel.checkpoint()
            taken[0].sendall(b"welcome")
            assert await stream.receive_some() == b"welcome"
            taken[0].close()
        nursery.cancel_scope.cancel()
    acceptor.close()
