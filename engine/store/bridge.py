"""asyncio inside Trio, for asyncpg: a stock selector loop that Trio turns. Public interfaces of both only.

A turn runs the loop until it would sleep. Its selector never does: it polls, ends the turn and says for how
long the loop would have slept. Two Trio tasks begin the next turn: one waits for the loop's descriptor (an
epoll's is readable when one of its own is), the other for that time. A caller turns the loop itself when it
hands work in: the query is on its way before the caller sleeps. Nothing here knows SQL.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import selectors
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar, TypeVarTuple

import structlog
import trio

from engine.errors import StoreError
from engine.metrics import Tally
from engine.supervision import keep

log = structlog.get_logger(__name__)

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

ROUNDS: Final = 32  # of callbacks in one turn, before other tasks get theirs
CLOSE_TIMEOUT: Final = 10.0  # seconds that closing waits for tasks that were cancelled and do not end


class HostedSelector(selectors.DefaultSelector):
    """Polls, and calls `stop` where the loop would sleep, or after ROUNDS rounds of callbacks.

    `rest`: for how many seconds the loop would sleep; zero when callbacks still wait.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stop: Callable[[], None]
        self.rest = 0.0
        self._rounds = 0

    def begin(self) -> None:
        """A turn begins."""
        self.rest = 0.0
        self._rounds = ROUNDS

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What has arrived. The loop asks with a timeout of zero while callbacks wait: they go first."""
        self._rounds -= 1
        if timeout == 0 and self._rounds > 0:
            return []
        events = super().select(0)
        if self._rounds <= 0:
            self.stop()
        elif not events:
            # A timer that comes due before the turn ends may leave callbacks; the rest is over by then, too.
            self.rest = math.inf if timeout is None else timeout
            self.stop()
        return events


class HostedLoop(asyncio.SelectorEventLoop):
    """A selector loop that is run in turns, by Trio's clock.

    `wake` is called when something is handed in between two turns.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._host_wake = wake
        self._host_clock = trio.lowlevel.current_clock()
        self._host_selector = HostedSelector()
        self._host_selector.stop = self.stop
        self._host_awake = False  # a turn is under way or follows at once
        super().__init__(self._host_selector)
        self.set_exception_handler(_report)

    def turn(self) -> float:
        """Run what can be run; returns for how many seconds there is nothing to do. Never raises."""
        self._host_selector.begin()
        self._host_awake = True
        try:
            self.run_forever()
        except (SystemExit, KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - reported
            # asyncio lets the first two through, out of any callback; others are the selector's or memory's.
            self.call_exception_handler({"message": "the loop would have ended", "exception": error})
        finally:
            self._host_awake = False
        return self._host_selector.rest

    def hand_in(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task for `work`; the caller turns the loop at once."""
        self._host_awake = True
        return self.create_task(work)

    def descriptor(self) -> int:
        """Of the selector: readable when there is something to do for the loop."""
        return self._host_selector.fileno()

    def time(self) -> float:
        """Trio's time, so that timers keep to a test's clock."""
        return self._host_clock.current_time()

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        if not self._host_awake:
            self._host_wake()
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        if not self._host_awake:
            self._host_wake()
        return super().call_at(when, callback, *args, context=context)


class Bridge:
    """One loop of asyncio's in this Trio run. `call` awaits what is asyncio's from a Trio task."""

    def __init__(self, failures: Tally) -> None:
        self._failures = failures
        self._loop = HostedLoop(self._wake)
        self._sleep = trio.CancelScope()  # of the timers' task: its deadline is when the next one is due
        self._scope = trio.CancelScope(shield=True)  # of both tasks: calls go on while callers clean up
        self._closed = False

    @trio.lowlevel.enable_ki_protection
    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Await an asyncio-flavoured coroutine, in a task of asyncio's with the caller's context.

        If the caller is cancelled, so is that task, and its end is awaited: nothing of it is left behind. Its
        result, if it has one all the same, is returned. Raises StoreError when the bridge is closed, or when
        the task is cancelled from asyncio's side.
        """
        try:
            await trio.lowlevel.checkpoint_if_cancelled()
            if self._closed:
                raise StoreError("the store is closed")
        except BaseException:
            work.close()
            raise
        return await self._result(work)

    @trio.lowlevel.enable_ki_protection
    async def _result(self, work: Coroutine[Any, Any, T]) -> T:
        future = self._loop.hand_in(work)
        caller = trio.lowlevel.current_task()
        parked = False
        cancelled: Callable[[], Any] | None = None

        def done(_: asyncio.Task[T]) -> None:
            if parked:
                trio.lowlevel.reschedule(caller)

        def abort(raise_cancel: Callable[[], Any]) -> trio.lowlevel.Abort:
            nonlocal cancelled
            cancelled = raise_cancel
            future.cancel()
            return trio.lowlevel.Abort.FAILED

        future.add_done_callback(done)
        self._turn()
        if future.done():
            await trio.lowlevel.cancel_shielded_checkpoint()
        else:
            parked = True
            await trio.lowlevel.wait_task_rescheduled(abort)
        if not future.cancelled():
            return future.result()
        if cancelled is not None:
            cancelled()
        raise StoreError("cancelled by the store")

    async def host(self) -> None:
        """Turn the loop when something arrives or a timer is due, until `close`."""
        with self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(keep, "database", self._watch_arrivals, self._failures)
                nursery.start_soon(keep, "database", self._watch_timers, self._failures)

    @trio.lowlevel.enable_ki_protection
    async def _watch_arrivals(self) -> None:
        descriptor = self._loop.descriptor()
        while True:
            await trio.lowlevel.wait_readable(descriptor)
            self._turn()

    @trio.lowlevel.enable_ki_protection
    async def _watch_timers(self) -> None:
        while True:
            due = self._turn()
            with trio.CancelScope(deadline=due) as self._sleep:
                await trio.sleep_forever()

    async def close(self) -> None:
        """Take nothing more; end asyncio's tasks, generators and threads; end the host."""
        with trio.CancelScope(shield=True):
            self._closed = True
            await self._result(self._wind_down())
            self._scope.cancel()

    def dispose(self) -> None:
        """Close the loop. The host has ended."""
        self._loop.close()

    @trio.lowlevel.enable_ki_protection
    def _turn(self) -> float:
        """Turn the loop; returns when it wants its next turn, if nothing arrives before."""
        rest = self._loop.turn()
        due = math.inf if rest == math.inf else trio.current_time() + rest
        if due < self._sleep.deadline:  # noqa: PLR1730 - setting it costs more than all else here
            self._sleep.deadline = due
        return due

    def _wake(self) -> None:
        self._sleep.deadline = -math.inf

    async def _wind_down(self) -> None:
        """As `asyncio.run` does at its end (asyncio flavour)."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
                    for task in tasks:
                        task.cancel()
                    await asyncio.wait(tasks)
        except TimeoutError:
            log.error("tasks of asyncio do not end", tasks=[task.get_name() for task in tasks])
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()


def _report(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log.error("asyncio met an error", what=context.get("message"), exc_info=context.get("exception"))


@asynccontextmanager
async def open_bridge(failures: Tally) -> AsyncIterator[Bridge]:
    """A bridge that is closed on leaving; what still runs on asyncio's side is cancelled then.

    `failures` counts those of its two tasks, which are begun again.
    """
    bridge = Bridge(failures)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bridge.host)
            try:
                yield bridge
            finally:
                await bridge.close()
    finally:
        bridge.dispose()
