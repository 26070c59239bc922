"""As `test_kill`, with two nodes on one database, which are killed and frozen, and the database with them.

A balancer sends each new connection to a node that takes it. So a charger moves with its transactions when
its node is killed or its connection is lost; a node that was frozen wakes up to chargers that have gone on
elsewhere.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from engine.errors import StoreError
from engine.simulator import ledger
from engine.store.cluster import Cluster
from engine.store.embedded import cluster
from tests.e2e.program import Program, two_nodes
from tests.e2e.test_kill import PASSWORD, TAGS, answered, disagreements, finished, simulating
from tests.patience import PATIENCE, look_until


class Balancer:
    """Listens on a port of its own and passes each connection on to one of `ports`, whichever answers."""

    def __init__(self, ports: Sequence[int], rng: random.Random) -> None:
        self._ports = ports
        self._rng = rng
        self.port = 0
        self.passed = [0] * len(ports)

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, self._serve, 0)
            self.port = listeners[0].socket.getsockname()[1]
            task_status.started()

    async def _serve(self, near: trio.SocketStream) -> None:
        for index in self._rng.sample(range(len(self._ports)), len(self._ports)):
            with suppress(OSError):
                async with await trio.open_tcp_stream("127.0.0.1", self._ports[index]) as far:
                    self.passed[index] += 1
                    async with near, trio.open_nursery() as nursery:
                        nursery.start_soon(self._pipe, near, far, nursery.cancel_scope)
                        nursery.start_soon(self._pipe, far, near, nursery.cancel_scope)
                return

    async def _pipe(self, source: trio.SocketStream, sink: trio.SocketStream, both: trio.CancelScope) -> None:
        with suppress(trio.BrokenResourceError):
            async for data in source:
                await sink.send_all(data)
        both.cancel()


def frozen(node: Program, others: Sequence[Program], most: int, rng: random.Random) -> None:
    """A node that does nothing for a while, in which the others go on."""
    os.kill(node.pid, signal.SIGSTOP)
    try:
        wanted = sum(map(answered, others)) + rng.randint(1, most)
        others[0].wait_until(lambda: sum(map(answered, others)) >= wanted)
    finally:
        os.kill(node.pid, signal.SIGCONT)


def has_started(server: Cluster) -> bool:
    """False while processes of the one that was killed still end."""
    with suppress(StoreError):
        server.start()
        return True
    return False


def kill_in_turn(
    nodes: Sequence[Program], server: Cluster, kills: int, most: int, rng: random.Random
) -> dict[str, int]:
    """Kill a node or the database so many times, or stop a node; what was done how often."""
    done = dict.fromkeys(("killed", "frozen", "database"), 0)
    for _ in range(kills):
        wanted = sum(map(answered, nodes)) + rng.randint(1, most)
        nodes[0].wait_until(lambda wanted=wanted: sum(map(answered, nodes)) >= wanted)
        kind = rng.choice(["killed", "killed", "frozen", "database"])
        node = rng.choice(nodes)
        done[kind] += 1
        if kind == "killed":
            node.kill()
            node.start()
        elif kind == "frozen":
            frozen(node, [other for other in nodes if other is not node], most // 4, rng)
        else:
            postmaster = server.pid()
            assert postmaster is not None
            os.kill(postmaster, signal.SIGKILL)
            look_until(lambda: server.status() is None)
            look_until(lambda: has_started(server))
    for node in nodes:
        node.wait_until(node.is_ready)
    return done


@pytest.mark.soak
async def test_nothing_is_lost_or_doubled_between_two_nodes(data: Path) -> None:
    stations, kills, rng = 200, 60, random.Random(7)
    server = cluster(data / "database")
    server.start()
    try:
        with two_nodes(data, server.dsn("postgres")) as nodes:
            one = nodes[0]
            for tag in TAGS:
                one.request("POST", "/id-tags", json={"uid": tag})
            for n in range(1, stations + 1):
                one.add_station(f"SIM-{n:04d}", password=PASSWORD)
            balancer = Balancer([node.ocpp_port for node in nodes], rng)

            def live() -> tuple[dict[str, int], int, str]:
                url = f"ws://127.0.0.1:{balancer.port}/ocpp"
                with simulating(url, stations, data / "ledger.jsonl") as simulator:
                    done = kill_in_turn(nodes, server, kills, 2 * stations, random.Random(7))
                    one.wait_until(lambda: finished(one) >= stations or simulator.poll() is not None)
                    simulator.terminate()
                    output, _ = simulator.communicate(timeout=PATIENCE)
                return done, simulator.returncode, output

            async with trio.open_nursery() as nursery:
                await nursery.start(balancer.run)
                done, code, output = await trio.to_thread.run_sync(live)
                nursery.cancel_scope.cancel()
            assert code == 0, output
            entries = ledger.read(data / "ledger.jsonl")
            stopped = sum(entry.stop_acknowledged for entry in entries)
            told = sum(sample.acknowledged for entry in entries for sample in entry.samples)
            assert stopped >= stations / 2, f"too little happened to prove anything: {stopped} transactions"
            assert min(balancer.passed) > stations / 2, "the chargers kept to one node"
            wrong = disagreements(one, entries)
            print(
                f"{stations} stations, {done}, connections {balancer.passed}, {len(entries)} transactions, "
                f"{stopped} of them ended and {told} samples acknowledged, {len(wrong)} disagreements"
            )
            assert not wrong, "\n".join(wrong[:40])
    finally:
        server.stop()
