"""How tests wait: for what will happen, as long as any machine may need; nothing is proved by time.

A deadline here only turns a test that would hang into one that fails. What must not happen is proved by what
happens after it, not by a while of silence.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import trio

PATIENCE: Final = 300.0  # seconds
LOOK: Final = 0.05  # between two looks at another process, which tells nobody when it has changed


async def until(condition: Callable[[], object]) -> None:
    """Let the other tasks run until it is so."""
    with trio.fail_after(PATIENCE):
        while not condition():
            await trio.lowlevel.checkpoint()


async def looked_until(condition: Callable[[], object]) -> None:
    """`look_until` for tests on Trio."""
    with trio.fail_after(PATIENCE):
        while not condition():  # noqa: ASYNC110 - another process sets no event
            await trio.sleep(LOOK)


def look_until(condition: Callable[[], object], describe: Callable[[], str] = str) -> None:
    """Look at another process until it is so; `describe` says what it was like when it never was."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not in {PATIENCE:.0f} s: {describe()}"
        time.sleep(LOOK)
