"""Which of thousands of sockets can be read: one selector of our own inside of Trio's.

Trio arms and disarms a socket around every wait and wakes a task each time, which costs as much as answering
a Heartbeat does. Here a socket stays armed, and what is ready is told by a plain call. Whoever cannot take
more at the moment forgets its socket for a while; it is level-triggered, so nothing is missed.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

import structlog
import trio

log = structlog.get_logger(__name__)

AT_ONCE: Final = 32  # sockets served before other tasks get their turn


class Poller:
    """One per node. Callbacks are synchronous; one that raises is a bug of one part, and the others go on."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._watched: dict[int, Callable[[], None]] = {}

    def watch(self, fd: int, ready: Callable[[], None]) -> None:
        """Call `ready` whenever `fd` can be read or has ended, until `forget`."""
        self._selector.register(fd, selectors.EVENT_READ, ready)
        self._watched[fd] = ready

    def forget(self, fd: int) -> None:
        """No more calls. To be done before `fd` is closed."""
        self._selector.unregister(fd)
        del self._watched[fd]

    async def run(self) -> NoReturn:
        """Run for ever. A round takes everybody who is ready now, so nobody is passed over for another."""
        number = self._selector.fileno()
        while True:
            await trio.lowlevel.wait_readable(number)
            await self._round(self._selector.select(0))

    async def _round(self, events: Sequence[tuple[selectors.SelectorKey, int]]) -> None:
        for first in range(0, len(events), AT_ONCE):
            if first:
                await trio.lowlevel.checkpoint()
            self._serve(events[first : first + AT_ONCE])

    def _serve(self, events: Sequence[tuple[selectors.SelectorKey, int]]) -> None:
        for key, _ in events:
            # Earlier in the round its connection may have ended, and another one may have got its number.
            ready = self._watched.get(key.fd)
            if ready is None or ready is not key.data:
                continue
            try:
                ready()
            except Exception:
                log.exception("connection failed", callback=repr(ready))
