"""asyncio inside Trio: timers, threads, errors, closing; and cancelling leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import random
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

import asyncpg
import pytest
import structlog
import trio
import trio.testing

from engine.errors import StoreError
from engine.metrics import Metrics
from engine.store.bridge import ROUNDS, Bridge, HostedLoop, HostedSelector, open_bridge
from engine.store.database import POOL_SIZE, Connection, Database, open_database

PLACE: contextvars.ContextVar[str] = contextvars.ContextVar("PLACE", default="nowhere")


@pytest.fixture
async def bridge() -> AsyncIterator[Bridge]:
    async with open_bridge(Metrics().task_failures) as opened:
        yield opened


@pytest.fixture
def loop(bridge: Bridge) -> HostedLoop:
    return bridge._loop


async def awaited(what: Awaitable[Any]) -> Any:
    return await what


def unfinished(bridge: Bridge) -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks(bridge._loop)


def executor_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("asyncio")]


# results, errors, context


async def test_a_result_comes_back(bridge: Bridge) -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 5

    assert await bridge.call(work()) == 5
    assert not unfinished(bridge)


async def test_an_error_is_raised_at_the_caller(bridge: Bridge) -> None:
    async def work() -> None:
        raise ValueError("five")

    with pytest.raises(ValueError, match="five"):
        await bridge.call(work())


async def test_a_call_is_a_checkpoint(bridge: Bridge) -> None:
    async def work() -> None: ...

    with trio.testing.assert_checkpoints():
        await bridge.call(work())


async def test_the_work_has_the_callers_context_and_keeps_its_own(bridge: Bridge) -> None:
    async def work() -> str:
        await asyncio.sleep(0)
        place = PLACE.get()
        PLACE.set("there")
        return place

    PLACE.set("here")
    assert await bridge.call(work()) == "here"
    assert PLACE.get() == "here"


async def test_calls_run_beside_each_other(bridge: Bridge) -> None:
    async def work(meeting: asyncio.Event, *, opens: bool) -> None:
        meeting.set() if opens else await meeting.wait()

    meeting = asyncio.Event()
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(bridge.call, work(meeting, opens=False))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(bridge.call, work(meeting, opens=True))


# timers


async def test_every_timer_is_kept(bridge: Bridge, autojump_clock: trio.testing.MockClock) -> None:
    ended: list[tuple[float, float]] = []

    async def wait(seconds: float) -> None:
        await bridge.call(asyncio.sleep(seconds))
        ended.append((seconds, trio.current_time()))

    started = trio.current_time()
    async with trio.open_nursery() as nursery:
        for seconds in (30.0, 0.5, 3.0, 0.25, 3600.0, 3.0):
            nursery.start_soon(wait, seconds)
    assert ended == [(s, started + s) for s in (0.25, 0.5, 3.0, 3.0, 30.0, 3600.0)]


async def test_a_nearer_timer_wakes_the_host(
    bridge: Bridge, loop: HostedLoop, autojump_clock: trio.testing.MockClock
) -> None:
    rang: list[float] = []
    started = trio.current_time()
    loop.call_later(100, lambda: rang.append(loop.time() - started))
    await trio.testing.wait_all_tasks_blocked()
    loop.call_later(1, lambda: rang.append(loop.time() - started))
    await trio.sleep(2)
    assert rang == [1.0]
    await trio.sleep(100)
    assert rang == [1.0, 100.0]


async def test_a_cancelled_timer_wakes_nobody(
    bridge: Bridge, loop: HostedLoop, autojump_clock: trio.testing.MockClock
) -> None:
    loop.call_later(1, pytest.fail).cancel()
    started = trio.current_time()
    await bridge.call(asyncio.sleep(3))
    assert trio.current_time() == started + 3


async def test_timeouts_of_asyncio_keep_to_trio_s_clock(
    bridge: Bridge, autojump_clock: trio.testing.MockClock
) -> None:
    async def work() -> None:
        async with asyncio.timeout(60):
            await asyncio.Event().wait()

    started = trio.current_time()
    with pytest.raises(TimeoutError):
        await bridge.call(work())
    assert trio.current_time() == started + 60


# work from elsewhere


async def test_what_is_handed_in_between_turns_is_run(bridge: Bridge, loop: HostedLoop) -> None:
    done = trio.Event()
    await trio.testing.wait_all_tasks_blocked()
    loop.call_soon(done.set)
    await done.wait()


async def test_another_thread_wakes_the_loop(bridge: Bridge, loop: HostedLoop) -> None:
    done = trio.Event()
    await trio.testing.wait_all_tasks_blocked()
    await trio.to_thread.run_sync(loop.call_soon_threadsafe, done.set)
    await done.wait()


async def test_the_executor_answers(bridge: Bridge, loop: HostedLoop) -> None:
    async def work() -> tuple[int, list[Any]]:
        thread = await loop.run_in_executor(None, threading.get_ident)
        return thread, await loop.getaddrinfo("localhost", 5432)

    thread, addresses = await bridge.call(work())
    assert thread != threading.get_ident()
    assert addresses


# no starvation


async def test_a_callback_without_end_blocks_nobody(bridge: Bridge, loop: HostedLoop) -> None:
    """Trio's tasks go on, what arrives is seen, and another call gets its answer."""
    count = 0

    def again() -> None:
        nonlocal count
        count += 1
        handles[0] = loop.call_soon(again)

    handles = [loop.call_soon(again)]
    for _ in range(10):
        await trio.lowlevel.checkpoint()
    assert 0 < count <= 12 * ROUNDS
    assert await bridge.call(awaited(loop.run_in_executor(None, lambda: 5))) == 5
    before = count
    await bridge.call(asyncio.sleep(0.001))
    assert count > before
    handles[0].cancel()


