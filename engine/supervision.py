"""Tasks that must go on: one that fails is logged, counted and begun again, and nothing else ends with it.

What a system out of files, memory or space refuses, and what a bug breaks, is one task's trouble for a while.
Whoever can wait says so by failing; nobody here asks why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
import trio

from engine.errors import VoltrioError
from engine.metrics import Tally

log = structlog.get_logger(__name__)

DELAYS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # seconds before the next attempt; the last one repeats
STEADY: Final = 30.0  # seconds without a failure after which the next one is a first one

Task = Callable[[], Awaitable[object]]


async def keep(name: str, task: Task, failures: Tally) -> None:
    """Run `task` until it returns; begin it again whenever it fails. `failures` counts by `name`."""
    attempt = 0
    while True:
        began = trio.current_time()
        if await survived(name, task, failures):
            return
        attempt = 0 if trio.current_time() - began >= STEADY else attempt
        await trio.sleep(DELAYS[min(attempt, len(DELAYS) - 1)])
        attempt += 1


async def survived(name: str, task: Task, failures: Tally) -> bool:
    """Run `task` once; whether it returned. A failure is logged and counted, and goes no further."""
    try:
        await task()
    except Exception as error:
        failures.add(name)
        known = isinstance(error, OSError | MemoryError | VoltrioError)
        log.error("task failed", task=name, error=repr(error), exc_info=not known)
        return False
    return True
