"""The embedded server: made, shared, killed, started again."""

from __future__ import annotations

import errno
import os
import signal
import stat
from pathlib import Path

import pytest
import trio

from engine.domain.changes import EventPublished
from engine.errors import StoreError
from engine.metrics import Metrics
from engine.settings import Settings
from engine.store import embedded, open_store
from engine.store.cluster import Cluster
from engine.store.embedded import cluster
from engine.store.embedded import embedded as running
from tests.patience import PATIENCE, looked_until

from .conftest import NOW


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


async def test_a_killed_server_comes_back_and_nothing_acknowledged_is_lost(data: Path) -> None:
    """Callers commit all the while; each acknowledged row is there once, no other row is there."""
    acknowledged: list[int] = []
    server = cluster(data)

    async def caller(number: int) -> None:
        for n in range(20):
            subject = number * 100 + n
            event = EventPublished(
                type="x", subject=str(subject), operator_id=None, payload=b"{}", created_at=NOW
            )
            await store.journal.commit([event])
            acknowledged.append(subject)

    with trio.fail_after(PATIENCE):
        async with open_store(Settings(data=str(data)), Metrics(), jitter=lambda: 0.0) as store:
            async with trio.open_nursery() as nursery:
                for number in range(10):
                    nursery.start_soon(caller, number)
                while len(acknowledged) < 50:
                    await trio.lowlevel.checkpoint()
                kill(server.pid())
            assert len(acknowledged) == 200
            rows = await store.query("select subject from events order by subject::int")
            assert [int(str(subject)) for (subject,) in rows] == sorted(acknowledged)
    assert server.status() is None


async def test_a_server_left_behind_is_taken_over_and_the_last_user_stops_it(data: Path) -> None:
    async with running(data, Metrics()) as first:
        pid = first.pid()
        async with running(data, Metrics()) as second:
            assert second.pid() == pid
        assert first.status() == "ready"
    assert first.status() is None


async def test_a_stale_lock_whose_number_is_taken_again_is_removed(data: Path) -> None:
    async with running(data, Metrics()) as server:
        file = server.folder / "postmaster.pid"
        kill(server.pid())
        lines = file.read_text().splitlines()
        file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
        await looked_until(lambda: server.status() == "ready")
        assert server.pid() != os.getpid()


def open_to_others(data: Path) -> list[Path]:
    return [path for path in data.rglob("*") if stat.S_IMODE(path.lstat().st_mode) & 0o077]


async def test_nobody_else_may_enter(data: Path) -> None:
    umask = os.umask(0)
    try:
        async with running(data, Metrics()) as server:
            assert "host=" in server.dsn("voltrio")
            found = open_to_others(data)
    finally:
        os.umask(umask)
    assert found == []


async def test_a_socket_folder_that_others_could_enter_is_not_used(data: Path) -> None:
    server = cluster(data / ("x" * 60) / ("y" * 60))
    server.sockets.mkdir(mode=0o755)
    try:
        with pytest.raises(StoreError, match="for us alone"):
            await trio.to_thread.run_sync(server.start)
    finally:
        server.sockets.rmdir()


async def test_a_long_path_gets_its_socket_elsewhere(data: Path) -> None:
    deep = data / ("x" * 60) / ("y" * 60)
    async with running(deep, Metrics()) as server:
        assert server.sockets != server.folder
        assert stat.S_IMODE(server.sockets.stat().st_mode) == 0o700
        assert server.status() == "ready"


def test_without_the_wheel_the_message_says_what_to_do(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "PACKAGE", "no_such_package")
    with pytest.raises(StoreError, match="--database"):
        cluster(data)


async def test_a_look_that_fails_ends_neither_the_node_nor_the_server(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, metrics, look = [], Metrics(), Cluster.status

    def failing(server: Cluster) -> str | None:
        looks.append(server)
        if len(looks) < 3:
            raise OSError(errno.EMFILE, "too many open files")
        return look(server)

    async with running(data, metrics) as server:
        pid = server.pid()
        monkeypatch.setattr(Cluster, "status", failing)
        await looked_until(lambda: len(looks) >= 4)
        assert server.pid() == pid
    assert metrics.task_failures == {("PostgreSQL",): 2}


async def test_a_server_that_does_not_start_is_tried_again(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts, metrics, start = [], Metrics(), Cluster.start

    def failing(server: Cluster) -> None:
        attempts.append(server)
        if len(attempts) < 3:
            raise OSError(errno.ENOSPC, "no space left on device")
        start(server)

    async with running(data, metrics) as server:
        monkeypatch.setattr(Cluster, "start", failing)
        kill(server.pid())
        await looked_until(lambda: len(attempts) >= 3 and server.status() == "ready")
    assert metrics.task_failures == {("PostgreSQL",): 2}
