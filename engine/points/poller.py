"""Which of thousands of sockets can be read: one selector of our own inside of Trio's.

Trio arms and disarms a socket around every wait and wakes a task each time, which costs as much as answering
a Heartbeat does. Here a socket stays armed, and what is ready is told by a plain call. Whoever cannot take
more at the moment forgets its socket for a while; it is level-triggered, so nothing is missed.

Who has more to do than fits into one call lines up: behind each round of ready sockets the line gets a slice
of time, in which everybody in it has one turn at most. Where a turn goes over it, because a message is large,
the line rests for as long. So a connection that keeps us busy waits for its like and for all others; and the
others, who need several passes for a message, its commit and its answer, have half of the time at least.
"""

from __future__ import annotations

import math
import select
import selectors
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NoReturn, Protocol

import structlog
import trio

log = structlog.get_logger(__name__)

AT_ONCE: Final = 32  # sockets served before other tasks get their turn
SLICE: Final = 0.005  # seconds of the line behind each round, and the rest of the turn in which they end


class Selector(Protocol):
    """The part of `select.epoll` that is used here."""

    def register(self, fd: int, eventmask: int, /) -> object: ...
    def unregister(self, fd: int, /) -> object: ...
    def fileno(self) -> int: ...
    def poll(self, timeout: float, maxevents: int, /) -> Sequence[tuple[int, int]]: ...


class PortableSelector:
    """The same where there is no epoll. Slower: `selectors` makes an object of every event."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self.register = self._selector.register
        self.unregister = self._selector.unregister
        self.fileno: Callable[[], int] = self._selector.fileno

    def poll(self, timeout: float, maxevents: int, /) -> Sequence[tuple[int, int]]:
        return [(key.fd, mask) for key, mask in self._selector.select(timeout)]


class Poller:
    """One per node. Callbacks are synchronous; one that raises is a bug of one part, and the others go on.

    `clock` gives seconds; it only measures slices.
    """

    def __init__(
        self, selector: Selector | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        if selector is None:
            selector = select.epoll() if hasattr(select, "epoll") else PortableSelector()
        self._selector = selector
        self._clock = clock
        self._watched: dict[int, Callable[[], None]] = {}
        self._line: deque[Callable[[], None]] = deque()
        self._rested = 0.0  # Trio time until which the line rests
        self._nap: trio.CancelScope | None = None  # around the wait for a socket

    def watch(self, fd: int, ready: Callable[[], None]) -> None:
        """Call `ready` whenever `fd` can be read or has ended, until `forget`."""
        self._watched[fd] = ready
        try:
            self._selector.register(fd, selectors.EVENT_READ)  # as epoll's EPOLLIN
        except OSError:  # the system watches no more sockets for us
            del self._watched[fd]
            raise

    def forget(self, fd: int) -> None:
        """No more calls. To be done before `fd` is closed."""
        self._selector.unregister(fd)
        del self._watched[fd]

    def line_up(self, turn: Callable[[], None]) -> None:
        """Call `turn` once, behind the next round and behind those who have lined up already."""
        self._line.append(turn)
        if self._nap is not None:
            self._nap.deadline = self._rested

    async def run(self) -> NoReturn:
        """Run for ever. A round takes everybody who is ready now, so nobody is passed over for another."""
        number = self._selector.fileno()
        while True:
            if self._may_serve_line():
                await trio.lowlevel.checkpoint()
            else:
                with trio.CancelScope(deadline=self._rested if self._line else math.inf) as self._nap:
                    await trio.lowlevel.wait_readable(number)
                self._nap = None
            watched = self._watched
            events = self._selector.poll(0, len(watched) or 1)
            await self._round([(fd, watched[fd]) for fd, _ in events])
            if self._may_serve_line():
                self._serve_line()

    def _may_serve_line(self) -> bool:
        return bool(self._line) and trio.current_time() >= self._rested

    async def _round(self, callbacks: Sequence[tuple[int, Callable[[], None]]]) -> None:
        for first in range(0, len(callbacks), AT_ONCE):
            if first:
                await trio.lowlevel.checkpoint()
            self._serve(callbacks[first : first + AT_ONCE])

    def _serve(self, callbacks: Sequence[tuple[int, Callable[[], None]]]) -> None:
        watched = self._watched
        for fd, ready in callbacks:
            # Earlier in the round its connection may have ended, and another one may have got its number.
            if watched.get(fd) is not ready:
                continue
            try:
                ready()
            except Exception:
                log.exception("connection failed", callback=repr(ready))

    def _serve_line(self) -> None:
        """One turn for each in the line, as far as the slice goes; who lines up again comes last."""
        line = self._line
        end = self._clock() + SLICE
        for _ in range(len(line)):
            turn = line.popleft()
            try:
                turn()
            except Exception:
                log.exception("connection failed", callback=repr(turn))
            over = self._clock() - end
            if over >= 0:
                self._rested = trio.current_time() + over
                break
