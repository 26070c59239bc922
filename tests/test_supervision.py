"""A task that fails is begun again, ever later, and nothing beside it ends."""

from __future__ import annotations

import errno
from typing import Any

import pytest
import trio

from engine.metrics import Metrics
from engine.supervision import DELAYS, STEADY, keep, survived


class Task:
    """Fails as often as it has errors left; remembers when it was begun."""

    def __init__(self, *errors: BaseException, lasts: float = 0) -> None:
        self.errors = list(errors)
        self.lasts = lasts
        self.begun: list[float] = []

    async def run(self) -> None:
        self.begun.append(trio.current_time())
        await trio.sleep(self.lasts)
        if self.errors:
            raise self.errors.pop(0)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EMFILE, "too many open files"),
        OSError(errno.ENOSPC, "no space left"),
        OSError(errno.EIO, "input/output error"),
        MemoryError(),
        RuntimeError("can't start new thread"),
        ExceptionGroup("several", [ValueError(), OSError()]),
    ],
)
async def test_whatever_fails_is_counted_and_begun_again(error: Exception, autojump_clock: Any) -> None:
    metrics, task = Metrics(), Task(error, error)
    await keep("watch", task.run, metrics.task_failures)
    assert len(task.begun) == 3
    assert metrics.task_failures == {("watch",): 2}


async def test_it_waits_longer_each_time_up_to_a_bound(autojump_clock: Any) -> None:
    task = Task(*[OSError()] * 10)
    await keep("watch", task.run, Metrics().task_failures)
    pauses = [after - before for before, after in zip(task.begun, task.begun[1:], strict=False)]
    assert pauses == pytest.approx([*DELAYS, *[DELAYS[-1]] * (10 - len(DELAYS))])


async def test_after_a_steady_while_the_next_failure_is_a_first_one(autojump_clock: Any) -> None:
    task = Task(*[OSError()] * 5, lasts=STEADY + 1)
    await keep("watch", task.run, Metrics().task_failures)
    pauses = [after - before - STEADY - 1 for before, after in zip(task.begun, task.begun[1:], strict=False)]
    assert pauses == pytest.approx([DELAYS[0]] * 5)


async def test_cancelling_ends_it(autojump_clock: Any) -> None:
    task = Task(lasts=float("inf"))
    with trio.move_on_after(1) as scope:
        await keep("watch", task.run, Metrics().task_failures)
    assert scope.cancelled_caught


async def test_neighbours_go_on() -> None:
    failures = Metrics().task_failures
    async with trio.open_nursery() as nursery:
        nursery.start_soon(survived, "a", Task(ValueError("a bug")).run, failures)
        await trio.testing.wait_all_tasks_blocked()
    assert failures == {("a",): 1}
