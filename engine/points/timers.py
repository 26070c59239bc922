"""Deadlines of a whole node in one place: a calendar of timers as plain data, and the one task that runs it.

A timer is a callback at a time, rounded up to a tick. Whoever watches for silence does not re-arm on every
sign of life: its callback looks when something was last heard and asks to be called again. Callbacks are
synchronous and short, and must not raise.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import Final, NoReturn

import structlog
import trio

log = structlog.get_logger(__name__)

TICK: Final = 0.05  # seconds
FEW: Final = 1024  # timers that are never swept: cancelled ones among them cost next to nothing


class Timer:
    """A callback to come. Cancelling is free: the entry stays behind, empty, until its tick or a sweep."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class Calendar:
    """Timers by tick. Pure: the time is an argument, in seconds of any steady clock.

    Cancelled timers are swept out whenever the calendar has doubled, so that it holds at most twice what
    is alive, however far ahead they were set.
    """

    __slots__ = ("_count", "_days", "_order", "_sweep_at", "_tick")

    def __init__(self, tick: float = TICK) -> None:
        self._tick = tick
        self._days: dict[int, list[Timer]] = {}
        self._order: list[int] = []  # heap of the keys of `_days`
        self._count = 0
        self._sweep_at = FEW

    def __len__(self) -> int:
        return self._count

    def add(self, at: float, timer: Timer) -> None:
        if self._count >= self._sweep_at:
            self._sweep()
        self._count += 1
        number = math.ceil(at / self._tick)
        day = self._days.get(number)
        if day is None:
            self._days[number] = [timer]
            heapq.heappush(self._order, number)
        else:
            day.append(timer)

    def next_at(self) -> float:
        """When something is due next; infinity when nothing is."""
        return self._order[0] * self._tick if self._order else math.inf

    def due(self, now: float) -> list[Timer]:
        """Take out all timers whose tick has come, earliest tick first, cancelled ones left out."""
        taken: list[Timer] = []
        while self._order and self._order[0] * self._tick <= now:
            taken += self._days.pop(heapq.heappop(self._order))
        self._count -= len(taken)
        return [timer for timer in taken if timer.action is not None]

    def _sweep(self) -> None:
        alive = {
            number: kept
            for number, day in self._days.items()
            if (kept := [timer for timer in day if timer.action is not None])
        }
        self._days, self._order = alive, sorted(alive)  # a sorted list is a heap
        self._count = sum(len(day) for day in alive.values())
        self._sweep_at = max(FEW, 2 * self._count)


class Timers:
    """The running calendar of a node, on Trio's clock."""

    def __init__(self) -> None:
        self._calendar = Calendar()
        self._nap = trio.CancelScope()

    def __len__(self) -> int:
        return len(self._calendar)

    def at(self, when: float, action: Callable[[], None]) -> Timer:
        """Call `action` at Trio time `when`, at most a tick later."""
        timer = Timer(action)
        self._calendar.add(when, timer)
        self._nap.deadline = min(self._nap.deadline, self._calendar.next_at())
        return timer

    def after(self, delay: float, action: Callable[[], None]) -> Timer:
        return self.at(trio.current_time() + delay, action)

    async def run(self) -> NoReturn:
        """Run for ever. A callback that raises is a bug of one part; it is logged and the others go on."""
        while True:
            with trio.CancelScope(deadline=self._calendar.next_at()) as self._nap:
                await trio.sleep(math.inf)
            for timer in self._calendar.due(trio.current_time()):
                action, timer.action = timer.action, None
                if action is None:  # cancelled by one before it
                    continue
                try:
                    action()
                except Exception:
                    log.exception("timer callback failed", action=repr(action))
