"""One selector for all connections: fair rounds, other tasks in between, no call to who has left."""

import socket
from collections.abc import Iterator
from functools import partial

import pytest
import trio

from engine.points import poller as module
from engine.points.poller import Poller, PortableSelector
from tests.patience import PATIENCE, until

AT_ONCE = 8
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Pair]]:
    """More connections than are served at once, each with something to read."""
    monkeypatch.setattr(module, "AT_ONCE", AT_ONCE)
    made = [socket.socketpair() for _ in range(3 * AT_ONCE)]
    for ours, theirs in made:
        ours.setblocking(False)
        theirs.send(b"x")
    yield made
    for pair in made:
        for sock in pair:
            sock.close()


class Clock:
    """Each look at it takes so long."""

    def __init__(self, step: float = module.SLICE) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture(params=[None, PortableSelector])
def poller(request: pytest.FixtureRequest) -> Poller:
    """With the system's own selector, and with the one where there is no epoll. A turn fills a slice."""
    return Poller(request.param and request.param(), Clock())


async def test_other_tasks_get_their_turn_within_a_round(
    pairs: list[Pair], poller: Poller, nursery: trio.Nursery
) -> None:
    served: list[int] = []
    seen_between: list[int] = []

    async def other() -> None:
        while len(served) < len(pairs):
            seen_between.append(len(served))
            await trio.lowlevel.checkpoint()

    for number, (ours, _) in enumerate(pairs):

        def ready(sock: socket.socket = ours, number: int = number) -> None:
            sock.recv(1)
            served.append(number)

        poller.watch(ours.fileno(), ready)
    nursery.start_soon(poller.run)
    with trio.fail_after(PATIENCE):
        await other()
    assert sorted(served) == list(range(len(pairs)))
    assert any(0 < number < len(pairs) for number in seen_between)
    nursery.cancel_scope.cancel()


async def test_who_left_during_the_round_is_not_called(
    pairs: list[Pair], poller: Poller, nursery: trio.Nursery
) -> None:
    (first, _), (second, _) = pairs[:2]
    called: list[socket.socket] = []

    def ready(sock: socket.socket, other: socket.socket) -> None:
        called.append(sock)
        sock.recv(1)
        poller.forget(other.fileno())
        other.recv(1)
        # A new connection gets its number at once; it has nothing to read yet.
        poller.watch(other.fileno(), lambda: called.append(other))

    poller.watch(first.fileno(), lambda: ready(first, second))
    poller.watch(second.fileno(), lambda: ready(second, first))
    nursery.start_soon(poller.run)
    await until(lambda: called)
    assert called in ([first], [second])
    nursery.cancel_scope.cancel()


async def test_one_callback_that_fails_harms_no_other(
    pairs: list[Pair], poller: Poller, nursery: trio.Nursery
) -> None:
    (first, _), (second, _) = pairs[:2]
    served = trio.Event()

    def broken() -> None:
        first.recv(1)
        raise ValueError("a bug")

    def ready() -> None:
        second.recv(1)
        served.set()

    poller.watch(first.fileno(), broken)
    poller.watch(second.fileno(), ready)
    nursery.start_soon(poller.run)
    with trio.fail_after(PATIENCE):
        await served.wait()
    nursery.cancel_scope.cancel()


async def test_between_two_in_the_line_all_sockets_that_are_ready_are_served(
    pairs: list[Pair], poller: Poller, nursery: trio.Nursery
) -> None:
    events: list[str] = []
    (ours, theirs), *_ = pairs

    def ready() -> None:
        ours.recv(1)
        events.append("socket")

    def turn(left: int) -> None:
        events.append(f"turn {left}")
        theirs.send(b"x")
        if left:
            poller.line_up(partial(turn, left - 1))

    poller.watch(ours.fileno(), ready)
    poller.line_up(partial(turn, 2))
    poller.line_up(partial(turn, 0))
    nursery.start_soon(poller.run)
    with trio.fail_after(PATIENCE):
        while len(events) < 9:
            await trio.lowlevel.checkpoint()
    # Whoever lines up again comes last.
    turns = ["turn 2", "turn 0", "turn 1", "turn 0"]
    assert events == ["socket", *(event for turn_ in turns for event in (turn_, "socket"))]
    nursery.cancel_scope.cancel()


async def test_in_a_slice_everybody_has_one_turn(nursery: trio.Nursery) -> None:
    poller = Poller(clock=Clock(module.SLICE / 10))
    turns: list[int] = []

    def turn(number: int) -> None:
        turns.append(number)
        poller.line_up(partial(turn, number))

    for number in range(3):
        poller.line_up(partial(turn, number))
    nursery.start_soon(poller.run)
    with trio.fail_after(PATIENCE):
        while len(turns) < 12:
            await trio.lowlevel.checkpoint()
    assert turns[:12] == [0, 1, 2] * 4
    nursery.cancel_scope.cancel()


async def test_the_line_rests_for_as_long_as_it_went_over_its_slice(
    pairs: list[Pair], autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    poller = Poller(clock=Clock(4 * module.SLICE))
    (ours, theirs), *_ = pairs
    began = trio.current_time()
    events: list[tuple[str, int]] = []  # what happened, and in which slice since the beginning

    def note(event: str) -> None:
        events.append((event, round((trio.current_time() - began) / module.SLICE)))

    def ready() -> None:
        ours.recv(1)
        note("socket")

    def turn() -> None:
        note("turn")
        theirs.send(b"x")

    poller.watch(ours.fileno(), ready)
    for _ in range(3):
        poller.line_up(turn)
    nursery.start_soon(poller.run)
    await trio.sleep(8 * module.SLICE)
    poller.line_up(turn)  # in a rest whose end nobody waits for
    await trio.sleep(4 * module.SLICE)
    both = ("turn", "socket")
    assert events == [("socket", 0), *((event, at) for at in (0, 3, 6, 9) for event in both)]
    nursery.cancel_scope.cancel()


async def test_a_turn_comes_although_no_socket_is_ready(poller: Poller, nursery: trio.Nursery) -> None:
    nursery.start_soon(poller.run)
    await trio.testing.wait_all_tasks_blocked()
    served = trio.Event()

    def broken() -> None:
        raise ValueError("a bug")

    poller.line_up(broken)
    poller.line_up(served.set)
    with trio.fail_after(PATIENCE):
        await served.wait()
    nursery.cancel_scope.cancel()
