"""The queue of one charge point's requests, without a connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import CallDropped, QueueFull
from engine.ocpp.messages import v16
from engine.ocpp.rpc import Answered
from engine.ocpp.step import Command
from engine.points.calls import Call, Calls

COMMAND = Command(request=v16.ClearCache, response=v16.ClearCacheResponse)


def call() -> Call:
    return Call("ClearCache", b"{}", v16.ClearCache(), COMMAND)


def test_one_is_out_and_the_rest_wait() -> None:
    calls = Calls(2)
    first, second, third = call(), call(), call()
    calls.add(first)
    assert calls.next() is first
    calls.sent(first, "1", 0.0)
    calls.add(second)
    calls.add(third)
    assert calls.next() is None
    with pytest.raises(QueueFull):
        calls.add(call())
    assert len(calls) == 3
    assert calls.answered("1") is first
    assert calls.next() is second


def test_answers_that_belong_to_nothing() -> None:
    calls = Calls(2)
    assert calls.answered("1") is Answered.UNKNOWN
    first = call()
    calls.add(first)
    calls.next()
    calls.sent(first, "1", 0.0)
    assert calls.expire(first)
    assert calls.answered("1") is Answered.LATE
    assert calls.answered("1") is Answered.UNKNOWN


def test_who_gives_up_leaves_the_queue_but_not_the_wire() -> None:
    calls = Calls(2)
    out, waiting = call(), call()
    calls.add(out)
    calls.add(waiting)
    calls.next()
    calls.sent(out, "1", 0.0)
    calls.withdraw(waiting)
    calls.withdraw(out)
    assert len(calls) == 1
    assert calls.answered("1") is out


async def test_the_first_end_counts() -> None:
    one = call()
    one.settle(CallDropped("gone"))
    one.settle(v16.ClearCacheResponse(status="Accepted"))
    with pytest.raises(CallDropped):
        await one.result()


@given(st.lists(st.sampled_from(["add", "send", "answer", "expire", "withdraw"]), max_size=60))
def test_never_two_out_and_never_more_than_the_limit(steps: list[str]) -> None:
    calls, made, out, number = Calls(3), [], None, 0
    for step in steps:
        if step == "add":
            try:
                made.append(call())
                calls.add(made[-1])
            except QueueFull:
                made.pop()
        elif step == "send" and (following := calls.next()) is not None:
            assert out is None
            out, number = following, number + 1
            calls.sent(out, str(number), 0.0)
        elif step == "answer":
            assert (calls.answered(str(number)) is out) == (out is not None)
            out = None
        elif step == "expire" and made:
            if calls.expire(made[0]):
                out = None
        elif step == "withdraw" and made:
            calls.withdraw(made[-1])
        assert len(calls) <= 3 + 1
