"""Which of thousands of sockets can be read: one selector of our own inside of Trio's.

Trio arms and disarms a socket around every wait and wakes a task each time, which costs as much as answering
a Heartbeat does. Here a socket stays armed, and what is ready is told by a plain call. Whoever cannot take
more at the moment forgets its socket for a while; it is level-triggered, so nothing is missed.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable
from typing import NoReturn

import structlog
import trio

log = structlog.get_logger(__name__)


class Poller:
    """One per node. Callbacks are synchronous; one that raises is a bug of one part, and the others go on."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def watch(self, fd: int, ready: Callable[[], None]) -> None:
        """Call `ready` whenever `fd` can be read or has ended, until `forget`."""
        self._selector.register(fd, selectors.EVENT_READ, ready)

    def forget(self, fd: int) -> None:
        """No more calls. To be done before `fd` is closed."""
        self._selector.unregister(fd)

    async def run(self) -> NoReturn:
        """Run for ever. A round takes what is ready now, then other tasks get their turn."""
        select = self._selector.select
        number = self._selector.fileno()
        while True:
            await trio.lowlevel.wait_readable(number)
            for key, _ in select(0):
                try:
                    key.data()
                except Exception:
                    log.exception("connection failed", callback=repr(key.data))
