import math

import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from engine.points.timers import FEW, TICK, Calendar, Timer, Timers


def test_nothing_is_due_in_an_empty_calendar() -> None:
    calendar = Calendar()
    assert calendar.next_at() == math.inf
    assert calendar.due(1e9) == []


def test_cancelled_timers_are_left_out() -> None:
    calendar = Calendar()
    kept, cancelled = Timer(lambda: None), Timer(lambda: None)
    calendar.add(1.0, kept)
    calendar.add(1.0, cancelled)
    cancelled.cancel()
    assert calendar.due(2.0) == [kept]
    assert len(calendar) == 0


def test_timers_cancelled_long_before_their_time_do_not_pile_up() -> None:
    calendar, kept = Calendar(), []
    for n in range(20 * FEW):
        timer = Timer(lambda: None)
        calendar.add(86_400.0 + n, timer)
        if n % 10:
            timer.cancel()
        else:
            kept.append(timer)
    assert len(calendar) <= 2 * len(kept) + FEW
    assert calendar.next_at() == 86_400.0
    assert calendar.due(1e9) == kept
    assert len(calendar) == 0


@given(st.lists(st.floats(0, 1000), max_size=50), st.floats(0, 1000))
def test_due_takes_what_has_come_and_nothing_early(times: list[float], now: float) -> None:
    calendar = Calendar()
    for at in times:
        timer = Timer(lambda: None)
        calendar.add(at, timer)
    taken = calendar.due(now)
    assert sum(at <= now - TICK for at in times) <= len(taken) <= sum(at <= now for at in times)
    assert len(calendar) == len(times) - len(taken)


async def test_timers_fire_in_time_and_in_order(autojump_clock: MockClock) -> None:
    timers, fired = Timers(), []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        timers.after(10, lambda: fired.append(("late", trio.current_time())))
        timers.after(1, lambda: fired.append(("early", trio.current_time())))
        cancelled = timers.after(5, lambda: fired.append(("never", 0.0)))
        cancelled.cancel()
        began = trio.current_time()
        await trio.sleep(11)
        nursery.cancel_scope.cancel()
    assert [name for name, _ in fired] == ["early", "late"]
    assert all(0 <= at - began - due <= 2 * TICK for (_, at), due in zip(fired, (1, 10), strict=True))


async def test_an_earlier_timer_shortens_the_nap(autojump_clock: MockClock) -> None:
    timers, fired = Timers(), []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        timers.after(3600, lambda: fired.append("hour"))
        await trio.sleep(1)
        timers.after(1, lambda: fired.append("second"))
        await trio.sleep(2)
        nursery.cancel_scope.cancel()
    assert fired == ["second"]


async def test_a_callback_that_raises_does_not_stop_the_others(autojump_clock: MockClock) -> None:
    timers, fired = Timers(), []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        timers.after(1, lambda: 1 // 0)
        timers.after(1, lambda: fired.append("other"))
        await trio.sleep(2)
        nursery.cancel_scope.cancel()
    assert fired == ["other"]