# errors


async def test_an_error_in_a_callback_is_logged_and_ends_nothing(bridge: Bridge, loop: HostedLoop) -> None:
    def fail(error: BaseException) -> None:
        raise error

    with structlog.testing.capture_logs() as lines:
        for error in (ValueError("five"), SystemExit(1), KeyboardInterrupt()):
            loop.call_soon(fail, error)
            await bridge.call(asyncio.sleep(0))
    assert [(line["log_level"], type(line["exc_info"])) for line in lines] == [
        ("error", ValueError),
        ("error", SystemExit),
        ("error", KeyboardInterrupt),
    ]


@pytest.mark.parametrize("error", [OSError("the system is out of memory"), MemoryError()])
async def test_a_turn_that_fails_is_logged_and_ends_nothing(
    bridge: Bridge, loop: HostedLoop, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    failures = [error]
    select = HostedSelector.select

    def failing(selector: HostedSelector, timeout: float | None = None) -> Any:
        if failures:
            raise failures.pop()
        return select(selector, timeout)

    monkeypatch.setattr(HostedSelector, "select", failing)
    with structlog.testing.capture_logs() as logged:
        loop.turn()
    assert [(line["event"], line["exc_info"]) for line in logged] == [("asyncio met an error", error)]
    assert await bridge.call(asyncio.sleep(0, "as before")) == "as before"


async def test_an_error_that_nobody_fetched_is_logged(bridge: Bridge, loop: HostedLoop) -> None:
    async def fail() -> None:
        raise ValueError("five")

    with structlog.testing.capture_logs() as lines:
        task = loop.create_task(fail())
        await bridge.call(asyncio.sleep(0))
        del task
        gc.collect()
    (line,) = lines
    assert "never retrieved" in line["what"]


# cancelling


async def test_cancelling_the_caller_cancels_the_work_and_waits_for_it(bridge: Bridge) -> None:
    steps: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
            steps.append("cleaned up")
            raise

    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bridge.call, work())
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
    assert scope.cancelled_caught
    assert steps == ["cleaned up"]
    assert not unfinished(bridge)


async def test_a_deadline_of_trio_cancels_the_work(
    bridge: Bridge, autojump_clock: trio.testing.MockClock
) -> None:
    with pytest.raises(trio.TooSlowError):
        with trio.fail_after(5):
            await bridge.call(asyncio.sleep(6))
    assert not unfinished(bridge)


async def test_work_of_a_cancelled_caller_is_never_begun(bridge: Bridge) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await bridge.call(asyncio.sleep(0, pytest.fail("begun") if False else None))
    assert scope.cancelled_caught


async def test_a_result_that_came_all_the_same_is_not_lost(bridge: Bridge) -> None:
    async def work() -> int:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return 5
        return 6

    results: list[int] = []

    async def call() -> None:
        results.append(await bridge.call(work()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert results == [5]


async def test_work_that_asyncio_cancels_is_an_error_here(bridge: Bridge) -> None:
    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    with pytest.raises(StoreError):
        await bridge.call(work())


async def test_a_callback_may_cancel_what_waits_for_it(bridge: Bridge, loop: HostedLoop) -> None:
    with trio.CancelScope() as scope:
        loop.call_later(0.001, scope.cancel)
        await bridge.call(asyncio.sleep(3600))
    assert scope.cancelled_caught


@pytest.mark.parametrize("rounds", [1, 2, 5])
@pytest.mark.parametrize("canceller", ["trio", "asyncio", "both"])
@pytest.mark.parametrize("step", range(10))
async def test_cancelling_between_any_two_steps(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch, rounds: int, canceller: str, step: int
) -> None:
    """Whoever cancels while the work is at its n-th step, in any turn: the call ends once, and wholly."""
    monkeypatch.setattr("engine.store.bridge.ROUNDS", rounds)
    loop = bridge._loop

    async def work() -> str:
        task = asyncio.current_task()
        assert task is not None
        try:
            for number in range(10):
                if number == step and canceller != "asyncio":
                    loop.call_soon(scope.cancel)
                if number == step and canceller != "trio":
                    loop.call_soon(task.cancel)
                await asyncio.sleep(0)
        finally:
            await asyncio.sleep(0)
        return "done"

    ends: list[str] = []
    with trio.CancelScope() as scope:
        try:
            ends.append(await bridge.call(work()))
        except StoreError:
            ends.append("asyncio")
    if scope.cancelled_caught:
        ends.append("trio")
    assert (
        ends in {"trio": (["trio"],), "asyncio": (["asyncio"],), "both": (["trio"], ["asyncio"])}[canceller]
    )
    assert not unfinished(bridge)


# closing


async def test_closing_cancels_what_runs_and_waits_for_it() -> None:
    steps: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.001)
            steps.append("cleaned up")

    async def generate() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            steps.append("generator closed")

    async def begin() -> int:
        return await anext(generator)

    async def call(bridge: Bridge) -> None:
        with pytest.raises(StoreError):
            await bridge.call(work())
        steps.append("caller told")

    generator = generate()
    async with trio.open_nursery() as nursery, open_bridge(Metrics().task_failures) as bridge:
        nursery.start_soon(call, bridge)
        task = bridge._loop.create_task(work())  # asyncio itself knows it weakly only
        await bridge.call(begin())
        await bridge.call(awaited(bridge._loop.run_in_executor(None, int)))
        assert executor_threads()
        await trio.testing.wait_all_tasks_blocked()
    assert sorted(steps) == ["caller told", "cleaned up", "cleaned up", "generator closed"]
    assert task.cancelled()
    assert bridge._loop.is_closed()
    assert not executor_threads()


async def test_a_closed_bridge_takes_nothing() -> None:
    async with open_bridge(Metrics().task_failures) as bridge:
        pass
    with pytest.raises(StoreError):
        await bridge.call(asyncio.sleep(0))


async def test_calls_go_on_while_callers_clean_up() -> None:
    """What is cancelled from outside may still write what it has to, before the bridge is closed."""
    results: list[int] = []
    with trio.CancelScope() as scope:
        async with open_bridge(Metrics().task_failures) as bridge:
            try:
                scope.cancel()
                await trio.lowlevel.checkpoint()
            finally:
                with trio.CancelScope(shield=True):
                    results.append(await bridge.call(asyncio.sleep(0.001, 5)))
    assert results == [5]
    assert bridge._loop.is_closed()


async def test_an_error_in_the_block_comes_through_as_from_any_nursery() -> None:
    with pytest.RaisesGroup(ValueError):
        async with open_bridge(Metrics().task_failures) as bridge:
            bridge._loop.create_task(asyncio.sleep(3600))
            raise ValueError


async def test_work_that_ignores_its_cancelling_holds_up_closing_for_a_while_only(
    autojump_clock: trio.testing.MockClock,
) -> None:
    patience = True

    async def stubborn() -> None:
        while patience:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue

    bridge = Bridge(Metrics().task_failures)
    with structlog.testing.capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bridge.host)
            task = bridge._loop.create_task(stubborn(), name="stubborn")
            await bridge.close()
    assert [(line["log_level"], line["tasks"]) for line in lines] == [("error", ["stubborn"])]
    patience = False
    task.cancel()
    bridge._loop.turn()
    bridge.dispose()


def test_nothing_private_of_asyncio_is_touched() -> None:
    """Our names in the loop are no names of a stock one: those are any version of Python's to use."""

    async def main() -> set[str]:
        async with open_bridge(Metrics().task_failures) as bridge:
            return {name for name in vars(bridge._loop) if name.startswith("_host")}

    stock = asyncio.SelectorEventLoop()
    stock.close()
    ours = {name for name in vars(HostedLoop) if name.startswith("_") and not name.endswith("__")}
    assert not ours
    assert not trio.run(main) & (set(vars(stock)) | set(dir(asyncio.SelectorEventLoop)))


# with PostgreSQL


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    async with open_database(dsn, Metrics()) as opened:
        await opened.fetch("create table pairs (number int, half int)")
        yield opened


async def assert_nothing_lost(database: Database) -> None:
    """No task is left, every connection of the pool is free and works, and no transaction was cut in two."""
    assert not unfinished(database._bridge)
    pool = database._pool
    assert pool is not None
    assert pool.get_idle_size() == pool.get_size()

    async def together(connections: list[Any]) -> list[int]:
        for _ in range(POOL_SIZE):
            connections.append(await pool.acquire())
        return [await connection.fetchval("select 5") for connection in connections]

    taken: list[Any] = []
    assert await database.run(together(taken)) == [5] * POOL_SIZE
    for connection in taken:
        await database.run(pool.release(connection))
    assert not await database.fetch("select number from pairs group by number having count(*) <> 2")
    waiting = "select 1 from pg_stat_activity where datname = current_database() and state like 'idle in%'"
    assert not await database.fetch(waiting)


async def pair(number: int, connection: Connection) -> None:
    async with connection.transaction():
        await connection.execute("insert into pairs values ($1, 1)", number)
        await connection.execute("insert into pairs values ($1, 2)", number)


async def slow(connection: Connection) -> None:
    await connection.execute("select pg_sleep(0.05)")


async def endless(connection: Connection) -> None:
    await connection.execute("select pg_sleep(600)")


async def wrong(connection: Connection) -> None:
    with pytest.raises(asyncpg.PostgresSyntaxError):
        await connection.execute("selekt")


async def test_a_query_that_is_cancelled_ends_on_the_server(database: Database) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(database.use, endless)
        while not await database.fetch("select 1 from pg_stat_activity where query ~ '^select pg_sleep'"):
            pass
        nursery.cancel_scope.cancel()
    await assert_nothing_lost(database)


@pytest.mark.parametrize("seed", range(8))
async def test_cancelling_at_any_moment_loses_no_connection(database: Database, seed: int) -> None:
    """Three times as many tasks as connections, each cancelled after some number of passes of Trio's."""
    chance = random.Random(seed)
    done: list[int] = []

    async def call(work: Callable[[Connection], Coroutine[Any, Any, None]], passes: int) -> None:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(cancel_after, scope, passes)
                await database.use(work)
                done.append(passes)
                nursery.cancel_scope.cancel()

    async def cancel_after(scope: trio.CancelScope, passes: int) -> None:
        for _ in range(passes):
            await trio.lowlevel.checkpoint()
        scope.cancel()

    for turn in range(5):
        async with trio.open_nursery() as nursery:
            for number in range(3 * POOL_SIZE):
                work = chance.choice([partial(pair, 100 * turn + number), slow, wrong])
                nursery.start_soon(call, work, chance.choice([0, 1, 2, 3, 5, 8, 13, 50, 200, 1_000]))
        await assert_nothing_lost(database)


async def test_a_server_that_ends_connections_loses_none(database: Database) -> None:
    killer = "select pg_terminate_backend(pid) from pg_stat_activity where query ~ '^select pg_sleep'"
    told: list[int] = []

    async def call() -> None:
        with pytest.raises((asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError)):
            await database.use(endless)
        told.append(1)

    async with trio.open_nursery() as nursery:
        for _ in range(2 * POOL_SIZE):
            nursery.start_soon(call)
        connection = await database.run(asyncpg.connect(database.dsn))  # the pool has none to spare
        while len(told) < 2 * POOL_SIZE:
            await database.run(connection.execute(killer))
        await database.run(connection.close())
    await assert_nothing_lost(database)


async def test_what_is_ended_between_turns_is_closed(database: Database) -> None:
    """`terminate` is asyncio's, called from a Trio task: the server hears of it without another call."""
    connection = await database.run(asyncpg.connect(database.dsn))
    pid = connection.get_server_pid()
    connection.terminate()
    while await database.fetch("select 1 from pg_stat_activity where pid = $1", pid):
        pass
